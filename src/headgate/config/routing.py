"""Which model for which request: routes, agents, experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from headgate.config.callers import BudgetsOf
from headgate.config.kinds import Count, Name, OneOrMore, Seconds, SecondsOrZero, Share, wrong
from headgate.config.privacy import Capture
from headgate.config.reuse import Degrade, PromptBatch
from headgate.config.section import EmptyIsNone, Section
from headgate.config.section import by as unless_named

Models = Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)]
Weight = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Importance = Annotated[float, Field(ge=0, le=1e3, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=100_000)]
Sticky = Literal["user", "session", "key"]


class Balance(Section):
    """How much each thing counts where the strategy is `balanced`."""

    quality: Importance = Field(default=1.0, description="Quality for this kind of request.")
    price: Importance = Field(default=0.5, description="Expected price, beside the other candidates'.")
    latency: Importance = Field(default=0.3, description="Expected wait, beside the other candidates'.")
    warmth: Importance = Field(
        default=0.2, description="Share of the prompt that the provider's prompt cache knows already."
    )


class Split(Section):
    """Shares of the traffic that begin at different models."""

    shares: Annotated[Mapping[Name, Weight], EmptyIsNone] = Field(
        description="Models of the route, and the share of requests that each is first for."
    )
    by: Sticky = Field(
        default="user",
        description="What stays on one side: the request's `user` (else its key), the session, or the key.",
    )


class Canary(Section):
    """A new model on a small share of the traffic, stopped as soon as it is shown to be worse."""

    model: Name = Field(description="The new model; the rest of the route is what it is compared with.")
    share: Share = Field(default=0.05, description="Share of requests that it is first for.")
    by: Sticky = Field(default="user", description="What stays on one side.")
    slower: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = Field(
        default=1.5, description="An answer counts as slow that took more than this many times the other's."
    )
    false_alarm: Annotated[float, Field(gt=0, le=0.5)] = Field(
        default=0.01, description="Chance that a canary that is no worse is ever stopped."
    )


class Mirror(Section):
    """A share of requests is also sent to another model. Its answers go nowhere; nobody waits or pays."""

    model: Name = Field(description="The model that gets the copies.")
    share: Share = Field(default=0.05, description="Share of requests that are copied.")
    max_in_flight: Count = Field(default=8, description="Copies under way at once; one more is left out.")


class Hedge(Section):
    """A second call elsewhere while the first is silent for too long. Who begins first serves."""

    after_s: Seconds | None = Field(
        default=None,
        description="Seconds without a first byte until then.",
        json_schema_extra=unless_named("learnt, by `quantile`"),
    )
    quantile: Annotated[float, Field(ge=0.5, le=0.99)] = Field(
        default=0.95,
        description="Where it is learnt: so large a share of the model's last calls had begun sooner.",
    )
    floor_s: SecondsOrZero = Field(
        default=0.1, description="Where it is learnt: seconds that it is at least."
    )
    max_share: Share = Field(
        default=0.05, description="Second calls as a share of requests, at most; 0 switches them off."
    )
    at: Literal["either", "key", "model"] = Field(
        default="either",
        description="Where: at another `key` of the same model, at the next `model` of the route that has"
        " room, or `either`, the key first.",
    )

    @model_validator(mode="after")
    def _fixed_or_learnt(self) -> Self:
        for name in ("quantile", "floor_s"):
            if self.after_s is not None and name in self.model_fields_set:
                raise wrong("goes without after_s, which fixes the delay", at=name)
        return self


class Learned(Section):
    """A router trained by `headgate router train`."""

    file: Annotated[str, Field(min_length=1, max_length=4096)] = Field(description="What training wrote.")
    weak: Name = Field(description="The cheaper of its two models, as it is called here.")
    strong: Name = Field(description="The better of its two models, as it is called here.")
    target: Share = Field(default=0.95, description="Share of the strong model's quality that is to be kept.")


class Cascade(Section):
    """The weak model answers first; where its answer is doubtful, the strong one is asked."""

    weak: Name = Field(description="The cheaper model, first of the route.")
    strong: Name = Field(description="The better model of the route.")
    file: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description="What `headgate router train` wrote, from data with answers: it judges.",
        json_schema_extra=unless_named("fixed rules judge"),
    )
    target: Share = Field(
        default=0.95, description="Share of the strong model's quality to be kept, where a file judges."
    )
    max_bytes: Count = Field(default=262_144, description="A longer answer is told without being judged.")


class Feedback(Section):
    """What is made of the scores that callers give answers by `POST /v1/feedback`."""

    bandit: bool = Field(
        default=False, description="Whether who was scored best for an intent is asked first, more and more."
    )
    floor: Share = Field(
        default=0.05,
        description="Share of requests that goes first to anybody, so that all are known.",
    )
    bar: bool = Field(
        default=False, description="Whether the threshold of `by: learned` moves until `target` is met."
    )
    predictor: bool = Field(
        default=False,
        description="Whether `by: learned` learns from scores which requests the strong model is worth.",
    )


class Route(Section):
    """A name that stands for several models."""

    use: Models = Field(
        description="Models in the order they are tried: the first is primary, the rest are fallbacks."
    )
    by: Literal["none", "intent", "complexity", "learned"] = Field(
        default="none", description="What of a request decides."
    )
    when: Annotated[Mapping[Name, Models], EmptyIsNone] = Field(
        default={},
        description="Models by intent, complexity, tier: `code`, `simple+free`. The first that fits.",
    )
    strategy: Literal[
        "in_order", "round_robin", "weighted", "least_latency", "cheapest", "best_quality", "balanced"
    ] = Field(default="in_order", description="Which of the models comes first.")
    min_quality: Share | None = Field(
        default=None,
        description="Models below this quality, for this kind of request, are not asked.",
        json_schema_extra=unless_named("none"),
    )
    weights: Annotated[Mapping[Name, Weight], EmptyIsNone] = Field(
        default={}, description="Shares by model, where the strategy is `weighted`; 1 where not named."
    )
    balance: Balance = Field(default=Balance(), description="What counts where the strategy is `balanced`.")
    affinity: Literal["none", "session", "conversation"] = Field(
        default="none",
        description="Whether requests of one session, or of one conversation too, stay with their model.",
    )
    capture: Capture | None = Field(
        default=None,
        description="What is kept of requests and answers, redacted.",
        json_schema_extra=unless_named("nothing"),
    )
    split: Split | None = Field(
        default=None, description="An experiment.", json_schema_extra=unless_named("none")
    )
    canary: Canary | None = Field(
        default=None, description="A new model on trial.", json_schema_extra=unless_named("none")
    )
    mirror: Mirror | None = Field(
        default=None, description="A model that gets copies.", json_schema_extra=unless_named("none")
    )
    learned: Learned | None = Field(
        default=None,
        description="The router that decides, with `by: learned`.",
        json_schema_extra=unless_named("none"),
    )
    cascade: Cascade | None = Field(
        default=None,
        description="A weak model's answers are judged before they are told.",
        json_schema_extra=unless_named("none"),
    )
    hedge: Hedge | None = Field(
        default=None,
        description="A second call elsewhere, where a first byte is long in coming.",
        json_schema_extra=unless_named("`hedge`"),
    )
    feedback: Feedback | None = Field(
        default=None,
        description="What is made of callers' scores.",
        json_schema_extra=unless_named("none"),
    )
    batch: PromptBatch | None = Field(
        default=None,
        description="Short questions of one tenant that are asked at the same time go as one call.",
        json_schema_extra=unless_named("each goes alone"),
    )
    degrade: Degrade | None = Field(
        default=None,
        description="What answers when nobody does who should.",
        json_schema_extra=unless_named("`degrade`"),
    )
    max_false_hit_rate: Share | None = Field(
        default=None,
        description="Of all requests, so many may be answered wrongly by `cache.semantic`.",
        json_schema_extra=unless_named("`cache.semantic.max_false_hit_rate`"),
    )
    rpm: Count | None = Field(
        default=None,
        description="Requests all its callers together may make in any 60 seconds.",
        json_schema_extra=unless_named("no limit"),
    )
    tpm: Count | None = Field(
        default=None,
        description="Tokens all its callers together may use in any 60 seconds.",
        json_schema_extra=unless_named("no limit"),
    )
    budget: BudgetsOf = Field(
        default=(),
        description="What may be spent on this route, by all its callers together.",
        json_schema_extra=unless_named("no limit"),
    )
    deadline_s: Seconds | None = Field(
        default=None,
        description="Seconds a request may take on this route.",
        json_schema_extra=unless_named("`server.deadline_s`"),
    )

    durable: Literal["group", "strict"] = Field(
        default="group",
        description="`strict`: an answer ends only when its row is on disk; `group`: it does not wait.",
    )

    @model_validator(mode="after")
    def _parts_go_together(self) -> Self:
        if self.when and self.by not in ("intent", "complexity"):
            raise wrong("goes with 'by: intent' or 'by: complexity'", at="when")
        if self.weights and self.strategy != "weighted":
            raise wrong("goes with 'strategy: weighted'", at="weights")
        if (self.learned is None) == (self.by == "learned"):
            raise wrong("goes with 'by: learned', and needs it", at="learned")
        if self.split and self.canary:
            raise wrong("and a canary on one route would blur each other: keep one", at="split")
        if self.feedback and self.feedback.bandit and (self.split or self.canary or self.learned):
            raise wrong("'bandit' goes without split, canary and 'by: learned'", at="feedback")
        if self.feedback and (self.feedback.bar or self.feedback.predictor) and not self.learned:
            raise wrong("'bar' and 'predictor' go with 'by: learned'", at="feedback")
        return self

    @model_validator(mode="after")
    def _a_cascade_judges_single_answers_of_two_models(self) -> Self:
        if self.cascade and self.cascade.weak == self.cascade.strong:
            raise wrong("needs two models, and both are the same", at="cascade")
        if self.cascade and self.batch:
            raise wrong("goes without a cascade, which judges single answers", at="batch")
        return self


class Prompt(Section):
    """What is put around every prompt for a model."""

    system: Text | None = Field(
        default=None,
        description="A system prompt in the place of the caller's.",
        json_schema_extra=unless_named("the caller's"),
    )
    prefix: Text = Field(default="", description="Text before the last turn of the user, as it is.")
    suffix: Text = Field(default="", description="Text behind it, as it is.")


class Agent(Section):
    """A persona that requests can be given to: `agent:NAME`, or `agent:auto` for the one that fits."""

    description: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        description="What it is for, in the words of those who ask."
    )
    skills: Annotated[Mapping[Name, Share], EmptyIsNone] = Field(
        default={}, description="How good it is at what: intents, or words such as `budget_planning`; 0 to 1."
    )
    system_prompt: Text = Field(default="", description="Comes before all else in the conversation.")
    route: Name = Field(default="auto", description="The route or model that answers.")
    default: bool = Field(default=False, description="Whether it is asked where none fits well enough.")

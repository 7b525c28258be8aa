"""A scenario: what `headgate simulate` plays. Its `gateway` is a configuration as any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from headgate.config.kinds import (
    Count,
    FaultText,
    Name,
    NameOrEmpty,
    OneOrMore,
    ProviderName,
    Seconds,
    SecondsOrZero,
    Share,
    wrong,
)
from headgate.config.section import EmptyIsNone, Section, by
from headgate.core.arrivals import Arrivals, Bursts, Constant, Curve, Poisson
from headgate.core.draws import Draw, Kind
from headgate.core.prompts import Repeats

Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Rpm = Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)]
Hour = Annotated[float, Field(ge=0, lt=24, allow_inf_nan=False)]

_KINDS: tuple[Kind, ...] = ("fixed", "uniform", "exponential", "lognormal")


class Lognormal(Section):
    """Many small, a few large: as prompts, answers and pauses are."""

    median: Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)] = Field(
        description="Half are below it."
    )
    sigma: Annotated[float, Field(ge=0, le=5, allow_inf_nan=False)] = Field(
        default=0.7, description="Standard deviation of the logarithm: how far they stray."
    )


class Drawn(Section):
    """A number drawn anew each time. A number alone is that number always."""

    fixed: Amount | None = Field(default=None, description="Always this.")
    uniform: tuple[Amount, Amount] | None = Field(default=None, description="Between these two.")
    exponential: Amount | None = Field(default=None, description="With this mean.")
    lognormal: Lognormal | None = Field(default=None, description="Many small, a few large.")
    least: Amount = Field(default=0.0, description="Never less.")
    most: Amount = Field(default=1e9, description="Never more.")

    @model_validator(mode="before")
    @classmethod
    def _number_alone(cls, value: object) -> object:
        return {"fixed": value} if isinstance(value, str | int | float) else value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in _KINDS) != 1:
            raise wrong("must be a number, or say one of uniform, exponential and lognormal")
        return self

    def draw(self) -> Draw:
        """As a value that draws."""
        ends = {"least": self.least, "most": self.most}
        if self.lognormal is not None:
            return Draw(kind="lognormal", a=self.lognormal.median, b=self.lognormal.sigma, **ends)
        if self.uniform is not None:
            return Draw(kind="uniform", a=self.uniform[0], b=self.uniform[1], **ends)
        if self.exponential is not None:
            return Draw(kind="exponential", a=self.exponential, **ends)
        return Draw(kind="fixed", a=self.fixed or 0.0, **ends)


class Behaviour(Section):
    """What a provider is really like. What is left out is as `gateway` says of a simulated provider; limits
    that are left out are those of its keys there."""

    latency_s: SecondsOrZero | None = Field(
        default=None, description="Seconds to the first token.", json_schema_extra=by("`0.5`")
    )
    jitter: Share | None = Field(
        default=None,
        description="How far the latency strays, as a share of it.",
        json_schema_extra=by("`0.3`"),
    )
    tokens_per_s: Amount | None = Field(
        default=None, description="Tokens a second after the first.", json_schema_extra=by("`80`")
    )
    rpm: Count | None = Field(
        default=None,
        description="Requests it really takes in any 60 seconds, of each key.",
        json_schema_extra=by("as its keys say"),
    )
    tpm: Count | None = Field(
        default=None,
        description="Tokens it really takes in any 60 seconds, of each key.",
        json_schema_extra=by("as its keys say"),
    )
    burst: Count | None = Field(
        default=None,
        description="Requests it really takes in any one second, of each key.",
        json_schema_extra=by("as its keys say"),
    )


class Burst(Section):
    """Many at once, again and again."""

    size: Annotated[int, Field(ge=1, le=100_000)] = Field(description="Requests in each.")
    every_s: Seconds = Field(description="From the beginning of one to that of the next.")
    over_s: SecondsOrZero = Field(default=1.0, description="How long each takes to arrive.")


class Users(Section):
    """People, who wait for an answer before they ask again."""

    count: Annotated[int, Field(ge=1, le=100_000)] = Field(description="How many there are at any time.")
    think_s: Drawn = Field(description="From an answer to the next request.")


class Repeating(Section):
    """How much of what is asked has been asked before."""

    share: Share = Field(default=0.0, description="Requests that ask one of the `pool`.")
    pool: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=100, description="Questions that come again; the n-th is 1/n as common as the first."
    )
    reworded: Share = Field(default=0.0, description="Of those, the share that ask in other words.")
    twice: Share = Field(default=0.0, description="Requests that come twice, at the same time.")


_USUAL_PROMPT = Drawn(lognormal=Lognormal(median=120, sigma=0.9), most=8000)
_USUAL_ANSWER = Drawn(lognormal=Lognormal(median=200, sigma=0.7), most=4000)
_ARRIVALS = ("poisson_rpm", "constant_rpm", "curve_rpm", "bursts", "users")


class Callers(Section):
    """A group of callers who behave alike."""

    tier: NameOrEmpty = Field(
        default="", description="What was promised to them.", json_schema_extra=by("none")
    )
    tenants: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1, description="How many tenants they are; each has a key of its own."
    )
    keys: Annotated[tuple[Name, ...], OneOrMore] = Field(
        default=(), description="Keys of `gateway` that they use instead, by name."
    )
    model: Name = Field(default="auto", description="What they ask for: a route or a model.")
    poisson_rpm: Rpm | None = Field(default=None, description="Requests a minute, at random moments.")
    constant_rpm: Rpm | None = Field(default=None, description="Requests a minute, evenly spaced.")
    curve_rpm: Annotated[Mapping[Hour, Amount], EmptyIsNone] | None = Field(
        default=None, description="Requests a minute by the hour of the day; straight lines between."
    )
    bursts: Burst | None = Field(default=None, description="Many at once, again and again.")
    users: Users | None = Field(default=None, description="People, who wait for their answers.")
    from_s: SecondsOrZero = Field(default=0.0, description="When they come.")
    to_s: Seconds | None = Field(
        default=None, description="When they go.", json_schema_extra=by("at the end")
    )
    prompt_tokens: Drawn = Field(
        default=_USUAL_PROMPT,
        description="Length of their prompts.",
        json_schema_extra=by("lognormal, median 120, sigma 0.9, most 8000"),
    )
    answer_tokens: Drawn = Field(
        default=_USUAL_ANSWER,
        description="Length of the answers they want.",
        json_schema_extra=by("lognormal, median 200, sigma 0.7, most 4000"),
    )
    repeats: Repeating = Field(default=Repeating(), description="How much has been asked before.")
    stream: Share = Field(default=0.0, description="Requests that want their answer as a stream.")
    max_tokens: Count | None = Field(
        default=None, description="`max_tokens` of their requests.", json_schema_extra=by("none is sent")
    )
    patience_s: Seconds | None = Field(
        default=None,
        description="After so long without an answer they hang up.",
        json_schema_extra=by("never"),
    )

    @model_validator(mode="after")
    def _one_way_to_arrive(self) -> Self:
        if sum(getattr(self, name) is not None for name in _ARRIVALS) != 1:
            raise wrong(f"must say one of {', '.join(_ARRIVALS)}")
        if self.curve_rpm is not None and not any(self.curve_rpm.values()):
            raise wrong("needs an hour at which somebody comes", at="curve_rpm")
        if self.to_s is not None and self.to_s <= self.from_s:
            raise wrong("must be after from_s", at="to_s")
        return self

    def arrivals(self) -> Arrivals | None:
        """When they come; `None` for people, who come when they have been answered."""
        if self.poisson_rpm is not None:
            return Poisson(self.poisson_rpm)
        if self.constant_rpm is not None:
            return Constant(self.constant_rpm)
        if self.curve_rpm is not None:
            return Curve(tuple(sorted(self.curve_rpm.items())))
        if self.bursts is not None:
            return Bursts(self.bursts.size, self.bursts.every_s, self.bursts.over_s)
        return None

    def repeated(self) -> Repeats:
        """As a value."""
        return Repeats(share=self.repeats.share, pool=self.repeats.pool, reworded=self.repeats.reworded)


class Trouble(Section):
    """Something that goes wrong at a provider for a while."""

    provider: ProviderName = Field(description="Where: one of `gateway.providers`.")
    fault: FaultText = Field(description="What, such as `status:503`, `hang` or `cut-mid:3`.")
    share: Share = Field(default=1.0, description="Requests that it befalls.")
    key: Count | None = Field(
        default=None, description="The key it befalls, by its number there.", json_schema_extra=by("all")
    )
    from_s: SecondsOrZero = Field(default=0.0, description="When it begins.")
    to_s: Seconds | None = Field(
        default=None, description="When it ends.", json_schema_extra=by("at the end")
    )


class Change(Section):
    """A provider changes what its keys may do, without telling: only its headers show it."""

    provider: ProviderName = Field(description="Where: one of `gateway.providers`.")
    key: Count | None = Field(
        default=None, description="The key, by its number there.", json_schema_extra=by("all")
    )
    at_s: SecondsOrZero = Field(description="When.")
    rpm: Count | None = Field(
        default=None, description="Requests in any 60 seconds.", json_schema_extra=by("no limit")
    )
    tpm: Count | None = Field(
        default=None, description="Tokens in any 60 seconds.", json_schema_extra=by("no limit")
    )
    burst: Count | None = Field(
        default=None, description="Requests in any one second.", json_schema_extra=by("no limit")
    )


class Scenario(Section):
    """Everything but `gateway`, which is checked as the configuration that it is."""

    title: str = Field(default="", description="What it is about, in a few words.")
    seed: int = Field(default=1, description="The same seed, the same run; `--seed` wins.")
    duration_s: Annotated[float, Field(gt=0, le=2_678_400, allow_inf_nan=False)] = Field(
        description="How long requests keep coming, from midnight. What is under way then is still answered."
    )
    warmup_s: SecondsOrZero = Field(
        default=0.0, description="How much of the beginning is left out of every number."
    )
    providers: Annotated[Mapping[ProviderName, Behaviour], EmptyIsNone] = Field(
        default={}, description="What providers are really like, by name."
    )
    callers: Annotated[Mapping[Name, Callers], Field(min_length=1)] = Field(
        description="Who calls, by the name of the group."
    )
    faults: tuple[Trouble, ...] = Field(default=(), description="What goes wrong, and when.")
    changes: tuple[Change, ...] = Field(default=(), description="Limits that change, and when.")

    @model_validator(mode="after")
    def _something_is_left(self) -> Self:
        if self.warmup_s >= self.duration_s:
            raise wrong("must be less than duration_s", at="warmup_s")
        return self


def keys_of(name: str, callers: Mapping[str, Any]) -> list[dict[str, str]]:
    """The keys made for a group of callers, as a configuration lists them; the raw data may be wrong."""
    if callers.get("keys"):
        return []
    number = str(callers.get("tenants", 1))
    count = int(number) if number.isascii() and number.isdigit() and len(number) < 6 else 1
    tier = {"tier": str(callers["tier"])} if callers.get("tier") else {}
    return [
        {"name": key_name(name, place), "key": f"simulated-{key_name(name, place)}", **tier}
        for place in range(1, count + 1)
    ]


def key_name(group: str, number: int) -> str:
    """What the key of a group's n-th tenant is called."""
    return f"{group}-{number}"

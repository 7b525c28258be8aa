"""Answers that are used again."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from headgate.config.kinds import Count, Name, NameOrEmpty, OneOrMore, Seconds, SecondsOrZero, Share, wrong
from headgate.config.section import Section, by
from headgate.core.canned import Unusable, canned


class Exact(Section):
    """Answers for requests that say the same."""

    ttl_s: SecondsOrZero = Field(
        default=3600.0, description="Seconds an answer is kept; 0 switches the cache off."
    )
    max_bytes: Count = Field(
        default=67_108_864, description="Room for answers, per worker; the least recently used go first."
    )
    max_answer_bytes: Count = Field(default=1_048_576, description="A longer answer is not kept.")
    stale_while_revalidate_s: SecondsOrZero = Field(
        default=0.0,
        description="Seconds after its time that an answer is still told, while a newer one is fetched.",
    )
    stale_if_error_s: SecondsOrZero = Field(
        default=86_400.0,
        description="Seconds after its time that an answer may be told where nobody else answers.",
    )
    warm: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=0,
        description="Of the most asked questions of the last day so many are asked anew before their answers'"
        " time is over, whether anybody waits or not.",
    )
    pace: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = Field(
        default=0.0, description="Events a second at which a kept stream is told; 0 is all at once."
    )


class Semantic(Section):
    """Answers for requests that say the same in other words. The answers are those of `cache.exact`."""

    ttl_s: SecondsOrZero = Field(default=1800.0, description="Seconds a question is known; 0 switches off.")
    threshold: Share = Field(
        default=0.95,
        description="How alike two questions must be (cosine) whose words do not prove them the same.",
    )
    min_probability: Share = Field(
        default=0.78,
        description="Or how likely the same, as was learned from pairs of questions, most of them English; 1:"
        " only what is proven or that alike. With another embedder than wordllama it says nothing.",
    )
    embedder: Annotated[str, Field(min_length=1, max_length=200)] = Field(
        default="auto", description="What makes vectors of words: auto, wordllama, hashed or sentence:MODEL."
    )
    max_entries: Annotated[int, Field(ge=1, le=5_000_000)] = Field(
        default=100_000, description="Questions that are known, per worker; the oldest go first."
    )
    store: Literal["memory", "file", "postgres"] = Field(
        default="memory",
        description="Where questions are kept behind each process's memory: nowhere, in `file`, which"
        " survives a restart and which the workers of a host share, or at `store.url`, a PostgreSQL with"
        " pgvector that replicas share. Answers must survive too: `cache.store`. Read once, at the start.",
    )
    file: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        default="headgate-questions.db", description="That file, relative to the working directory."
    )
    max_turns: Annotated[int, Field(ge=1, le=100)] = Field(
        default=4, description="Conversations with more turns of the user are always asked upstream."
    )
    max_temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] = Field(
        default=1.0, description="So are requests whose `temperature` is higher."
    )
    tools: bool = Field(default=False, description="Whether requests with tools are answered too.")
    images: bool = Field(default=False, description="Whether conversations that have images in them are.")
    max_false_hit_rate: Share | None = Field(
        default=None,
        description="Of all requests, so many may be answered wrongly: some hits are asked upstream too, and"
        " what they say moves the threshold.",
        json_schema_extra=by("the threshold stands where it is"),
    )


class Template(Section):
    """A question and its answer."""

    match: Annotated[str, Field(min_length=1, max_length=1_000)] = Field(
        description="The question: plain text with slots like `{name}`, `{name:word}`, `{name:number}`."
    )
    answer: Annotated[str, Field(min_length=1, max_length=100_000)] = Field(
        description="The answer, with the same slots where what they took is to stand."
    )
    when: Literal["always", "outage"] = Field(
        default="always", description="Whether it answers at once, or only where nobody else does."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        try:
            canned(self.match, self.answer, name="")
        except Unusable as error:
            raise wrong(str(error), at="match") from None
        return self


class Templates(Section):
    """Answers that the operator has written."""

    ttl_s: SecondsOrZero = Field(
        default=86_400.0, description="Seconds for which such an answer is good; 0 switches them off."
    )
    templates: Annotated[tuple[Template, ...], OneOrMore] = Field(
        default=(), description="Questions with their answers; the first that fits is told."
    )


class Degrade(Section):
    """What answers when nobody does who should: the first of these that can."""

    local: Annotated[tuple[Name, ...], OneOrMore] = Field(
        default=(), description="Models that are asked though the route does not name them."
    )
    stale: bool = Field(default=True, description="A kept answer that is past its time.")
    template: bool = Field(default=True, description="One of `cache.template`.")
    job: bool = Field(
        default=True,
        description="A job, for a caller who takes the answer later (`Prefer: respond-async`).",
    )
    after_s: Seconds | None = Field(
        default=None,
        description="Seconds to wait for somebody to begin to answer, before it comes to that.",
        json_schema_extra=by("until the deadline"),
    )


class CacheSettings(Section):
    """Which answers are kept, and for whom."""

    exact: Exact = Field(default=Exact(), description="Answers for requests that say the same.")
    semantic: Semantic | None = Field(
        default=None,
        description="Answers for requests that say the same in other words.",
        json_schema_extra=by("off"),
    )
    template: Templates = Field(default=Templates(), description="Answers that the operator has written.")
    store: Literal["memory", "file", "redis"] = Field(
        default="memory",
        description="Where exact answers are kept behind each process's memory: nowhere, in `file`, which"
        " survives a restart, or at `store.redis`, where replicas share them. Read once, at the start.",
    )
    file: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        default="headgate-answers.db", description="That file, relative to the working directory."
    )
    region: NameOrEmpty = Field(
        default="",
        description="Where that is, such as `eu`: keys with other `regions` have no answers kept.",
        json_schema_extra=by("not known"),
    )
    store_bytes: Annotated[int, Field(ge=1, le=1_000_000_000_000)] = Field(
        default=1_073_741_824, description="Room for answers there; the least recently used go first."
    )
    scope: Literal["tenant", "shared"] = Field(
        default="tenant", description="Who shares answers: the keys of one tenant, or everybody."
    )


class Batch(Section):
    """Embeddings and text completions that are asked for at the same time, as one upstream call."""

    size: Annotated[int, Field(ge=1, le=2048)] = Field(
        default=50, description="Texts in one upstream call, at most; 1 switches it off."
    )
    wait_s: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] = Field(
        default=0.01,
        description="Seconds to wait for company while others are under way; who comes alone never waits. 0"
        " switches it off.",
    )


class PromptBatch(Section):
    """Short questions that are asked at the same time, as one numbered call with a structured answer."""

    size: Annotated[int, Field(ge=2, le=4)] = Field(default=4, description="Questions in one call, at most.")
    wait_s: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = Field(
        default=0.02,
        description="Seconds to wait for company while others are under way; who comes alone never waits.",
    )
    max_chars: Annotated[int, Field(ge=1, le=20_000)] = Field(
        default=1000, description="A longer question goes alone."
    )


class Coalesce(Section):
    """Requests that say the same, at the same time."""

    window_s: SecondsOrZero = Field(
        default=5.0,
        description="Seconds after its end that an answer still serves who asks the same; 0 switches off.",
    )
    max_bytes: Count = Field(
        default=8_388_608, description="An answer that grows longer is no longer shared with newcomers."
    )

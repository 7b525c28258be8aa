"""Answers that are used again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headgate.config.kinds import Count, SecondsOrZero
from headgate.config.section import Section


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
    pace: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = Field(
        default=0.0, description="Events a second at which a kept stream is told; 0 is all at once."
    )


class CacheSettings(Section):
    """Which answers are kept, and for whom."""

    exact: Exact = Field(default=Exact(), description="Answers for requests that say the same.")
    store: Literal["memory", "file", "redis"] = Field(
        default="memory",
        description="Where exact answers are kept behind each process's memory: nowhere, in `file`, which"
        " survives a restart, or at `store.redis`, where replicas share them. Read once, at the start.",
    )
    file: Annotated[str, Field(min_length=1, max_length=4096)] = Field(
        default="headgate-answers.db", description="That file, relative to the working directory."
    )
    store_bytes: Annotated[int, Field(ge=1, le=1_000_000_000_000)] = Field(
        default=1_073_741_824, description="Room for answers there; the least recently used go first."
    )
    scope: Literal["tenant", "shared"] = Field(
        default="tenant", description="Who shares answers: the keys of one tenant, or everybody."
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

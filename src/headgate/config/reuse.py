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
    pace: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = Field(
        default=0.0, description="Events a second at which a kept stream is told; 0 is all at once."
    )


class CacheSettings(Section):
    """Which answers are kept, and for whom."""

    exact: Exact = Field(default=Exact(), description="Answers for requests that say the same.")
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

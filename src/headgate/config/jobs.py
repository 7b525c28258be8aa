"""Requests that are answered later."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from headgate.config.kinds import Count, Seconds, wrong
from headgate.config.section import Section


class Jobs(Section):
    """Requests that nobody could answer, whose callers take an answer later (`Prefer: respond-async`)."""

    attempts: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=20, description="Attempts at most; one that no provider was asked for does not count."
    )
    backoff_s: Seconds = Field(
        default=5.0, description="Ceiling of the wait before the first; doubled with each."
    )
    max_backoff_s: Seconds = Field(default=300.0, description="Ceiling of any wait.")
    expires_s: Seconds = Field(default=86_400.0, description="Seconds after which nobody tries any more.")
    keep_s: Seconds = Field(default=86_400.0, description="Seconds for which an answer can be fetched.")
    lease_s: Annotated[float, Field(ge=3, le=3600, allow_inf_nan=False)] = Field(
        default=30.0,
        description="Seconds after which a job is taken from a process that has not been heard of.",
    )
    workers: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4, description="Jobs that are run at once, per worker process."
    )
    max_size: Count = Field(default=10_000, description="Jobs that may wait; one more is an error (503).")
    max_bytes: Count = Field(default=268_435_456, description="Bytes their requests may have together.")

    @model_validator(mode="after")
    def _waits_grow(self) -> Self:
        if self.max_backoff_s < self.backoff_s:
            raise wrong("must not be less than backoff_s", at="max_backoff_s")
        return self

"""What there is to share out, and what was promised to whom."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from headgate.config.callers import BudgetsOf
from headgate.config.kinds import (
    Count,
    MaybeBooks,
    MaybeRedis,
    Name,
    NameOrEmpty,
    OneOrMore,
    SecondsOrZero,
    Share,
    StoreName,
    wrong,
)
from headgate.config.section import Section, by


class Queue(Section):
    """Where requests wait when no upstream has room; per worker."""

    max_wait_s: SecondsOrZero = Field(
        default=30.0, description="Seconds a request may wait, where its tier says nothing else."
    )
    max_size: Count = Field(default=10_000, description="Requests that may wait; one more is refused (503).")
    max_bytes: Count = Field(default=268_435_456, description="Bytes their bodies may have together.")


class Store(Section):
    """What several processes share, and where the books are kept. Read once, at the start."""

    url: MaybeBooks = Field(
        default=None,
        description="Where the books are kept: `sqlite:///FILE` (relative to the configuration file),"
        " `postgresql://HOST/DATABASE`, or `off`.",
        json_schema_extra=by("SQLite in `.headgate/` beside the configuration file"),
    )
    region: NameOrEmpty = Field(
        default="",
        description="Where that is, such as `eu`: a key with other `regions` is refused, because its requests"
        " may not be written down there.",
        json_schema_extra=by("not known"),
    )
    folder: Annotated[str, Field(max_length=4096)] = Field(
        default="",
        description="Where a process writes down what the store does not have yet, relative to the"
        " configuration file.",
        json_schema_extra=by("`.headgate/` beside the configuration file"),
    )
    requests_days: Count = Field(default=90, description="Days for which rows of single requests are kept.")
    usage_days: Count = Field(default=1100, description="Days for which their sums are kept.")
    audit_days: Count = Field(default=3650, description="Days for which the audit log is kept.")
    redis: MaybeRedis = Field(
        default=None,
        description="Where replicas share the limits of provider keys, and what is said of those keys:"
        " `redis://HOST:PORT/DB`, `rediss://` with TLS.",
        json_schema_extra=by("the workers of one host share them"),
    )
    namespace: StoreName = Field(
        default="headgate", description="What its keys begin with; one for each set of provider keys."
    )
    replicas: Count = Field(
        default=1,
        description="Replicas at least: so many parts are made of a limit while Redis cannot be reached.",
    )


class Fleets(Section):
    """When providers of the fleets `secondary` and `backup` serve beside those of the `primary`."""

    open_at: Share = Field(
        default=0.8, description="The secondary opens when so much of what the primary can do is in use."
    )
    close_at: Share = Field(default=0.6, description="It may close when the primary's load is below this.")
    hold_s: SecondsOrZero = Field(
        default=30.0, description="It closes once that has been so for this many seconds."
    )

    @model_validator(mode="after")
    def _a_band_between(self) -> Self:
        if self.close_at >= self.open_at:
            raise wrong("must be less than open_at: between the two nothing moves", at="close_at")
        return self


class Tier(Section):
    """What is promised to the callers of one class."""

    queue: Literal["priority", "standard", "batch"] = Field(
        default="standard", description="The queue in which they wait, by name, for metrics."
    )
    weight: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Share of what is scarce, beside the other tiers' weights."
    )
    requests_per_day: Count | None = Field(
        default=None,
        description="Requests a key may make in a day of its tenant's time zone.",
        json_schema_extra=by("no limit"),
    )
    max_wait_s: SecondsOrZero | None = Field(
        default=None,
        description="Seconds a request may wait for room before it is refused.",
        json_schema_extra=by("`queue.max_wait_s`"),
    )
    rpm: Count | None = Field(
        default=None,
        description="Requests all its callers together may make in any 60 seconds.",
        json_schema_extra=by("no limit"),
    )
    tpm: Count | None = Field(
        default=None,
        description="Tokens all its callers together may use in any 60 seconds.",
        json_schema_extra=by("no limit"),
    )
    budget: BudgetsOf = Field(
        default=(),
        description="What all callers of this tier may spend together.",
        json_schema_extra=by("no limit"),
    )
    providers: Annotated[tuple[Name, ...], OneOrMore] | None = Field(
        default=None, description="Providers that may serve them.", json_schema_extra=by("all")
    )

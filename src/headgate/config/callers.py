"""Keys that others show to us."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from headgate.config.kinds import (
    Count,
    MaybeWebhook,
    Name,
    NameOrEmpty,
    OneOrMore,
    OneTableOrMore,
    SecondsOrZero,
    SecretText,
    TimeZone,
    Usd,
    wrong,
)
from headgate.config.section import Section, by
from headgate.core.price import nano


class Budget(Section):
    """What may be spent."""

    usd: Usd = Field(description="US dollars in one period. Nothing is carried over to the next.")
    per: Literal["day", "week", "month"] = Field(
        default="month", description="How long a period is; a week begins on Monday."
    )

    @property
    def nano(self) -> int:
        return nano(self.usd)


def _each_once(budgets: Iterable[Budget]) -> tuple[Budget, ...]:
    found = tuple(budgets)
    if len({one.per for one in found}) < len(found):
        raise wrong("has two budgets for the same period")
    return found


BudgetsOf = Annotated[tuple[Budget, ...], OneTableOrMore, AfterValidator(_each_once)]
"""One, or one for each kind of period."""


class Budgets(Section):
    """What holds of all budgets."""

    time_zone: TimeZone = Field(
        default="UTC", description="Where days begin at midnight, for whom `tenants` says nothing else."
    )
    unknown_price: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="What becomes of calls with a budget where a model's price is not known: it does not"
        " serve them (503 where no other can), or does and costs nothing.",
    )
    store_away: Literal["refuse", "allow"] = Field(
        default="refuse",
        description="What becomes of them when the store is away and what was in hand is used up: refused"
        " (503), or let through and counted later.",
    )
    max_wait_s: SecondsOrZero = Field(
        default=30.0,
        description="Seconds that a call waits for money that is reserved for others, before it is refused.",
    )
    webhook: MaybeWebhook = Field(
        default=None,
        description="Where it is posted that 50, 80 or 100 percent of a budget are spent.",
        json_schema_extra=by("nowhere: log and metrics alone"),
    )


class Tenant(Section):
    """Whose keys belong together."""

    budget: BudgetsOf = Field(
        default=(), description="What all its keys may spend together.", json_schema_extra=by("no limit")
    )
    rpm: Count | None = Field(
        default=None,
        description="Requests all its keys together may make in any 60 seconds.",
        json_schema_extra=by("no limit"),
    )
    tpm: Count | None = Field(
        default=None,
        description="Tokens all its keys together may use in any 60 seconds.",
        json_schema_extra=by("no limit"),
    )
    time_zone: TimeZone | None = Field(
        default=None,
        description="Where its days begin at midnight, such as `Europe/Berlin`.",
        json_schema_extra=by("`budgets.time_zone`"),
    )


class Key(Section):
    """A key that callers show."""

    name: Name = Field(description="What it is called in logs and metrics.")
    key: SecretText = Field(description="The key itself; kept as a hash.")
    tenant: NameOrEmpty = Field(
        default="", description="Whose it is.", json_schema_extra=by("the key's name")
    )
    tier: NameOrEmpty = Field(
        default="", description="What was promised to it: one of `tiers`.", json_schema_extra=by("none")
    )
    rpm: Count | None = Field(
        default=None,
        description="Requests it may make in any 60 seconds.",
        json_schema_extra=by("no limit"),
    )
    tpm: Count | None = Field(
        default=None,
        description="Tokens it may use in any 60 seconds, questions and answers together.",
        json_schema_extra=by("no limit"),
    )
    budget: BudgetsOf = Field(
        default=(),
        description="What it may spend: `{usd: 100, per: month}`, or a list with one for a day, a week, a"
        " month.",
        json_schema_extra=by("no limit"),
    )
    models: Annotated[tuple[Name, ...], OneOrMore] | None = Field(
        default=None, description="Models and routes it may use.", json_schema_extra=by("all")
    )
    regions: Annotated[tuple[Name, ...], OneOrMore] | None = Field(
        default=None,
        description="Regions of providers that may serve it.",
        json_schema_extra=by("all"),
    )
    privacy: Literal["standard", "no_content", "local_only"] = Field(
        default="standard",
        description="`no_content`: nothing it says is kept; `local_only`: nor does it leave the house.",
    )


class AdminKey(Section):
    """A key to `/admin`."""

    name: Name = Field(description="What it is called in the audit log.")
    key: SecretText = Field(description="The key itself; kept as a hash.")
    scope: Literal["read", "operate", "own"] = Field(
        default="read",
        description="`read` looks, `operate` also makes and revokes what callers use, `own` may all.",
    )

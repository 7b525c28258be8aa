"""What came of a scenario, added up: for programs as it is, for people in `tables` and `plot`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

import msgspec

from headgate.cli.notes import Group, Kept, Used
from headgate.config.scenario import Change, Scenario
from headgate.config.stage import Stage, limits_of
from headgate.config.tree import Provider
from headgate.core.price import usd
from headgate.core.reuse import Reuse
from headgate.core.spread import Sample, Spread
from headgate.providers.simulated import Limits

UNNAMED = "no tier"


class Requests(msgspec.Struct, frozen=True, kw_only=True):
    """What became of requests. Times in seconds: `wait_s` until an upstream was asked, `latency_s` until the
    answer was complete, both of those answered; `first_byte_s` of streams; `refused_after_s`."""

    tier: str
    asked: int
    answered: int
    refused: int
    failed: int
    cut: int
    deadline: int
    hung_up: int
    reasons: dict[str, int]
    wait_s: Spread
    latency_s: Spread
    first_byte_s: Spread
    refused_after_s: Spread


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One key, or all keys, of a provider. `may_*` is what its limits allowed in that time (`null`: no
    limit), `used` the share of the scarcer of the two that it granted."""

    calls: int = 0
    tokens: int = 0
    throttled: int = 0
    faulted: int = 0
    may_calls: float | None = None
    may_tokens: float | None = None

    @property
    def used(self) -> float | None:
        shares = [
            have / may for have, may in ((self.calls, self.may_calls), (self.tokens, self.may_tokens)) if may
        ]
        return max(shares) if shares else None


class ProviderUse(msgspec.Struct, frozen=True, kw_only=True):
    """A provider: what it served in full, what that cost, its keys by number, and all of them together."""

    served: int
    cost_usd: float
    used: float | None
    together: Account
    keys: dict[str, Account]


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a minute: `asked` for, `answered`; of these by accounts with a limit by the minute (their
    limits add up to `base`), by providers without one, and without a call of their own: of those by what was
    kept, and by somebody else's call for the same. The mix: `cached` is the share of what was answered,
    `coalesced` that of the rest, `unmetered` that of the calls which were left to make."""

    asked_rpm: float
    answered_rpm: float
    base_rpm: float
    accounts_rpm: float
    unmetered_rpm: float
    reused_rpm: float
    cached_rpm: float
    coalesced_rpm: float
    cached: float
    coalesced: float
    unmetered: float


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """By buckets of `bucket_s`, from the beginning: requests a minute, and the 99th percentile of the waits
    of each group, in seconds (`null` where none of it was answered)."""

    bucket_s: float
    asked_rpm: list[float]
    answered_rpm: list[float]
    refused_rpm: list[float]
    wait_p99_s: dict[str, list[float | None]]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Everything, as `headgate simulate --json` tells it. `saved_usd` takes a saved call to have cost what
    the others cost on average."""

    title: str
    seed: int
    duration_s: float
    warmup_s: float
    effective: Effective
    tiers: dict[str, Requests]
    groups: dict[str, Requests]
    providers: dict[str, ProviderUse]
    throttled: int
    cost_usd: float
    calls_saved: int
    saved_usd: float
    timeline: Timeline


def played(
    stage: Stage, seed: int, kept: Kept, before: Mapping[str, Used], after: Mapping[str, Used]
) -> Result:
    """Adds up the notes, and the providers' books at the end of the warm-up and of everything."""
    scenario = stage.scenario
    used = {key: now.since(before.get(key, Used())) for key, now in after.items()}
    providers = {
        name: _provider(name, provider, scenario, kept, used)
        for name, provider in stage.settings.providers.items()
    }
    answered, served = sum(kept.answered_by.values()), sum(one.served for one in providers.values())
    saved, nano = max(0, answered - served), sum(kept.cost_nano.values())
    return Result(
        title=scenario.title,
        seed=seed,
        duration_s=scenario.duration_s,
        warmup_s=scenario.warmup_s,
        effective=_effective(scenario, kept, providers, saved),
        tiers=_tiers(kept),
        groups={name: _requests([group]) for name, group in kept.groups.items()},
        providers=providers,
        throttled=sum(one.together.throttled for one in providers.values()),
        cost_usd=usd(nano),
        calls_saved=saved,
        saved_usd=usd(round(nano / served * saved)) if served else 0.0,
        timeline=_timeline(kept),
    )


def _effective(scenario: Scenario, kept: Kept, providers: Mapping[str, ProviderUse], saved: int) -> Effective:
    minutes = (scenario.duration_s - scenario.warmup_s) / 60.0
    metered = [one for one in providers.values() if one.together.may_calls is not None]
    others = [one for one in providers.values() if one.together.may_calls is None]
    asked = sum(group.endings.total() for group in kept.groups.values())
    answered, coalesced = sum(kept.answered_by.values()), kept.reused[Reuse.COALESCED]
    cached = sum(count for how, count in kept.reused.items() if Reuse(how).hit) - coalesced
    own = sum(one.served for one in others)

    def by_minute(number: float) -> float:
        return round(number / minutes, 3)

    return Effective(
        asked_rpm=by_minute(asked),
        answered_rpm=by_minute(answered),
        base_rpm=by_minute(sum(one.together.may_calls or 0.0 for one in metered)),
        accounts_rpm=by_minute(sum(one.served for one in metered)),
        unmetered_rpm=by_minute(own),
        reused_rpm=by_minute(saved),
        cached_rpm=by_minute(cached),
        coalesced_rpm=by_minute(coalesced),
        cached=_part(cached, answered),
        coalesced=_part(coalesced, answered - cached),
        unmetered=_part(own, own + sum(one.served for one in metered)),
    )


def _part(some: int, of: int) -> float:
    return round(some / of, 4) if of else 0.0


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


def _tiers(kept: Kept) -> dict[str, Requests]:
    groups: dict[str, list[Group]] = {}
    for group in kept.groups.values():
        groups.setdefault(group.tier or UNNAMED, []).append(group)
    return {tier: _requests(some) for tier, some in groups.items()}


def _requests(groups: list[Group]) -> Requests:
    endings: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for group in groups:
        endings.update(group.endings)
        reasons.update(group.reasons)
    return Requests(
        tier=groups[0].tier,
        asked=endings.total(),
        answered=endings["answered"],
        refused=endings["refused"],
        failed=endings["failed"],
        cut=endings["cut"],
        deadline=endings["deadline"],
        hung_up=endings["hung_up"],
        reasons=dict(sorted(reasons.items())),
        wait_s=_all(group.waits for group in groups),
        latency_s=_all(group.latencies for group in groups),
        first_byte_s=_all(group.openings for group in groups),
        refused_after_s=_all(group.refusals for group in groups),
    )


def _all(samples: Iterable[Sample]) -> Spread:
    return Sample(value for sample in samples for value in sample.values).spread()


def _timeline(kept: Kept) -> Timeline:
    by_minute = 60.0 / kept.bucket_s
    return Timeline(
        bucket_s=kept.bucket_s,
        asked_rpm=[moment.asked * by_minute for moment in kept.moments],
        answered_rpm=[moment.answered * by_minute for moment in kept.moments],
        refused_rpm=[moment.refused * by_minute for moment in kept.moments],
        wait_p99_s={
            name: [
                sample.spread().p99 if (sample := group.waits_by_bucket.get(bucket)) else None
                for bucket in range(len(kept.moments))
            ]
            for name, group in kept.groups.items()
        },
    )


# ── providers ────────────────────────────────────────────────────────────────────────────────────────


def _provider(
    name: str, provider: Provider, scenario: Scenario, kept: Kept, used: Mapping[str, Used]
) -> ProviderUse:
    keys = {
        str(number): _account(name, provider, number, scenario, used)
        for number in range(1, max(len(provider.keys), 1) + 1)
    }
    mine = [one for key, one in used.items() if key.partition("/")[0] == name]
    together = _together(list(keys.values()))
    return ProviderUse(
        served=sum(one.served for one in mine),
        cost_usd=usd(kept.cost_nano[name]),
        used=None if together.used is None else round(together.used, 6),
        together=together,
        keys=keys,
    )


def _account(
    name: str, provider: Provider, number: int, scenario: Scenario, used: Mapping[str, Used]
) -> Account:
    one = used.get(f"{name}/{number}") or Used()
    limits = _in_force(name, provider, number, scenario)
    return Account(
        calls=one.granted,
        tokens=one.tokens,
        throttled=one.throttled,
        faulted=one.faulted,
        may_calls=_allowed(limits, "rpm"),
        may_tokens=_allowed(limits, "tpm"),
    )


def _in_force(name: str, provider: Provider, number: int, scenario: Scenario) -> list[tuple[Limits, float]]:
    """A key's limits between warm-up and end, each with the minutes it was in force."""

    def concerns(change: Change) -> bool:
        return change.provider == name and change.key in (None, number)

    changes = sorted(filter(concerns, scenario.changes), key=lambda change: change.at_s)
    begins = [(0.0, limits_of(provider, number))]
    begins += [(one.at_s, Limits(rpm=one.rpm, tpm=one.tpm, burst=one.burst)) for one in changes]
    begins.append((scenario.duration_s, Limits()))
    spans = []
    for (begin, limits), (end, _) in pairwise(begins):
        begin, end = max(begin, scenario.warmup_s), min(end, scenario.duration_s)
        spans.append((limits, max(0.0, end - begin) / 60.0))
    return spans


def _allowed(spans: list[tuple[Limits, float]], what: str) -> float | None:
    """How many in all; `None` where at any time there was no limit."""
    amounts = [(getattr(limits, what), minutes) for limits, minutes in spans if minutes]
    if any(amount is None for amount, _ in amounts):
        return None
    return round(sum(float(amount) * minutes for amount, minutes in amounts), 3)


def _together(accounts: list[Account]) -> Account:
    def total(what: str) -> float | None:
        amounts: list[float | None] = [getattr(account, what) for account in accounts]
        known = [amount for amount in amounts if amount is not None]
        return sum(known) if len(known) == len(amounts) else None

    return Account(
        calls=sum(account.calls for account in accounts),
        tokens=sum(account.tokens for account in accounts),
        throttled=sum(account.throttled for account in accounts),
        faulted=sum(account.faulted for account in accounts),
        may_calls=total("may_calls"),
        may_tokens=total("may_tokens"),
    )

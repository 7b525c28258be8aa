"""A provider that exists only in memory: its keys, limits, faults, speed and books."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.secret import Secret
from headgate.ports.clock import Clock
from headgate.providers.simulated.books import Books, Report, Visit
from headgate.providers.simulated.faults import Fault, of_model, parse
from headgate.providers.simulated.script import Composer, Ids, Script, embedded
from headgate.providers.simulated.settings import Limits, Scheduled, Settings
from headgate.providers.simulated.warmth import Warmth
from headgate.providers.simulated.window import Denial, Gate, Standing

MAX_KEYS = 10_000
"""Keys with a state of their own; beyond, the one that came first is forgotten."""

ANONYMOUS = "anonymous"
"""Who shows no key, in the books."""

SHOWN_KEY_CHARS = 15
"""Longer keys may be real ones that lost their way: of those the books show the last four characters."""


class _Account:
    """One key: its limits, and its name in the books."""

    __slots__ = ("gate", "label")

    def __init__(self, label: str, limits: Limits) -> None:
        self.label = label
        self.gate = Gate(limits)


class Simulation:
    """Decides what happens to each request; `stage.perform` makes it happen.

    Everything is a function of the requests, the clock and `chance` (jitter and shares of faults). Limits
    and the timetable of faults may be changed at any time. Nothing here waits.
    """

    def __init__(self, settings: Settings, clock: Clock, chance: random.Random) -> None:
        self.settings = settings
        self.clock = clock
        self._chance = chance
        self._compose = Composer(
            seed=settings.seed, output_tokens=settings.output_tokens, brief=settings.brief
        )
        self._warmth = Warmth(ttl_s=settings.cache_ttl_s, min_tokens=settings.cache_min_tokens)
        self._default = settings.limits
        self._limits = dict(settings.keys)
        self._arrived = 0
        self.schedule(settings.faults)
        self.reset()

    def __repr__(self) -> str:
        return (
            f"Simulation({len(self._accounts)} keys, {self._arrived} requests, {len(self._faults)} scheduled)"
        )

    # ── what an operator does ──

    def reset(self) -> None:
        """Empties windows, books and prompt cache. Limits and timetable stay; answers under way go on."""
        self._accounts: dict[str, _Account] = {}
        self._labels: dict[str, str] = {}
        self._books = Books(self.clock.now())
        self._warmth.clear()

    def limit(self, limits: Limits, key: str | None = None) -> None:
        """From now on these limits hold: for `key`, or for every key that has none of its own.
        What was granted before still counts."""
        if key is None:
            self._default = limits
        else:
            self._limits[key] = limits
        for name, account in self._accounts.items():
            account.gate.limits = self._limits.get(name, self._default)

    def schedule(self, faults: Sequence[Scheduled]) -> None:
        """Replaces the timetable; its times count from now."""
        self._faults = tuple((scheduled, parse(scheduled.fault)) for scheduled in faults)
        self._faults_since = self.clock.now()

    @property
    def scheduled(self) -> tuple[Scheduled, ...]:
        return tuple(scheduled for scheduled, _ in self._faults)

    def report(self) -> Report:
        """The books, with each key's limits and fullest windows."""
        report = self._books.report(self.clock.now())
        for account in self._accounts.values():
            if key := report.keys.get(account.label):
                key.limits = msgspec.to_builtins(account.gate.limits)
                key.worst = account.gate.worst()
        return report

    # ── what happens to a request ──

    def arrive(self, key: str, model: str) -> Visit:
        """A request has come with this key, for this model."""
        self._arrived += 1
        visit = Visit(
            id=f"sim-{self._arrived:06d}",
            key=self._account(key).label,
            model=model,
            opened_at=self.clock.now(),
        )
        self._books.open(visit)
        return visit

    def fault(self, visit: Visit, key: str, asked: Fault | None) -> Fault | None:
        """What goes wrong with it: as its header asked, else its model's name, else the timetable."""
        fault = asked or of_model(visit.model) or self._due(key, visit.model)
        if fault:
            self._books.fault(visit, fault.name)
        return fault

    def calm(self, key: str, model: str) -> bool:
        """Whether nothing can go wrong with such a request now."""
        if of_model(model):
            return False
        elapsed = self.clock.now() - self._faults_since if self._faults else 0.0
        return not any(scheduled.covers(elapsed, key=key, model=model) for scheduled, _ in self._faults)

    def _due(self, key: str, model: str) -> Fault | None:
        if not self._faults:
            return None
        elapsed = self.clock.now() - self._faults_since
        for scheduled, fault in self._faults:
            if scheduled.covers(elapsed, key=key, model=model) and self._chance.random() < scheduled.share:
                return fault
        return None

    def compose(self, asked: Chat | Embeddings, *, key: str, ids: Ids) -> Script:
        """The whole answer."""
        if isinstance(asked, Embeddings):
            return embedded(asked, dimensions=self.settings.dimensions)
        prompt, cached = self._warmth.read(asked, key=key, now=self.clock.now())
        return self._compose(asked, ids=ids, prompt_tokens=prompt, cached_tokens=cached)

    def admit(self, visit: Visit, key: str, tokens: int) -> Denial | None:
        """Grants a request of `tokens` under the key's limits, or says why not."""
        denial = self._account(key).gate.admit(self.clock.now(), tokens)
        if denial is None:
            self._books.grant(visit, tokens)
        return denial

    def standing(self, key: str) -> dict[str, Standing]:
        """How the key stands now, by limit."""
        return self._account(key).gate.standing(self.clock.now())

    def latency_s(self) -> float:
        """How long this answer takes to begin."""
        settings = self.settings
        if not settings.latency_s or not settings.jitter:
            return settings.latency_s
        return settings.latency_s * (1 + settings.jitter * (2 * self._chance.random() - 1))

    def close(self, visit: Visit, ended: str) -> None:
        """It is over. The first word counts."""
        self._books.close(visit, ended, self.clock.now())

    def _account(self, key: str) -> _Account:
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= MAX_KEYS:
                oldest = next(iter(self._accounts))
                self._labels.pop(self._accounts.pop(oldest).label, None)
            account = _Account(self._label(key), self._limits.get(key, self._default))
            self._accounts[key] = account
        return account

    def _label(self, key: str) -> str:
        """The key's name in the books, unlike every other's."""
        shown = (key or ANONYMOUS) if len(key) <= SHOWN_KEY_CHARS else Secret(key).hint
        label, count = shown, 1
        while label in self._labels:
            count += 1
            label = f"{shown}#{count}"
        self._labels[label] = key
        return label

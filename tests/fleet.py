"""Holders of one limit and their store, in a time of our own: for `core/lease`, `core/hand` and
`core/holder`.

Every process has a clock that shows something else; messages take their time, arrive late, twice or never;
the store's clock steps. What is used is written down in true time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any

from headgate.core.hand import Hand
from headgate.core.holder import Holder
from headgate.core.lease import Books, Hello, sync

SPAN_S = 60.0
SPARE_S = 0.1
"""What a step of the store's clock may cost: spans are longer by as much."""


@dataclass
class Process:
    """One process with its own clock, `offset_s` ahead of the true time."""

    name: str
    offset_s: float
    limit: int
    window: str = "w"
    processes: int = 1

    def __post_init__(self) -> None:
        self.hand = Hand(self.window, limit=self.limit, span_s=SPAN_S + SPARE_S)
        self.holder = Holder(self.name, {self.window: self.hand}, self.offset_s, processes=self.processes)
        self.alive = True
        self.talks_at = -1.0
        self.busy = False


@dataclass
class Fleet:
    """Runs events in order of true time. `latency()` is how long a message is under way, each way, in
    seconds; infinity: it is lost."""

    limit: int
    count: int
    seed: int = 0
    latency: Callable[[Random], float] = lambda chance: chance.uniform(0.0005, 0.003)
    known: int = 1
    books: Books = field(default_factory=Books)
    uses: list[tuple[float, int]] = field(default_factory=list)
    refused: int = 0
    now: float = 0.0
    clock_s: float = 1e6
    down: bool = False

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self.processes: list[Process] = []
        for number in range(self.count):
            self.join(f"p{number}")

    # ── what happens ──

    def at(self, when: float, action: Callable[[], None]) -> None:
        self._count += 1
        heappush(self._events, (max(when, self.now), self._count, action))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heappop(self._events)
            action()
        self.now = until

    def join(self, name: str) -> Process:
        made = Process(name, self.chance.uniform(-1e3, 1e6), self.limit, processes=self.known)
        made.holder.next_at = self.now + made.offset_s
        self.processes.append(made)
        self._arrange(made)
        return made

    def _arrange(self, process: Process) -> None:
        """The next message, when the holder wants it sent."""
        when = process.holder.next_at - process.offset_s
        if process.busy:
            return
        if process.talks_at >= 0 and process.talks_at <= when:
            return
        process.talks_at = max(when, self.now)
        self.at(process.talks_at, lambda: self._talk(process))

    def _talk(self, process: Process) -> None:
        if not process.alive or process.busy or process.talks_at != self.now:
            return
        process.busy = True
        hello = process.holder.hello(self.now + process.offset_s)
        there, back = self.latency(self.chance), self.latency(self.chance)
        if self.down or there + back > 1.0:
            if not self.down and there < 1.0:
                self.at(self.now + there, lambda: self._unheard(hello))
            self.at(self.now + 1.0, lambda: self._silence(process))
        else:
            self.at(self.now + there, lambda: self._arrive(process, hello, back))

    def _unheard(self, hello: Hello) -> None:
        sync(self.books, hello, self.clock())

    def _arrive(self, process: Process, hello: Hello, back: float) -> None:
        reply = sync(self.books, hello, self.clock())
        self.at(self.now + back, lambda: self._answered(process, reply))

    def _answered(self, process: Process, reply: Any) -> None:
        if process.alive:
            process.holder.heard(reply, self.now + process.offset_s)
            process.talks_at, process.busy = -1.0, False
            self._arrange(process)

    def _silence(self, process: Process) -> None:
        if process.alive:
            process.holder.lost(self.now + process.offset_s, nobody_there=self.down)
            process.talks_at, process.busy = -1.0, False
            self._arrange(process)

    # ── mishaps ──

    def fails(self, seconds: float, *, emptied: bool) -> None:
        """The store is away for a while, and may come back empty."""
        self.down = True
        if emptied:
            self.books = Books()
        self.at(self.now + seconds, lambda: setattr(self, "down", False))

    def leave(self, process: Process) -> None:
        """A process says goodbye."""
        hello = process.holder.hello(self.now + process.offset_s, leaving=True)
        process.alive = False
        sync(self.books, hello, self.clock())

    # ── what is done ──

    def clock(self) -> int:
        return int((self.now + self.clock_s) * 1e3)

    def use(self, process: Process, units: int = 1) -> bool:
        """One request of a process, if there is room in its hand."""
        if not process.alive:
            return False
        local = self.now + process.offset_s
        if process.hand.take(units, local):
            process.holder.calls += 1
            self.uses.append((self.now, units))
            return True
        self.refused += 1
        process.holder.urge(process.hand, local)
        self._arrange(process)
        return False

    def load(self, process: Process, rate: float, until: float, units: int = 1) -> None:
        """Requests at random moments, so many a second on average; who is refused comes again in 50 ms, as
        long as it is one of the twenty oldest."""
        waiting = [0]

        def arrive() -> None:
            waiting[0] = min(waiting[0] + 1, 20)
            serve()
            if self.now < until:
                self.at(self.now + self.chance.expovariate(rate), arrive)

        def serve() -> None:
            while waiting[0] and self.use(process, units):
                waiting[0] -= 1

        def again() -> None:
            if waiting[0]:
                serve()
            if self.now < until:
                self.at(self.now + 0.05, again)

        self.at(self.now + self.chance.expovariate(rate), arrive)
        self.at(self.now + 0.05, again)

    # ── what came of it ──

    def worst(self) -> int:
        """The most units in any window of 60 seconds."""
        uses = sorted(self.uses)
        worst = level = first = 0
        for at, units in uses:
            level += units
            while uses[first][0] <= at - SPAN_S:
                level -= uses[first][1]
                first += 1
            worst = max(worst, level)
        return worst

    def used(self, since: float, until: float) -> int:
        """Units used then."""
        uses = sorted(self.uses)
        part = uses[bisect_left(uses, (since, 0)) : bisect_left(uses, (until, 0))]
        return sum(units for _, units in part)

    @property
    def messages(self) -> int:
        return sum(process.holder.messages for process in self.processes)

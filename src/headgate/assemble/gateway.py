"""One process's worth of Headgate: it holds a numbered generation and swaps in the next, whole.

Requests under way keep the generation they began with. What a new generation has in common with the old
(an upstream with the same settings) it takes over as it stands: breaker, load, connections.
"""

from __future__ import annotations

import asyncio
from functools import partial

from headgate.adapters import heap
from headgate.adapters.logs import LogRecorder
from headgate.adapters.prometheus import LEVEL, Page, PrometheusRecorder
from headgate.adapters.record import Recorders
from headgate.adapters.shared import Folder
from headgate.adapters.system import Ids
from headgate.assemble.alerts import Alerts
from headgate.assemble.generation import Generation
from headgate.assemble.kept import Kept, Machine, Prices
from headgate.assemble.keywatch import KeyWatch
from headgate.assemble.rim import Standing
from headgate.assemble.teller import Teller
from headgate.assemble.terms import Agreed
from headgate.config.tree import Settings
from headgate.core.audit import Act
from headgate.core.call import Operation
from headgate.core.job import Status
from headgate.core.strain import TICK_S, Ebb
from headgate.core.tally import Tally
from headgate.pipeline.service import Service
from headgate.providers.anthropic import AnthropicSurface
from headgate.providers.openai import OpenAISurface
from headgate.providers.simulated import Simulation
from headgate.server.app import Hot
from headgate.server.front import House
from headgate.server.hot import Endpoint
from headgate.server.worker import Worker

SLICE = 200
"""So many budgets are looked at without a pause, where there are many."""


class Gateway:
    """One process's gateway. Build it inside the loop it serves."""

    def __init__(
        self,
        settings: Settings,
        machine: Machine,
        *,
        prices: Prices | None = None,
        folder: Folder | None = None,
    ) -> None:
        """`folder`: where the workers of this host share their counts, if there are several."""
        self.tally = Tally()
        self.clock = machine.clock
        self.surface = OpenAISurface(machine.clock.wall, Ids(""))
        self._machine = machine
        self._ebb = Ebb()
        self._log = LogRecorder(requests=settings.server.log != "off")
        self._watch = KeyWatch(self.tally, self._key_is_dead)
        self._recorder = Recorders(PrometheusRecorder(self.tally), self._log, self._watch)
        if machine.books is not None:
            self._recorder.add(machine.books)
        self._generation = Generation(1, settings, prices or {}, machine, self._recorder, Kept())
        self.page = Page(
            self.tally,
            namespace=settings.metrics.namespace,
            before=self.show_health,
            others=folder.others if folder else lambda: (),
        )
        if machine.bank is not None:
            machine.bank.alerts.append(
                Alerts(self.tally, lambda: self.settings.budgets.webhook, machine.clock)
            )
        self.house = House(self._generation.front, metrics=self.page, wall=machine.clock.wall)
        if machine.books is not None:
            self.house.keep(machine.books.ledger, machine.books.denied)
        if machine.jobs is not None:
            self.house.jobs = machine.jobs.store
        self._worker: Worker | None = None
        self.house.teller = Teller(
            lambda: self.settings, lambda: self._generation.standing.agreed, machine.bank, machine.clock
        )

    @property
    def service(self) -> Service:
        """The whole gateway as one Service: what every front door drives."""
        return self._generation.front.service

    @property
    def settings(self) -> Settings:
        """Of the present generation."""
        return self._generation.settings

    def simulations(self) -> dict[str, Simulation]:
        """The providers that are not there, by name."""
        return self._generation.kept.of("simulation")

    async def renew(self) -> int:
        """Swaps in a generation in which keys of callers are as they are known now; its number. Of ten
        thousand keys it takes a while to tell who they are: a thread does it."""
        while True:
            settings = self.settings
            standing = await asyncio.to_thread(Standing, settings, self._machine.issued)
            await self._open_slots(standing.agreed)
            await self._open_slots(standing.agreed)
            if settings is self.settings:
                return self.reload(settings, standing=standing)

    async def _open_slots(self, agreed: Agreed) -> None:
        """A few at a time: the generation will find them there."""
        if (bank := self._machine.bank) is None:
            return
        for number, (_, budget) in enumerate([*agreed.budgets, *agreed.a_day]):
            bank.slot(budget)
            if number % SLICE == 0:
                await self.clock.sleep(0)

    def reload(
        self, settings: Settings, *, prices: Prices | None = None, standing: Standing | None = None
    ) -> int:
        """Swaps in a generation built from `settings`; its number. If it cannot be built, nothing changes."""
        old = self._generation
        known = old.prices if prices is None else prices
        number, kept = old.front.number + 1, Kept(old.kept)
        new = Generation(number, settings, known, self._machine, self._recorder, kept, standing)
        self._generation, self.house.front = new, new.front
        self._log.requests = settings.server.log != "off"
        return new.front.number

    def reloaded(self, number: int) -> None:
        """The configuration's file has changed: that is an act of whoever may write to it."""
        if (books := self._machine.books) is not None:
            at_us = int(self.clock.wall() * 1e6)
            act = Act(at_us=at_us, who="file", action="config.reload", target=f"generation {number}")
            books.note(act)

    def endpoints(self) -> dict[str, Hot]:
        """The hot paths."""
        clock, ids = self._machine.clock, Ids("req_")
        openai, anthropic = self.surface, AnthropicSurface(Ids(""))
        endpoint = partial(Endpoint, self.house, clock=clock, new_id=ids)
        return {
            "/v1/chat/completions": endpoint(openai, Operation.CHAT),
            "/v1/completions": endpoint(openai, Operation.COMPLETION),
            "/v1/embeddings": endpoint(openai, Operation.EMBEDDINGS),
            "/v1/messages": endpoint(anthropic, Operation.CHAT),
        }

    def worker(self) -> Worker | None:
        """Who runs jobs, where there are any."""
        if self.house.jobs is None:
            return None
        surfaces = {one.dialect: one for one in (self.surface, AnthropicSurface(Ids("")))}
        machine = self._machine
        self._worker = Worker(
            self.house, self.house.jobs, surfaces=surfaces, clock=machine.clock, chance=machine.chance
        )
        return self._worker

    def feel(self) -> None:
        """From now on watches how late its own loop is, and lets in accordingly; and gives memory back when
        a flood has gone."""
        clock = self._machine.clock
        due = clock.now() + TICK_S

        def look() -> None:
            in_flight = self._generation.admit.in_flight
            self._generation.strain.observe(clock.now() - due, in_flight)
            if self._ebb.seen(in_flight):
                heap.give_back()
            self.feel()

        clock.at(due, look)

    def show_health(self) -> None:
        """Says anew how things stand; of models and upstreams that are gone, nothing."""
        gauges: dict[tuple[str, ...], float] = {("in_flight",): float(self._generation.admit.in_flight)}
        for model, upstreams in self._generation.upstreams.items():
            gauges["model_health", model] = float(any(upstream.ready() for upstream in upstreams))
            for upstream in upstreams:
                gauges["breaker_state", upstream.condition()["upstream"]] = LEVEL[upstream.breaker.state]
        gauges |= self._generation.limit_gauges() | self._key_gauges()
        gauges["in_flight_limit",] = float(self._generation.strain.limit)
        for queue, count in self._generation.hall.depth.items():
            gauges["queue_depth", queue] = float(count)
        if (upkeep := self._machine.upkeep) is not None:
            gauges |= {("work_failing", name): 1.0 for name in upkeep.condition()}
        self.tally.gauges = gauges  # at once: a scrape may come from another thread

    def _key_is_dead(self, key: tuple[str, str]) -> None:
        """The provider refuses it: nothing is sent under it until its breaker would ask again."""
        limits = self._generation.limits.get(key)
        if limits is not None:
            limits.pause(self.settings.breaker.recovery_s, self.clock.now())

    def _key_gauges(self) -> dict[tuple[str, ...], float]:
        gauges: dict[tuple[str, ...], float] = {}
        for (provider, key), state in self._generation.key_states(self._watch.dead).items():
            gauges["key_state", provider, key, state] = 1.0
        if (ring := self._machine.ring) is not None:
            for provider, key, seconds in ring.due(self.settings):
                gauges["key_rotation_due_seconds", provider, key] = seconds
        if (sharing := self._machine.sharing) is not None:
            gauges["limits_shared",] = float(not sharing.holder.alone)
        if (books := self._machine.books) is not None:
            gauges["ledger_journal_rows",] = float(books.waiting)
            gauges["ledger_lost_rows",] = float(books.lost)
        if self._worker is not None and (counts := self._worker.counts) is not None:
            gauges |= {("jobs", str(status)): float(counts.get(status, 0)) for status in Status}
        if (bank := self._machine.bank) is not None:
            gauges |= {("budget_spent_ratio", name): share for name, share in bank.levels()}
        return gauges

"""Everything that one version of the configuration stands for: the stack, outermost first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from headgate.adapters.system import Ids
from headgate.assemble.budgets import Allotted
from headgate.assemble.capturing import capturing
from headgate.assemble.deferring import deferring
from headgate.assemble.fleets import member
from headgate.assemble.hedges import hedged
from headgate.assemble.jobs import plan
from headgate.assemble.kept import Kept, Machine, Prices
from headgate.assemble.keystates import Key, states
from headgate.assemble.learned import doubts
from headgate.assemble.quotas import chosen, quotas
from headgate.assemble.reuse import Reusing
from headgate.assemble.rim import Standing, admin_door, cards, deadlines, door, known, strict
from headgate.assemble.routing import info, remembers, router, template
from headgate.assemble.upstreams import Upstreams
from headgate.config.tree import Settings
from headgate.core.call import Call, Caller
from headgate.core.fleet import Marks
from headgate.core.keyring import KeyState
from headgate.core.permits import Permits
from headgate.core.retry import Backoff, RetryBudget
from headgate.core.strain import Strain
from headgate.core.waiting import Bounds
from headgate.pipeline.admit import Admit
from headgate.pipeline.balance import Balance
from headgate.pipeline.cascade import Cascade
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.durable import Durable
from headgate.pipeline.fallback import Asked, Fallback, Retry
from headgate.pipeline.fleet import ByFleet
from headgate.pipeline.meter import Meter
from headgate.pipeline.mirror import Mirror, NoWaiting
from headgate.pipeline.queue import Hall, Queue
from headgate.pipeline.route import Route
from headgate.pipeline.service import Layer, Pool, Service, stack
from headgate.pipeline.template import Template
from headgate.pipeline.trace import Trace
from headgate.ports.recorder import Recorder
from headgate.providers.said import said
from headgate.server.front import Front

BODY_PATIENCE_S = 60.0
"""How long a body may take to arrive, once its head has."""


class Generation:
    """Everything that one version of the configuration stands for."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        prices: Prices,
        machine: Machine,
        recorder: Recorder,
        kept: Kept,
        standing: Standing | None = None,
    ) -> None:
        """`standing`: where it has been made already."""
        self.settings = settings
        self.standing = standing or Standing(settings, machine.issued)
        self.prices = prices
        self.kept = kept
        self._machine = machine
        self._recorder = recorder
        upstreams = Upstreams(settings, prices, machine, recorder, kept)
        self.upstreams = {model: tuple(upstreams.of(model)) for model in settings.models}
        self.limits, self._estimators = upstreams.limits, upstreams.estimators
        self._by_key = upstreams.by_key
        self.fleets: ByFleet | None = None
        self.front = Front(
            number=number,
            service=self._service(),
            door=door(settings, machine, self.standing),
            admin=admin_door(settings, machine.pepper),
            config=lambda: settings.model_dump(mode="json", exclude_unset=True),
            known=known(settings),
            recorder=recorder,
            models=tuple(cards(settings)),
            health=self._health,
            info=info(settings, number, self.router),
            explain=lambda call: self.router.decide(call, dry=True).document(),
            receipt=self._receipt,
            scored=self._scored,
            sessions=remembers(settings),
            max_body_bytes=settings.server.max_body_bytes,
            deadline_s=settings.server.deadline_s,
            deadlines=deadlines(settings),
            body_patience_s=BODY_PATIENCE_S,
            metadata_in_headers=settings.server.metadata in ("both", "headers"),
            metadata_in_body=settings.server.metadata in ("both", "body"),
            plan=plan(settings),
        )

    def _service(self) -> Service:
        """The stack, outermost first."""
        settings, machine, recorder = self.settings, self._machine, self._recorder
        places = self.kept("places", None, partial(Permits, settings.server.max_in_flight))
        places.resize(settings.server.max_in_flight)
        weights = {name: tier.weight for name, tier in settings.tiers.items()}
        house = settings.server.max_in_flight, settings.server.max_in_flight_bytes
        self.strain = self.kept("strain", None, lambda: Strain(house[0]))
        self.strain.configure(*house, weights)
        self.admit = Admit(self._below_admit(), permits=places, strain=self.strain, recorder=recorder)
        return stack(
            partial(Trace, span_id=Ids("", size=8)),  # everything below is inside the span
            partial(Meter, recorder=recorder, clock=machine.clock),  # sees refusals too; one record a request
            *self._durable(),  # where a route is strict: its answers end when their row is on disk
            *capturing(settings, machine, self.kept),  # where a route keeps what was said, redacted
            partial(Deadline, clock=machine.clock),  # absolute, so that retries cannot extend it
            leaf=self.admit,  # our own health before anybody's rights: refusing must cost nothing
        )

    def _durable(self) -> Iterator[Layer]:
        """Nothing, where no route is strict."""
        names, journal = strict(self.settings), self._machine.journal
        if names and journal is not None:
            yield partial(Durable, strict=names, journal=journal, clock=self._machine.clock)

    def _below_admit(self) -> Service:
        settings, machine = self.settings, self._machine
        pools = {model: self._pool(model) for model in settings.models}
        self.router = router(settings, self.prices, machine, self.kept, pools)
        agreed = self.standing.agreed
        allotted = Allotted(settings, self.prices, machine, self.kept, agreed)
        self._reusing = reusing = Reusing(settings, machine, self.kept, self._recorder)
        decide = partial(Route, router=self.router, clock=machine.clock, recorder=self._recorder)
        self.hall = self.kept("hall", None, partial(Hall, clock=machine.clock))
        queue = Queue(  # one wait for all pools of a chain, in fair order
            pools,
            hall=self.hall,
            scarce={name: model.provider for name, model in settings.models.items()},
            bounds=Bounds(**dict(settings.queue)),
            unwell_s=settings.retry.max_backoff_s,
            clock=machine.clock,
            recorder=self._recorder,
        )
        return stack(
            *deferring(settings, machine),  # where nobody answers now: later, if the caller takes that
            *quotas(
                settings, machine, self.kept, agreed, allotted
            ),  # the caller's own limits, of a minute and of a day, before anything is spent on it
            decide,  # the candidates, in order, and why
            *chosen(settings, machine, self.kept),  # and the limits of what that has led to
            *reusing.layers(self.router.may_serve),  # cache, degrade, coalesce
            *allotted.budgets(),  # a kept answer costs nothing
            *reusing.batch(),  # each pays his own part
            *self._mirror(pools, queue.taken),  # a share of what is asked goes to another model too
            *self._cascade(),  # where a route has one: a weak answer is judged before it is told
            *self._fleets(),  # of the candidates, those whose fleet is open
            leaf=hedged(  # where a route wants it: two at once, if the first is silent
                settings,
                machine,
                self.kept,
                self._recorder,
                pools=pools,
                falling=partial(self._falling, queue),  # pools in order, under one attempt budget
                taken=queue.taken,
                calm=self._calm,
            ),
        )

    def _falling(self, queue: Queue, pools: Mapping[str, Asked]) -> Fallback:
        retry = self.settings.retry
        return Fallback(
            pools,
            retry=Retry(
                attempts=retry.attempts,
                backoff=Backoff(base_s=retry.backoff_s, cap_s=retry.max_backoff_s),
            ),
            budget=self.kept("retry budget", retry.budget, lambda: RetryBudget(ratio=retry.budget)),
            queue=queue,
            clock=self._machine.clock,
            chance=self._machine.chance,
            recorder=self._recorder,
        )

    def _calm(self) -> bool:
        """Whether the house has room for more than it was asked for."""
        return self.strain.limit >= self.strain.ceiling and self.admit.in_flight < self.strain.low

    def _pool(self, model: str) -> Pool:
        """A model's upstreams as one; what is put around its prompts stands around them all."""
        upstreams, prompt = self.upstreams[model], self.settings.models[model].prompt
        keys = [str(number + 1) for number in range(len(upstreams))] if len(upstreams) > 1 else [""]
        pick = self.settings.providers[self.settings.models[model].provider].pick
        sources = [upstream.source for upstream in upstreams]
        chance = self._machine.chance
        pool = Balance(upstreams, chance=chance, pick=pick, model=model, keys=keys, sources=sources)
        return Template(pool, shape=template(prompt)) if prompt else pool

    def _mirror(self, pools: Mapping[str, Pool], taken: Callable[[str], bool]) -> Iterator[Layer]:
        """Nothing, where no route has a mirror. Copies are recorded as such, and tried once."""
        most = {
            name: route.mirror.max_in_flight for name, route in self.settings.routes.items() if route.mirror
        }
        if not most:
            return
        clock, recorder = self._machine.clock, self._recorder
        shadow = stack(
            partial(Meter, recorder=recorder, clock=clock, shadow=True),
            partial(Deadline, clock=clock),
            leaf=Fallback(
                pools,
                retry=Retry(attempts=1),
                budget=RetryBudget(ratio=0.0),
                queue=NoWaiting(taken),
                clock=clock,
                chance=self._machine.chance,
                recorder=recorder,
            ),
        )
        yield partial(Mirror, shadow=shadow, most=most, answered=self._copied)

    def _copied(self, call: Call, request_id: str, model: str) -> None:
        """A copy may be scored by who made the request."""
        if call.decision is not None:
            self.router.answered(call, request_id, call.decision, model)

    def _scored(self, caller: Caller, request_id: str, score: float) -> dict[str, Any] | None:
        served = self.router.scored(caller.key, request_id, score)
        if served is None:
            return None
        return {"request_id": request_id, "score": score, "model_id": served.model, "intent": served.intent}

    def _cascade(self) -> Iterator[Layer]:
        """Nothing, where no route has a cascade."""
        routes = {name: route.cascade for name, route in self.settings.routes.items() if route.cascade}
        if routes:
            yield partial(
                Cascade,
                doubts={name: doubts(name, cascade) for name, cascade in routes.items()},
                read=said,
                clock=self._machine.clock,
                max_bytes=max(cascade.max_bytes for cascade in routes.values()),
                marked=self.settings.server.metadata in ("both", "body"),
            )

    def _receipt(self, caller: Caller, request_id: str) -> dict[str, Any] | None:
        found = self.router.memory.receipt(caller.key, request_id)
        return found.document() if found else None

    def _fleets(self) -> list[Layer]:
        """Nothing, where there is but one."""
        settings, machine, permits = self.settings, self._machine, self.kept.of("permits")
        if all(provider.fleet == "primary" for provider in settings.providers.values()):
            return []
        members = {
            model: member(
                settings.providers[settings.models[model].provider].fleet,
                upstreams,
                permits[settings.models[model].provider],
                machine.clock,
            )
            for model, upstreams in self.upstreams.items()
        }

        def layer(inner: Service) -> ByFleet:
            self.fleets = ByFleet(
                inner,
                members=members,
                marks=Marks(**dict(settings.fleets)),
                known=self.kept("fleets", frozenset(members), dict),
                clock=machine.clock,
                recorder=self._recorder,
            )
            return self.fleets

        return [layer]

    def limit_gauges(self) -> dict[tuple[str, ...], float]:
        """How much of each key's limits is used, how good estimates of tokens are, which fleets are open."""
        now = self._machine.clock.now()
        gauges: dict[tuple[str, ...], float] = {}
        for (provider, key), limits in self.limits.items():
            for kind, ratio in limits.usage(now).items():
                gauges["limit_usage_ratio", provider, key, kind] = ratio
        for model, estimator in self._estimators.items():
            for of, error in (("prompt", estimator.prompt_error), ("total", estimator.total_error)):
                if error is not None:
                    gauges["token_estimate_error_ratio", model, of] = error
        gauges |= self._reusing.gauges()
        for fleet, is_open in (self.fleets.open() if self.fleets else {}).items():
            gauges["fleet_open", fleet] = float(is_open)
        return gauges

    def key_states(self, dead: Collection[Key]) -> dict[Key, KeyState]:
        """By provider and name of the key. `dead`: those that are known to be refused."""
        machine = self._machine
        said = machine.ring.said(self.settings) if machine.ring else {}
        return states(self._by_key, self.limits, said, dead, machine.clock.now())

    def _health(self) -> dict[str, Any]:
        """The document of `/health`."""
        models = {
            model: [one.condition() for one in upstreams] for model, upstreams in self.upstreams.items()
        }
        now = self._machine.clock.now()  # full is not sick
        able = [any(one.recovers_at() <= now for one in upstreams) for upstreams in self.upstreams.values()]
        failing = upkeep.condition() if (upkeep := self._machine.upkeep) else {}
        status = "down" if not any(able) else "ok" if all(able) and not failing else "degraded"
        return {
            "status": status,
            "generation": self.front.number,
            "in_flight": self.admit.in_flight,
            "in_flight_limit": self.strain.limit,
            "waiting": {queue: count for queue, count in self.hall.depth.items() if count},
            **({"limits": sharing.condition()} if (sharing := self._machine.sharing) else {}),
            **({"keys": issued.condition()} if (issued := self._machine.issued) else {}),
            **({"books": books.condition()} if (books := self._machine.books) else {}),
            **({"budgets": bank.condition()} if (bank := self._machine.bank) and bank.slots else {}),
            **({"failing": failing} if failing else {}),
            **({"fleets": self.fleets.condition()} if self.fleets else {}),
            "models": models,
        }

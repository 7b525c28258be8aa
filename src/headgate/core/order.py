"""Who goes first among the models that may serve a request: the strategy, what callers said of answers,
where the session was served last, and experiments, one after the other. All of them stay in the chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

import msgspec

from headgate.core.asked import Asked
from headgate.core.call import Call
from headgate.core.chains import led_by, unit_of
from headgate.core.decision import Candidate, Verdict
from headgate.core.experiment import place, side
from headgate.core.feedback import Policy
from headgate.core.memory import Memory
from headgate.core.panel import Panel, Panels
from headgate.core.rules import Canary, Rules
from headgate.core.strategy import SCORED, Runner, drawn, ranked, rotated
from headgate.core.understood import Understood

Chain = tuple[str, ...]


class Pool(Protocol):
    """As much of a pool of upstreams as an order needs."""

    def ready(self) -> bool: ...
    def load(self) -> float: ...


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One request on its route. `session`: the conversation it belongs to, where the route asks for that.
    `dry`: only to explain, so nobody's turn is used up."""

    call: Call
    rules: Rules
    asked: Asked | None
    understood: Understood
    session: str | None
    dry: bool


class Ordered(msgspec.Struct, frozen=True):
    """`verdicts` begin with those of the chain as the strategy ordered it. `experiment`: which the request is
    part of, and on which side."""

    chain: Chain
    verdicts: tuple[Verdict, ...]
    experiment: str | None = None


class Order:
    """Puts chains in order for one generation. `pools` by model id."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        panels: Panels,
        memory: Memory,
        chance: Random,
        now: Callable[[], float],
    ) -> None:
        self._pools = pools
        self._panels = panels
        self._memory = memory
        self._chance = chance
        self._now = now

    def of(self, case: Case, panel: Panel) -> Ordered:
        """`panel`: who may serve, at least one."""
        chain, verdicts = self._by_strategy(case, panel)
        policy = case.rules.feedback
        if policy is not None and policy.bandit:
            chain = self._praised_first(case, policy, chain)
        chain = self._where_it_was(case, chain)
        chain, experiment = self._tried_out(case, chain)
        return Ordered(chain, verdicts, experiment)

    def expected_nano(self, case: Case, one: Candidate, cached: float) -> int | None:
        """What the answer will probably cost, where so large a share of the prompt is `cached`; `None` where
        nobody can tell."""
        if one.price is None or case.asked is None:
            return None
        lengths, intent = self._memory.lengths, case.understood.name
        return lengths.cost_nano(one.price, one.model_id, intent, case.asked, cached)

    def mirrored(self, case: Case) -> str | None:
        """The model that gets a copy of this request, if one does now."""
        mirror = case.rules.mirror
        if mirror is None or case.dry or self._chance.random() >= mirror.share:
            return None
        if not self._pools[mirror.model].ready():
            return None
        return mirror.model if self._passes(case, mirror.model) else None

    # ── the strategy ─────────────────────────────────────────────────────────────────────────────────

    def _by_strategy(self, case: Case, panel: Panel) -> tuple[Chain, tuple[Verdict, ...]]:
        rules, chain = case.rules, panel.chain
        preference, strategy = case.understood.preference, rules.strategy
        if preference is not None:
            liked = [model for model in preference.models if model in chain]
            chain = tuple(dict.fromkeys((*liked, *chain)))
        if strategy in SCORED:
            runners = [self._runner(case, one) for one in panel.found.kept]
            verdicts = ranked(strategy, runners, rules.importance)
            return tuple(one.model_id for one in verdicts), (*verdicts, *panel.found.removed)
        if strategy == "round_robin":
            turn = self._memory.turns[rules.name]
            self._memory.turns[rules.name] += not case.dry
            chain = self._ready_first(rotated(chain, turn))
        elif strategy == "weighted":
            chain = self._ready_first(drawn(chain, rules.weights, self._chance))
        return chain, panel.verdicts

    def _ready_first(self, chain: Chain) -> Chain:
        return tuple(sorted(chain, key=lambda model: not self._pools[model].ready()))

    def _runner(self, case: Case, one: Candidate) -> Runner:
        pool, intent, session = self._pools[one.model_id], case.understood.name, case.session
        warm = self._memory.sessions.warm(session, one.model_id, self._now()) if session else None
        share = warm.share if warm else 0.0
        return Runner(
            candidate=one,
            ready=pool.ready(),
            quality=one.quality_at(intent),
            expected_nano=self.expected_nano(case, one, share),
            latency_s=pool.load(),
            warmth=share,
        )

    # ── who moves to the front ───────────────────────────────────────────────────────────────────────

    def _praised_first(self, case: Case, policy: Policy, chain: Chain) -> Chain:
        """Whose answers to such requests were scored best, now and then anybody; of those that are ready."""
        arms, route, intent = self._memory.feedback.arms, case.rules.name, case.understood.name
        ready = [model for model in chain if self._pools[model].ready()] or list(chain)
        if case.dry:
            return led_by(max(ready, key=lambda model: arms.mean(route, intent, model)), chain)
        if self._chance.random() < policy.floor:
            return led_by(self._chance.choice(ready), chain)
        return led_by(arms.drawn(route, intent, ready, self._chance), chain)

    def _where_it_was(self, case: Case, chain: Chain) -> Chain:
        """A session stays with the model that served it last, as long as that may serve and has room."""
        affinity = case.rules.affinity
        if case.session is None or affinity == "none":
            return chain
        if affinity == "session" and case.call.session is None:
            return chain
        last = self._memory.sessions.last(case.session)
        if last is None or last not in chain or not self._pools[last].ready():
            return chain
        return led_by(last, chain)

    def _tried_out(self, case: Case, chain: Chain) -> tuple[Chain, str | None]:
        rules = case.rules
        if rules.split is not None:
            unit = unit_of(rules.split.by, case.call, case.asked, case.session)
            arm = side(f"split {rules.name}", unit, rules.split.shares)
            if self._passes(case, arm):
                return led_by(arm, chain), f"split:{arm}"
        if rules.canary is not None and not self._memory.trial(rules.name, rules.canary).stopped:
            return self._canary(case, rules.canary, chain)
        return chain, None

    def _canary(self, case: Case, canary: Canary, chain: Chain) -> tuple[Chain, str | None]:
        if chain[0] == canary.model or not self._passes(case, canary.model):
            return chain, None
        unit = unit_of(canary.by, case.call, case.asked, case.session)
        if place(f"canary {case.rules.name} {canary.model}", unit) < canary.share:
            return led_by(canary.model, chain), "canary"
        return chain, "control"

    def _passes(self, case: Case, model: str) -> bool:
        """Whether a model that is not of the rule's own may serve all the same: by the same filters."""
        found = self._panels.lawful(case.call, case.rules, (model,), case.asked, case.understood.name)
        return bool(found.chain)

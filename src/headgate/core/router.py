"""From a request to a chain of models: who may serve it, who goes first, and why.

A name stands for rules; what is asked picks a rule; constraints take out who may not serve; the strategy puts
the rest in order; sessions and experiments may move one to the front. What is left is the whole chain: nobody
else is ever tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from headgate.core import agents as personas
from headgate.core.agents import Agent
from headgate.core.asked import Asked
from headgate.core.call import Call
from headgate.core.chains import by_chain, cascaded, conversation
from headgate.core.constraints import refusal, unbound
from headgate.core.decision import Candidate, Decision
from headgate.core.feedback import Served
from headgate.core.intent.found import Intent
from headgate.core.memory import Memory
from headgate.core.order import Case, Order, Ordered, Pool
from headgate.core.panel import Panel, Panels, narrowed
from headgate.core.routes import Routes, shown
from headgate.core.rules import Rules, Wants
from headgate.core.settled import Settled
from headgate.core.taught import NOTHING, traits
from headgate.core.understood import Understood, Wits

AGENT = "agent:"
AUTO = "agent:auto"


class Router:
    """Decides for one generation. `rules` by every name a request may use; `pools` by model id."""

    def __init__(
        self,
        rules: Mapping[str, Rules],
        models: Mapping[str, Candidate],
        pools: Mapping[str, Pool],
        *,
        agents: Sequence[Agent],
        names: Routes,
        wits: Wits,
        memory: Memory,
        chance: Random,
        now: Callable[[], float],
        written: str = "",
    ) -> None:
        """`written`: in which region it is written down what becomes of requests, if that is known."""
        self._rules = rules
        self._models = models
        self._pools = pools
        self._agents = {AGENT + agent.name: agent for agent in agents}
        self._names = names
        self._wits = wits
        self.memory = memory
        self._now = now
        self._panels = Panels(models, written=written)
        self._order = Order(pools, self._panels, memory, chance, now)
        self._wants = {name: one.wants() for name, one in rules.items()}
        self._deciding = frozenset(name for name, one in rules.items() if not one.plain)
        self._simple = {
            name: one for name, one in rules.items() if one.simple and not (one.plain or one.cascade)
        }
        self._settled = Settled(self._panels, models, memory.lengths)
        self._open = {name: self._unbound_chain(one) for name, one in rules.items() if one.plain}

    def _unbound_chain(self, rules: Rules) -> tuple[str, ...]:
        """Of a plain route: its chain, if it is the same for every request of a caller without bounds."""
        known = [self._models[model] for model in rules.use]
        return rules.use if all(one.supports is None and one.context is None for one in known) else ()

    # ── without a decision ───────────────────────────────────────────────────────────────────────────

    def plain(self, call: Call) -> tuple[str, ...] | None:
        """The chain, where there is nothing to decide; `None` where there is. This is all that a request by
        name pays for. Raises a `Refused`."""
        name, caller = call.payload.model, call.caller
        chain = self._open.get(name)
        if chain and unbound(caller):
            return chain
        if name in self._deciding:
            return None
        rules = self._rules.get(name)
        if rules is None:
            return None
        return self._plain(call, rules).chain

    def _plain(self, call: Call, rules: Rules) -> Panel:
        payload = call.payload
        panel = self._panels.of(rules, rules.use, call.caller, payload.model)
        if not panel.can_tell(payload.raw, payload.operation):
            panel = narrowed(panel, payload.raw, payload.asked(), payload.operation)
        if not panel.chain:
            raise refusal(shown(payload.model), panel.found)
        return panel

    def may_serve(self, call: Call, model: str) -> bool:
        """Whether a model may serve a request though it is not in its chain: by the same filters."""
        rules = Rules(name=call.payload.model, use=(model,))
        return bool(self._panels.lawful(call, rules, (model,), call.payload.asked(), None).chain)

    # ── with one ─────────────────────────────────────────────────────────────────────────────────────

    def decide(self, call: Call, *, dry: bool = False) -> Decision:
        """The whole receipt. `dry`: only to explain, so nobody's turn is used up. Raises a `Refused`."""
        simple = None if dry else self._simple.get(call.payload.model)
        asked = call.payload.asked()
        if simple is None or asked is None:
            return self._decided(call, asked, None, dry=dry)
        wants, wits, began = self._wants[simple.name], self._wits, self._now()
        intent = wits.classifier.classify(asked) if wants.intent else None
        weighed = wits.complexity(asked) if wants.complexity else None
        seconds = self._now() - began if wants.intent or wants.complexity else None
        understood = Understood(intent=intent, weighed=weighed, seconds=seconds)
        decision = self._settled.decision(simple, call, asked, understood)
        return decision or self._decided(call, asked, understood, dry=False)

    def _decided(
        self, call: Call, asked: Asked | None, understood: Understood | None, *, dry: bool
    ) -> Decision:
        """Whatever the route. `understood`, where that was worked out already."""
        rules, agent, fit, heard = self._meant(call, asked, dry=dry)
        wants = self._wants[rules.name]
        if understood is None:
            understood = self._understood(rules, wants, asked, heard, dry=dry)
        when, panel = self._panel(call, rules, understood, asked)
        session = conversation(call, asked) if dry or wants.session else None
        case = Case(call=call, rules=rules, asked=asked, understood=understood, session=session, dry=dry)
        ordered = Ordered(panel.chain, panel.verdicts) if wants.simple else self._order.of(case, panel)
        chain, intent = ordered.chain, understood.intent
        warm = self.memory.sessions.warm(session, chain[0], self._now()) if session else None
        cached = warm.share if warm else 0.0
        return Decision(
            requested=call.payload.model,
            chain=chain,
            route=rules.name,
            by=rules.by,
            strategy=rules.strategy,
            intent=understood.name,
            confidence=intent.confidence if intent else None,
            band=intent.band if intent else None,
            why=understood,
            complexity=understood.complexity,
            when=when,
            agent=agent.name if agent else None,
            agent_confidence=fit,
            experiment=ordered.experiment,
            cascade=cascaded(rules.cascade, chain) if asked else None,
            mirror=self._order.mirrored(case),
            session=session,
            warm_key=warm.key if warm else None,
            expected_nano=self._order.expected_nano(case, self._models[chain[0]], cached),
            classified_s=understood.seconds,
            verdicts=ordered.verdicts if chain is panel.chain else by_chain(chain, ordered.verdicts),
        )

    def _meant(
        self, call: Call, asked: Asked | None, *, dry: bool
    ) -> tuple[Rules, Agent | None, float | None, Intent | None]:
        """The route that is asked for, and what is known of the agent where it is one."""
        requested = call.payload.model
        agent, fit, heard = self._agent(call, asked) if requested.startswith(AGENT) else (None, None, None)
        rules = self._rules.get(agent.route if agent else requested)
        if rules is None:
            raise self._names.unknown(requested, call.caller.models)
        if agent and not dry:
            self.memory.agents.count(call.caller.tenant, agent.name)
        return rules, agent, fit, heard

    def persona(self, decision: Decision) -> Agent | None:
        """The agent the request was given to."""
        return self._agents.get(AGENT + decision.agent) if decision.agent else None

    def rules(self, decision: Decision) -> Rules | None:
        """Those of the route that decided."""
        return self._rules.get(decision.route)

    def _agent(self, call: Call, asked: Asked | None) -> tuple[Agent | None, float | None, Intent | None]:
        """The agent that is asked for; how well it fits where the choice was ours, and the intent it was made
        by."""
        name = call.payload.model
        if not self._agents:
            return None, None, None
        if name != AUTO:
            agent = self._agents.get(name)
            if agent is None:
                raise self._names.unknown(name, call.caller.models)
            return agent, None, None
        known = tuple(self._agents.values())
        text = asked.text if asked else ""
        intent = self._wits.classifier.classify(asked) if asked else None
        similarity = self._wits.similarity(text) if self._wits.similarity and text else None
        waits = {one.name: self._wait_s(one) for one in known}
        fits = personas.fitted(known, text, intent, similarity=similarity, wait_s=waits)
        agent = personas.chosen(known, fits)
        return agent, next(fit.confidence for fit in fits if fit.agent is agent), intent

    def _wait_s(self, agent: Agent) -> float:
        rules = self._rules.get(agent.route)
        return min((self._pools[model].load() for model in rules.use), default=0.0) if rules else 0.0

    def _understood(
        self, rules: Rules, wants: Wants, asked: Asked | None, heard: Intent | None, *, dry: bool
    ) -> Understood:
        """`heard`: the intent, where an agent was chosen by it."""
        if asked is None:
            return Understood()
        wits, began = self._wits, self._now()
        intent = None
        if dry or wants.intent:
            intent = heard or wits.classifier.classify(asked)
        weighed = wits.complexity(asked) if dry or wants.complexity else None
        preference = None
        if rules.learned is not None:
            policy = rules.feedback
            shift = self.memory.feedback.shift(rules.name, policy, asked) if policy else 0.0
            preference = rules.learned.prefers(asked, shift)
        if intent is None and weighed is None and preference is None:
            return Understood()
        return Understood(intent=intent, weighed=weighed, preference=preference, seconds=self._now() - began)

    def _panel(
        self, call: Call, rules: Rules, understood: Understood, asked: Asked | None
    ) -> tuple[str | None, Panel]:
        """Who is in the running, and the rule that says so. Where nothing is left of its models, `use` is."""
        when = rules.rule(understood.name, understood.complexity, call.caller.tier.name)
        models = rules.use if when is None else when.models
        panel = self._panels.lawful(call, rules, models, asked, understood.name)
        if when is not None and not panel.chain:
            when, panel = None, self._panels.lawful(call, rules, rules.use, asked, understood.name)
        if not panel.chain:
            raise refusal(shown(call.payload.model), panel.found)
        return when.rule if when else None, panel

    # ── what callers say of answers ──────────────────────────────────────────────────────────────────

    def answered(self, call: Call, request_id: str, decision: Decision, model: str) -> None:
        """An answer has ended well, or that of a copy with another id; on a route that wants to know, it may
        be scored."""
        rules = self._rules.get(decision.route)
        if rules is None or rules.feedback is None:
            return
        asked = call.payload.asked() if rules.feedback.predictor else None
        served = Served(decision.route, decision.intent, model, traits(asked) if asked else NOTHING)
        self.memory.feedback.await_(call.caller.key, request_id, served)

    def scored(self, key: str, request_id: str, score: float) -> Served | None:
        """What a caller says of an answer, 0..1; which that was, or `None` where none is awaited."""
        feedback = self.memory.feedback
        served = feedback.take(key, request_id)
        rules = self._rules.get(served.route) if served else None
        if served is None or rules is None or rules.feedback is None:
            return served
        feedback.learn(served, rules.feedback, score)
        if rules.learned is not None:
            weak = served.model == rules.learned.weak
            feedback.learn_of(served, rules.feedback, score, weak=weak, target=rules.learned.target)
        return served

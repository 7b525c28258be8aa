"""Route: turns the name the caller used into the chain of pools to try, and leaves a receipt that says why.

Stands above fallback, which follows the chain and nothing else: so whatever a constraint forbids is out for
fallbacks, retries and hedges too. A name that leaves nothing to decide costs a look-up. Otherwise the
decision goes down with the call and up with the reply, and the layer stays until the answer has ended, to
learn from it: how long such answers are, what of the session its provider has cached, how a canary does.
Holds nothing that others wait for.

Known weakness: what is learned is this process's own; workers do not tell each other, and a restart forgets.
"""

from __future__ import annotations

from asyncio import CancelledError
from contextlib import AbstractAsyncContextManager

import msgspec

from headgate.core.call import Call, Reply
from headgate.core.decision import Decision
from headgate.core.errors import GatewayError, UpstreamError, UpstreamRejected
from headgate.core.experiment import Ending
from headgate.core.router import Router
from headgate.core.rules import Rules
from headgate.pipeline.service import Passage, Service
from headgate.ports.clock import Clock
from headgate.ports.recorder import Recorder


class Route:
    def __init__(self, inner: Service, *, router: Router, clock: Clock, recorder: Recorder) -> None:
        self._inner = inner
        self._router = router
        self._clock = clock
        self._recorder = recorder

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        chain = self._router.plain(call)
        if chain is not None:
            return self._inner(msgspec.structs.replace(call, chain=chain))
        decision = self._router.decide(call)
        self._router.memory.keep(call.caller.key, call.request_id, decision)
        persona = self._router.persona(decision) if decision.agent else None
        payload = call.payload.shaped(persona.shape) if persona and persona.shape.persona else call.payload
        decided = msgspec.structs.replace(call, chain=decision.chain, decision=decision, payload=payload)
        return _Routed(self._inner, decided, route=self, decision=decision)

    def learn(self, call: Call, decision: Decision, reply: Reply) -> None:
        """An answer has ended well."""
        usage, source, memory = reply.usage(), reply.source, self._router.memory
        memory.lengths.observe(source.model_id, decision.intent, usage.completion)
        if decision.session is not None:
            memory.sessions.observe(decision.session, source.model_id, source.key, usage, self._clock.now())
        self._router.answered(call, call.request_id, decision, source.model_id)

    def tried(self, call: Call, decision: Decision, reply: Reply | None, error: BaseException | None) -> None:
        """A request that was part of a canary's trial has ended. A deadline, which stands above, looks like a
        cancellation from here."""
        rules = self._router.rules(decision)
        if isinstance(error, CancelledError) and self._clock.now() >= call.deadline_at:
            ending: Ending | None = Ending(failed=True)
        else:
            ending = _ending(decision, reply, error)
        if rules is None or rules.canary is None or ending is None:
            return
        memory = self._router.memory
        before = memory.trial(rules.name, rules.canary)
        after = before.canary(ending) if decision.experiment == "canary" else before.other(ending)
        memory.tried(rules.name, rules.canary, after)
        if after.stopped and not before.stopped:
            self._say(rules, after.stopped)

    def _say(self, rules: Rules, reason: str) -> None:
        if rules.canary is not None:
            self._recorder.canary_stopped(rules.name, rules.canary.model, reason)


class _Routed(Passage, eq=False, kw_only=True):
    route: Route
    decision: Decision

    def opened(self, reply: Reply) -> None:
        reply.decision = self.decision

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        decision = self.decision
        if reply is not None and reply.reuse.hit:
            return error  # nobody was asked: there is nothing to learn
        if error is None and reply is not None:
            self.route.learn(self.call, decision, reply)
        elif isinstance(error, GatewayError):
            error.decision = decision
        if decision.experiment in ("canary", "control"):
            self.route.tried(self.call, decision, reply, error)
        return error


def _ending(decision: Decision, reply: Reply | None, error: BaseException | None) -> Ending | None:
    """What a request says of the model it was meant for; `None` where that is nothing: it was cancelled, or
    at fault itself."""
    if error is not None:
        says = isinstance(error, UpstreamError) and not isinstance(error, UpstreamRejected)
        return Ending(failed=True) if says else None
    if reply is None or reply.source.model_id != decision.chain[0]:
        return Ending(failed=True)
    return Ending(failed=False, seconds=reply.opened_at - reply.asked_at)

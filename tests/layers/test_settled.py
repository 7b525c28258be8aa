"""Routes with nothing more to decide: their receipts are worked out once, and are the same as any other's."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.agents import Agent
from headgate.core.asked import Asked
from headgate.core.call import Call, Caller
from headgate.core.decision import Candidate, Decision
from headgate.core.errors import Refused
from headgate.core.price import Price
from headgate.core.router import Router
from headgate.core.rules import Rules, When
from headgate.core.tier import Tier
from headgate.core.understood import Understood
from routed import Says, router
from scripted import FakePayload, asked
from virtual import run

NAMES = ("a", "b", "c", "d")
SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True).map(tuple)
CANDIDATES = st.builds(
    Candidate,
    model_id=st.just(""),
    provider=st.sampled_from(("p", "q")),
    region=st.sampled_from(("eu", "us")),
    local=st.booleans(),
    quality=st.none() | st.floats(0, 1),
    context=st.none() | st.integers(1, 40),
    supports=st.none() | st.frozensets(st.sampled_from(("tools", "json"))),
    price=st.none() | st.just(Price(input=1_000_000, output=2_000_000)),
)
CALLERS = st.builds(
    Caller,
    key=st.just("k"),
    tenant=st.just("t"),
    models=st.none() | st.frozensets(st.sampled_from(("auto", *NAMES)), min_size=1),
    tier=st.builds(
        Tier, name=st.sampled_from(("free", "paid")), providers=st.none() | st.just(frozenset("p"))
    ),
    regions=st.none() | st.just(frozenset(["eu"])),
    privacy=st.sampled_from(("standard", "local_only")),
)
WHEN = st.builds(
    When,
    rule=st.just("rule"),
    models=SOME,
    intent=st.sampled_from((None, "code", "reasoning")),
    complexity=st.sampled_from((None, "simple", "medium")),
    tier=st.sampled_from((None, "free")),
)
RULES = st.builds(
    Rules,
    name=st.just("auto"),
    use=SOME,
    by=st.sampled_from(("intent", "complexity")),
    when=st.lists(WHEN, max_size=3).map(tuple),
    min_quality=st.none() | st.just(0.5),
)
GISTS = st.builds(
    Asked,
    text=st.sampled_from(("[code] a", "[reasoning] b", "c", "[code] " + "long " * 20)),
    chars=st.integers(0, 300),
    tools=st.booleans(),
)


def told(decides: Router, call: Call, *, closely: bool) -> Decision | str:
    """What is decided; `closely`: as for any route."""
    try:
        gist = call.payload.asked()
        decision = decides._decided(call, gist, None, dry=False) if closely else decides.decide(call)
    except Refused as refused:
        return refused.message
    return msgspec.structs.replace(decision, classified_s=None, why=None)


@given(st.lists(CANDIDATES, min_size=4, max_size=4), RULES, st.lists(st.tuples(CALLERS, GISTS), max_size=6))
def test_what_is_kept_of_a_receipt_is_what_would_be_decided_anew(
    facts: list[Candidate], rules: Rules, requests: list[tuple[Caller, Asked]]
) -> None:
    async def story() -> None:
        models = [msgspec.structs.replace(one, model_id=name) for one, name in zip(facts, NAMES, strict=True)]
        decides = router(models, rules)
        for caller, gist in requests:
            raw = b'{"tools":[]}' if gist.tools else b"{}"
            call = asked(payload=FakePayload("auto", raw=raw, gist=gist), caller=caller)
            assert told(decides, call, closely=False) == told(decides, call, closely=True)

    run(story())


def test_each_request_has_its_own_evidence_and_price() -> None:
    async def story() -> None:
        price = Price(input=1_000_000, output=0)
        decides = router(
            [Candidate(model_id="a", provider="p", price=price)], Rules(name="auto", use=("a",), by="intent")
        )
        first, second = (
            decides.decide(asked(payload=FakePayload("auto", gist=Asked(text=text, chars=chars))))
            for text, chars in (("[code] one", 400), ("[code] another", 800))
        )
        assert (first.expected_nano, second.expected_nano) == (100, 200)
        assert isinstance(first.why, Understood)
        assert first.why is not second.why
        assert first.verdicts is second.verdicts

    run(story())


def test_a_request_for_any_agent_is_classified_once() -> None:
    async def story() -> None:
        models = [Candidate(model_id="a", provider="p")]
        rules = Rules(name="auto", use=("a",), by="intent")
        coder = Agent(name="coder", description="Codes", skills={"code": 1.0}, route="auto")
        decides = router(models, rules, agents=[coder])
        heard = decides._wits.classifier
        assert isinstance(heard, Says)
        gist = Asked(text="[code] sort a list")
        decision = decides.decide(asked(payload=FakePayload("agent:auto", gist=gist)))
        assert (decision.agent, decision.intent, heard.calls) == ("coder", "code", 1)

    run(story())

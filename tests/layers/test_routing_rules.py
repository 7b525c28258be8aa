"""What the issue of routing names, one by one, on a router of plain values: the map of complexity and tier,
who sticks to what, and what an experiment may not do."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from headgate.core.agents import Agent
from headgate.core.asked import Asked
from headgate.core.call import Call, Caller
from headgate.core.errors import Forbidden, Overloaded
from headgate.core.price import Price
from headgate.core.router import Router
from headgate.core.rules import Canary, Mirror, Preference, Rules, Split, When
from headgate.core.strategy import Importance
from headgate.core.tier import Tier
from headgate.core.usage import Usage
from routed import Still, model, router
from scripted import FakePayload, asked
from virtual import run

FREE, BASIC, PRO = (
    Caller(key=name, tenant="acme", tier=Tier(name=name)) for name in ("free", "basic", "pro")
)
HOUSE = [model("small", local=True), model("middle", local=True), model("coder"), model("premium")]
MAP = Rules(
    name="auto",
    by="complexity",
    use=("premium",),
    when=(
        When("code", ("coder",), intent="code"),
        When("simple+free", ("small",), complexity="simple", tier="free"),
        When("medium+basic", ("middle",), complexity="medium", tier="basic"),
    ),
)


def call(text: str, caller: Caller = PRO, *, session: str | None = None, user: str | None = None) -> Call:
    gist = Asked(text=text, chars=len(text), opening=text, user=user)
    made = asked(payload=FakePayload("auto", gist=gist), caller=caller)
    return msgspec.structs.replace(made, session=session)


@pytest.mark.parametrize(
    ("text", "caller", "first", "when"),
    [
        ("short", FREE, "small", "simple+free"),
        ("short", PRO, "premium", None),
        ("m" * 100, BASIC, "middle", "medium+basic"),
        ("m" * 100, FREE, "premium", None),
        ("[code] sort", FREE, "coder", "code"),
        ("c" * 500, BASIC, "premium", None),
    ],
)
def test_complexity_and_tier_are_mapped_to_models(
    text: str, caller: Caller, first: str, when: str | None
) -> None:
    async def story() -> None:
        decision = router(HOUSE, MAP).decide(call(text, caller))
        assert (decision.chain[0], decision.when) == (first, when)

    run(story())


def test_a_split_keeps_each_user_on_one_side_and_both_in_their_shares() -> None:
    async def story() -> None:
        rules = Rules(name="auto", use=("small",), split=Split({"small": 0.75, "coder": 0.25}, "user"))
        decides = router(HOUSE, rules)
        sides = Counter[str]()
        for number in range(800):
            seen = {decides.decide(call("x", user=f"u{number}")).experiment for _ in range(3)}
            assert len(seen) == 1
            sides[str(seen.pop())] += 1
        assert 160 < sides["split:coder"] < 240

    run(story())


def stays(rules: Rules, first: Call, second: Call) -> bool:
    """Whether the second request goes to who served the first, though it is not its turn."""
    decides = router(HOUSE, rules)
    decision = decides.decide(first)
    served = decision.chain[1]
    if decision.session is not None:
        decides.memory.sessions.observe(decision.session, served, "", Usage(input=1, output=1), 0.0)
    return decides.decide(second).chain[0] == served


def test_a_conversation_is_known_by_the_callers_word_or_by_how_it_began() -> None:
    async def story() -> None:
        by_session, by_opening = (
            Rules(name="auto", use=("small", "coder", "middle"), affinity=how)
            for how in ("session", "conversation")
        )
        assert stays(by_session, call("a", session="s"), call("b", session="s"))
        assert not stays(by_session, call("a", session="s"), call("a", session="t"))
        assert not stays(by_session, call("a"), call("a"))
        assert stays(by_opening, call("a"), call("a"))
        assert not stays(by_opening, call("a"), call("b"))

    run(story())


def test_the_balance_of_quality_price_wait_and_warmth_is_the_configurations() -> None:
    async def story() -> None:
        cheap, dear = Price(input=1, output=1_000_000), Price(input=10, output=9_000_000)
        models = [model("cheap", quality=0.5, price=cheap), model("dear", quality=0.9, price=dear)]
        pools = {"cheap": Still(), "dear": Still()}

        def first(importance: Importance) -> str:
            rules = Rules(
                name="auto", use=("cheap", "dear"), strategy="balanced", importance=importance, by="intent"
            )
            decides = router(models, rules, pools=pools)
            made = call("x", session="s")
            told = decides.decide(made)
            assert told.session is not None
            usage = Usage(input=10, cache_read=90, output=1)
            decides.memory.sessions.observe(told.session, "dear", "k", usage, 0.0)
            decision = decides.decide(made)
            assert set(decision.verdicts[0].parts) == {"quality", "price", "latency", "warmth"}
            return decision.chain[0]

        assert first(Importance(quality=1.0, price=0.1, latency=0.0, warmth=0.0)) == "dear"
        assert first(Importance(quality=0.1, price=1.0, latency=0.0, warmth=0.0)) == "cheap"
        assert first(Importance(quality=0.1, price=1.0, latency=0.0, warmth=2.0)) == "dear"
        pools["dear"].is_loaded = 30.0
        assert first(Importance(quality=1.0, price=0.0, latency=5.0, warmth=0.0)) == "cheap"

    run(story())


class Wishes:
    """A trained router (`core.rules.Learned`) that wants a model which may not serve."""

    weak, target = "coder", 0.9

    def prefers(self, asked: Asked, shift: float = 0.0, /) -> Preference:
        return Preference(("premium", "coder"), 1.0)


def test_neither_what_was_learned_nor_an_experiment_brings_back_whom_a_filter_took() -> None:
    async def story() -> None:
        home = Caller(key="k", tenant="t", privacy="local_only")
        every = ("small", "coder", "premium")
        for rules in (
            Rules(name="auto", use=every, by="learned", learned=Wishes()),
            Rules(name="auto", use=every, split=Split({"premium": 1.0})),
            Rules(name="auto", use=every, canary=Canary(model="premium", share=1.0)),
            Rules(name="auto", use=every, mirror=Mirror("premium", 1.0)),
        ):
            decision = router(HOUSE, rules).decide(call("x", home))
            assert (decision.chain, decision.mirror) == (("small",), None)

    run(story())


def refused(decides: Router, made: Call) -> str:
    with pytest.raises((Forbidden, Overloaded)) as told:
        decides.decide(made)
    return f"{type(told.value).__name__} {told.value.code}: {told.value.message}"


def test_where_nobody_is_left_the_filter_that_took_the_last_is_named() -> None:
    async def story() -> None:
        decides = router([model("a", provider="p")], Rules(name="auto", use=("a",), by="intent"))
        bound = Caller(key="k", tenant="t", tier=Tier(name="free", providers=frozenset(["q"])))
        said = refused(decides, call("x", bound))
        assert said.startswith("Forbidden providers")
        assert "filter: providers" in said
        poor = router([model("a", quality=0.2)], Rules(name="auto", use=("a",), by="intent", min_quality=0.5))
        assert refused(poor, call("x")).startswith("Overloaded no_model_left")

    run(story())


@pytest.mark.parametrize(("wait_s", "agent"), [(0.0, "slow"), (4.0, "quick"), (9.0, "quick")])
def test_an_agent_whose_models_are_slow_is_passed_over(wait_s: float, agent: str) -> None:
    async def story() -> None:
        slow = Agent(name="slow", description="Codes", skills={"code": 1.0}, route="premium")
        quick = Agent(name="quick", description="Codes", skills={"code": 0.8}, route="coder")
        pools = {one.model_id: Still() for one in HOUSE}
        pools["premium"].is_loaded = wait_s
        decides = router(HOUSE, agents=[slow, quick], pools=pools)
        made = asked(payload=FakePayload("agent:auto", gist=Asked(text="[code] sort")), caller=PRO)
        assert decides.decide(made).agent == agent
        assert decides.memory.agents.of("acme") == {agent: 1}

    run(story())

"""Route: a name becomes a chain of pools, with a receipt; and what an answer teaches."""

from __future__ import annotations

import pytest

from headgate.core.agents import Agent
from headgate.core.asked import Asked
from headgate.core.call import Call, Caller
from headgate.core.errors import AllUpstreamsFailed, Forbidden, UnknownModel, UpstreamUnavailable
from headgate.core.price import Price
from headgate.core.router import Router
from headgate.core.rules import Canary, Rules, When
from headgate.core.shape import Shape
from headgate.core.usage import Usage
from headgate.pipeline.route import Route
from routed import Still, model, router
from scripted import CALLER, FakePayload, Notes, Scripted, answers, asked, drain, fails, fate
from virtual import clock, run

NAMED = [model("a"), model("b")]
AUTO = Rules(name="auto", use=("a", "b"))


def route(up: Scripted, decides: Router, notes: Notes | None = None) -> Route:
    return Route(up, router=decides, clock=clock(), recorder=notes or Notes())


def saying(text: str, name: str = "auto", caller: Caller = CALLER) -> Call:
    gist = Asked(text=text, chars=len(text), opening=text)
    return asked(payload=FakePayload(name, gist=gist), caller=caller)


def test_a_name_puts_its_chain_into_the_call_and_nothing_else_changes() -> None:
    async def story() -> None:
        up, call = Scripted(), asked("auto")
        await drain(route(up, router(NAMED, AUTO)), call)
        assert up.seen[0].chain == ("a", "b")
        assert up.seen[0].payload is call.payload
        assert up.seen[0].decision is up.replies[0].decision is None
        assert call.chain == ()

    run(story())


def test_a_key_gets_only_the_models_it_may_use() -> None:
    async def story() -> None:
        up = Scripted()
        bob = Caller(key="bob", tenant="t", models=frozenset({"b"}))
        layer = route(up, router(NAMED, AUTO))
        await drain(layer, asked("auto", caller=bob))
        assert up.seen[0].chain == ("b",)
        with pytest.raises(Forbidden):
            await drain(layer, asked("a", caller=bob))
        assert up.calls == 1

    run(story())


def test_an_unknown_name_reaches_nobody() -> None:
    async def story() -> None:
        up = Scripted()
        for name in ("nope", "agent:nope", "agent:auto"):
            with pytest.raises(UnknownModel):
                await drain(route(up, router(NAMED, AUTO)), asked(name))
        assert up.calls == 0

    run(story())


def test_what_was_decided_goes_down_with_the_call_and_up_with_the_reply() -> None:
    async def story() -> None:
        rules = Rules(name="auto", use=("a",), by="intent", when=(When("code", ("b", "a"), intent="code"),))
        up, decides = Scripted(), router(NAMED, rules)
        await drain(route(up, decides), saying("[code] sort a list"))
        decision = up.replies[0].decision
        assert decision is not None
        assert up.seen[0].decision is decision
        assert (up.seen[0].chain, decision.intent, decision.when) == (("b", "a"), "code", "code")
        assert decides.memory.receipt(CALLER.key, "req-1") is decision
        assert decides.memory.receipt("bob", "req-1") is None

    run(story())


def test_an_error_knows_how_its_request_was_routed() -> None:
    async def story() -> None:
        up = Scripted(fails(AllUpstreamsFailed("all of them")))
        error = await fate(
            route(up, router(NAMED, Rules(name="auto", use=("a",), by="intent"))), saying("hi")
        )
        assert isinstance(error, AllUpstreamsFailed)
        assert error.decision is not None
        assert error.decision.intent == "general"

    run(story())


def test_answers_teach_how_long_answers_are_and_what_is_cached() -> None:
    async def story() -> None:
        price = Price(input=1_000_000, output=1_000_000)
        rules = Rules(name="auto", use=("m", "n"), strategy="cheapest")
        decides = router([model("m", price=price), model("n")], rules)
        up = Scripted(answers(b"x"))
        layer = route(up, decides)
        async with layer(saying("Tell me")) as reply:
            reply.seen.usage = Usage(input=10, cache_read=90, output=50)
        decision = decides.decide(saying("Tell me"))
        assert decides.memory.lengths.expected("m", None) == 50.0
        assert (decision.warm_key, decision.expected_nano) == ("", 51)

    run(story())


def test_a_persona_is_put_before_the_messages() -> None:
    async def story() -> None:
        agent = Agent(name="cook", description="Cooks", shape=Shape(persona="You cook."), route="auto")
        up, decides = Scripted(), router(NAMED, AUTO, agents=[agent])
        await drain(route(up, decides), asked("agent:cook"))
        assert b"You cook." in up.seen[0].payload.raw
        assert up.seen[0].chain == ("a", "b")
        assert decides.memory.agents.of("acme") == {"cook": 1}

    run(story())


# ── canaries ─────────────────────────────────────────────────────────────────────────────────────────

TRIED = Rules(name="auto", use=("old",), canary=Canary(model="new", share=0.5, by="session"))


async def play(decides: Router, notes: Notes, acts: dict[str, Scripted], requests: int) -> list[str]:
    """Who was first for each of so many conversations, every one by whichever act its model has."""
    firsts = []
    for number in range(requests):
        decision = decides.decide(saying(f"conversation {number}"), dry=True)
        layer = route(acts[decision.chain[0]], decides, notes)
        await fate(layer, saying(f"conversation {number}"))
        firsts.append(decision.chain[0])
    return firsts


def test_a_canary_that_fails_is_stopped_and_said_so_once() -> None:
    async def story() -> None:
        notes, decides = Notes(), router([model("old"), model("new")], TRIED)
        down = Scripted(fails(UpstreamUnavailable("down")), name="new")
        firsts = await play(decides, notes, {"old": Scripted(name="old"), "new": down}, 100)
        assert notes.canaries == [("auto", "new", "errors")]
        assert 8 < down.calls < 20
        assert set(firsts[60:]) == {"old"}

    run(story())


def test_a_canary_that_is_slower_is_stopped() -> None:
    async def story() -> None:
        notes, decides = Notes(), router([model("old"), model("new")], TRIED)
        acts = {
            "old": Scripted(answers(after_s=1.0), name="old"),
            "new": Scripted(answers(after_s=2.0), name="new"),
        }
        await play(decides, notes, acts, 100)
        assert notes.canaries == [("auto", "new", "latency")]

    run(story())


def test_a_canary_that_is_no_worse_goes_on() -> None:
    async def story() -> None:
        notes, decides = Notes(), router([model("old"), model("new")], TRIED)
        acts = {name: Scripted(answers(after_s=1.0), name=name) for name in ("old", "new")}
        firsts = await play(decides, notes, acts, 300)
        assert notes.canaries == []
        assert 100 < firsts.count("new") < 200

    run(story())


def test_who_has_no_room_is_asked_last() -> None:
    async def story() -> None:
        pools = {"a": Still(is_ready=False), "b": Still(is_loaded=9.0)}
        for strategy in ("round_robin", "weighted", "least_latency"):
            decides = router(NAMED, Rules(name="auto", use=("a", "b"), strategy=strategy), pools=pools)
            assert {decides.decide(asked("auto")).chain for _ in range(9)} == {("b", "a")}

    run(story())

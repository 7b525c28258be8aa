"""A weak model answers first: through the whole gateway, with a cache, in both dialects, and within a key's
rights."""

from __future__ import annotations

from typing import Any

import msgspec

from headgate.core.call import Caller, Operation, Outcome
from headgate.core.tier import Tier
from headgate.providers.anthropic import AnthropicSurface
from headgate.providers.said import said
from staged import Stage, play, play_cancelled_everywhere, simulated, two_neighbours

ROUTE = {"use": ["a", "b"], "cascade": {"weak": "a", "strong": "b"}}
WHOLE, BROKEN = 30, 5
"""Tokens after which a simulated answer is at the end of a sentence, and in the midst of one."""

PRICE = {"input": 1.0, "output": 2.0}


def house(north_tokens: int, **more: Any) -> dict[str, Any]:
    """`a` at north breaks off after so many tokens, and that is doubtful; `b` at south says it all."""
    providers = {
        "north": simulated(simulated={"output_tokens": north_tokens, "tokens_per_s": 100.0}),
        "south": simulated(simulated={"output_tokens": WHOLE, "tokens_per_s": 100.0}),
    }
    models = {"a": {"provider": "north", "price": PRICE}, "b": {"provider": "south", "price": PRICE}}
    return two_neighbours(**{"providers": providers, "models": models, "routes": {"auto": ROUTE}, **more})


async def twice(stage: Stage) -> None:
    await stage.ask()
    await stage.ask(stream=False)
    stage.seen["visits"] = (stage.visits("north"), stage.visits("south"))


def test_a_whole_answer_of_the_weak_model_is_told() -> None:
    stage = play(house(WHOLE), twice)
    assert [(told.model, told.attempts, told.whole) for told in stage.told] == [("a", 1, True)] * 2
    assert stage.seen["visits"] == (2, 0)
    assert [record.reply.judged for record in stage.records if record.reply] == ["accepted"] * 2
    assert stage.told[0].text == stage.told[1].text


def test_a_doubtful_one_goes_to_the_strong_model_and_both_are_paid_for() -> None:
    stage = play(house(BROKEN), twice)
    assert [(told.model, told.attempts, told.whole) for told in stage.told] == [("b", 2, True)] * 2
    assert stage.outcomes == [Outcome.FINISHED] * 2
    for record in stage.records:
        assert record.reply is not None
        own, weak = record.reply.own_nano(), record.reply.discarded[0].cost_nano
        assert own
        assert weak
        assert record.cost_nano == own + weak
    counters = dict(stage.gateway.tally.snapshot().counters)
    assert counters["cascades_total", "b", "escalated"] == 2
    assert [counters["key_requests_total", name, "1"] for name in ("north", "south")] == [2, 2]
    assert stage.seen["visits"] == (2, 2)


def test_where_the_strong_model_is_down_the_doubtful_answer_is_told() -> None:
    async def traffic(stage: Stage) -> None:
        stage.befalls("south", "status:503")
        await stage.ask()

    stage = play(house(BROKEN), traffic)
    [told] = stage.told
    assert (told.model, told.whole) == ("a", True)
    assert stage.records[0].reply is not None
    assert stage.records[0].reply.judged == "kept"


def test_where_the_weak_model_is_down_the_strong_one_answers_unjudged() -> None:
    async def traffic(stage: Stage) -> None:
        stage.befalls("north", "status:503")
        await stage.ask()

    [told] = play(house(BROKEN), traffic).told
    assert (told.model, told.instead_of) == ("b", "a")


def test_an_answer_that_breaks_off_is_never_seen() -> None:
    async def traffic(stage: Stage) -> None:
        stage.befalls("north", "cut-mid:3")
        await stage.ask()

    stage = play(house(WHOLE), traffic)
    [told] = stage.told
    assert (told.model, told.whole, told.error) == ("b", True, None)


def test_what_was_judged_once_is_kept() -> None:
    reuse = {"cache": {"exact": {"ttl_s": 60}}, "coalesce": {"window_s": 5}}

    async def traffic(stage: Stage) -> None:
        await stage.ask()
        await stage.ask()
        stage.seen["visits"] = stage.visits("north")

    for tokens, model in ((WHOLE, "a"), (BROKEN, "b")):
        stage = play(house(tokens, **reuse), traffic)
        assert [told.model for told in stage.told] == [model] * 2
        assert stage.told[0].text == stage.told[1].text
        assert stage.seen["visits"] == 1


def test_who_may_not_use_the_strong_model_gets_the_weak_ones_answer() -> None:
    async def traffic(stage: Stage) -> None:
        call = stage._call(0.0, "auto", True, 600.0, [{"role": "user", "content": "Hello"}], None)
        tier = Tier(name="free", providers=frozenset({"north"}))
        poor = msgspec.structs.replace(call, caller=Caller(key="k", tenant="t", tier=tier))
        async with stage.gateway.service(poor) as reply:
            stage.begun += 1
            stage.seen["judged"] = reply.judged
            stage.seen["model"] = reply.source.model_id
            async for _ in reply.body:
                pass
        stage.seen["asked"] = stage.visits("south")

    stage = play(house(BROKEN), traffic)
    assert (stage.seen["model"], stage.seen["judged"], stage.seen["asked"]) == ("a", None, 0)


def test_cancelled_anywhere_it_leaves_nothing_behind() -> None:
    play_cancelled_everywhere(house(BROKEN), twice)


# ── what an answer says ──────────────────────────────────────────────────────────────────────────────


def test_answers_are_read_in_the_callers_dialect() -> None:
    surface = AnthropicSurface(str)
    body = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}'
    payload = surface.parse(Operation.CHAT, body)
    answer = (
        b'{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Four."}],'
        b'"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}'
    )
    assert said(payload, answer) == "Four."
    tool = b'{"type":"tool_use","id":"t","name":"f","input":{}}'
    assert said(payload, answer.replace(b'{"type":"text","text":"Four."}', tool)) is None
    assert said(payload, b"<html>") is None

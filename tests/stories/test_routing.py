"""What is asked decides who answers: by intent, for less money, with a persona, and with copies for a
mirror."""

from __future__ import annotations

from typing import Any

from headgate.core.call import Outcome
from headgate.core.record import Record
from staged import Stage, play, play_cancelled_everywhere, simulated, two_neighbours
from virtual import clock

CODE = "Write a Python function that sorts a list and add unit tests for it."
CHAT = "Tell me about bridges"


def houses(route: dict[str, Any], **more: Any) -> dict[str, Any]:
    return two_neighbours(routes={"auto": route, "plain": {"use": ["a", "b"]}}, **more)


BY_INTENT = houses({"by": "intent", "when": {"code": ["b", "a"]}, "use": ["a", "b"]})


async def code_and_chat(stage: Stage) -> None:
    await stage.ask(say=CODE)
    await stage.ask(say=CHAT)
    stage.befalls("south", "status:503")
    await stage.ask(say=CODE, stream=False)


def test_code_goes_to_one_model_and_the_rest_to_another_each_with_its_fallback() -> None:
    stage = play(BY_INTENT, code_and_chat)
    assert [(told.model, told.instead_of) for told in stage.told] == [("b", None), ("a", None), ("a", "b")]
    assert [record.intent for record in stage.records] == ["code", "general", "code"]
    first = stage.records[0].decision
    assert first is not None
    assert (first.when, first.chain, first.band) == ("code", ("b", "a"), "high")
    assert first.evidence


def test_cancelled_anywhere_it_leaves_nothing_behind() -> None:
    play_cancelled_everywhere(BY_INTENT, code_and_chat)


# ── mirrors ──────────────────────────────────────────────────────────────────────────────────────────

MIRRORED = houses({"use": ["a"], "mirror": {"model": "b", "share": 1.0, "max_in_flight": 2}})


async def mirrored(stage: Stage) -> None:
    """The mirror is slow, then broken, then silent: nobody notices."""
    await stage.ask()
    for fault in ("status:503", "hang"):
        stage.befalls("south", fault, for_s=1.0)
        await stage.ask(stream=False)
    stage.seen["asked for"] = clock().now()
    await clock().sleep(60.0)


def copies(stage: Stage) -> list[Record]:
    return [record for record in stage.notes.records if record.shadow]


def test_a_mirror_gets_copies_at_nobodys_expense_and_nobody_waits_for_it() -> None:
    alone, together = play(houses({"use": ["a"]}), mirrored), play(MIRRORED, mirrored)
    assert [told.took_s for told in together.told] == [told.took_s for told in alone.told]
    assert [told.model for told in together.told] == ["a"] * 3
    assert [record.outcome for record in together.records] == [Outcome.FINISHED] * 3
    found = copies(together)
    assert {(record.key, record.tenant) for record in found} == {("mirror", "mirror")}
    assert sorted(record.outcome for record in found) == [Outcome.FAILED, Outcome.FAILED, Outcome.FINISHED]
    assert {record.request_id for record in found} == {f"req-{number}.mirror" for number in range(3)}


def test_both_the_answer_and_its_copy_may_be_scored() -> None:
    async def scored(stage: Stage) -> None:
        await stage.ask()
        await clock().sleep(60.0)
        decides = stage.gateway._generation.router
        stage.seen["scored"] = [decides.scored("alice", name, 1.0) for name in ("req-0", "req-0.mirror")]

    mirror = {"model": "b", "share": 1.0, "max_in_flight": 2}
    stage = play(houses({"use": ["a"], "mirror": mirror, "feedback": {"bandit": True}}), scored)
    assert [served.model for served in stage.seen["scored"]] == ["a", "b"]


def test_only_so_many_copies_are_under_way_at_once() -> None:
    async def crowd(stage: Stage) -> None:
        stage.befalls("south", "hang", for_s=1.0)
        for _ in range(6):
            await stage.ask(stream=False)
        await clock().sleep(60.0)

    quick = {"latency_s": 0.0, "tokens_per_s": 0.0, "output_tokens": 1}
    providers = {"north": simulated(simulated=quick), "south": simulated()}
    stage = play(MIRRORED | {"providers": providers}, crowd)
    assert len(copies(stage)) == 2


def test_a_mirror_is_bound_by_the_same_constraints() -> None:
    async def ask(stage: Stage) -> None:
        await stage.ask()
        await clock().sleep(60.0)

    models = {"a": {"provider": "north"}, "b": {"provider": "south", "context": 1}}
    assert copies(play(MIRRORED | {"models": models}, ask)) == []


def test_a_request_that_is_cancelled_leaves_its_copy_to_end_by_itself() -> None:
    async def ask(stage: Stage) -> None:
        await stage.ask()
        await clock().sleep(60.0)

    play_cancelled_everywhere(MIRRORED, ask, at_most=20)


# ── money, personas, templates ───────────────────────────────────────────────────────────────────────


def test_the_cheapest_that_is_good_enough_answers() -> None:
    dear, cheap = {"input": 3, "output": 15}, {"input": 0.1, "output": 0.2}
    models = {
        "a": {"provider": "north", "price": dear, "quality": 0.9},
        "b": {"provider": "south", "price": cheap, "quality": 0.6, "skills": {"code": 0.3}},
    }
    route = {"use": ["a", "b"], "by": "intent", "strategy": "cheapest", "min_quality": 0.5}

    async def ask(stage: Stage) -> None:
        await stage.ask(say=CHAT)
        await stage.ask(say=CODE)

    stage = play(houses(route, models=models), ask)
    assert [told.model for told in stage.told] == ["b", "a"]
    decision = stage.records[1].decision
    assert decision is not None
    assert [one.removed_by for one in decision.verdicts] == [None, "min_quality"]


def test_a_session_stays_where_it_is_even_in_turns() -> None:
    async def ask(stage: Stage) -> None:
        for session in ("s", "t", "s", "t", "s", None, None):
            await stage.ask(session=session)

    route = {"use": ["a", "b"], "strategy": "round_robin", "affinity": "session"}
    stage = play(houses(route), ask)
    assert [told.model for told in stage.told] == ["a", "b", "a", "b", "a", "b", "a"]


def test_an_agent_brings_its_persona_and_its_route() -> None:
    agents = {
        "coder": {"description": "Writes programs", "skills": {"code": 0.9}, "route": "b"},
        "guide": {"description": "Talks", "system_prompt": "You are a guide.", "route": "a", "default": True},
    }

    async def ask(stage: Stage) -> None:
        await stage.ask("agent:auto", say=CODE)
        await stage.ask("agent:auto", say=CHAT)
        await stage.ask("agent:coder", say=CHAT)

    stage = play(two_neighbours(agents=agents), ask)
    assert [told.model for told in stage.told] == ["b", "a", "b"]
    decisions = [record.decision for record in stage.records]
    assert [one.agent for one in decisions if one] == ["coder", "guide", "coder"]


def test_a_template_is_for_its_model_alone() -> None:
    models = {"a": {"provider": "north", "prompt": {"prefix": "Think. "}}, "b": {"provider": "south"}}

    async def ask(stage: Stage) -> None:
        await stage.ask(say=CHAT)
        stage.befalls("north", "status:503")
        await stage.ask(say=CHAT)

    stage = play(two_neighbours(models=models), ask)
    assert [told.model for told in stage.told] == ["a", "b"]
    shaped, plain = (record.usage for record in stage.records)
    assert shaped is not None
    assert plain is not None
    assert shaped.prompt > plain.prompt

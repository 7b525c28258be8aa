"""A new configuration while streams run: they finish on the old one, and what did not change is kept."""

from __future__ import annotations

import asyncio
from typing import Any

from headgate.config.tree import Settings
from headgate.core.breaker import State
from headgate.core.call import Outcome
from staged import (
    Stage,
    permits_of,
    play,
    play_cancelled_everywhere,
    simulated,
    simulation_of,
    two_neighbours,
)

OLD = two_neighbours()


def without_north() -> dict[str, Any]:
    """`a` has moved to `south`, under another name there."""
    return {
        **OLD,
        "providers": {"south": OLD["providers"]["south"]},
        "models": {"a": {"provider": "south", "name": "a-prime"}, "b": {"provider": "south"}},
    }


def with_another_south() -> dict[str, Any]:
    return {**OLD, "providers": {**OLD["providers"], "south": simulated(concurrency=3)}}


def reload(stage: Stage, settings: dict[str, Any]) -> None:
    stage.seen["generation"] = stage.gateway.reload(Settings.model_validate(settings))
    stage.settings = settings


async def while_streams_run(stage: Stage) -> None:
    """Five tokens at ten a second: the stream lasts until 0.6 s. The configuration changes at 0.3 s."""
    north = stage.upstreams("a")
    running = [asyncio.ensure_future(stage.ask("a")) for _ in range(3)]
    await stage.until(0.3)
    reload(stage, without_north())
    late = asyncio.ensure_future(stage.ask("a"))
    await asyncio.gather(*running, late)
    stage.seen["late"] = late.result()
    stage.seen["old upstream"] = north[0].condition()
    stage.seen["models"] = [record.upstream_model for record in stage.notes.records]


async def while_a_breaker_is_open(stage: Stage) -> None:
    stage.befalls("north", "503")
    await stage.ask_all(5, gap_s=1.0)
    before = {model: stage.breaker(model) for model in ("a", "b")}
    reload(stage, with_another_south())
    stage.seen["kept"] = {model: stage.breaker(model) is upstream for model, upstream in before.items()}
    stage.seen["state"] = stage.breaker("a").breaker.state
    visits = stage.visits("north")
    await stage.ask()
    stage.seen["more visits"] = stage.visits("north") - visits


def test_streams_finish_on_the_generation_they_began_with() -> None:
    stage = play(OLD, while_streams_run)
    assert stage.seen["generation"] == 2
    assert all(told.whole and told.error is None for told in stage.told)
    assert len({told.text for told in stage.told}) == 1
    assert sorted(stage.seen["models"]) == ["a", "a", "a", "a-prime"]
    assert stage.seen["late"].took_s < 0.7
    assert stage.seen["old upstream"]["in_flight"] == 0
    assert stage.outcomes == [Outcome.FINISHED] * 4


def test_the_breaker_of_an_unchanged_upstream_survives() -> None:
    stage = play(OLD, while_a_breaker_is_open)
    assert stage.seen["kept"] == {"a": True, "b": False}
    assert (stage.seen["state"], stage.seen["more visits"]) == (State.OPEN, 0)
    assert stage.told[-1].model == "b"


def test_what_an_unchanged_provider_has_is_kept_however_often_the_rest_changes() -> None:
    """Its permits above all: else each reload would let as many calls out again."""

    async def three_generations(stage: Stage) -> None:
        [old] = stage.upstreams("a")
        for deadline_s in (100, 200):
            reload(stage, {**OLD, "server": {**OLD["server"], "deadline_s": deadline_s}})
        reload(stage, {**OLD, "models": {**OLD["models"], "c": {"provider": "north"}}})
        [new] = stage.upstreams("c")
        stage.seen["permits"] = permits_of(old) is permits_of(new)
        stage.seen["provider"] = simulation_of(old) is simulation_of(new)

    assert play(OLD, three_generations).seen == {"generation": 4, "permits": True, "provider": True}


def test_cancelled_at_every_turn() -> None:
    assert play_cancelled_everywhere(OLD, while_streams_run) > 10
    assert play_cancelled_everywhere(OLD, while_a_breaker_is_open, at_most=40) > 20

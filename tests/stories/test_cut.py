"""An answer that is cut after its first byte: an error, never a second answer appended."""

from __future__ import annotations

import pytest

from headgate.core.breaker import State
from headgate.core.call import Outcome
from headgate.core.errors import UpstreamInterrupted
from staged import Stage, Traffic, play, play_cancelled_everywhere, two_neighbours

FAULTS = ["cut-mid:3", "cut-mid-json:3", "error-event:3", "stall-mid:3"]


def cut(fault: str, requests: int = 1) -> Traffic:
    async def traffic(stage: Stage) -> None:
        stage.befalls("north", fault)
        await stage.ask_all(requests, gap_s=1.0)
        stage.seen["state"] = stage.breaker("a").breaker.state
        stage.seen["failures"] = stage.breaker("a").breaker.failures
        stage.seen["neighbour"] = stage.visits("south")

    return traffic


@pytest.mark.parametrize("fault", FAULTS)
def test_the_caller_is_told_the_breaker_too_and_nobody_else_is_asked(fault: str) -> None:
    stage = play(two_neighbours(), cut(fault))
    [told] = stage.told
    assert isinstance(told.error, UpstreamInterrupted)
    assert told.model == "a"
    assert told.body
    assert b"[DONE]" not in told.body
    assert stage.seen == {"state": State.CLOSED, "failures": 1, "neighbour": 0}
    [record] = stage.notes.records
    assert (record.outcome, record.model_id, record.attempts) == (Outcome.UPSTREAM_CUT, "a", 1)
    assert record.usage is not None
    assert record.usage.output > 0
    assert record.first_byte_s is not None


@pytest.mark.parametrize("fault", FAULTS)
def test_who_cuts_every_answer_is_left_alone(fault: str) -> None:
    stage = play(two_neighbours(), cut(fault, requests=8))
    assert stage.seen["state"] is State.OPEN
    assert [told.model for told in stage.told] == ["a"] * 5 + ["b"] * 3
    assert stage.outcomes == [Outcome.UPSTREAM_CUT] * 5 + [Outcome.FINISHED] * 3


@pytest.mark.parametrize("fault", FAULTS)
def test_cancelled_at_every_turn(fault: str) -> None:
    assert play_cancelled_everywhere(two_neighbours(), cut(fault, requests=2)) > 5

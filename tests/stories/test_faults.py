"""Whatever an upstream does before its first byte, the client never notices."""

from __future__ import annotations

import pytest

from headgate.core.call import Outcome
from headgate.providers.simulated import FAULTS
from staged import Stage, Traffic, play, play_cancelled_everywhere, two_neighbours

NOT_THE_UPSTREAMS_FAULT = {"context"}
MIDWAY_IF_STREAMED = {"cut-mid", "cut-mid-json", "error-event", "stall-mid"}
ONLY_SLOW = {"slow", "late"}
STATUSES = ["status:500", "status:502", "529", "404", "408", "429", "429:0", "429:7", "403"]

NAMES = sorted(set(FAULTS) - NOT_THE_UPSTREAMS_FAULT - MIDWAY_IF_STREAMED - ONLY_SLOW - {"status"})
CASES = [(fault, stream) for fault in [*NAMES, *STATUSES] for stream in (True, False)]
CASES += [(fault, False) for fault in sorted(MIDWAY_IF_STREAMED)]
LABELS = [f"{fault}-{'streamed' if stream else 'whole'}" for fault, stream in CASES]


def befallen(fault: str, stream: bool, requests: int = 3) -> Traffic:
    async def traffic(stage: Stage) -> None:
        stage.befalls("north", fault)
        await stage.ask_all(requests, gap_s=1.0, stream=stream)

    return traffic


@pytest.fixture(scope="module")
def answer() -> dict[bool, str]:
    """What the neighbour says when it is asked itself, streamed and not."""

    async def traffic(stage: Stage) -> None:
        for stream in (True, False):
            await stage.ask("b", stream=stream)

    streamed, whole = play(two_neighbours(), traffic).told
    assert len(streamed.text) > 10
    return {True: streamed.text, False: whole.text}


@pytest.mark.parametrize(("fault", "stream"), CASES, ids=LABELS)
def test_the_client_never_notices(fault: str, stream: bool, answer: dict[bool, str]) -> None:
    stage = play(two_neighbours(), befallen(fault, stream, requests=20))
    assert [(told.model, told.text, told.whole) for told in stage.told] == [("b", answer[stream], True)] * 20
    assert set(stage.outcomes) == {Outcome.FINISHED}
    assert stage.told[0].attempts == 2
    assert stage.notes.failures[0][0] == "a"
    assert {(move[0], move[1]) for move in stage.notes.fallbacks} == {("a", "b")}


@pytest.mark.parametrize(("fault", "stream"), CASES, ids=LABELS)
def test_cancelled_at_every_turn(fault: str, stream: bool) -> None:
    assert play_cancelled_everywhere(two_neighbours(), befallen(fault, stream, requests=1), at_most=25) >= 3


def test_a_slow_upstream_is_only_slow() -> None:
    stage = play(two_neighbours(), befallen("slow:2", stream=True))
    assert [(told.model, told.whole) for told in stage.told] == [("a", True)] * 3

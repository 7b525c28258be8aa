"""Fleets alone: whom a request is sent to, and who is asked when those have failed."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import pytest

from headgate.core.call import Call, Reply
from headgate.core.errors import (
    GatewayError,
    OverLimit,
    Overloaded,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.fleet import Fleet, Marks
from headgate.pipeline.fleet import ByFleet, Doors, Known, Member
from scripted import (
    Act,
    Notes,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    drain,
    fails,
    fate,
)
from virtual import clock, run

CHAIN = ("p", "q", "s", "b")
FLEETS = {"p": Fleet.PRIMARY, "q": Fleet.PRIMARY, "s": Fleet.SECONDARY, "b": Fleet.BACKUP}


@dataclass
class Scene:
    """What stands below asks the first of the chain it is given, and notes the chain."""

    acts: dict[str, Act] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)
    recovers_at: dict[str, float] = field(default_factory=dict)
    chains: list[tuple[str, ...]] = field(default_factory=list)
    notes: Notes = field(default_factory=Notes)
    known: Known = field(default_factory=dict)

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        self.chains.append(call.chain)
        name = call.chain[0]
        return Scripted(self.acts.get(name, answers()), name=name)(call)

    def layer(self) -> ByFleet:
        members = {
            name: Member(
                fleet,
                lambda name=name: self.busy.get(name, 0.0),  # type: ignore[misc]  # bound now, not later
                lambda name=name: self.recovers_at.get(name, 0.0),  # type: ignore[misc]  # the same
            )
            for name, fleet in FLEETS.items()
        }
        return ByFleet(
            self, members=members, marks=Marks(), known=self.known, clock=clock(), recorder=self.notes
        )


def sent(scene: Scene, chain: tuple[str, ...] = CHAIN) -> list[tuple[str, ...]]:
    """The chains that were followed for one request."""

    async def main() -> None:
        await fate(scene.layer(), asked(chain=chain))

    scene.chains.clear()
    run(main())
    return scene.chains


DOWN = fails(UpstreamUnavailable("down"))


def test_a_quiet_day_is_the_primarys() -> None:
    assert sent(Scene()) == [("p", "q")]


def test_a_chain_of_one_fleet_is_left_as_it_is() -> None:
    assert sent(Scene(recovers_at={"s": 9.0}), ("s",)) == [("s",)]
    assert sent(Scene(busy={"p": 1.0, "q": 1.0}), ("q", "p")) == [("q", "p")]


def test_the_secondary_opens_at_four_fifths_and_takes_what_is_over() -> None:
    scene = Scene(busy={"p": 0.9, "q": 0.68})
    assert sent(scene) == [("p", "q")]
    scene.busy["q"] = 0.71
    assert sent(scene) == [("s", "p", "q")]
    [(fleet, is_open, load)] = scene.notes.fleets
    assert (fleet, is_open, round(load, 3)) == (Fleet.SECONDARY, True, 0.805)
    scene.busy = {"p": 0.7, "q": 0.7}
    assert sent(scene) == [("p", "q", "s")]


def test_who_is_not_well_does_not_count_and_if_nobody_is_the_next_fleet_serves() -> None:
    scene = Scene(busy={"q": 0.5}, recovers_at={"p": 9.0})
    assert sent(scene) == [("p", "q")]
    scene.recovers_at["q"] = 9.0
    assert sent(scene) == [("p", "q", "s")]
    scene.recovers_at["s"] = 9.0
    assert sent(scene) == [("p", "q", "s", "b")]
    assert [move[:2] for move in scene.notes.fleets] == [(Fleet.SECONDARY, True), (Fleet.BACKUP, True)]


def test_what_all_open_ones_have_failed_goes_to_the_closed_in_their_order() -> None:
    scene = Scene(acts={"p": DOWN, "s": DOWN})
    assert sent(scene) == [("p", "q"), ("s",), ("b",)]
    assert [(from_, to) for from_, to, _ in scene.notes.fallbacks] == [("p", "b")]


@pytest.mark.parametrize(
    ("error", "chains"),
    [
        (Overloaded("full"), [("p", "q"), ("s",)]),
        (UpstreamThrottled("full"), [("p", "q"), ("s",)]),
        (OverLimit("full"), [("p", "q"), ("s",)]),
        (UpstreamRejected("too long", status=400), [("p", "q")]),
    ],
)
def test_to_have_no_room_is_no_outage(error: GatewayError, chains: list[tuple[str, ...]]) -> None:
    assert sent(Scene(acts={"p": fails(error), "s": fails(error)})) == chains


def test_who_is_opened_while_a_request_waits_may_serve_it() -> None:
    scene = Scene(acts={"p": fails(Overloaded("full"), after_s=5.0)})

    async def main() -> None:
        waiting = asyncio.ensure_future(drain(scene.layer(), asked(chain=CHAIN)))
        await clock().sleep(1.0)
        scene.busy = {"p": 1.0, "q": 1.0}
        assert await waiting

    run(main())
    assert scene.chains == [("p", "q"), ("s",)]


def test_cancelled_at_every_turn() -> None:
    async def scene(loop: TurningLoop) -> None:
        stage = Scene(
            acts={"p": fails(UpstreamUnavailable("down"), after_s=1.0), "s": answers(b"a", 1.0, b"b")}
        )
        task = await loop.on_the_block(drain(stage.layer(), asked(chain=CHAIN)))
        assert task.cancelled() or task.result() == [b"a", b"b"]

    assert cancelled_at_every_turn(scene) > 2


def test_only_so_many_chains_are_remembered() -> None:
    scene = Scene(known={(str(number),): Doors() for number in range(1000)})
    sent(scene)
    assert len(scene.known) == 1000
    assert tuple(sorted(CHAIN)) in scene.known

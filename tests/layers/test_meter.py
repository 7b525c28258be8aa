"""Meter: exactly one record for every ending, and the right word for it."""

from __future__ import annotations

import asyncio

import pytest

from headgate.core.call import Outcome, Reply
from headgate.core.errors import (
    AllUpstreamsFailed,
    Forbidden,
    GatewayError,
    InvalidRequest,
    Overloaded,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.permits import Permits
from headgate.core.price import Price
from headgate.core.record import Record
from headgate.core.strain import Strain
from headgate.core.usage import Usage
from headgate.pipeline.admit import Admit
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.meter import Meter
from headgate.pipeline.service import Service
from scripted import (
    HANG,
    Act,
    Notes,
    Scripted,
    Step,
    TurningLoop,
    answers,
    asked,
    cancel_after,
    cancelled_at_every_turn,
    drain,
    fails,
    fate,
    hangs,
    leave_midway,
)
from virtual import clock, run


def metered(inner: Service, notes: Notes) -> Meter:
    return Meter(inner, recorder=notes, clock=clock())


def record_of(act: Act, *, stream: bool = True) -> Record:
    """The one record that a call of this kind leaves."""

    async def story() -> Record:
        notes = Notes()
        await fate(
            metered(Deadline(Scripted(act), clock=clock()), notes), asked(stream=stream, deadline_s=60.0)
        )
        [record] = notes.records
        return record

    return run(story())


@pytest.mark.parametrize(
    ("act", "outcome", "error"),
    [
        (answers(b"a"), Outcome.FINISHED, None),
        (fails(Overloaded("full")), Outcome.REFUSED, "Overloaded"),
        (fails(Forbidden("no")), Outcome.REFUSED, "Forbidden"),
        (fails(InvalidRequest("what?")), Outcome.REFUSED, "InvalidRequest"),
        (fails(UpstreamRejected("too long", status=400)), Outcome.REJECTED, "UpstreamRejected"),
        (fails(AllUpstreamsFailed("all down")), Outcome.FAILED, "AllUpstreamsFailed"),
        (fails(UpstreamUnavailable("down")), Outcome.FAILED, "UpstreamUnavailable"),
        (fails(UpstreamThrottled("slow down")), Outcome.FAILED, "UpstreamThrottled"),
        (fails(KeyError("a bug")), Outcome.FAILED, "KeyError"),
        (answers(b"a", UpstreamInterrupted("cut")), Outcome.UPSTREAM_CUT, "UpstreamInterrupted"),
        (answers(b"a", ZeroDivisionError("a bug")), Outcome.FAILED, "ZeroDivisionError"),
        (hangs(), Outcome.DEADLINE, "DeadlineExceeded"),
        (answers(b"a", HANG), Outcome.DEADLINE, "DeadlineExceeded"),
    ],
)
def test_every_ending_has_its_word(act: Act, outcome: Outcome, error: str | None) -> None:
    record = record_of(act)
    assert (record.outcome, record.error) == (outcome, error)


def test_the_record_never_holds_the_message_of_a_bug() -> None:
    assert record_of(fails(KeyError("secret"))).message is None
    assert record_of(fails(UpstreamUnavailable("down"))).message == "down"


@pytest.mark.parametrize(("gone", "outcome"), [(True, Outcome.CLIENT_GONE), (False, Outcome.CANCELLED)])
@pytest.mark.parametrize("steps", [(HANG,), (b"a", HANG)])
def test_a_caller_who_hung_up_is_told_from_other_cancellations(
    gone: bool, outcome: Outcome, steps: tuple[Step, ...]
) -> None:
    async def story() -> None:
        for act in (Act(before=steps), Act(then=steps)):
            notes = Notes()
            call = asked()
            call.line.gone = gone
            assert await cancel_after(drain(metered(Scripted(act), notes), call), 3.0)
            [record] = notes.records
            assert (record.outcome, record.total_s) == (outcome, 3.0)

    run(story())


def test_a_generator_closed_midway_counts_as_cancelled() -> None:
    async def story() -> None:
        notes = Notes()
        await leave_midway(metered(Scripted(answers(b"a", b"b")), notes), asked())
        assert [record.outcome for record in notes.records] == [Outcome.CANCELLED]

    run(story())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "act",
    [
        answers(b"a", 1.0, b"b", after_s=1.0),
        answers(b"a", 1.0, UpstreamInterrupted("cut"), after_s=1.0),
        fails(UpstreamUnavailable("down"), after_s=1.0),
    ],
)
def test_cancelled_at_any_turn_it_leaves_exactly_one_record(act: Act, stream: bool) -> None:
    async def scene(loop: TurningLoop) -> None:
        notes = Notes()
        admit = Admit(Scripted(act), permits=Permits(1), strain=Strain(1), recorder=notes)
        service = metered(Deadline(admit, clock=clock()), notes)
        task = await loop.on_the_block(drain(service, asked(stream=stream)))
        if loop.struck and loop.turns == 1:
            assert notes.records == [], "it was over before it began"
            return
        [record] = notes.records
        if task.cancelled():
            assert record.outcome is Outcome.CANCELLED

    cancelled_at_every_turn(scene)


def test_what_was_known_at_the_first_byte_is_in_the_record() -> None:
    async def story() -> None:
        notes = Notes()
        price = Price(input=1_000_000_000, output=2_000_000_000)
        up = Scripted(answers(b"a", 4.0, b"b", after_s=2.0), name="sonnet", price=price)
        await clock().sleep(100.0)
        call = asked("auto")
        await clock().sleep(1.0)
        async with metered(up, notes)(call) as reply:
            async for _ in reply.body:
                pass
            reply.seen.model, reply.seen.finish = "sonnet-2", "stop"
            reply.seen.usage = Usage(input=10, output=20)
            reply.attempts, reply.fallback_from = 2, "opus"
            assert not notes.records
        [record] = notes.records
        assert (record.requested, record.model_id, record.upstream_model, record.served_model) == (
            "auto",
            "sonnet",
            "sonnet-up",
            "sonnet-2",
        )
        assert (record.provider, record.finish, record.attempts, record.fallback_from) == (
            "fake",
            "stop",
            2,
            "opus",
        )
        assert (record.first_byte_s, record.upstream_s, record.total_s) == (3.0, 2.0, 7.0)
        assert (record.usage, record.cost_nano) == (Usage(input=10, output=20), 50_000)
        assert (record.tenant, record.key, record.request_id) == ("acme", "alice", "req-1")

    run(story())


def test_usage_that_was_not_reported_is_estimated_from_what_has_passed() -> None:
    async def story() -> None:
        notes = Notes()

        async def taken() -> None:
            async with metered(Scripted(answers(b"a", HANG)), notes)(asked()) as reply:
                reply.seen.prompt_chars, reply.seen.output_chars = 40, 8
                async for _ in reply.body:
                    pass

        assert await cancel_after(taken(), 1.0)
        assert notes.records[0].usage == Usage(input=10, output=2, estimated=True)

    run(story())


def test_a_request_that_never_opened_has_no_usage_but_its_attempts() -> None:
    error = AllUpstreamsFailed("all down")
    error.attempts = 3
    record = record_of(fails(error))
    assert (record.attempts, record.usage, record.cost_nano, record.first_byte_s) == (3, None, None, None)
    assert record_of(fails(Overloaded("full"))).attempts == 0


def test_an_error_while_leaving_is_the_ending() -> None:
    """What breaks as the upstream is being closed, after the reader was done."""

    class Closing:
        async def __aenter__(self) -> Reply:
            up = Scripted()
            async with up(asked()) as reply:
                return reply

        async def __aexit__(self, *_: object) -> None:
            raise UpstreamInterrupted("late")

    async def story() -> None:
        notes = Notes()
        error = await fate(metered(lambda call: Closing(), notes), asked())
        assert isinstance(error, GatewayError)
        assert [record.outcome for record in notes.records] == [Outcome.UPSTREAM_CUT]

    run(story())


def test_overlapping_requests_each_leave_their_own() -> None:
    async def story() -> None:
        notes = Notes()
        service = metered(Scripted(answers(b"a", 1.0), answers(b"a", 2.0)), notes)
        await asyncio.gather(*(drain(service, asked()) for _ in range(5)))
        assert sorted(record.total_s for record in notes.records) == [1.0, 2.0, 2.0, 2.0, 2.0]

    run(story())

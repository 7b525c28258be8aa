"""Deadline: the caller's time is absolute and covers the stream."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.call import Call, Reply, Seen, Source
from headgate.core.errors import DeadlineExceeded, UpstreamInterrupted, UpstreamUnavailable
from headgate.core.reuse import Reuse
from headgate.pipeline.deadline import Deadline
from headgate.pipeline.replay import AtOnce
from headgate.pipeline.service import Hit, Passage, Service
from headgate.pipeline.timeout import Patience, Timeout
from headgate.ports.clock import Alarm
from scripted import HANG, Act, Scripted, answers, asked, drain, fails, fate, hangs
from virtual import clock, run


def bounded(inner: Service) -> Deadline:
    return Deadline(inner, clock=clock())


@pytest.mark.parametrize(
    "act", [hangs(), answers(b"a", HANG), answers(b"a", 50.0, b"b"), answers(after_s=50.0)]
)
@pytest.mark.parametrize("stream", [True, False])
def test_what_is_not_said_by_then_is_not_said(act: Act, stream: bool) -> None:
    async def story() -> None:
        up = Scripted(act)
        error = await fate(bounded(up), asked(stream=stream, deadline_s=10.0))
        assert isinstance(error, DeadlineExceeded)
        assert "10 s" in error.message
        assert (up.open, up.closed_at, clock().now()) == (0, 10.0, 10.0)

    run(story())


def test_it_covers_a_slow_reader_too() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", b"b", b"c"))
        with pytest.raises(DeadlineExceeded):
            await drain(bounded(up), asked(deadline_s=10.0), pause_s=6.0)
        assert (up.open, clock().now()) == (0, 10.0)

    run(story())


def test_an_answer_in_time_is_left_alone() -> None:
    async def story() -> None:
        deadline = bounded(Scripted(answers(b"a", 5.0, b"b")))
        assert await drain(deadline, asked(deadline_s=10.0)) == [b"a", b"b"]
        await clock().sleep(100.0)

    run(story())


def test_it_is_absolute_time_spent_before_counts() -> None:
    async def story() -> None:
        call = asked(deadline_s=10.0)
        await clock().sleep(8.0)
        with pytest.raises(DeadlineExceeded):
            await drain(bounded(Scripted(answers(after_s=3.0))), call)
        assert clock().now() == 10.0

    run(story())


@pytest.mark.parametrize("late_s", [0.0, 5.0])
def test_a_call_that_comes_too_late_harms_no_upstream(late_s: float) -> None:
    async def story() -> None:
        up, call = Scripted(), asked(deadline_s=10.0)
        await clock().sleep(10.0 + late_s)
        with pytest.raises(DeadlineExceeded):
            await drain(bounded(up), call)
        assert up.calls == 0

    run(story())


def test_an_error_of_somebody_else_passes_unchanged() -> None:
    async def story() -> None:
        for error in (TimeoutError("another's"), UpstreamUnavailable("down")):
            got = await fate(bounded(Scripted(fails(error))), asked(deadline_s=10.0))
            assert type(got) is type(error)

    run(story())


@given(st.floats(0.0, 10.0), st.floats(0.0, 10.0), st.floats(0.1, 20.0))
@settings(max_examples=50, deadline=None)
def test_it_ends_by_the_deadline_or_in_full(first_s: float, second_s: float, deadline_s: float) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", second_s, b"b", after_s=first_s))
        got = await fate(bounded(up), asked(deadline_s=deadline_s))
        if isinstance(got, DeadlineExceeded):
            assert clock().now() == pytest.approx(deadline_s)
        else:
            assert got == [b"a", b"b"]
            assert clock().now() <= deadline_s + 1e-6
        assert up.open == 0

    run(story())


@pytest.mark.parametrize("act", [hangs(), answers(b"a", HANG)])
def test_where_patience_and_deadline_end_together_it_is_one_error_and_no_stray_cancellation(act: Act) -> None:
    async def story() -> None:
        up = Scripted(act)
        patient = Timeout(up, patience=Patience(first_byte_s=10.0, idle_s=10.0, total_s=10.0), clock=clock())
        with pytest.raises((DeadlineExceeded, UpstreamUnavailable, UpstreamInterrupted)):
            await drain(bounded(patient), asked(deadline_s=10.0))
        await clock().sleep(1.0)
        assert up.open == 0

    run(story())


def here(*, stream: bool, sealed: bool = False) -> Service:
    """An answer that is here already."""

    async def seal() -> None:
        await clock().sleep(20.0)

    def answer(call: Call) -> Hit:
        now, seen = clock().now(), Seen(started=True, complete=True, over=True)
        source = Source(provider="p", model_id="m", model_name="m")
        return Hit(
            Reply(
                source=source,
                seen=seen,
                body=AtOnce(b"all of it" if stream else b""),
                tail=lambda _: b"",
                stream=stream,
                asked_at=now,
                opened_at=now,
                reuse=Reuse.EXACT,
                seal=seal if sealed else None,
            )
        )

    return answer


def test_who_is_answered_at_once_and_whole_waits_for_nothing() -> None:
    """So no alarm is set; but whoever comes too late is told so all the same."""

    async def story() -> None:
        class Watched:
            now, wall, sleep = clock().now, clock().wall, clock().sleep

            def at(self, when: float, action: Callable[[], None]) -> Alarm:
                raise AssertionError("no alarm")

        layer = Deadline(here(stream=False), clock=Watched())
        async with layer(asked(deadline_s=10.0)) as reply:
            assert reply.reuse is Reuse.EXACT
        late = asked(deadline_s=10.0)
        await clock().sleep(10.0)
        assert isinstance(await fate(layer, late), DeadlineExceeded)

    run(story())


@pytest.mark.parametrize("sealed", [False, True])
def test_a_kept_stream_may_have_a_slow_reader_and_any_answer_a_seal(sealed: bool) -> None:
    async def story() -> None:
        async def told() -> None:
            layer = Deadline(here(stream=not sealed, sealed=sealed), clock=clock())
            async with layer(asked(stream=not sealed, deadline_s=10.0)) as reply:
                async for _ in reply.body:
                    await clock().sleep(20.0)
                if reply.seal is not None:
                    await reply.seal()

        with pytest.raises(DeadlineExceeded):
            await told()
        assert clock().now() == 10.0

    run(story())


def test_help_that_is_waited_for_is_bounded_though_nothing_was_before() -> None:
    class Saving(Passage, eq=False):
        saves = (UpstreamUnavailable,)

        async def save(self, error: BaseException) -> tuple[AbstractAsyncContextManager[Reply], Reply]:
            await clock().sleep(20.0)
            raise error

    def refuse(call: Call) -> AbstractAsyncContextManager[Reply]:
        raise UpstreamUnavailable("there is nobody")

    async def story() -> None:
        layer = Deadline(lambda call: Saving(refuse, call), clock=clock())
        assert isinstance(await fate(layer, asked(deadline_s=10.0)), DeadlineExceeded)
        assert clock().now() == 10.0

    run(story())

"""Timeout: patience with one upstream, and only with the upstream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.errors import DeadlineExceeded, UpstreamInterrupted, UpstreamRejected, UpstreamUnavailable
from headgate.pipeline.timeout import Patience, Timeout
from scripted import HANG, Act, Scripted, answers, asked, cancel_after, drain, fails, fate, hangs
from virtual import VirtualClock, VirtualLoop, clock, run

PATIENCE = Patience(first_byte_s=3.0, idle_s=5.0, total_s=20.0)


def patient(up: Scripted, patience: Patience = PATIENCE) -> Timeout:
    return Timeout(up, patience=patience, clock=clock())


@pytest.mark.parametrize("start_s", [0.0, 7.0])
def test_a_stream_that_does_not_open_in_time_is_unavailable(start_s: float) -> None:
    async def story() -> None:
        await clock().sleep(start_s)
        up = Scripted(hangs())
        error = await fate(patient(up), asked())
        assert isinstance(error, UpstreamUnavailable)
        assert "3 s" in error.message
        assert (up.open, clock().now()) == (0, start_s + 3.0)

    run(story())


def test_an_answer_that_is_not_streamed_has_the_whole_time() -> None:
    async def story() -> None:
        assert await drain(patient(Scripted(answers(after_s=19.0))), asked(stream=False)) == []
        start = clock().now()
        error = await fate(patient(Scripted(hangs())), asked(stream=False))
        assert isinstance(error, UpstreamUnavailable)
        assert "20 s" in error.message
        assert clock().now() == start + 20.0

    run(story())


@pytest.mark.parametrize("start_s", [0.0, 7.0])
@pytest.mark.parametrize("act", [answers(b"a", HANG), answers(HANG)])
def test_silence_in_the_middle_is_an_interruption(act: Act, start_s: float) -> None:
    async def story() -> None:
        await clock().sleep(start_s)
        up = Scripted(act)
        assert isinstance(await fate(patient(up), asked()), UpstreamInterrupted)
        assert (up.open, clock().now()) == (0, start_s + 5.0)

    run(story())


def test_silence_is_counted_from_the_last_piece() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", 4.0, b"b", 4.0, b"c", HANG, after_s=2.0))
        assert isinstance(await fate(patient(up), asked()), UpstreamInterrupted)
        assert clock().now() == 2.0 + 4.0 + 4.0 + 5.0

    run(story())


def test_pieces_that_keep_coming_are_enough() -> None:
    async def story() -> None:
        steps = [step for _ in range(4) for step in (b"x", 4.9)]
        assert await drain(patient(Scripted(answers(*steps))), asked()) == [b"x"] * 4

    run(story())


@pytest.mark.parametrize("start_s", [0.0, 7.0])
@pytest.mark.parametrize("opens_after_s", [0.0, 1.0, 2.5])
def test_the_whole_of_a_stream_has_its_time_and_all_of_it(start_s: float, opens_after_s: float) -> None:
    async def story() -> None:
        await clock().sleep(start_s)
        steps = [step for _ in range(100) for step in (b"x", 1.0)]
        up = Scripted(answers(*steps, after_s=opens_after_s))
        assert isinstance(await fate(patient(up), asked()), UpstreamInterrupted)
        assert (up.open, clock().now()) == (0, start_s + 20.0)

    run(story())


@pytest.mark.parametrize("patience", [Patience(first_byte_s=30.0, idle_s=30.0, total_s=10.0)])
def test_no_other_patience_outlasts_the_whole(patience: Patience) -> None:
    async def story() -> None:
        assert isinstance(await fate(patient(Scripted(hangs()), patience), asked()), UpstreamUnavailable)
        assert clock().now() == 10.0
        error = await fate(patient(Scripted(answers(b"a", HANG, after_s=4.0)), patience), asked())
        assert isinstance(error, UpstreamInterrupted)
        assert clock().now() == 20.0

    run(story())


@pytest.mark.parametrize("start_s", [0.0, 7.0])
def test_a_slow_reader_is_not_a_silent_upstream(start_s: float) -> None:
    async def story() -> None:
        await clock().sleep(start_s)
        up = Scripted(answers(b"a", b"b", 1.0, b"c"))
        pieces = await drain(patient(up, Patience(idle_s=5.0, total_s=1000.0)), asked(), pause_s=60.0)
        assert pieces == [b"a", b"b", b"c"]

    run(story())


def test_silence_after_a_slow_reader_is_counted_from_when_he_asked_again() -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", HANG))
        error = await fate_slow(patient(up, Patience(idle_s=5.0, total_s=1000.0)), pause_s=12.0)
        assert isinstance(error, UpstreamInterrupted)
        assert clock().now() == 17.0

    async def fate_slow(service: Timeout, *, pause_s: float) -> BaseException:
        with pytest.raises(UpstreamInterrupted) as caught:
            await drain(service, asked(), pause_s=pause_s)
        return caught.value

    run(story())


def test_a_reader_who_is_still_reading_when_all_time_is_over_tells_nothing_about_the_upstream() -> None:
    """Else five slow readers would open the breaker of a healthy one."""

    async def story() -> None:
        up = Scripted(answers(*[b"x"] * 100))
        with pytest.raises(DeadlineExceeded):
            await drain(patient(up), asked(), pause_s=0.9)
        assert (up.open, clock().now()) == (0, 20.0)

    run(story())


@pytest.mark.parametrize("stream", [True, False])
def test_once_the_answer_is_complete_the_upstream_owes_nothing(stream: bool) -> None:
    """The last bytes may take a slow reader any time: that is not the upstream's doing."""

    async def story() -> None:
        up = Scripted(answers(b"a", 1.0, b"b", after_s=1.0))
        async with patient(up)(asked(stream=stream)) as reply:
            async for _ in reply.body:
                pass
            await clock().sleep(500.0)

    run(story())


@pytest.mark.parametrize(
    "act", [fails(UpstreamRejected("no"), after_s=1.0), answers(b"a", KeyError("a bug"))]
)
def test_other_errors_pass_unchanged_and_no_timer_is_left(act: Act) -> None:
    async def story() -> None:
        assert isinstance(await fate(patient(Scripted(act)), asked()), UpstreamRejected | KeyError)
        await clock().sleep(100.0)

    run(story())


def test_a_timeout_of_the_readers_own_is_his_own() -> None:
    async def story() -> None:
        with pytest.raises(TimeoutError, match="mine"):
            async with patient(Scripted())(asked()):
                raise TimeoutError("mine")

    run(story())


@given(
    st.lists(st.floats(0.0, 8.0), max_size=8),
    st.floats(0.0, 6.0),
    st.sampled_from([0.0, 3.0, 1e5]),
)
@settings(max_examples=60, deadline=None)
def test_it_ends_when_the_arithmetic_says(gaps: list[float], opens_after_s: float, start_s: float) -> None:
    """Against the definition: the first of first byte, a gap, and the whole that runs out."""

    async def story() -> None:
        await clock().sleep(start_s)
        steps = [step for gap in gaps for step in (gap, b"x")]
        up = Scripted(Act(before=(opens_after_s,), then=tuple(steps)))
        got = await fate(patient(up), asked())
        took = clock().now() - start_s
        late = _runs_out(gaps, opens_after_s)
        if late is None:
            assert got == [b"x"] * len(gaps)
        else:
            assert took == pytest.approx(late, abs=1e-6)
            assert isinstance(got, UpstreamUnavailable if opens_after_s > 3.0 else UpstreamInterrupted)
        assert up.open == 0

    def _runs_out(gaps: list[float], opens_after_s: float) -> float | None:
        if opens_after_s > 3.0:
            return 3.0
        at = opens_after_s
        for gap in gaps:
            if min(at + 5.0, 20.0) < at + gap:
                return min(at + 5.0, 20.0)
            at += gap
        return None

    near = [opens_after_s - 3.0, *(gap - 5.0 for gap in gaps)]
    total = opens_after_s + sum(gaps)
    if all(abs(edge) > 1e-6 for edge in near) and abs(total - 20.0) > 1e-6:
        run(story())


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "act", [answers(b"a", 1.0, b"b"), answers(b"a", KeyError("a bug")), hangs(), answers(b"a", HANG)]
)
def test_whoever_is_done_leaves_no_alarm_set(act: Act, stream: bool) -> None:
    class Counting(VirtualClock):
        def at(self, when: float, action: Callable[[], None]) -> asyncio.TimerHandle:
            alarms.append(super().at(when, action))
            return alarms[-1]

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        service = Timeout(Scripted(act), patience=PATIENCE, clock=Counting(loop))
        await cancel_after(drain(service, asked(stream=stream)), 4.0)
        assert alarms
        assert [alarm for alarm in alarms if not alarm.cancelled() and alarm.when() > loop.time()] == []

    alarms: list[asyncio.TimerHandle] = []
    run(story())


@given(st.floats(0.0, 30.0))
@settings(max_examples=40, deadline=None)
def test_cancelled_at_any_time_nothing_is_left(after_s: float) -> None:
    async def story() -> None:
        up = Scripted(answers(b"a", 4.0, b"b", 4.0, b"c", after_s=2.0))
        await cancel_after(drain(patient(up), asked(), pause_s=6.0), after_s)
        assert up.open == 0
        await clock().sleep(100.0)

    run(story())

"""Trace: the upstream call gets a span of its own under the caller's."""

from __future__ import annotations

from headgate.pipeline.trace import Trace
from scripted import Scripted, asked, drain
from virtual import run

TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_the_upstream_call_is_a_child_of_the_callers_span() -> None:
    async def story() -> None:
        up = Scripted()
        call = asked(traceparent=f"00-{TRACE}-b7ad6b7169203331-01")
        await drain(Trace(up, span_id=lambda: "00f067aa0ba902b7"), call)
        assert up.seen[0].traceparent == f"00-{TRACE}-00f067aa0ba902b7-01"
        assert call.traceparent == f"00-{TRACE}-b7ad6b7169203331-01"

    run(story())


def test_each_call_has_its_own_span() -> None:
    async def story() -> None:
        up, ids = Scripted(), iter(["1" * 16, "2" * 16])
        trace = Trace(up, span_id=lambda: next(ids))
        for _ in range(2):
            await drain(trace, asked(traceparent=f"00-{TRACE}-b7ad6b7169203331-00"))
        spans = [call.traceparent for call in up.seen]
        assert spans == [f"00-{TRACE}-{'1' * 16}-00", f"00-{TRACE}-{'2' * 16}-00"]

    run(story())


def test_a_caller_without_a_trace_starts_none() -> None:
    async def story() -> None:
        up, call = Scripted(), asked()
        await drain(Trace(up, span_id=lambda: "never"), call)
        assert up.seen == [call]
        assert up.seen[0].traceparent is None

    run(story())

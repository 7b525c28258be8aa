"""Trace: the outermost layer; everything below is inside the request's span.

Announces the request to the recorder, and where the caller takes part in a distributed trace (W3C Trace
Context) gives the upstream call a span of its own under the caller's. Holds nothing.

Known weakness: a caller without `traceparent` starts no trace; only its request id connects the logs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from headgate.core.call import Call, Reply
from headgate.pipeline.service import Service
from headgate.ports.recorder import Recorder


class Trace:
    def __init__(self, inner: Service, *, recorder: Recorder, span_id: Callable[[], str]) -> None:
        """`span_id` gives 16 fresh hexadecimal digits."""
        self._inner = inner
        self._recorder = recorder
        self._span_id = span_id

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        self._recorder.opened(call)
        if call.traceparent:
            version, trace, _, flags = call.traceparent.split("-", 3)
            child = f"{version}-{trace}-{self._span_id()}-{flags}"
            call = msgspec.structs.replace(call, traceparent=child)
        return self._inner(call)

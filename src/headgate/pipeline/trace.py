"""Trace: the outermost layer; everything below is inside the request's span.

Where the caller takes part in a distributed trace (W3C Trace Context), the upstream call gets a span of its
own under the caller's. Holds nothing.

Known weakness: a caller without `traceparent` starts no trace; only its request id connects the logs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from headgate.core.call import Call, Reply
from headgate.pipeline.service import Service


class Trace:
    def __init__(self, inner: Service, *, span_id: Callable[[], str]) -> None:
        """`span_id` gives 16 fresh hexadecimal digits."""
        self._inner = inner
        self._span_id = span_id

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        if call.traceparent:
            version, trace, _, flags = call.traceparent.split("-", 3)
            child = f"{version}-{trace}-{self._span_id()}-{flags}"
            call = msgspec.structs.replace(call, traceparent=child)
        return self._inner(call)

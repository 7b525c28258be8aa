"""What routes keep of content: redacted in a thread of its own, and from there on its way to the store.

Known weakness: what waits to be redacted is in memory alone, and dies with the process; where more than
`MAX_WAITING` bytes wait, what comes is left out, and `/health` says how often.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

import msgspec

from headgate.adapters.finders import finders
from headgate.assemble.books import Books
from headgate.assemble.kept import Kept, Machine
from headgate.config.tree import Settings
from headgate.core.call import Call
from headgate.core.captured import Captured
from headgate.core.entry import clean
from headgate.core.kind import DAY_US
from headgate.core.redaction import FINDERS, Redactor, encoded
from headgate.pipeline.capture import Capture, Terms
from headgate.pipeline.service import Layer
from headgate.providers.heard import heard

MAX_WAITING = 33_554_432

log = logging.getLogger("headgate")


def capturing(settings: Settings, machine: Machine, kept: Kept) -> Iterator[Layer]:
    """Nothing, where no route keeps anything, or where it could not be redacted."""
    routes = {
        name: Terms(days=one.days, share=one.share, max_bytes=one.max_bytes)
        for name, route in settings.routes.items()
        if (one := route.capture) is not None
    }
    if not routes:
        return
    if machine.books is None:
        log.error("a route captures, but no books are kept: nothing is captured")
        return
    names = settings.redaction.finders
    try:
        redactor = kept("redactor", names, lambda: Redactor({**FINDERS, **finders(names)}))
    except ImportError as missing:
        log.error("nothing is captured: %s", missing)
        return
    desk = kept("capturing", None, partial(Capturing, machine.books))
    taken = partial(desk.take, redactor=redactor, wall=machine.clock.wall)
    yield partial(Capture, routes=routes, taken=taken, chance=Random(machine.chance.getrandbits(64)))


class Capturing:
    """One process's own."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._waiting = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="redactor")
        books.before_close(self._thread.shutdown)

    def take(self, call: Call, answer: bytes, terms: Terms, *, redactor: Redactor, wall: Any) -> None:
        """Never waits, never raises."""
        size = len(call.payload.raw) + len(answer)
        if self._waiting + size > MAX_WAITING:
            self._books.dropped += 1
            return
        self._waiting += size
        at_us = int(wall() * 1e6)
        blank = Captured(
            at_us,
            at_us + terms.days * DAY_US,
            call.request_id,
            call.caller.tenant,
            call.caller.key,
            clean(call.payload.model),
            "",
            "",
            "",
        )
        future = self._thread.submit(_redacted, blank, call, answer, redactor)
        future.add_done_callback(lambda done: self._books.soon(partial(self._put, size, done.result())))

    def _put(self, size: int, captured: Captured | None) -> None:
        self._waiting -= size
        if captured is None:
            self._books.dropped += 1
        else:
            self._books.capture(captured)


def _redacted(blank: Captured, call: Call, answer: bytes, redactor: Redactor) -> Captured | None:
    """In the thread. `None` where somebody else's finder fails: what cannot be looked through is not kept."""
    found: Counter[str] = Counter()
    try:
        question = encoded(redactor.value(msgspec.json.decode(call.payload.raw), found))
        said = encoded(redactor.value(heard(call.payload, answer), found))
    except Exception:
        log.exception("request %s could not be redacted: nothing of it is kept", call.request_id)
        return None
    counts = " ".join(f"{kind}={count}" for kind, count in sorted(found.items()))
    return msgspec.structs.replace(blank, question=question, answer=said, found=counts)

"""A request's head, field by field, and its body's bounds."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.errors import InvalidRequest, RequestTooLarge
from headgate.server import intake
from headgate.server.intake import ClientGone
from virtual import clock, run

TRACE = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


# ── fields ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fit", [b"a", b"A-1.b_2:c", b"x" * 128])
def test_a_fit_request_id_is_taken(fit: bytes) -> None:
    assert intake.request_id({b"x-request-id": fit}) == fit.decode()


@given(st.binary(max_size=140))
def test_a_request_id_never_holds_what_could_break_a_line(given_id: bytes) -> None:
    taken = intake.request_id({b"x-request-id": given_id})
    assert taken is None or re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", taken)


def test_a_trace_is_taken_as_it_is_or_not_at_all() -> None:
    assert intake.traceparent({b"traceparent": TRACE}) == TRACE.decode()
    for wrong in (b"", TRACE.upper(), TRACE[:-1], TRACE + b"-x", b"00-0-0-00", b"\xff" * 55):
        assert intake.traceparent({b"traceparent": wrong}) is None
    assert intake.traceparent({}) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(b"2.5s", 2.5), (b"800ms", 0.8), (b"2m", 120.0), (b"3", 3.0), (b" 1s ", 1.0), (b"0.001", 0.001)],
)
def test_a_deadline_is_a_duration(text: bytes, seconds: float) -> None:
    assert intake.deadline_s({b"x-headgate-deadline": text}) == pytest.approx(seconds)


@given(st.binary(max_size=20))
def test_a_deadline_is_positive_and_finite_or_refused(text: bytes) -> None:
    with suppress(InvalidRequest):
        assert 0 < intake.deadline_s({b"x-headgate-deadline": text}) < 1e9


@pytest.mark.parametrize("text", [b"", b"soon", b"0", b"0.0s", b"-1", b"1h", b"1e3", b"9" * 8, b"1 s"])
def test_a_deadline_that_is_none_is_named(text: bytes) -> None:
    with pytest.raises(InvalidRequest) as raised:
        intake.deadline_s({b"x-headgate-deadline": text})
    assert raised.value.param == "x-headgate-deadline"


def test_tags_are_few_short_and_printable() -> None:
    assert intake.tags({b"x-headgate-tags": b"a, b ,,c"}) == ("a", "b", "c")
    assert intake.tags({b"x-headgate-tags": b"x" * 65 + b",ok,\xff,\x00"}) == ("ok",)
    assert len(intake.tags({b"x-headgate-tags": b",".join(b"%d" % n for n in range(50))})) == 16
    assert intake.tags({}) == ()


# ── the body ─────────────────────────────────────────────────────────────────────────────────────


def read(*steps: bytes | float | None, headers: dict[bytes, bytes] | None = None, most: int = 100) -> Any:
    """What is read of pieces and pauses (`None`: the caller leaves), and when that was known."""

    async def main() -> Any:
        waiting = list(steps)

        async def receive() -> Any:
            while waiting:
                step = waiting.pop(0)
                if step is None:
                    return {"type": "http.disconnect"}
                if isinstance(step, bytes):
                    return {"type": "http.request", "body": step, "more_body": bool(waiting)}
                await clock().sleep(step)
            raise AssertionError("read on after the end")

        body = await intake.read_body(receive, headers or {}, max_bytes=most, patience_s=60.0)
        return body, clock().now()

    return run(main())


def test_a_body_may_be_empty_whole_or_in_pieces() -> None:
    assert read(b"") == (b"", 0)
    assert read(b"abc") == (b"abc", 0)
    assert read(b"a", 1.0, b"", b"bc", b"") == (b"abc", 1.0)
    assert read(b"x" * 100)[0] == b"x" * 100


@pytest.mark.parametrize("length", [b"101", b"9" * 19, b"9" * 9_000, b"0" * 5_000 + b"101"])
def test_what_is_announced_too_long_is_not_read(length: bytes) -> None:
    with pytest.raises(RequestTooLarge):
        read(headers={b"content-length": length})


@pytest.mark.parametrize("steps", [(b"x" * 101,), (b"x" * 60, b"x" * 41), (b"x" * 101, 1e9)])
def test_what_grows_too_long_is_read_no_further(steps: tuple[bytes | float, ...]) -> None:
    with pytest.raises(RequestTooLarge):
        read(*steps, headers={b"content-length": b"5"})


def test_a_length_that_is_no_number_is_nobodys_concern() -> None:
    assert read(b"abc", headers={b"content-length": b"many"})[0] == b"abc"
    assert read(b"abc", headers={b"content-length": b"-1"})[0] == b"abc"


@pytest.mark.parametrize("steps", [(61.0, b"x"), (b"x", 61.0, b"x"), tuple([b"x", 7.0] * 10)])
def test_a_body_that_takes_too_long_is_refused(steps: tuple[bytes | float, ...]) -> None:
    with pytest.raises(InvalidRequest, match="60 s"):
        read(*steps)


@pytest.mark.parametrize("steps", [(None,), (b"x", None), (b"x", 1.0, b"y", None)])
def test_who_leaves_in_the_middle_is_gone(steps: tuple[bytes | float | None, ...]) -> None:
    with pytest.raises(ClientGone):
        read(*steps)


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ({}, None),
        ({b"host": b"x"}, None),
        ({b"x-headgate-session": b"mine", b"session_id": b"theirs"}, "mine"),
        ({b"x-claude-code-session-id": b"0a1b-2c"}, "0a1b-2c"),
        ({b"session-id": b"codex"}, "codex"),
        ({b"x-session-affinity": b"a b"}, None),
        ({b"x-session-id": b"x" * 129}, None),
    ],
)
def test_a_conversation_is_known_by_our_header_or_an_agents(
    headers: dict[bytes, bytes], session: str | None
) -> None:
    assert intake.session(headers) == session

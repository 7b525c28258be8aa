from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.providers.sse import MAX_EVENT_BYTES, Framer, Oversize, data_of, frame


def events(*pieces: bytes) -> list[bytes]:
    framer = Framer()
    return [*(event for piece in pieces for event in framer.feed(piece)), *framer.close()]


def datas(pieces: Iterable[bytes]) -> list[bytes]:
    return [data for event in events(*pieces) if (data := data_of(event)) is not None]


def bytewise(body: bytes) -> list[bytes]:
    return [body[i : i + 1] for i in range(len(body))]


# ── frames ───────────────────────────────────────────────────────────────────────────────────────


def test_an_event_ends_with_a_blank_line() -> None:
    framer = Framer()
    assert framer.feed(b"data: a\n") == []
    assert framer.feed(b"\n") == [b"data: a\n\n"]
    assert framer.close() == []


def test_several_events_in_one_piece_are_several() -> None:
    assert events(b"data: a\n\ndata: b\n\ndata: c") == [b"data: a\n\n", b"data: b\n\n", b"data: c\n\n"]


def test_a_whole_event_is_handed_on_as_it_came() -> None:
    event = b"data: a\n\n"
    assert Framer().feed(event)[0] is event


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_every_line_end_is_a_line_end(ending: bytes) -> None:
    body = b"event: x\ndata: a\n\ndata: b\n\n".replace(b"\n", ending)
    expected = [b"event: x\ndata: a\n\n", b"data: b\n\n"]
    assert events(body) == expected
    assert events(*bytewise(body)) == expected


def test_a_byte_order_mark_at_the_beginning_is_dropped_even_in_pieces() -> None:
    body = b"\xef\xbb\xbfdata: a\n\n"
    assert events(body) == [b"data: a\n\n"]
    assert events(*bytewise(body)) == [b"data: a\n\n"]
    assert events(b"", body) == [b"data: a\n\n"]


def test_a_byte_order_mark_later_is_data() -> None:
    assert datas([b"data: a\n\ndata: \xef\xbb\xbfb\n\n"]) == [b"a", b"\xef\xbb\xbfb"]


def test_blank_lines_between_events_are_no_events() -> None:
    assert datas([b"\n\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n"]) == [b"a", b"b"]


def test_nothing_is_no_event() -> None:
    assert events() == events(b"") == events(b"\n") == []


def test_an_event_that_does_not_end_is_refused() -> None:
    framer = Framer()
    with pytest.raises(Oversize):
        framer.feed(b"data: " + b"a" * MAX_EVENT_BYTES)


# ── what is in them ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "data"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\n\n", b"a"),
        (b"data:  a\n\n", b" a"),
        (b"data:\n\n", b""),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\ndata: a\nid: 7\n\n", b"a"),
        (b"data: a\nevent: x\n\n", b"a"),
        (b": comment\n\n", None),
        (b": comment\ndata: a\n\n", b"a"),
        (b"event: ping\n\n", None),
        (b"retry: 100\n\n", None),
    ],
)
def test_the_data_of_an_event_is_its_data_lines(event: bytes, data: bytes | None) -> None:
    assert data_of(event) == data


def test_a_frame_holds_its_data_and_name() -> None:
    assert frame(b"{}") == b"data: {}\n\n"
    assert frame(b"{}", "ping") == b"event: ping\ndata: {}\n\n"
    assert data_of(frame(b"{}", "ping")) == b"{}"


# ── anywhere ─────────────────────────────────────────────────────────────────────────────────────

LINE = st.sampled_from(
    [b"data: a", b"data:b", b"data:", b": note", b"event: x", b"id: 1", b"", b"", "data: Köln 🎭".encode()]
)


@settings(deadline=None)
@given(
    lines=st.lists(LINE, max_size=12),
    ending=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    data=st.data(),
)
def test_a_stream_cut_anywhere_says_the_same(
    lines: list[bytes], ending: bytes, mark: bytes, data: st.DataObject
) -> None:
    body = mark + b"".join(line + ending for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    plain = b"".join(line + b"\n" for line in lines)
    assert datas(pieces) == datas([plain]) == datas(bytewise(body))


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_are_events_that_end(pieces: list[bytes]) -> None:
    assert all(event.endswith(b"\n\n") for event in events(*pieces))


@given(st.lists(st.text().map(lambda s: s.replace("\n", "").replace("\r", "").encode()), min_size=1))
def test_framed_data_comes_out_again(said: list[bytes]) -> None:
    assert datas([frame(data) for data in said]) == said

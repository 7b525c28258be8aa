"""Lines out of bytes that are cut anywhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers import ndjson
from headgate.providers.ndjson import LineFramer, Overlong

LINES = st.lists(
    st.binary(min_size=1, max_size=8).filter(lambda line: line.strip() == line and b"\n" not in line)
)


def read(*pieces: bytes) -> list[bytes]:
    framer = LineFramer()
    return [line for piece in pieces for line in framer.feed(piece)] + framer.close()


@given(LINES, st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n"]), st.booleans(), st.data())
def test_lines_come_out_as_they_went_in(
    lines: list[bytes], end: bytes, ended: bool, data: st.DataObject
) -> None:
    body = end.join(lines) + (end if ended and lines else b"")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    edges = [0, *cuts, len(body)]
    assert read(*(body[a:b] for a, b in pairwise(edges))) == lines


def test_a_line_leaves_with_its_last_byte() -> None:
    framer = LineFramer()
    assert framer.feed(b'{"a"') == []
    assert framer.feed(b":1}\n{") == [b'{"a":1}']
    assert framer.feed(b"}") == []
    assert framer.feed(b"\n") == [b"{}"]
    assert framer.close() == []


def test_what_stands_unfinished_comes_at_the_end_and_once() -> None:
    framer = LineFramer()
    assert framer.feed(b'{"a":1}') == []
    assert framer.close() == [b'{"a":1}']
    assert framer.close() == []


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n\n \n"])
def test_blank_lines_are_passed_over(body: bytes) -> None:
    assert read(body) == []


def test_a_line_that_does_not_end_is_refused() -> None:
    framer = LineFramer()
    piece = b"x" * (ndjson.MAX_LINE_BYTES // 4)
    for _ in range(4):
        framer.feed(piece)
    with pytest.raises(Overlong):
        framer.feed(b"x")


def test_a_long_line_in_small_pieces_is_kept_in_pieces() -> None:
    pieces = [b"x" * 64] * 20_000
    assert read(*pieces, b"\n") == [b"".join(pieces)]

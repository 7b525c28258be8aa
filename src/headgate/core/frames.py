"""Frames of a journal: rows as bytes, each frame with its length and a checksum, and back again.

What is damaged in the middle costs the frames that are damaged: behind them is looked for the next that is
whole.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any

import msgspec

from headgate.core.audit import Noting
from headgate.core.captured import Captured
from headgate.core.entry import Entry
from headgate.core.journaled import Row, of_former

FRAME_ROWS = 128
HEAD = Struct("<II")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, list[Entry | bytes]]).decode
_decode_former = msgspec.msgpack.Decoder(tuple[int, list[list[Any] | bytes]]).decode
_decode_other = msgspec.msgpack.Decoder(Noting | Captured).decode
"""What is no row of a request is bytes in its frame."""
_PAIR = 0x92
"""What every frame's body begins with: an array of two."""


def frames(first: int, entries: Sequence[Row]) -> Iterator[bytes]:
    for start in range(0, len(entries), FRAME_ROWS):
        part = entries[start : start + FRAME_ROWS]
        if {*map(type, part)} != {Entry}:  # rarely
            part = [one if type(one) is Entry else _encode(one) for one in part]  # type: ignore[misc]  # bytes among them: read as such
        body = _encode((first + start, part))
        yield HEAD.pack(len(body), zlib.crc32(body))
        yield body


def frame(data: memoryview) -> tuple[tuple[int, list[Row]], int] | None:
    """The frame that `data` begins with, and its size; nothing, where it is torn or none."""
    if len(data) < HEAD.size:
        return None
    length, crc = HEAD.unpack_from(data)
    body = data[HEAD.size : HEAD.size + length]
    if not length or len(body) < length or zlib.crc32(body) != crc:
        return None
    try:
        return _rows(body), HEAD.size + length
    except (msgspec.MsgspecError, ValueError):
        return None


def _rows(body: memoryview) -> tuple[int, list[Row]]:
    try:
        first, rows = _decode(body)
    except msgspec.ValidationError:
        first, former = _decode_former(body)
        rows = [one if isinstance(one, bytes) else of_former(one) for one in former]
    if {*map(type, rows)} == {Entry}:  # nearly always
        return first, rows  # type: ignore[return-value]  # so they are
    return first, [_decode_other(one) if isinstance(one, bytes) else one for one in rows]


def resumed(data: memoryview) -> int | None:
    """Where in `data`, which begins with no frame, the next begins; nothing, where there is none."""
    whole = data.tobytes()
    at = whole.find(_PAIR, HEAD.size + 1)
    while at >= 0:
        begins = at - HEAD.size
        length, crc = HEAD.unpack_from(whole, begins)
        if 0 < length <= len(whole) - at and zlib.crc32(data[at : at + length]) == crc:
            return begins
        at = whole.find(_PAIR, at + 1)
    return None


def torn(data: memoryview) -> bool:
    """Whether this is the beginning of a frame that nobody has finished to write, or room for one."""
    if len(data) < HEAD.size:
        return True
    length, _ = HEAD.unpack_from(data)
    return length > len(data) - HEAD.size or not any(data)

"""Server-Sent Events without I/O (WHATWG HTML § 9.2): bytes cut anywhere in, whole events out."""

from __future__ import annotations

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""A single event larger than this is not an answer: the peer has lost the thread."""

_MARK = b"\xef\xbb\xbf"
"""The byte-order mark, which some servers put at the beginning."""


class Oversize(ValueError):
    """An event that does not end."""


def _normal(chunk: bytes) -> bytes:
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class Framer:
    """Cuts a byte stream into raw events, each with its closing blank line.

    Line ends `\\r\\n` and `\\r` are accepted and normalised; a leading byte-order mark is dropped.
    A raw event is bytes as they may be relayed; `data_of` looks inside one. `rest` is what has been fed of an
    event that has not ended.
    """

    __slots__ = ("_begun", "rest")

    def __init__(self) -> None:
        self.rest = b""
        self._begun = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Events completed by this piece. Raises `Oversize`."""
        if not self._begun:
            chunk = self.rest + chunk
            self.rest = b""
            if len(chunk) < len(_MARK) and _MARK.startswith(chunk):
                self.rest = chunk  # it may yet become a byte-order mark
                return []
            self._begun = True
            chunk = chunk.removeprefix(_MARK)
        if self.rest:
            chunk = self.rest + chunk
            self.rest = b""
        if b"\r" in chunk:
            chunk = self._without_carriage_returns(chunk)
        if chunk.endswith(b"\n\n") and chunk.count(b"\n\n") == 1:
            return [chunk]
        return self._split(chunk)

    def _without_carriage_returns(self, chunk: bytes) -> bytes:
        """A `\\r` at the very end may be half of `\\r\\n`: it waits for the next piece."""
        if chunk.endswith(b"\r"):
            self.rest = b"\r"
            chunk = chunk[:-1]
        return _normal(chunk)

    def _split(self, chunk: bytes) -> list[bytes]:
        *whole, rest = chunk.split(b"\n\n")
        self.rest = rest + self.rest
        if len(self.rest) > MAX_EVENT_BYTES:
            raise Oversize(f"an event of more than {MAX_EVENT_BYTES} bytes")
        return [event + b"\n\n" for event in whole if event.strip(b"\n")]

    def close(self) -> list[bytes]:
        """What stands unfinished at the end, as an event: some servers forget the last blank line."""
        rest, self.rest = _normal(self.rest).strip(b"\n"), b""
        return [rest + b"\n\n"] if rest else []


def data_of(event: bytes) -> bytes | None:
    """The event's data, its lines joined; `None` for a comment or an event without data."""
    breaks = event.count(b"\n")
    if breaks == 2 and event.startswith(b"data:"):
        return event[5:-2].removeprefix(b" ")
    if breaks == 3 and event.startswith(b"event:"):
        at = event.find(b"\ndata:")
        return event[at + 6 : -2].removeprefix(b" ") if at > 0 else None
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def frame(data: bytes, name: str | None = None) -> bytes:
    """One event on the wire. `data` must be free of line breaks, as compact JSON is."""
    if name is None:
        return b"data: " + data + b"\n\n"
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"

"""Newline-delimited JSON without I/O (github.com/ndjson/ndjson-spec): bytes cut anywhere in, lines out."""

from __future__ import annotations

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A single line larger than this is not an answer: the peer has lost the thread."""


class Overlong(ValueError):
    """A line that does not end."""


class LineFramer:
    """Cuts a byte stream into lines, without their line ends; blank lines are passed over.

    `\\r\\n` ends a line too. What has come of an unfinished line is kept in pieces, so that a long
    line in many small pieces costs no more than its length.
    """

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Lines completed by this piece. Raises `Overlong`."""
        head, newline, rest = chunk.partition(b"\n")
        if not newline:
            self._keep(chunk)
            return []
        self._keep(head)
        *whole, tail = rest.split(b"\n")
        lines = [self._take(), *whole]
        self._keep(tail)
        return [stripped for line in lines if (stripped := line.strip())]

    def close(self) -> list[bytes]:
        """What stands unfinished at the end, as a line: some servers forget the last line end."""
        rest = self._take().strip()
        return [rest] if rest else []

    def _keep(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        if self._size > MAX_LINE_BYTES:
            raise Overlong(f"a line of more than {MAX_LINE_BYTES} bytes")
        self._pieces.append(piece)

    def _take(self) -> bytes:
        pieces, self._pieces, self._size = self._pieces, [], 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

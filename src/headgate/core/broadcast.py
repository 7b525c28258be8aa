"""One answer told to many: pieces in order, each listener at a pace of its own."""

from __future__ import annotations

import msgspec

AHEAD_BYTES = 262_144
"""How far the answer may run ahead of the listener who is furthest: nobody needs more yet. Half of
what may be kept at most, so that who keeps up is never overrun."""


class Listener(msgspec.Struct, eq=False):
    """How far one has come: the number of the next piece, and the bytes heard."""

    next: int = 0
    heard: int = 0
    overrun: bool = False


class Pieces(msgspec.Struct, eq=False):
    """What has been said so far, from the first piece on, until it is more than `max_bytes`: then only what
    somebody has yet to hear, newcomers come too late, and who falls back by more than that is `overrun`."""

    max_bytes: int
    said: int = 0
    _pieces: list[bytes] = []
    _gone: int = 0
    _furthest: int = 0
    _listeners: dict[Listener, None] = {}

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @property
    def whole(self) -> bool:
        """Whether a newcomer can still hear everything."""
        return self._gone == 0 and self.said <= self.max_bytes

    @property
    def ahead(self) -> bool:
        """Whether more has been said than anybody wants yet."""
        ahead = self.said - self._furthest
        return ahead > AHEAD_BYTES or 2 * ahead > self.max_bytes

    def join(self) -> Listener:
        listener = Listener()
        self._listeners[listener] = None
        return listener

    def leave(self, listener: Listener) -> None:
        if self._listeners.pop(listener, self) is not None:
            return
        if not self._listeners:
            self._furthest = self.said
        else:
            self._furthest = max(one.heard for one in self._listeners)

    def say(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self.said += len(piece)
        if self.said > self.max_bytes:
            self._forget()

    def hear(self, listener: Listener) -> bytes | None:
        """The listener's next piece; `None` where there is none yet."""
        place = listener.next - self._gone
        if listener.overrun or place >= len(self._pieces):
            return None
        piece = self._pieces[place]
        listener.next += 1
        listener.heard += len(piece)
        if listener.heard > self._furthest:
            self._furthest = listener.heard
        return piece

    def rest(self, listener: Listener) -> bytes | None:
        """All that the listener has yet to hear, in one piece."""
        pieces = []
        while (piece := self.hear(listener)) is not None:
            pieces.append(piece)
        return b"".join(pieces) or None

    def _forget(self) -> None:
        """Drops what all have heard; who is too far back is given up."""
        for listener in self._listeners:
            listener.overrun = listener.overrun or self.said - listener.heard > self.max_bytes
        wanted = [listener.next for listener in self._listeners if not listener.overrun]
        drop = min(wanted, default=self._gone + len(self._pieces)) - self._gone
        if drop > 0:
            del self._pieces[:drop]
            self._gone += drop

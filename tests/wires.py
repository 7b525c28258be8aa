"""A transport for a server's connection, without a socket."""

from __future__ import annotations

from typing import Any

from headgate.server.protocol import BoundedProtocol


class Wire:
    """A transport that keeps what is written. While `stuck`, nothing of it leaves."""

    def __init__(self) -> None:
        self.written = b""
        self.unsent = 0
        self.stuck = False
        self.reading = True
        self.ended = ""
        self.peer: BoundedProtocol | None = None

    def write(self, data: bytes) -> None:
        self.written += data
        if self.stuck:
            self.unsent += len(data)
            assert self.peer is not None
            self.peer.pause_writing()

    def take(self) -> None:
        """The peer reads all that it was sent."""
        self.stuck, self.unsent = False, 0
        assert self.peer is not None
        self.peer.resume_writing()

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"

    def is_closing(self) -> bool:
        return bool(self.ended)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

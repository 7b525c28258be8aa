"""What is said of provider keys, by the operator to every worker and replica."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from headgate.core.keyring import Notice


class NoticesGone(Exception):
    """The place cannot be read or written."""


class Notices(Protocol):
    """A place that all processes look at. A notice is replaced at once, whole; nobody reads half of one."""

    async def all(self) -> Mapping[str, Notice]:
        """By the fingerprint of the key. Raises `NoticesGone`."""
        ...

    async def post(self, fingerprint: str, notice: Notice) -> None:
        """Adds what it says to what is there. Raises `NoticesGone`."""
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yields within half a second after a notice was posted, perhaps also when none was; and when a place
        that was away is back. Never ends, never raises."""
        ...

    async def close(self) -> None: ...

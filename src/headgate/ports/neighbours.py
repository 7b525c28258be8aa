"""Kept questions, and which of them are nearest to a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:  # numpy comes with the extra `embed`
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float32]


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A question that was answered. `identity`: under which its answer is kept; `alike`: the same for answers
    that say the same; `sign`: see `core.semantic.signature`. `until`: seconds since the epoch."""

    text: str
    identity: bytes
    alike: bytes
    sign: int
    until: float


class Near(msgspec.Struct, frozen=True, gc=False):
    kept: Kept
    likeness: float


class Neighbours(Protocol):
    """A bounded index of questions. Local and synchronous: nobody waits for it longer than for a look-up.

    Every verb takes the partition first; no question is ever seen from another one. Vectors are of length 1
    and of one dimension.
    """

    def near(self, partition: bytes, vector: Vector, most: int, now: float) -> list[Near]:
        """Up to so many of the nearest that have not expired at `now`, the nearest first. Likeness is the
        cosine, as exact as the index is."""
        ...

    def add(self, partition: bytes, vector: Vector, kept: Kept) -> None:
        """Keeps a question, in the place of one of the same identity. Where there is no room, the oldest
        goes, whoever's it is."""
        ...

    def drop(self, partition: bytes, identity: bytes) -> None:
        """Forgets a question, if it is there."""
        ...

    def clear(self) -> int:
        """Forgets everything. How many questions that was."""
        ...

    def __len__(self) -> int: ...

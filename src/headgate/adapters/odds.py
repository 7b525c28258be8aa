"""Reads what was learned from pairs of questions: the trees that ship with the package.

They are made from the pairs in `bench/quality/pairs` by `python -m bench.quality --fit`, and
`tests/unit/adapters/test_odds.py` holds that they are what the pairs give.
"""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from headgate.core.learned.boost import Boosted
    from headgate.core.learned.likely import Likely
    from headgate.ports.embedder import Embedder

NAME = "odds.bin"
MOST_NODES = 1 << 16
_ARRAYS = {"roots": "<u2", "feature": "<u1", "threshold": "<f4", "child": "<u2", "value": "<f4"}


class _Written(msgspec.Struct, frozen=True, kw_only=True):
    """`embedder`: its id. The arrays of a `Forest`, by name, each as `_ARRAYS` says."""

    embedder: str
    scale: float
    bias: float
    depth: int
    arrays: dict[str, bytes]


def likely(embedder: Embedder) -> Likely | None:
    """`None` where the trees have learned with another embedder, or without one."""
    written = msgspec.msgpack.decode(_file().read_bytes(), type=_Written)
    if written.embedder != embedder.id:
        return None
    from headgate.core.learned.likely import Likely

    return Likely(_read(written), embedder)


def _read(written: _Written) -> Boosted:
    import numpy as np

    from headgate.core.learned.boost import Boosted
    from headgate.core.learned.forest import Forest

    found = {name: np.frombuffer(written.arrays[name], kind) for name, kind in _ARRAYS.items()}
    forest = Forest(
        roots=found["roots"].astype(np.int32),
        feature=found["feature"].astype(np.int32),
        threshold=found["threshold"].astype(np.float32),
        child=found["child"].astype(np.int32),
        value=found["value"].astype(np.float32),
        depth=written.depth,
    )
    return Boosted(forest, written.scale, written.bias)


def _file() -> Traversable:
    return files("headgate.core.learned") / NAME


def keep(model: Boosted, embedder: str) -> Path:
    """Writes the trees that will ship. For `python -m bench.quality --fit`, in a checkout. Raises
    `ValueError` where they have more nodes than two bytes can name."""
    forest = model.forest
    if len(forest.child) > MOST_NODES:
        raise ValueError(f"{len(forest.child)} nodes, and at most {MOST_NODES} can be named")
    arrays = {name: getattr(forest, name).astype(kind).tobytes() for name, kind in _ARRAYS.items()}
    written = _Written(
        embedder=embedder, scale=model.scale, bias=model.bias, depth=forest.depth, arrays=arrays
    )
    path = Path(str(_file()))
    path.write_bytes(msgspec.msgpack.encode(written))
    return path

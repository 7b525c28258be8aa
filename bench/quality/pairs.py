"""Pairs of questions, and the trees of `core.learned.likely` that are made from them.

`pairs/learned.jsonl` was written for Headgate, by kinds, by writers who had not seen the verifier. To its
near misses come, as what a cache meets every day, each question's nearest among all the others.
`unseen.jsonl` was written likewise, and nobody who tunes looks at it: it only measures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from headgate.adapters.embed import WORDLLAMA, local
from headgate.core.learned.boost import Boosted, Boosting, boosted
from headgate.core.learned.forest import Matrix
from headgate.core.learned.likely import Vectors, counts
from headgate.core.semantic.reading import read
from headgate.ports.embedder import Embedder

FOLDER = Path(__file__).parent / "pairs"
LEARNED, UNSEEN = FOLDER / "learned.jsonl", FOLDER / "unseen.jsonl"

MINED = 2
"""Of each question's neighbours that are not its own, so many are taken for near misses."""

MINED_WEIGHT = 0.3
"""What each of them counts: some are not what they are taken for."""


class Pair(msgspec.Struct, frozen=True):
    """`same`: whether the answer to `a` answers `b`. `kind`: in what they differ."""

    a: str
    b: str
    same: bool
    kind: str
    lang: str = "en"


def pairs(path: Path) -> list[Pair]:
    return [msgspec.json.decode(line, type=Pair) for line in path.read_bytes().splitlines() if line]


def fitted(how: Boosting | None = None) -> Boosted:
    """The trees that the pairs give, with the embedder that ships."""
    embedder, known = local(WORDLLAMA), pairs(LEARNED)
    rows, yes, weights = [], [], []
    for pair, row in counted([*known, *(_turned(one) for one in known)], embedder):
        rows.append(row)
        yes.append(float(pair.same))
        weights.append(1.0)
    for _, row in counted(_mined(known, embedder), embedder):
        rows.append(row)
        yes.append(0.0)
        weights.append(MINED_WEIGHT)
    return boosted(np.array(rows), np.array(yes), np.array(weights), how or Boosting())


def _turned(pair: Pair) -> Pair:
    return Pair(a=pair.b, b=pair.a, same=pair.same, kind=pair.kind, lang=pair.lang)


def counted(known: Sequence[Pair], embedder: Embedder) -> Iterator[tuple[Pair, Matrix]]:
    """Without those that contradict one another: no tree is asked about them."""
    mine, theirs = embedder.embed([one.b for one in known]), embedder.embed([one.a for one in known])
    vectors = Vectors(embedder)
    for pair, likeness in zip(known, (mine * theirs).sum(axis=1), strict=True):
        row = counts(read(pair.b), read(pair.a), float(likeness), vectors)
        if row is not None:
            yield pair, np.array(row, np.float32)


def _mined(known: Sequence[Pair], embedder: Embedder) -> list[Pair]:
    texts = [(text, at) for at, one in enumerate(known) for text in (one.a, one.b)]
    vectors = embedder.embed([text for text, _ in texts])
    found = []
    for place, (text, at) in enumerate(texts):
        nearest = np.argsort(-(vectors @ vectors[place]), kind="stable")
        others = [texts[other][0] for other in nearest[: 4 * MINED] if texts[other][1] != at]
        found += [
            Pair(a=other, b=text, same=False, kind="mined") for other in others[:MINED] if other != text
        ]
    return found

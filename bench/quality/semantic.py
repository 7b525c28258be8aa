"""The semantic cache: how often it answers, and how often wrongly, on pairs and on a stream.

Lists, margin and gates are those that ship. They were written and chosen while looking at this very data,
some words of the lists because a pair here has them: on data that nobody has looked at, expect fewer
paraphrases answered. The stream moves its own gate, from what a cache would come to know: the answer of
every miss, and of sampled hits.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import TypeVar

import msgspec
import numpy as np

from bench.quality.pairs import UNSEEN, pairs
from bench.quality.rows import Measured, Row
from headgate.adapters.embed import local
from headgate.adapters.odds import likely
from headgate.config.reuse import Semantic
from headgate.core.semantic.gates import Gate, Neighbour, clearance
from headgate.core.semantic.judge import Odds, judge
from headgate.core.semantic.packing import packed
from headgate.core.semantic.signature import sign
from headgate.core.semantic.verifier import Proof, verify
from headgate.ports import neighbours

NEAR = Path("cache/near_pairs_dev.jsonl")
PAIRS = Path("cache/gptcache_pairs_dev.jsonl.gz")
STREAM = Path("cache/banking77_train.jsonl.gz")
PUBLISHED = ((425, 25, 10), (804, 77, 32), (904, 92, 58))
"""Of all 999 pairs: right, wrong as published, wrong as promised."""

WHOLE = 999
NEAREST = 16
SEEDS = 5
PROMISE = 0.01
DEFAULT = Semantic()


T = TypeVar("T")


class Twin(msgspec.Struct, frozen=True):
    origin: str
    similar: str


class Labelled(msgspec.Struct, frozen=True):
    text: str
    label: str


def _rows(path: Path, kind: type[T]) -> list[T]:
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
    return [msgspec.json.decode(line, type=kind) for line in lines if line]


def measured(data: Path) -> list[Measured]:
    found = []
    for title, path, measure in (
        ("Semantic cache: near pairs, one kept and the other asked", NEAR, _near),
        ("Semantic cache: GPTCache's benchmark, every origin kept, every similar asked", PAIRS, _pairs),
        ("Semantic cache: a stream of Banking77 in its published order", STREAM, _stream),
    ):
        there = (data / path).exists()
        rows = tuple(measure(data / path)) if there else ()
        found.append(Measured(title=title, rows=rows, missing="" if there else f"{data / path} is not there"))
    title = "Semantic cache: near pairs that nobody looks at, written for this by somebody else"
    return [*found, Measured(title=title, rows=tuple(_near(UNSEEN)))]


def _near(path: Path) -> list[Row]:
    rows = pairs(path)
    embedder = local()
    likeness = (embedder.embed([one.a for one in rows]) * embedder.embed([one.b for one in rows])).sum(axis=1)
    odds = likely(embedder)
    hit = {
        one: _hits(one.b, neighbours.Near(_kept(one.a), float(alike)), odds)
        for one, alike in zip(rows, likeness, strict=True)
    }
    told = [
        _share("near misses answered wrongly, %", [hit[one] for one in rows if not one.same], "≤ 2"),
        _share("paraphrases answered, %", [hit[one] for one in rows if one.same], "≥ 45"),
    ]
    kinds = dict.fromkeys(one.kind for one in rows if one.same)
    return told + [_share(f"  {kind}", [hit[one] for one in rows if one.kind == kind]) for kind in kinds]


def _kept(text: str) -> neighbours.Kept:
    return neighbours.Kept(reading=packed(text), identity=b"", alike=b"", sign=sign(text), until=0.0)


def _hits(text: str, kept: neighbours.Near, odds: Odds | None) -> bool:
    found = judge(text, [kept], DEFAULT.threshold, odds=odds, bar=DEFAULT.min_probability)
    return found is not None and found.hit


def _share(what: str, hits: Sequence[bool], reach: str = "") -> Row:
    value = 100 * sum(hits) / max(len(hits), 1)
    return Row(what=what, value=value, digits=1, reach=reach, note=f"{sum(hits)} of {len(hits)}")


def _pairs(path: Path) -> list[Row]:
    """An answer is a row: even where two origins say the same, only one's own is right."""
    rows = _rows(path, Twin)
    embedder = local()
    likeness = embedder.embed([one.similar for one in rows]) @ embedder.embed([one.origin for one in rows]).T
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :NEAREST]
    judged = []
    for at, found in enumerate(nearest):
        clear = clearance([Neighbour(int(place), float(likeness[at, place])) for place in found])
        judged.append((clear, bool(found[0] == at)))
    judged.sort(key=lambda one: -one[0])
    told = []
    for right, published, promised in PUBLISHED:
        part = len(rows) / WHOLE
        wrong = _wrong_before(judged, round(right * part))
        told.append(
            Row(
                what=f"wrong at {round(right * part)} right",
                value=wrong,
                digits=0,
                reach=f"≤ {promised * part:.0f}",
                published=f"{published * part:.0f}",
                note=f"of all 999: ≤ {promised}, published {published} at {right}",
            )
        )
    return told


def _wrong_before(judged: list[tuple[float, bool]], wanted: int) -> float:
    right = wrong = 0
    for _, ok in judged:
        right, wrong = right + ok, wrong + (not ok)
        if right == wanted:
            return wrong
    return float("nan")


def _stream(path: Path) -> list[Row]:
    rows = _rows(path, Labelled)
    vectors = local().embed([one.text for one in rows])
    played = [_Stream(rows, vectors, Random(seed)).play() for seed in range(SEEDS)]
    hits, wrong, audited = (sorted(values) for values in zip(*played, strict=True))
    note = f"{SEEDS} seeds of what is sampled"
    return [
        Row(
            what="hit rate",
            value=median(hits),
            reach="≥ 0.45",
            note=f"{note}: {hits[0]:.3f} to {hits[-1]:.3f}",
        ),
        Row(
            what="wrong, % of all requests",
            value=100 * median(wrong),
            reach="≤ 1",
            note=f"{100 * wrong[0]:.2f} to {100 * wrong[-1]:.2f}",
        ),
        Row(what="hits that were asked upstream too, % of requests", value=100 * median(audited), digits=1),
    ]


class _Stream:
    """A cache over a stream of questions; a hit that is checked is kept, like a miss."""

    def __init__(self, rows: Sequence[Labelled], vectors: np.ndarray, chance: Random) -> None:
        self._rows, self._vectors, self._chance = rows, vectors, chance
        self._kept: list[int] = []
        self._matrix = np.zeros_like(vectors)
        self._gate = Gate(PROMISE, 0.5)

    def play(self) -> tuple[float, float, float]:
        hits = wrong = audited = 0
        for at in range(len(self._rows)):
            hit, right, told = self._ask(at)
            hits, wrong, audited = hits + hit, wrong + (hit and not right), audited + (hit and told)
            if told:
                self._matrix[len(self._kept)] = self._vectors[at]
                self._kept.append(at)
        count = len(self._rows)
        return hits / count, wrong / count, audited / count

    def _ask(self, at: int) -> tuple[bool, bool, bool]:
        """Whether it hit, whether its neighbour was right, whether an upstream told."""
        self._gate.saw()
        if not self._kept:
            return False, False, True
        found = self._neighbours(at)
        clear = clearance([Neighbour(self._rows[place].label, likeness) for place, likeness in found])
        best = self._rows[found[0][0]]
        right = best.label == self._rows[at].label
        against = verify(self._rows[at].text, best.text).proof is Proof.REFUSED
        hit = self._gate.opens(clear, against=against)
        share = self._gate.share(clear, against=against) if hit else 1.0
        told = self._chance.random() < share
        if told:
            self._gate.learn(clear, against=against, right=right, weight=1 / share)
        return hit, right, told

    def _neighbours(self, at: int) -> list[tuple[int, float]]:
        count = len(self._kept)
        likeness = self._matrix[:count] @ self._vectors[at]
        most = min(NEAREST, count)
        top = np.argpartition(-likeness, most - 1)[:most]
        ranked = top[np.argsort(-likeness[top], kind="stable")]
        return [(self._kept[place], float(likeness[place])) for place in ranked]

"""How long a look-up takes among many questions, from text to judgement, and what an entry weighs.

Half of what is asked is there in other words; half is not, and must be looked for among the nearest. Nothing
of it has been read before. `python -m bench.quality.lookup --entries 1000000` takes minutes.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from bench.quality.rows import Measured, Row, show
from headgate.adapters.embed import local
from headgate.adapters.near import index_of
from headgate.core.semantic.judge import Judged, at_sight, judge
from headgate.core.semantic.packing import packed
from headgate.core.semantic.reading import read
from headgate.core.semantic.signature import sign
from headgate.ports.embedder import Embedder
from headgate.ports.neighbours import Kept, Neighbours

ASKED = 2000
BATCH = 10_000
PARTITION = b"p" * 16
WORDS = """
clean store repair buy sell choose paint cook wash install reset replace adjust measure build
wooden old broken cheap small heavy electric leather plastic foreign used modern rusty yellow loud
bicycle kettle jacket laptop printer oven garden carpet mirror guitar camera heater sofa window lamp
at_home in_winter on_a_budget with_children without_tools in_the_office by_hand in_a_hurry
salt vinegar soap sand wax oil steam paper tape glue water paint chalk wool ink lemon dust butter
"""
LISTS = [[word.replace("_", " ") for word in line.split()] for line in WORDS.strip().split("\n")]
Seconds = tuple[float, float]
DATES = range(1990, 2020)


def measured(data: Path) -> list[Measured]:
    """`data` is not needed: what is looked among is made up."""
    return [among(100_000)]


def questions(count: int) -> Iterator[str]:
    made = product(DATES, *LISTS)
    for _, (year, verb, kind, thing, where, stuff) in zip(range(count), made, strict=False):
        yield f"How do I {verb} a {kind} {thing} of {year} {where} if there is {stuff} on it?"


def among(count: int) -> Measured:
    title = f"Semantic look-up among {count:,} questions, embedding included"
    embedder = local()
    index = index_of(embedder.dimension, count)
    texts = list(questions(count))
    before, began = _resident(), time.perf_counter()
    for start in range(0, count, BATCH):
        some = texts[start : start + BATCH]
        kept = [_kept(text, at) for at, text in enumerate(some, start)]
        index.fill(PARTITION, embedder.embed(some), kept)
    built, weight = time.perf_counter() - began, (_resident() - before) / count
    known, new = (np.array(one) * 1e6 for one in _timed(index, embedder, Random(1).sample(texts, ASKED)))
    spent, processor = np.concatenate([known, new]).T
    rows = (
        _row("p50, µs", spent, 50, _reach(count, "≤ 150", "")),
        _row("  of what is there in other words", known[:, 0], 50),
        _row("  of what is not there", new[:, 0], 50),
        _row("p99, µs", spent, 99, _reach(count, "≤ 1,000", "≤ 2,000")),
        _row("p50 of CPU alone, µs", processor, 50),
        _row("p99 of CPU alone, µs", processor, 99),
        Row(what="bytes an entry, all told", value=weight, digits=0, reach=_reach(count, "", "≤ 1,229")),
        Row(what="seconds to read, embed and add them", value=built, digits=0),
    )
    return Measured(title=title, rows=rows)


def _row(what: str, spent: NDArray[np.float64], percentile: int, reach: str = "") -> Row:
    return Row(what=what, value=float(np.percentile(spent, percentile)), digits=0, reach=reach)


def _kept(text: str, at: int) -> Kept:
    identity, alike = at.to_bytes(21), at.to_bytes(8)
    return Kept(reading=packed(text), identity=identity, alike=alike, sign=sign(text), until=1e12)


def _reach(count: int, few: str, many: str) -> str:
    return few if count < 1_000_000 else many


def _timed(index: Neighbours, embedder: Embedder, texts: list[str]) -> tuple[list[Seconds], list[Seconds]]:
    """Seconds each, and of the processor: of those that are asked in other words, and of new ones."""
    spent: tuple[list[Seconds], list[Seconds]] = ([], [])
    for at, text in enumerate(texts):
        other = text.replace("How do I", "please tell me how to")
        asked = other if at % 2 else other.replace("a ", "nineteen ", 1)
        read.cache_clear()
        sign.cache_clear()
        began, burned = time.perf_counter(), time.thread_time()
        found = _looked_up(index, embedder, asked)
        burned, began = time.thread_time() - burned, time.perf_counter() - began
        spent[0 if at % 2 else 1].append((began, burned))
        assert bool(found and found.hit) == bool(at % 2), asked
    return spent


def _looked_up(index: Neighbours, embedder: Embedder, asked: str) -> Judged | None:
    """As `pipeline.semantic` does it."""
    same = index.same(PARTITION, sign(asked), 0.0)
    judged = at_sight(asked, same.reading) if same else None
    if judged is not None:
        return judged
    near = index.near(PARTITION, embedder.embed([asked])[0], 8, 0.0)
    return judge(asked, near, 0.95)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=100_000, metavar="N")
    show([among(parser.parse_args().entries)], Console())

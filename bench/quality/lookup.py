"""How long a look-up takes among many questions, from text to judgement, and what an entry weighs.

`HEADGATE_SOAK=1` adds a million questions; that takes minutes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random

import numpy as np

from bench.quality.rows import Measured, Row
from headgate.adapters.embed import local
from headgate.adapters.near import index_of
from headgate.core.semantic.judge import Candidate, judge
from headgate.core.semantic.reading import packed
from headgate.core.semantic.signature import sign
from headgate.ports.embedder import Embedder
from headgate.ports.neighbours import Kept, Neighbours

ASKED = 2000
PARTITION = b"p" * 16
WORDS = """
clean store repair buy sell choose paint cook wash install reset replace adjust measure build
wooden old broken cheap small heavy electric leather plastic foreign used modern rusty yellow loud
bicycle kettle jacket laptop printer oven garden carpet mirror guitar camera heater sofa window lamp
at_home in_winter on_a_budget with_children without_tools in_the_office by_hand in_a_hurry
salt vinegar soap sand wax oil steam paper tape glue water paint chalk wool ink lemon dust butter
"""
LISTS = [[word.replace("_", " ") for word in line.split()] for line in WORDS.strip().split("\n")]
DATES = range(1990, 2020)


def measured(data: Path) -> list[Measured]:
    """`data` is not needed: what is looked among is made up."""
    sizes = [100_000, *([1_000_000] if os.environ.get("HEADGATE_SOAK") else [])]
    return [_among(size) for size in sizes]


def questions(count: int) -> Iterator[str]:
    made = product(DATES, *LISTS)
    for _, (year, verb, kind, thing, where, stuff) in zip(range(count), made, strict=False):
        yield f"How do I {verb} a {kind} {thing} of {year} {where} if there is {stuff} on it?"


def _among(count: int) -> Measured:
    title = f"Semantic look-up among {count:,} questions, embedding included"
    embedder = local()
    index = index_of(embedder.dimension, count)
    texts = list(questions(count))
    before, began = _resident(), time.perf_counter()
    for at, text in enumerate(texts):
        index.add(PARTITION, embedder.embed([text])[0], _kept(text, at))
    built, weight = time.perf_counter() - began, (_resident() - before) / count
    spent = np.array(_timed(index, embedder, Random(1).sample(texts, ASKED))) * 1e6
    return Measured(
        title=title,
        rows=(
            Row(
                what="p50, µs",
                value=float(np.percentile(spent, 50)),
                digits=0,
                reach=_reach(count, "≤ 150", ""),
            ),
            Row(
                what="p99, µs",
                value=float(np.percentile(spent, 99)),
                digits=0,
                reach=_reach(count, "≤ 1,000", "≤ 2,000"),
            ),
            Row(what="bytes an entry, all told", value=weight, digits=0, reach=_reach(count, "", "≤ 1,229")),
            Row(what="seconds to add them, one by one", value=built, digits=0),
        ),
    )


def _kept(text: str, at: int) -> Kept:
    identity, alike = at.to_bytes(21), at.to_bytes(8)
    return Kept(reading=packed(text), identity=identity, alike=alike, sign=sign(text), until=1e12)


def _reach(count: int, few: str, many: str) -> str:
    return few if count < 1_000_000 else many


def _timed(index: Neighbours, embedder: Embedder, texts: list[str]) -> list[float]:
    """Half of them are asked in other words, half are new."""
    spent = []
    for at, text in enumerate(texts):
        asked = (
            text.replace("How do I", "please tell me how to")
            if at % 2
            else text.replace("a ", "nineteen ", 1)
        )
        began = time.perf_counter()
        near = index.near(PARTITION, embedder.embed([asked])[0], 8, 0.0)
        judge(
            asked,
            [Candidate(one.kept.reading, one.kept.alike, one.likeness, one.kept.sign) for one in near],
            0.95,
        )
        spent.append(time.perf_counter() - began)
    return spent


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

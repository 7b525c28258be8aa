"""The learned router: how much of the gap between two models it closes, on RouteLLM's published outcomes.

Every number is of rows that training has not seen: the rows are shuffled by a seed, the first so many are
trained on, all others are tested on. Several seeds; the median, and the lowest and highest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from bench.quality.rows import Measured, Row
from headgate.adapters.embed import local
from headgate.adapters.outcomes import read
from headgate.core.asked import Asked
from headgate.core.learned.fit import Rows, fit
from headgate.core.learned.gain import Curve, Numbers, curve
from headgate.core.learned.router import Chooser, by_rules, described, judged
from headgate.core.learned.sums import PRIOR
from headgate.core.learned.train import Outcome, judge, outcomes, questions, train

WEAK, STRONG = "mixtral-8x7b", "gpt-4-1106"
MMLU, GSM8K = Path("routing/mmlu_dev.jsonl.gz"), Path("routing/gsm8k_dev.jsonl.gz")
SEEDS, SMALL_SEEDS = 9, 21
LENGTH = "a router that goes by length alone"


def measured(data: Path) -> list[Measured]:
    missing = [file for file in (MMLU, GSM8K) if not (data / file).exists()]
    if missing:
        return [Measured(title="Learned router", missing=f"{data / missing[0]} is not there")]
    mmlu, gsm8k = read(data / MMLU), read(data / GSM8K)
    return [_mmlu(mmlu), _gsm8k(gsm8k), _cascade(gsm8k), _cost(mmlu[:1500], gsm8k)]


def _mmlu(data: list[Outcome]) -> Measured:
    rows, weak, strong = _questions(data)
    lengths = np.array([len(one.prompt.split()) for one in data], dtype=np.float64)
    found = [
        Row(what=f"{LENGTH}, all rows", value=curve(lengths, weak, strong).apgr(), published="0.5 is chance")
    ]
    for count, reach, published in ((1500, "≥ 0.635", "0.603 with ~1,500 labels"), (3500, "≥ 0.66", "")):
        curves = _tested(rows, weak, strong, count, SEEDS)
        found += _rows(f"{count} labels, tested on the other {len(data) - count}", curves, reach, published)
    return Measured(title="Learned router on MMLU (Mixtral 8x7B, GPT-4 1106): APGR", rows=tuple(found))


def _gsm8k(data: list[Outcome]) -> Measured:
    rows, weak, strong = _questions(data)
    half = len(data) // 2
    found = _rows(
        f"{half} labels, tested on the other {len(data) - half}",
        _tested(rows, weak, strong, half, SMALL_SEEDS),
        "≥ 0.66",
        "0.622",
    )
    return Measured(title="Learned router on GSM8K, by the question alone: APGR", rows=tuple(found))


def _cascade(data: list[Outcome]) -> Measured:
    weak, strong = outcomes(data, WEAK), outcomes(data, STRONG)
    features = judged([(one.prompt, one.answer[WEAK]) for one in data])
    rules = curve(by_rules(features), weak, strong)
    half = len(data) // 2
    trained = []
    for seed in range(SMALL_SEEDS):
        order = np.random.default_rng(seed).permutation(len(data))
        left, out = order[:half], order[half:]
        judging, _ = judge(features[left], weak[left], strong[left], seed=seed)
        trained.append(curve(judging.doubts(features[out]), weak[out], strong[out]))
    found = [
        Row(what="by rules, nothing trained, all rows", value=rules.apgr(), published="0.735, a fixed rule"),
        *_rows(f"{half} labels, tested on the other {len(data) - half}", trained, "≥ 0.80", ""),
        Row(what="a judge that knows", value=curve(-weak, weak, strong).apgr(), note="the most there is"),
    ]
    return Measured(title="Cascade on GSM8K: the weak model's answer is judged: APGR", rows=tuple(found))


def _cost(mmlu: list[Outcome], gsm8k: list[Outcome]) -> Measured:
    """Of routers in which the forest has a say, and in which it has none (few labels, questions of sums)."""
    rows = tuple(_deciding(what, data) for what, data in (("MMLU", mmlu), ("GSM8K", gsm8k)))
    return Measured(title="Learned router: cost", rows=rows)


def _deciding(what: str, data: list[Outcome]) -> Row:
    embedder = local()
    before = time.process_time()
    trained = train(data, embedder, weak=WEAK, strong=STRONG)
    training = time.process_time() - before
    chooser = Chooser(trained, embedder, weak=WEAK, strong=STRONG, target=0.95)
    usual = [one for one in data if 40 <= len(one.prompt.split()) <= 52]
    prompts = [Asked(text=one.prompt) for one in usual[:200]]
    spent = min(_spent(lambda: [chooser.prefers(one) for one in prompts]) for _ in range(9)) / len(prompts)
    return Row(
        what=f"one decision, {what} prompts of 40 to 52 words, µs of CPU",
        value=spent * 1e6,
        digits=0,
        reach="≤ 120",
        note=f"{len(data)} rows trained on in {training:.1f} s of CPU",
    )


def _questions(data: list[Outcome]) -> tuple[Rows, Numbers, Numbers]:
    features, vectors = described([one.prompt for one in data], local())
    weak, strong = outcomes(data, WEAK), outcomes(data, STRONG)
    topics = [one.topic for one in data]
    return questions(features, vectors, strong - weak, topics), weak, strong


def _tested(rows: Rows, weak: Numbers, strong: Numbers, count: int, seeds: int) -> list[Curve]:
    found = []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(weak))
        left, out = order[:count], order[count:]
        machine = fit(rows.some(left), PRIOR, seed=seed).machine
        asked = rows.some(out)
        found.append(curve(machine.scores(asked.features, asked.vectors), weak[out], strong[out]))
    return found


def _rows(what: str, curves: list[Curve], reach: str, published: str) -> list[Row]:
    values = sorted(one.apgr() for one in curves)
    spread = f"{len(values)} seeds: {values[0]:.3f} to {values[-1]:.3f}, mean {sum(values) / len(values):.3f}"
    halves = [median(100 * one.cpt(part) for one in curves) for part in (0.5, 0.8)]
    return [
        Row(what=what, value=median(values), reach=reach, published=published, note=spread),
        Row(what="  strong calls for 50 % of the gap, %", value=halves[0], digits=1),
        Row(what="  strong calls for 80 % of the gap, %", value=halves[1], digits=1),
    ]


def _spent(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before

"""From rows of outcomes to a router."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from headgate.core.learned.fit import Rows, Step, fit, steps
from headgate.core.learned.gain import Numbers
from headgate.core.learned.machine import Matrix
from headgate.core.learned.router import (
    OF_ANSWERS,
    Judge,
    Ladder,
    Trained,
    by_rules,
    described,
    judged,
    ladder,
)
from headgate.core.learned.sums import PRIOR
from headgate.core.learned.surface import NAMES as OF_QUESTIONS

if TYPE_CHECKING:
    from headgate.ports.embedder import Embedder

LEAST_ROWS = 20
"""Fewer say nothing that could be told from luck."""

LEAST_ANSWERS = 100
"""Rows with the weak model's answer below which answers are judged by rules."""

ANSWER_PRIOR = tuple({f"asked.{name}": sign for name, sign in group.items()} for group in PRIOR)

BATCH = 256


class TooLittle(ValueError):
    """Data that no router can be learned from; the message says what is missing."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One row of training data: how well each model did, 0..1; and, where known, what it said."""

    prompt: str
    correct: Mapping[str, float]
    topic: str | None = None
    answer: Mapping[str, str] = {}


def train(
    data: Sequence[Outcome],
    embedder: Embedder,
    *,
    weak: str,
    strong: str,
    seed: int = 0,
    step: Step = lambda: None,
) -> Trained:
    """A router between `weak` and `strong`, of the rows that know both. The same data and seed give the same
    router. Calls `step` `stages(data)` times.

    Raises `TooLittle` where there are fewer than `LEAST_ROWS`, or the models never differ.
    """
    weaks, strongs = outcomes(data, weak), outcomes(data, strong)
    if len(data) < LEAST_ROWS:
        raise TooLittle(f"{len(data)} rows know both models, and {LEAST_ROWS} are the least to learn from")
    if (weaks == strongs).all():
        raise TooLittle(f"'{weak}' and '{strong}' do equally well on every row: there is nothing to choose")
    features, vectors = _described(data, embedder, step)
    rows = questions(features, vectors, strongs - weaks, [one.topic for one in data])
    fitted = fit(rows, PRIOR, seed=seed, step=step)
    answers, answer_ladder = _verifier(data, weak, weaks, strongs, seed, step)
    return Trained(
        weak=weak,
        strong=strong,
        embedder=embedder.id,
        rows=len(data),
        questions=fitted.machine,
        question_ladder=ladder(fitted.held_out, weaks, strongs),
        answers=answers,
        answer_ladder=answer_ladder,
    )


def stages(data: Sequence[Outcome]) -> int:
    """How often `train` says that it got on, at most."""
    return -(-len(data) // BATCH) + 2 * steps(len(data))


def questions(features: Matrix, vectors: Matrix, gain: Numbers, topics: Sequence[str | None]) -> Rows:
    """What a router by the question learns from."""
    return Rows(features=features, names=OF_QUESTIONS, vectors=vectors, target=gain, topics=topics)


def outcomes(data: Sequence[Outcome], model: str) -> Numbers:
    return np.array([one.correct[model] for one in data], dtype=np.float64)


def _described(data: Sequence[Outcome], embedder: Embedder, step: Step) -> tuple[Matrix, Matrix]:
    parts = []
    for start in range(0, len(data), BATCH):
        parts.append(described([one.prompt for one in data[start : start + BATCH]], embedder))
        step()
    return np.concatenate([one for one, _ in parts]), np.concatenate([one for _, one in parts])


def _verifier(
    data: Sequence[Outcome], weak: str, weaks: Numbers, strongs: Numbers, seed: int, step: Step
) -> tuple[Judge | None, Ladder | None]:
    """What tells a weak answer that had better be asked again."""
    known = [place for place, one in enumerate(data) if weak in one.answer]
    if len(known) < LEAST_ANSWERS or len(set(weaks[known])) < 2:
        return None, None
    features = judged([(data[one].prompt, data[one].answer[weak]) for one in known])
    found, held_out = judge(features, weaks[known], strongs[known], seed=seed, step=step)
    return found, ladder(held_out, weaks[known], strongs[known])


def judge(
    features: Matrix, weak: Numbers, strong: Numbers, *, seed: int, step: Step = lambda: None
) -> tuple[Judge, Numbers]:
    """What judges answers, of features of some and how right each model was there; and its honest scores of
    these. The forest learns to doubt, for whether the strong model would do better is hardly to be seen in
    the weak one's answer; how much a doubt weighs beside what the question says is fitted to the gain."""
    rows = Rows(
        features=features,
        names=OF_ANSWERS,
        vectors=None,
        target=strong - weak,
        told=by_rules(features),
        taught=1 - weak,
    )
    fitted = fit(rows, ANSWER_PRIOR, seed=seed, step=step)
    return Judge(fitted.machine, fitted.told), fitted.held_out

"""What training leaves: a router between two models, and how it decides."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from headgate.core.asked import Asked, sampled
from headgate.core.learned.gain import Numbers
from headgate.core.learned.machine import Machine, Matrix, Quick
from headgate.core.learned.surface import NAMES as OF_QUESTIONS
from headgate.core.learned.surface import surface
from headgate.core.learned.verify import NAMES, verify
from headgate.core.rules import Preference

if TYPE_CHECKING:
    from headgate.ports.embedder import Embedder

STEPS = 100
MAX_ANSWER_CHARS = 8_000
"""Of an answer that are looked at, from its head and its tail."""


class Ladder(msgspec.Struct, frozen=True):
    """What became of the training rows, each scored by machines that had not seen it, at rising thresholds:
    the share of strong calls, and the quality of the whole (0..1). `weak`, `strong`: of each model alone."""

    thresholds: tuple[float, ...]
    shares: tuple[float, ...]
    qualities: tuple[float, ...]
    weak: float
    strong: float

    def threshold(self, target: float) -> float:
        """The score from which the strong model is asked, so that `target` (0..1) of its quality is kept with
        the fewest calls of it. Where the weak model alone keeps that, nothing reaches the threshold; where
        only the strong one does, everything."""
        wanted = target * self.strong
        kept = [at for at, quality in zip(self.thresholds, self.qualities, strict=True) if quality >= wanted]
        return max(kept, default=float("-inf"))

    def rank(self, score: float) -> float:
        """The share of training rows that scored lower, 0..1."""
        return bisect_left(self.thresholds, score) / len(self.thresholds)


def ladder(scores: Numbers, weak: Numbers, strong: Numbers) -> Ladder:
    """Of the training rows' honest scores."""
    thresholds = [*np.quantile(scores, np.linspace(0, 1, STEPS + 1)).tolist(), float("inf")]
    chosen = [scores >= at for at in thresholds]
    return Ladder(
        (*thresholds[:-1], float(np.nextafter(scores.max(), np.inf))),
        tuple(float(one.mean()) for one in chosen),
        tuple(float(np.where(one, strong, weak).mean()) for one in chosen),
        float(weak.mean()),
        float(strong.mean()),
    )


class Judge(msgspec.Struct, frozen=True, eq=False):
    """What asking again would gain: what a machine learned of answers and their questions, and `rules` times
    what the fixed rules say, which few answers could teach."""

    machine: Machine
    rules: float

    def doubts(self, features: Matrix) -> Numbers:
        return self.machine.scores(features, None) + self.rules * by_rules(features)


class Trained(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A router between two models, as their training data calls them. `embedder` is the id of the one whose
    vectors it was fitted to. `answers` judges the weak model's answers, where training had any."""

    weak: str
    strong: str
    embedder: str
    rows: int
    questions: Machine
    question_ladder: Ladder
    answers: Judge | None = None
    answer_ladder: Ladder | None = None

    def scores(self, prompts: list[str], embedder: Embedder) -> Numbers:
        """One number a prompt: higher where more is to be gained by asking the strong model."""
        features, vectors = described(prompts, embedder)
        return self.questions.scores(features, vectors)


def described(prompts: list[str], embedder: Embedder) -> tuple[Matrix, Matrix]:
    """What the machine for questions sees: surface features and vectors."""
    texts = [sampled(prompt) for prompt in prompts]
    features = np.array([surface(text) for text in texts], dtype=np.float32).reshape(len(texts), -1)
    return features, embedder.embed(texts)


OF_ANSWERS = NAMES + tuple(f"asked.{name}" for name in OF_QUESTIONS)
"""What `judged` tells, in its order."""


def judged(pairs: list[tuple[str, str]]) -> Matrix:
    """What the machine for answers sees, of (question, answer) each: of the answer, and of the question."""
    rows = []
    for asked, told in pairs:
        question = sampled(asked)
        rows.append([*verify(question, sampled(told, MAX_ANSWER_CHARS)), *surface(question)])
    return np.array(rows, dtype=np.float32).reshape(len(rows), -1)


class Chooser:
    """A trained router at work in a route (`core.rules.Learned`): `weak` and `strong` are models
    of the route."""

    def __init__(
        self, trained: Trained, embedder: Embedder, *, weak: str, strong: str, target: float
    ) -> None:
        """Raises `ValueError` where the embedder is not the one that the router was trained with."""
        if trained.embedder != embedder.id:
            raise ValueError(
                f"it was trained with the embedder {trained.embedder}, and this is {embedder.id}: "
                "train it again"
            )
        self._quick = Quick(trained.questions)
        self._ladder = trained.question_ladder
        self._embedder = embedder
        self._models = (weak, strong)
        self.weak, self.target = weak, target
        self._threshold = trained.question_ladder.threshold(target)
        self._bar = self._ladder.rank(self._threshold)

    def prefers(self, asked: Asked, shift: float = 0.0, /) -> Preference:
        """The weak model first where too little is to be gained; the other one is its fallback. `confidence`
        is how far off the threshold the score lies, in ranks of the training rows."""
        text = sampled(asked.text)
        score = self._quick.score(surface(text), self._embedder.embed([text])[0])
        rank, bar = self._ladder.rank(score), self._bar + shift
        weak, strong = self._models
        above = rank >= bar if shift else score >= self._threshold
        first = (strong, weak) if above else (weak, strong)
        told = f"gain {score:+.3f}, rank {rank:.2f}; {strong} from rank {bar:.2f}"
        return Preference(first, min(abs(rank - bar), 1.0), (told,))


class Verifier:
    """Judges a weak model's answers: by what was learned of answers, else by rules."""

    def __init__(self, trained: Trained | None = None, *, target: float = 0.95) -> None:
        learned = trained is not None and trained.answers is not None and trained.answer_ladder is not None
        self._judge = trained.answers if trained and learned else None
        ladder_ = trained.answer_ladder if trained and learned else None
        self._threshold = ladder_.threshold(target) if ladder_ else RULES_BAR

    def doubts(self, question: str, answer: str) -> float:
        """How doubtful an answer is; comparable for one verifier. Bounded time, never an error."""
        features = judged([(question, answer)])
        return float((self._judge.doubts(features) if self._judge else by_rules(features))[0])

    def doubtful(self, question: str, answer: str) -> bool:
        """Whether the strong model is to be asked."""
        return self.doubts(question, answer) >= self._threshold


RULES_BAR = 0.2
"""Doubts by rules from which the strong model is asked: a plain fault is enough, or two small ones. Of weak
answers to sums, of which every third is wrong, a quarter reach it."""

_RULES = {
    "empty": 4.0, "refuses": 2.0, "wrong_equations": 2.0, "hedges": 0.7, "unbalanced": 1.0, "ends": -0.6,
    "concludes": -0.4, "last_agrees": -0.5, "given_unused": 0.5, "foreign_share": 1.0, "final_negative": 1.0,
    "fractional_count": 2.0, "unused_results": 0.5,
}  # fmt: skip
"""Weights of what speaks for or against an answer, where no answers were trained on."""


def by_rules(features: Matrix) -> Numbers:
    """Doubts of answers as `judged` describes them, without training."""
    exact = features[:, : len(NAMES)].astype(np.float64)
    sums = exact[:, NAMES.index("asked_log_numbers")] > 0
    found = exact @ np.array([_RULES.get(name, 0.0) for name in NAMES]) + np.where(sums, 1.0, PROSE)
    found -= np.where(sums, 0.0, PROSE_HEDGES * exact[:, NAMES.index("hedges")])
    return np.asarray(found, np.float64)


PROSE, PROSE_HEDGES = 0.5, 0.6
"""Where the question has no numbers: what an answer must make up for, and how much less a hedge says."""

"""Which intent a text speaks for as a whole: a linear head over its vector and over what was counted in it.

Multinomial logistic regression, fitted to examples (`fit`); added to the evidence of the keywords, and
divided by a temperature that makes confidences mean what they say on examples left out (Guo et al., "On
Calibration of Modern Neural Networks", 2017).

Known weakness: the head is no better than its examples; a kind of request of which there is none is decided
by the words it shares with others.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log1p
from operator import mul
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from headgate.core.asked import sampled
from headgate.core.intent.head import Head
from headgate.core.intent.keywords import Evidence
from headgate.core.intent.vocabulary import SAID, STRENGTHS

if TYPE_CHECKING:
    from headgate.ports.embedder import Embedder

Matrix = NDArray[np.float64]
Row = NDArray[np.float32]

MOST_WORDS = 16_384
"""Whose scores are kept: some 4 MB. Once so many have been met, keeping begins anew. Texts are sampled, so a
word has no more than some hundred characters."""

ALPHA = 0.7
"""Of the keywords' evidence beside the head's. The head sees counts of the same words, but was fitted to few
examples, and the lists know more words than the examples do."""

SCALE = 8.0
"""Of the vector, beside counts that are scaled to a deviation of 1."""

RIDGE = 12.0
BIAS_RIDGE = 0.01
STEPS = 150
BLOCK = 128
FOLDS = 5
HEAVIEST = 20.0
"""How much more than another an example may weigh, where an intent has few."""

MAX_CHARS, MAX_CHARS_WIDE, MAX_CHARS_WIDEST = 480, 200, 80
"""Of a text that are embedded. Scripts other than the Latin one make a token of each character, or three;
what is written in four bytes, four."""

QUESTIONS = frozenset(
    ("what", "who", "when", "where", "which", "why", "how", "is", "are", "can", "do", "does", "did", "should")
)


def sample(text: str) -> str:
    """As much of a text as is embedded."""
    if text.isascii():
        return sampled(text, MAX_CHARS)
    widest = len(text.encode("utf-8", "surrogatepass")) > 3 * len(text)
    return sampled(text, MAX_CHARS_WIDEST if widest else MAX_CHARS_WIDE)


def counts(evidence: Evidence) -> list[float]:
    """What is counted in a text: nine kinds of words, marks, formulas, numbers and its form."""
    reading = evidence.reading
    kinds = [0.0] * 9
    for kind in evidence.words.values():
        intent, strength = divmod(kind, STRENGTHS)
        if intent < 3 and strength < SAID:
            kinds[intent * SAID + strength] += 1
    tokens, numbers = reading.tokens, min(len(reading.numbers), 6)
    length = log1p(len(tokens))
    return [
        *(min(one, 4) for one in kinds),
        min(len(reading.marks), 5),
        min(len(reading.formulas), 4),
        numbers,
        numbers / (1 + length),
        "%" in reading.text,
        length,
        min(reading.lines, 5),
        "?" in reading.text,
        bool(tokens) and tokens[0] in QUESTIONS,
        '"' in reading.text,
        not reading.plain,
        min(evidence.quantifiers, 4),
    ]


@runtime_checkable
class WordEmbedder(Protocol):
    """An embedder for which a text is the sum of its words: `embed` gives the direction of that sum."""

    def embed(self, texts: Sequence[str], /) -> Row: ...

    def rows_of(self, words: list[str], /) -> Row:
        """A row for each of these words, none of which has white space in it; float32, of any length."""
        ...


class WordScores:
    """What a head makes of the direction of a sum of words, without the sum: a head is linear, so that each
    word has its scores, and those of a text are added up. A few numbers a word instead of hundreds.

    The length of the sum, by which it is divided, is estimated: exactly along the direction that words of
    English share, and across it as if words had nothing else in common. Over the examples that ship the
    estimate is 7 % low for wordllama and 2 % for hashed words, give or take 9 and 5 %.
    """

    def __init__(self, embedder: WordEmbedder, of_vector: Row) -> None:
        self._embedder = embedder
        self._of_vector = of_vector
        self._shared = embedder.embed((" ".join(sorted(QUESTIONS)),))[0]
        self._nothing = [0.0] * of_vector.shape[1]
        self._known: dict[str, tuple[float, ...]] = {}

    def logits(self, text: str) -> list[float]:
        """Those of the vector of this text: with it alone, without counts."""
        words = text.split()
        rows = list(map(self._known.get, words))
        if None in rows:
            self._meet(words)
            rows = list(map(self._known.get, words))
        *scores, along, across = map(sum, zip(*filter(None, rows), strict=True)) if rows else (0.0, 0.0)
        length = (along * along + across) ** 0.5
        return [score / length for score in scores] if length else self._nothing

    def _meet(self, words: list[str]) -> None:
        """Keeps the numbers of these, all of one text."""
        if len(self._known) + len(words) > MOST_WORDS:
            self._known.clear()
        words = [word for word in dict.fromkeys(words) if word not in self._known]
        rows = self._embedder.rows_of(words)
        along = rows @ self._shared
        across = np.maximum((rows * rows).sum(axis=1) - along * along, 0)
        numbers = np.column_stack([rows @ self._of_vector, along, across]).tolist()
        self._known.update(zip(words, map(tuple, numbers), strict=True))


class Vectors:
    """A head at work: some 15 µs for 46 words that were met before, where the embedder sums words."""

    def __init__(self, embedder: Embedder, head: Head) -> None:
        """Raises `ValueError` where the head was fitted to another embedder's vectors."""
        if head.embedder != embedder.id:
            raise ValueError(f"the head was fitted to {head.embedder}, and the embedder is {embedder.id}")
        self.intents = head.intents
        self.temperature = head.temperature
        self._embedder = embedder
        weights = np.asarray(head.weights, np.float32)
        self._of_vector = np.ascontiguousarray(weights[: embedder.dimension])
        self._of_counts = weights[embedder.dimension :].T.tolist()
        self._words = WordScores(embedder, self._of_vector) if isinstance(embedder, WordEmbedder) else None

    def logits(self, text: str, evidence: Evidence) -> list[float]:
        """Evidence for each intent, that of the keywords included."""
        read = sample(text)
        if self._words is None:
            heard: list[float] = (self._embedder.embed((read,))[0] @ self._of_vector).tolist()
        else:
            heard = self._words.logits(read)
        counted = (*counts(evidence), 1.0)
        return [
            one + ALPHA * other + sum(map(mul, counted, column))
            for one, other, column in zip(heard, evidence.logits, self._of_counts, strict=True)
        ]


def fit(
    examples: Sequence[tuple[str, int]],
    evidence: Sequence[Evidence],
    intents: tuple[str, ...],
    embedder: Embedder,
    *,
    temperature: float | None = None,
) -> Head:
    """A head for these examples: (text, number of its intent), with the keywords' evidence of each.

    Deterministic: no chance is involved. Without a temperature it is found: every fifth example is left out
    in turn, which takes six times as long.
    """
    rows = embedder.embed([sample(text) for text, _ in examples]).astype(np.float64) * SCALE
    counted = np.array([counts(one) for one in evidence], np.float64)
    spread = counted.std(axis=0) + 1e-9
    features = np.hstack([rows, counted / spread, np.ones((len(rows), 1))])
    labels = np.array([label for _, label in examples])
    targets = np.eye(len(intents))[labels]
    heaviness = _heaviness(targets)
    weights = _regressed(features, targets, heaviness)
    if temperature is None:
        words = ALPHA * np.array([one.logits for one in evidence])
        temperature = _temperature(words + _left_out(features, targets, heaviness), labels)
    scales = np.concatenate([np.full(rows.shape[1], SCALE), 1 / spread, [1.0]])
    rounded = tuple(tuple(round(float(one), 4) for one in row) for row in weights * scales[:, None])
    return Head(embedder.id, intents, rounded, temperature)


def _heaviness(targets: Matrix) -> Matrix:
    """Examples of an intent weigh together as much as those of another, up to `HEAVIEST`."""
    sizes = np.maximum(targets.sum(axis=0), 1)
    each = np.minimum(sizes.max() / sizes, HEAVIEST)
    found: Matrix = targets @ each
    return found[:, None]


def _regressed(features: Matrix, targets: Matrix, heaviness: Matrix) -> Matrix:
    """Weights by Nesterov's accelerated gradient (1983), with the step that the curvature allows."""
    blocks, wanted, heavy = (_blocks(one) for one in (features, targets, heaviness))
    turned = blocks.transpose(0, 2, 1)
    ridge = np.full((features.shape[1], 1), RIDGE)
    ridge[-1] = BIAS_RIDGE
    step = 1 / (0.55 * _curvature(blocks, heavy) + RIDGE)
    weights = ahead = np.zeros((features.shape[1], targets.shape[1]))
    momentum = 1.0
    for _ in range(STEPS):
        wrong = heavy * (_softmax(blocks @ ahead) - wanted)
        moved = ahead - step * ((turned @ wrong).sum(axis=0) + ridge * ahead)
        following = (1 + (1 + 4 * momentum * momentum) ** 0.5) / 2
        ahead = moved + (momentum - 1) / following * (moved - weights)
        weights, momentum = moved, following
    return weights


def _curvature(blocks: Matrix, heavy: Matrix) -> float:
    """The largest eigenvalue of the weighted features' product, by ten rounds of the power method."""
    along = np.ones((blocks.shape[2], 1))
    size = 0.0
    for _ in range(10):
        along = (blocks.transpose(0, 2, 1) @ (heavy * (blocks @ along))).sum(axis=0)
        size = float(np.linalg.norm(along))
        along /= size
    return size


def _blocks(rows: Matrix) -> Matrix:
    """Rows in blocks, the last filled up with zeros: products of this size stay in one thread of BLAS, which
    is the quickest for them, and leaves the other cores alone."""
    count = -(-len(rows) // BLOCK)
    filled = np.zeros((count * BLOCK, rows.shape[1]))
    filled[: len(rows)] = rows
    return filled.reshape(count, BLOCK, rows.shape[1])


def _left_out(features: Matrix, targets: Matrix, heaviness: Matrix) -> Matrix:
    """What heads say of examples they were not fitted to."""
    found = np.zeros_like(targets)
    for fold in range(FOLDS):
        out = np.arange(len(features)) % FOLDS == fold
        found[out] = features[out] @ _regressed(features[~out], targets[~out], heaviness[~out])
    return found


def _temperature(logits: Matrix, labels: NDArray[np.int_]) -> float:
    """That under which the left-out labels are the likeliest, to a twentieth."""

    def surprise(temperature: float) -> float:
        chances = _softmax(logits / temperature)[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(chances, 1e-12)).mean())

    return min((step / 20 for step in range(10, 101)), key=surprise)


def _softmax(logits: Matrix) -> Matrix:
    odds: Matrix = np.exp(logits - logits.max(axis=-1, keepdims=True))
    odds /= odds.sum(axis=-1, keepdims=True)
    return odds

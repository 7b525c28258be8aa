"""Intent in two steps: keywords, and where they are not sure, vectors. What was said before gives context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgate.core.asked import Asked
from headgate.core.chat import Role
from headgate.core.intent.found import GENERAL, Intent, Thresholds
from headgate.core.intent.keywords import Evidence, Keywords, confidences

if TYPE_CHECKING:
    from headgate.core.intent.vectors import Vectors

SHORT_WORDS, LONG_WORDS = 12, 40
"""A turn of so few words is likely to lean on what was said before; one of so many stands by itself."""

CONTEXT = 0.7
"""Weight of the user's turn before, beside a short last one; halved with each turn further back."""

ANSWERS = 0.4
"""Of an answer of the model's, beside a turn of the user's."""

LOUDEST = 3.0
"""As much evidence as context may give: a new topic, plainly stated, wins against any history."""


class Cascade:
    """`Classifier`. Without vectors, keywords decide alone."""

    def __init__(self, keywords: Keywords, thresholds: Thresholds, vectors: Vectors | None = None) -> None:
        """Raises `ValueError` where the vectors know other intents than the keywords."""
        if vectors is not None and vectors.intents != keywords.intents:
            raise ValueError(f"vectors tell {vectors.intents}, keywords {keywords.intents}")
        self.intents = keywords.intents
        self._keywords, self._vectors, self._thresholds = keywords, vectors, thresholds
        self._general = self.intents.index(GENERAL)

    def classify(self, asked: Asked, /) -> Intent:
        text = asked.text
        if not text.strip() and not asked.earlier:
            return self._nothing()
        evidence = self._keywords.weigh(text)
        context = self._context(asked, len(evidence.reading.tokens)) if asked.earlier else None
        scores = confidences(_sum(evidence.logits, context))
        by, best = "keywords", max(range(len(scores)), key=scores.__getitem__)
        if self._vectors is not None and scores[best] < self._thresholds.high:
            heard = self._vectors.logits(text, evidence)
            scores = confidences(_sum(heard, context), self._vectors.temperature)
            by, best = "vectors", max(range(len(scores)), key=scores.__getitem__)
        return self._found(evidence, scores, best, by)

    def _found(self, evidence: Evidence, scores: list[float], best: int, by: str) -> Intent:
        """What is found with less than the lowest threshold is not found: then it is `general`."""
        if scores[best] < self._thresholds.low:
            best = self._general
        return Intent(
            name=self.intents[best],
            confidence=scores[best],
            band=self._thresholds.band(scores[best]),
            by=by,
            evidence=evidence.told(best),
            scores=dict(zip(self.intents, scores, strict=True)),
        )

    def _context(self, asked: Asked, words: int) -> list[float] | None:
        """Evidence of the turns before, as far as a last turn of so many words leans on them."""
        if words >= LONG_WORDS:
            return None
        weight = (
            CONTEXT if words <= SHORT_WORDS else CONTEXT * (LONG_WORDS - words) / (LONG_WORDS - SHORT_WORDS)
        )
        total = [0.0] * len(self.intents)
        for turn in reversed(asked.earlier):
            user = turn.role is Role.USER
            said = self._keywords.weigh(turn.text).logits
            for number, one in enumerate(said):
                total[number] += weight * (1 if user else ANSWERS) * one
            if user:
                weight /= 2
        return [min(one, LOUDEST) for one in total]

    def _nothing(self) -> Intent:
        """For images alone, and for silence."""
        return Intent(name=GENERAL, confidence=0.0, band=self._thresholds.band(0.0), by="nothing")


def _sum(one: Sequence[float], other: Sequence[float] | None) -> Sequence[float]:
    return one if other is None else [a + b for a, b in zip(one, other, strict=True)]

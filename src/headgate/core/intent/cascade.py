"""Intent in two steps: keywords, and where they are not sure, vectors. What was said before gives context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgate.core.asked import Asked
from headgate.core.chat import Role
from headgate.core.intent.found import GENERAL, Intent, Thresholds
from headgate.core.intent.keywords import TEMPERATURE, Heard, Keywords, best_of, confidences

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
        by, logits, temperature = "keywords", _sum(evidence.logits, context), TEMPERATURE
        best, sure = best_of(logits)
        if self._vectors is not None and sure < self._thresholds.high:
            by, temperature = "vectors", self._vectors.temperature
            logits = _sum(self._vectors.logits(text, evidence), context)
            best, sure = best_of(logits, temperature)
        if sure < self._thresholds.low:  # then nothing is found
            best = self._general
            sure = confidences(logits, temperature)[best]
        reading = evidence.reading
        return Intent(
            name=self.intents[best],
            confidence=sure,
            band=self._thresholds.band(sure),
            by=by,
            clues=Heard(
                self.intents,
                best,
                logits,
                temperature,
                evidence.words,
                reading.marks,
                reading.formulas,
                len(reading.numbers),
            ),
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

"""Prompts that nobody wrote: of a wanted length, some of them asked before.

Plain sentences in ASCII, without quotes: they stand in JSON as they are.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random

import msgspec

from headgate.core.draws import Draw
from headgate.core.usage import CHARS_PER_TOKEN

_OPENINGS = (
    "Summarise what we know about {}",
    "Write a friendly reply about {}",
    "Write a Python function that checks {}",
    "Explain step by step why {} matters",
    "List three risks of {}",
    "Compare two ways to handle {}",
    "Translate the notes on {} into French",
    "What is the next step for {}",
)
_THINGS = (
    "the delivery of spare parts",
    "a customer who wants a refund",
    "the invoice run",
    "the new booking form",
    "our holiday calendar",
    "a slow database query",
    "the onboarding of suppliers",
    "the report for the board",
    "a broken link in the shop",
    "the plan for the spring fair",
)
_OTHERWISE = ("Please: {}", "{}, please", "Could you help? {}", "Quick question. {}", "{} Thank you")
"""The same in other words."""

_FILLER = (
    "The team met on the second floor and went through the open points one after the other. Nobody had seen "
    "the latest figures, so the decision was put off until the new list is there. The supplier has promised "
    "an answer within the week and asked for the drawings again. What was agreed last month still holds. "
) * 1200  # some 100,000 tokens


class Repeats(msgspec.Struct, frozen=True, kw_only=True):
    """`share` of the prompts are one of `pool` questions that come again and again, the n-th of them 1/n as
    often as the first (Zipf); of those, `reworded` come in other words."""

    share: float = 0.0
    pool: int = 100
    reworded: float = 0.0


class Prompts:
    """An endless supply. `tokens` of the prompt and of the `answer` it asks for are drawn for each."""

    def __init__(self, chance: Random, *, tokens: Draw, answer: Draw, repeats: Repeats) -> None:
        self._chance = chance
        self._tokens = tokens
        self._answer = answer
        self._repeats = repeats
        self._pool: dict[int, str] = {}
        self._ranks = range(repeats.pool)
        self._weights = list(accumulate(1.0 / (rank + 1) for rank in self._ranks))
        self._written = 0

    def __call__(self) -> str:
        repeats, chance = self._repeats, self._chance
        if not repeats.share or chance.random() >= repeats.share:
            return self._fresh()
        [rank] = chance.choices(self._ranks, cum_weights=self._weights)
        known = self._pool.get(rank)
        if known is None:
            known = self._pool[rank] = self._fresh()
        if repeats.reworded and chance.random() < repeats.reworded:
            said, _, wanted = known.rpartition(" (")
            return f"{chance.choice(_OTHERWISE).format(said)} ({wanted}"
        return known

    def _fresh(self) -> str:
        """One that was not asked before: its case number says so."""
        chance = self._chance
        self._written += 1
        question = chance.choice(_OPENINGS).format(chance.choice(_THINGS))
        begin = f"{question}, case {self._written} of file {chance.getrandbits(32):08x}."
        end = f" ({max(int(self._answer(chance)), 1)} tokens)"
        missing = int(self._tokens(chance)) * CHARS_PER_TOKEN - len(begin) - len(end) - 1
        if missing <= 0:
            return begin + end
        start = chance.randrange(1000)
        return f"{begin} {_FILLER[start : start + missing]}{end}"

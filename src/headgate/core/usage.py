"""Tokens, in classes that do not overlap, so that adding them cannot count twice."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

CHARS_PER_TOKEN = 4
"""A rule of thumb for English text; only ever used where a provider reports nothing, and flagged as such."""
MOST = 100_000_000
"""Tokens that one answer can have taken: ten times the longest context window there is. What is said to be
more, or less than nothing, is no count; and no store can hold what it would cost."""


class Usage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one answer.

    The five classes are disjoint: a provider that counts cached tokens inside its prompt tokens, or
    reasoning inside its completion tokens, has them taken out by its codec. `reported_total` is the
    provider's own sum where it gives one; where ours differs the row is `unreconciled`. `estimated`
    means the provider said nothing and the numbers are ours.
    """

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    reported_total: int | None = None
    estimated: bool = False

    @property
    def prompt(self) -> int:
        """Everything that went in: fresh, read from and written to the provider's prompt cache."""
        return self.input + self.cache_read + self.cache_write

    @property
    def completion(self) -> int:
        """Everything that came out, thought or said."""
        return self.output + self.reasoning

    @property
    def total(self) -> int:
        return self.input + self.cache_read + self.cache_write + self.output + self.reasoning

    @property
    def unreconciled(self) -> bool:
        told = self.reported_total
        if told is None:
            return False
        return told != self.input + self.cache_read + self.cache_write + self.output + self.reasoning


def believable(usage: Usage | None) -> Usage | None:
    """The same, or `None` where nobody can have counted that."""
    if usage is None:
        return None
    classes = (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning)
    return usage if min(classes) >= 0 and sum(classes) <= MOST else None


def at_least(usage: Usage, *, output_chars: int) -> Usage:
    """What an answer that has not ended probably used, where the provider's count so far (Anthropic's at the
    beginning of a stream) is behind what has passed."""
    said = -(-output_chars // CHARS_PER_TOKEN)
    if said <= usage.completion:
        return usage
    output = usage.output + said - usage.completion
    return msgspec.structs.replace(usage, output=output, reported_total=None, estimated=True)


def apportioned(total: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to the weights, that add up to the total (largest remainders)."""
    whole = sum(weights)
    shares = [total * weight // whole for weight in weights]
    short = sorted(range(len(weights)), key=lambda at: -(total * weights[at] % whole))
    for at in short[: total - sum(shares)]:
        shares[at] += 1
    return shares


def shared_out(usage: Usage, asked: Sequence[int], said: Sequence[int]) -> list[Usage]:
    """One call's tokens as those of the requests in it, by the length of what each asked and was told: every
    class adds up to the whole. Lengths are positive."""
    classes = [
        apportioned(usage.input, asked),
        apportioned(usage.cache_read, asked),
        apportioned(usage.cache_write, asked),
        apportioned(usage.output, said),
        apportioned(usage.reasoning, said),
    ]
    return [
        Usage(
            input=fresh,
            cache_read=read,
            cache_write=written,
            output=output,
            reasoning=reasoning,
            estimated=usage.estimated,
        )
        for fresh, read, written, output, reasoning in zip(*classes, strict=True)
    ]


def estimate(*, prompt_chars: int, output_chars: int) -> Usage:
    """What an answer probably used, where its provider did not say."""
    return Usage(
        input=-(-prompt_chars // CHARS_PER_TOKEN),
        output=-(-output_chars // CHARS_PER_TOKEN),
        estimated=True,
    )

"""What requests are sorted into, and by what."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from headgate.config.kinds import OneOrMore, Share, wrong
from headgate.config.section import Section

Phrase = Annotated[str, Field(min_length=1, max_length=200)]
Example = Annotated[str, Field(min_length=1, max_length=2_000)]


class Thresholds(Section):
    """From which confidence on an intent counts as found with high, medium or low certainty."""

    high: Share = Field(default=0.7, description="Keywords as sure as this decide without the embedder.")
    medium: Share = Field(default=0.4, description="Told in metrics and receipts.")
    low: Share = Field(default=0.2, description="Below it nothing is found: the intent is `general`.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 < self.low <= self.medium <= self.high:
            raise wrong("must rise: 0 < low <= medium <= high", at="low")
        return self


class Words(Section):
    """What an intent is known by. `code`, `reasoning` and `general` are there already: this adds to them."""

    keywords: Annotated[tuple[Phrase, ...], OneOrMore] = Field(
        default=(), description="Words, or a few words in a row, that speak for it."
    )
    examples: Annotated[tuple[Example, ...], OneOrMore] = Field(
        default=(), description="Requests of this kind, for the embedder: ten or more, as callers write them."
    )


class Intents(Section):
    """What requests are sorted into. Other keys than these are intents, by name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Words] = Field(init=False)

    thresholds: Thresholds = Field(default=Thresholds(), description="Certainty.")
    embedder: Literal["auto", "wordllama", "hashed", "none"] = Field(
        default="auto",
        description="What the classifier hears beyond keywords: word vectors, hashed n-grams, or nothing. "
        "`auto`: what is installed. Loaded where a route goes `by: intent`.",
    )

    @property
    def named(self) -> dict[str, Words]:
        """The intents of the configuration."""
        return self.__pydantic_extra__ or {}

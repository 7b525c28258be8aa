"""One answer, composed before its first event leaves: what is said, in what pieces, at what price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, cycle, islice, zip_longest
from math import log
from typing import NamedTuple

import msgspec
from msgspec import structs

from headgate.core.chat import (
    Chat,
    Event,
    Finish,
    FinishReason,
    Logprobs,
    Spent,
    Start,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded, Embeddings
from headgate.core.usage import CHARS_PER_TOKEN, Usage
from headgate.providers.simulated import words
from headgate.providers.simulated.calls import Wanted, wanted
from headgate.providers.simulated.schema import fit
from headgate.providers.simulated.vectors import vector

EFFORTS = {"none": 0, "minimal": 4, "low": 8, "medium": 16, "high": 32, "xhigh": 64}
"""Tokens of thought by effort."""

MAX_CHOICES = 128
MAX_DIMENSIONS = 8192
"""More is not given, whatever is asked: a request must not fill the memory."""

MOST_RIVALS = 20
"""Of a token, whatever is asked for: OpenAI knows no more."""


class Piece(NamedTuple):
    """An event and how many tokens it is worth: the time it takes, and its part of the usage."""

    event: Event
    tokens: int


class Script(NamedTuple):
    """A whole answer: what it opens with, all at once, then piece by piece. `tokens`, prompt included, is
    what it counts against a limit by the minute."""

    opening: tuple[Event | Embedded, ...]
    pieces: tuple[Piece, ...]
    tokens: int

    @property
    def events(self) -> list[Event | Embedded]:
        return [*self.opening, *(piece.event for piece in self.pieces)]


class Ids(NamedTuple):
    """The answer's id, and what the ids of its tool calls begin with."""

    answer: str
    call: str


def embedded(asked: Embeddings, *, dimensions: int) -> Script:
    """The vectors of an embeddings request."""
    texts = [text if isinstance(text, str) else " ".join(map(str, text)) for text in asked.inputs]
    size = min(max(asked.dimensions or dimensions, 1), MAX_DIMENSIONS)
    vectors = tuple(vector(text, size) for text in texts)
    tokens = sum(
        -(-len(one) // CHARS_PER_TOKEN) if isinstance(one, str) else len(one) for one in asked.inputs
    )
    usage = Usage(input=tokens, reported_total=tokens)
    return Script((Embedded(vectors=vectors, usage=usage, model=asked.model),), (), tokens)


class Composer:
    """Composes answers to chats: the same chat and seed, the same words.

    `output_tokens` fixes the length of prose answers; with `brief` they are one piece that counts for all of
    it. The composer keeps nothing.
    """

    def __init__(self, *, seed: int = 0, output_tokens: int | None = None, brief: bool = False) -> None:
        self._seed = seed
        self._length = output_tokens
        self._brief = brief

    def __call__(self, chat: Chat, *, ids: Ids, prompt_tokens: int, cached_tokens: int = 0) -> Script:
        """The script of one answer, every choice of it."""
        choices = [self._choice(chat, index, ids) for index in range(min(max(chat.n or 1, 1), MAX_CHOICES))]
        said = [piece for row in zip_longest(*choices) for piece in row if piece is not None]
        thought = sum(tokens for event, tokens in said if isinstance(event, ThoughtDelta))
        output = sum(tokens for _, tokens in said) - thought
        prompt = Usage(input=prompt_tokens - cached_tokens, cache_read=cached_tokens)
        usage = structs.replace(
            prompt,
            output=output,
            reasoning=thought,
            reported_total=prompt_tokens + output + thought,
        )
        opening = (Start(id=ids.answer, model=chat.model), Spent(prompt))
        return Script(opening, (*said, Piece(Spent(usage), 0)), usage.total)

    def _choice(self, chat: Chat, index: int, ids: Ids) -> list[Piece]:
        """One choice: thoughts, then calls or text, broken off at `max_tokens`, then its finish."""
        calls = wanted(chat)
        if calls:
            said = _call_pieces(calls, index, ids)
            end = Finish(reason=FinishReason.TOOL_CALLS, choice=index)
        else:
            text, met = _stopped(self._text(chat, index), chat.stop)
            said = self._text_pieces(chat, text, index)
            end = Finish(reason=FinishReason.STOP, choice=index, stop_sequence=met)
        kept, whole = _within(chain(_thoughts(chat, index), said), chat.max_tokens)
        if not whole:
            end = Finish(reason=FinishReason.LENGTH, choice=index)
        return [*kept, Piece(end, 0)]

    def _text(self, chat: Chat, index: int) -> str:
        shape = chat.response_format
        if shape is None or shape.kind == "text":
            return self._sized(words.prose(chat, seed=self._seed, choice=index))
        subject = words.topic(words.last_prompt(chat))
        if shape.kind == "json_schema":
            made = fit(shape.schema or {"type": "object"}, subject=subject)
            made = words.by_name(made, words.last_prompt(chat))
        else:
            made = {"topic": subject, "answer": words.prose(chat, seed=self._seed, choice=index)}
        return msgspec.json.encode(made).decode()

    def _sized(self, text: str) -> str:
        if self._length is None:
            return text
        repeated = chain(words.tokens(text), cycle(words.tokens(f" {text}")))
        return "".join(islice(repeated, self._length))

    def _text_pieces(self, chat: Chat, text: str, index: int) -> Iterator[Piece]:
        if self._brief:
            length = words.wanted_tokens(words.last_prompt(chat)) or len(words.tokens(text))
            yield Piece(TextDelta(text, index), min(length, chat.max_tokens or length))
            return
        for token in words.tokens(text):
            yield Piece(TextDelta(token, index), 1)
            if chat.logprobs:
                yield Piece(_logprobs(token, chat.top_logprobs or 0, index), 0)


def _thoughts(chat: Chat, index: int) -> Iterator[Piece]:
    """The reasoning, where it was asked for, and its seal."""
    asked = chat.reasoning
    if asked is None or not asked.enabled:
        return
    most = EFFORTS.get(asked.effort or "medium", EFFORTS["medium"])
    if asked.budget is not None:
        most = min(asked.budget, EFFORTS["xhigh"])
    text = words.tokens(words.thoughts(chat))[:most]
    for token in text:
        yield Piece(ThoughtDelta(text=token, choice=index), 1)
    if text:
        seal = f"simulated-{words.number_of(*text):016x}"
        yield Piece(ThoughtDelta(signature=seal, choice=index), 0)


def _call_pieces(calls: Iterable[Wanted], choice: int, ids: Ids) -> Iterator[Piece]:
    """Each call in turn; its name costs a token, its arguments come in several pieces."""
    for index, call in enumerate(calls):
        name = f"{ids.call}{choice}{index}"
        yield Piece(ToolCallStart(index=index, id=name, name=call.name, choice=choice), 1)
        for token in words.tokens(call.arguments):
            yield Piece(ToolCallDelta(index=index, arguments=token, choice=choice), 1)


def _stopped(text: str, stops: tuple[str, ...]) -> tuple[str, str | None]:
    """The text up to the first stop sequence, and which one that is."""
    met = [(text.find(stop), stop) for stop in stops if stop and stop in text]
    if not met:
        return text, None
    at, stop = min(met)
    return text[:at], stop


def _within(pieces: Iterable[Piece], most: int | None) -> tuple[list[Piece], bool]:
    """As many pieces as `most` tokens allow, and whether that was all of them."""
    kept: list[Piece] = []
    left = most
    for piece in pieces:
        if left is not None:
            if piece.tokens > left:
                return kept, False
            left -= piece.tokens
        kept.append(piece)
    return kept, True


def _logprobs(token: str, top: int, index: int) -> Logprobs:
    """Probabilities that look like some: the token's own between 0.5 and 1, the others share the rest."""
    own, top = 0.5 + words.number_of(token) % 500 / 1000, min(top, MOST_RIVALS)
    rivals = [(f"{token}{rank}", (1 - own) / 2**rank) for rank in range(1, top)]
    shown = [_entry(text, chance) for text, chance in [(token, own), *rivals][:top]]
    return Logprobs(content=({**_entry(token, own), "top_logprobs": shown},), choice=index)


def _entry(token: str, chance: float) -> dict[str, object]:
    return {"token": token, "logprob": round(log(chance), 6), "bytes": list(token.encode(errors="replace"))}

"""Answers of a few words that count for as many tokens as were wanted: for days of traffic in virtual time.

A short way through the simulation, for the requests that a long run is made of: chats in OpenAI's dialect
with nothing about them, and nothing going wrong. Limits, books, latency and pace are those of the long way;
what is left out is the text, and with it nine tenths of the work. Every other request goes the long way.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple

import msgspec

from headgate.core.usage import CHARS_PER_TOKEN
from headgate.ports.transport import Outgoing
from headgate.providers.simulated.books import Visit
from headgate.providers.simulated.manners import MANNERS
from headgate.providers.simulated.simulation import Simulation
from headgate.providers.simulated.stage import denied
from headgate.providers.simulated.words import MESSAGE_TOKENS, wanted_tokens

USUAL_TOKENS = 200
"""Length of an answer where neither the prompt nor the settings say."""

SHOWN_CHARS = 60
"""How much of the prompt an answer repeats: different prompts have different answers."""

_MANNERS = MANNERS["openai"]
_quoted = msgspec.json.Encoder().encode


class _Message(msgspec.Struct, gc=False):
    content: str


class _Plain(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A chat with nothing about it. One that does not fit goes the long way."""

    model: str
    messages: list[_Message]
    stream: bool = False
    stream_options: dict[str, bool] = {}
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    user: str | None = None


_read = msgspec.json.Decoder(_Plain).decode


class Asked(NamedTuple):
    """What a plain chat asks for, in tokens; `said` is its last message."""

    model: str
    said: str
    prompt: int
    answer: int


def plain(simulation: Simulation, key: str, request: Outgoing) -> Asked | None:
    """The request, if the short way is open to it: `None` sends it the long way."""
    try:
        chat = _read(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not chat.messages or not simulation.calm(key, chat.model):
        return None
    prompt = sum(MESSAGE_TOKENS - (-len(message.content) // CHARS_PER_TOKEN) for message in chat.messages)
    if prompt >= simulation.settings.cache_min_tokens:  # the prompt cache has a say
        return None
    said = chat.messages[-1].content
    answer = wanted_tokens(said) or simulation.settings.output_tokens or USUAL_TOKENS
    most = chat.max_completion_tokens or chat.max_tokens or answer
    return Asked(chat.model, said, prompt, min(answer, most))


class Brief:
    """One such request: the context a transport returns, and the response it opens."""

    __slots__ = ("_asked", "_headers", "_key", "_pieces", "_simulation", "_stream", "_visit", "status")

    def __init__(self, simulation: Simulation, key: str, asked: Asked, *, stream: bool) -> None:
        self._simulation = simulation
        self._key = key
        self._asked = asked
        self._stream = stream
        self._pieces: list[tuple[float, bytes]] = []
        self._headers: dict[str, str] = {}
        self.status = 200

    async def __aenter__(self) -> Brief:
        simulation, asked = self._simulation, self._asked
        visit = self._visit = simulation.arrive(self._key, asked.model)
        denial = simulation.admit(visit, self._key, asked.prompt + asked.answer)
        if denial is not None:
            problem = denied(denial, asked.model)
            self.status, self._pieces = problem.status, [(0.0, _MANNERS.document(problem))]
            self._tell(visit, _MANNERS.back_off(problem))
            simulation.close(visit, "throttled")
            return self
        rate = simulation.settings.tokens_per_s
        spoken_s = asked.answer / rate if rate else 0.0
        wait_s = simulation.latency_s() + (0.0 if self._stream else spoken_s)
        if wait_s > 0.0:
            try:
                await simulation.clock.sleep(wait_s)
            except BaseException:
                simulation.close(visit, "client_gone")
                raise
        self._tell(visit, {})
        created = int(simulation.clock.wall())
        if self._stream:
            self._pieces = _streamed(asked, visit.id, created, spoken_s)
        else:
            self._pieces = [(0.0, _document(asked, visit.id, created))]
            simulation.close(visit, "served")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._simulation.close(self._visit, "client_gone")  # of no account where it has been closed already

    def _tell(self, visit: Visit, more: dict[str, str]) -> None:
        """The headers: how the key stands now."""
        simulation = self._simulation
        standing = _MANNERS.standing(simulation.standing(self._key), simulation.clock.wall())
        self._headers = {_MANNERS.request_id: visit.id, **standing, **more}

    def header(self, name: str) -> str | None:
        return self._headers.get(name)

    async def read(self) -> bytes:
        pieces = []
        while (piece := await self.chunk()) is not None:
            pieces.append(piece)
        return b"".join(pieces)

    async def chunk(self) -> bytes | None:
        if not self._pieces:
            return None
        wait_s, piece = self._pieces.pop(0)
        if wait_s > 0.0:
            await self._simulation.clock.sleep(wait_s)
        if not self._pieces:
            self._simulation.close(self._visit, "served")
        self._visit.events += 1
        return piece


def _usage(asked: Asked) -> str:
    total = asked.prompt + asked.answer
    return f'{{"prompt_tokens":{asked.prompt},"completion_tokens":{asked.answer},"total_tokens":{total}}}'


def _text(asked: Asked) -> str:
    return _quoted(f"In short: {asked.said[:SHOWN_CHARS]}").decode()


def _document(asked: Asked, id_: str, created: int) -> bytes:
    return (
        f'{{"id":"{_MANNERS.answer_id}{id_}","object":"chat.completion","created":{created},'
        f'"model":{_quoted(asked.model).decode()},"choices":[{{"index":0,"message":{{"role":"assistant",'
        f'"content":{_text(asked)}}},"finish_reason":"stop"}}],"usage":{_usage(asked)}}}'
    ).encode()


def _streamed(asked: Asked, id_: str, created: int, spoken_s: float) -> list[tuple[float, bytes]]:
    """The text at once, its end when it would have been spoken, then what it cost."""
    head = (
        f'data: {{"id":"{_MANNERS.answer_id}{id_}","object":"chat.completion.chunk","created":{created},'
        f'"model":{_quoted(asked.model).decode()},"choices":['
    )
    said = (
        f'{{"index":0,"delta":{{"role":"assistant","content":{_text(asked)}}},"finish_reason":null}}]}}\n\n'
    )
    over = '{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    bill: Sequence[str] = (head, '],"usage":', _usage(asked), "}\n\ndata: [DONE]\n\n")
    return [
        (0.0, (head + said).encode()),
        (spoken_s, (head + over + "".join(bill)).encode()),
    ]

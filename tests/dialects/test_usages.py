"""Ten thousand reports of tokens, of every dialect: cached, reasoned, streamed, cut, missing, wrong. From the
bytes of an answer to the row of the ledger, against sums that know nothing of either."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from random import Random
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from booked import shown
from headgate.core.call import Operation, Outcome, Reply, Seen, Source
from headgate.core.entry import Flag, entry
from headgate.core.price import Price
from headgate.core.record import Record
from headgate.core.usage import MOST, Usage, believable
from headgate.ports.codec import Codec
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.exchange import observe
from headgate.providers.gemini import GeminiCodec
from headgate.providers.ollama import OllamaCodec
from headgate.providers.openai import OpenAICodec
from headgate.providers.openai.usage import read
from headgate.providers.openai.wire import UsageReport
from headgate.providers.spec import STANDARD
from reported import CLASSES, DIALECTS, SUMMED, TEXT, Frames, Tokens

EACH = 2_500
PROMPT_CHARS = 41
CODECS: dict[str, Codec] = {
    "openai": OpenAICodec(STANDARD),
    "anthropic": AnthropicCodec(STANDARD),
    "gemini": GeminiCodec(STANDARD),
    "ollama": OllamaCodec(STANDARD),
}
PARENT = {"cache_read": "input", "cache_write": "input", "reasoning": "output"}
Dollars = dict[str, Fraction]


def drawn(draw: Random) -> dict[str, int]:
    return {name: draw.choice((0, draw.randint(1, 99), draw.randint(1, 2_000_000))) for name in CLASSES} | {
        "output": draw.randint(2, 200_000)
    }


def priced(draw: Random) -> tuple[Dollars, Price]:
    """Dollars per million tokens, to the nano-dollar, and the same as the gateway has it. Some classes have
    no price of their own."""
    named = [name for name in CLASSES if name not in PARENT or draw.random() < 0.6]
    nanos = {name: draw.choice((0, draw.randint(1, 10**11))) for name in named}
    dollars = {name: Fraction(amount, 10**9) for name, amount in nanos.items()}
    price = msgspec.convert(nanos, Price)
    return {name: dollars.get(name, dollars[PARENT.get(name, name)]) for name in CLASSES}, price


def row(codec: Codec, frames: Frames, price: Price, *, stream: bool) -> SimpleNamespace:
    """Of an answer of which so much has come."""
    seen, decoder = Seen(prompt_chars=PROMPT_CHARS), codec.decoder(Operation.CHAT, stream=stream)
    for piece, _ in frames:
        observe(seen, decoder.feed(piece))
    if not stream:
        observe(seen, decoder.close())
    reply = Reply(
        source=Source(provider="p", model_id="m", model_name="m", price=price),
        seen=seen,
        body=_nothing(),
        tail=lambda metadata: b"",
        stream=stream,
        asked_at=0.0,
        opened_at=0.0,
    )
    made = Record("r", Outcome.FINISHED, Operation.CHAT, stream, "m", None, 0.0, 1.0, None, reply)
    return shown(entry(made, 0.0))


async def _nothing() -> Any:
    yield b""


def nano(tokens: Tokens, dollars: Dollars) -> int:
    """What it costs, in nano-dollars, half rounded up."""
    exact = sum((tokens[name] * dollars[name] * 1000 for name in CLASSES), Fraction(0))
    return floor(exact + Fraction(1, 2))


def guessed(frames: Frames) -> Tokens:
    """By the rule of thumb, where nobody has counted."""
    texts = sum(piece.count(f'"{TEXT}"'.encode()) for piece, _ in frames)
    return dict.fromkeys(CLASSES, 0) | {
        "input": ceil(PROMPT_CHARS / 4),
        "output": ceil(texts * len(TEXT) / 4),
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_class_and_every_nano_dollar_is_the_provider_s(dialect: str) -> None:
    draw, guesses, flagged, cut = Random(dialect), 0, 0, 0
    for _ in range(EACH):
        stream, off = draw.random() < 0.6, int(dialect in SUMMED and draw.random() < 0.1)
        frames = DIALECTS[dialect](drawn(draw), draw, stream=stream, off=off)
        if stream and draw.random() < 0.3:
            frames = frames[: draw.randint(1, len(frames))]
            cut += 1
        told = frames[-1][1]
        dollars, price = priced(draw)
        found = row(CODECS[dialect], frames, price, stream=stream)
        expected = guessed(frames) if told is None else told
        assert {name: getattr(found, name) for name in CLASSES} == {name: expected[name] for name in CLASSES}
        assert found.cost_nano == nano(expected, dollars)
        assert bool(found.flags & Flag.ESTIMATED) == (told is None)
        assert bool(found.flags & Flag.UNRECONCILED) == (told is not None and off == 1)
        guesses, flagged = guesses + (told is None), flagged + (told is not None and off)
    assert cut > EACH / 10
    assert (guesses > 50) == (dialect != "anthropic")
    assert (flagged > 50) == (dialect in SUMMED)


@pytest.mark.parametrize("said", [1, 4, 400])
def test_a_count_that_was_given_too_early_is_not_believed(said: int) -> None:
    """Anthropic counts one token of output when a stream begins: if it is cut, what has passed counts."""
    tokens = dict.fromkeys(CLASSES, 0) | {"input": 10, "output": 5_000}
    frames = DIALECTS["anthropic"](tokens, Random(1), stream=True, off=0)
    price = Price(input=1_000_000, output=1_000_000)
    found = row(CODECS["anthropic"], [*frames[:2], *frames[2:3] * said], price, stream=True)
    assert (found.input, found.output) == (10, max(1, ceil(said * len(TEXT) / 4)))
    assert found.cost_nano == found.input + found.output
    assert bool(found.flags & Flag.ESTIMATED) == (found.output > 1)
    whole = row(CODECS["anthropic"], [*frames[:2], *frames[2:3] * said, *frames[3:]], price, stream=True)
    assert (whole.output, whole.flags & Flag.ESTIMATED) == (5_000, 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(("name", "count"), [("input", 10**20), ("output", 10**12), ("cache_read", 10**9)])
def test_what_nobody_can_have_counted_is_no_count(dialect: str, stream: bool, name: str, count: int) -> None:
    """One such number would be more than any store can hold, and every row behind it would wait for ever."""
    sane = dict.fromkeys(CLASSES, 0) | {"input": 10, "output": 5}
    asked = name if dialect != "ollama" or name == "output" else "input"
    frames = DIALECTS[dialect](sane | {asked: count}, Random(1), stream=stream, off=0)
    found = row(CODECS[dialect], frames, Price(input=10**9, output=10**9), stream=stream)
    expected = guessed(frames)
    assert {name: getattr(found, name) for name in CLASSES} == expected
    assert found.cost_nano == 1000 * (expected["input"] + expected["output"])
    assert found.flags & Flag.ESTIMATED


def test_less_than_nothing_is_no_count() -> None:
    assert believable(Usage(input=-1, output=5)) is None
    assert believable(Usage(input=MOST)) == Usage(input=MOST)
    assert believable(Usage(input=MOST, reasoning=1)) is None
    assert believable(None) is None


@pytest.mark.parametrize(
    "report",
    [
        {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"audio_tokens": 5}},
        {"prompt_tokens": 7, "completion_tokens": 3, "completion_tokens_details": {"audio_tokens": 2}},
        {"completion_tokens": 3},
    ],
)
def test_sound_and_what_is_not_told_are_flagged(report: dict[str, Any]) -> None:
    """Sound costs many times as much as text, and no price of ours says how many."""
    assert read(msgspec.convert(report, UsageReport)) == Usage(
        input=report.get("prompt_tokens", 0), output=3, estimated=True
    )
    silent = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"audio_tokens": 0}}
    assert read(msgspec.convert(silent, UsageReport)) == Usage(input=7, output=3)

"""What a model's name says of its generation; and both ends are what the ports ask for."""

from __future__ import annotations

import pytest

from headgate.core.call import Operation, Payload
from headgate.ports.codec import Codec, Surface
from headgate.providers.anthropic import AnthropicCodec, AnthropicSurface
from headgate.providers.anthropic.models import generation_of

#        adaptive, budgets, sampling, one sampler
FIRST = (False, True, True, False)
SINGLE = (False, True, True, True)
BOTH = (True, True, True, True)
LATEST = (True, False, False, False)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-3-haiku-20240307", FIRST),
        ("claude-3-7-sonnet-latest", FIRST),
        ("claude-opus-4-20250514", FIRST),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", FIRST),
        ("claude-opus-4-1-20250805", SINGLE),
        ("claude-opus-4-1@20250805", SINGLE),
        ("claude-haiku-4-5", SINGLE),
        ("anthropic/claude-sonnet-4.5", SINGLE),
        ("claude-opus-4-6", BOTH),
        ("claude-opus-4-7", LATEST),
        ("claude-sonnet-5-5", LATEST),
        ("claude-opus-5", LATEST),
        ("claude-mythos-preview", LATEST),
        ("kimi-k2-0905-preview", FIRST),
        ("", FIRST),
    ],
)
def test_the_name_tells_the_generation(model: str, expected: tuple[bool, ...]) -> None:
    found = generation_of(model)
    sampler = found.one_sampler and found.sampling
    assert (found.adaptive, found.budgets, found.sampling, sampler) == expected


def test_both_ends_are_what_the_ports_ask_for() -> None:
    codec: Codec = AnthropicCodec()
    surface: Surface = AnthropicSurface(lambda: "id")
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}]}'
    payload: Payload = surface.parse(Operation.CHAT, body)
    assert codec.dialect == surface.dialect == payload.dialect == "anthropic"

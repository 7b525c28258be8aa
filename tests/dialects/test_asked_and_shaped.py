"""What is read off a request without translating it is what its translation says; and a prompt that is shaped
in the caller's dialect means what it means when the hub shapes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.core.asked import asked
from headgate.core.call import Operation, Payload
from headgate.core.chat import Chat
from headgate.core.errors import Unsupported
from headgate.core.shape import Shape
from headgate.providers.anthropic import AnthropicSurface
from headgate.providers.openai import OpenAISurface

OPENAI, ANTHROPIC = OpenAISurface(lambda: 0.0, lambda: "id"), AnthropicSurface(lambda: "id")
TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "First"},
    {"role": "assistant", "content": "Answer"},
    {"role": "user", "content": [{"type": "text", "text": "Now this"}, {"type": "text", "text": "and that"}]},
]
IMAGE = {"type": "image_url", "image_url": {"url": "https://x.example/y.png"}}
SHAPES = [
    Shape(persona="You cook."),
    Shape(prefix="Before. ", suffix=" After."),
    Shape(persona="You cook.", system="Be brief.", prefix="Before. "),
]


def openai(**members: Any) -> Payload:
    return OPENAI.parse(Operation.CHAT, json.dumps({"model": "m", "messages": TALK, **members}).encode())


def anthropic(**members: Any) -> Payload:
    body = {"model": "m", "max_tokens": 9, "messages": TALK, **members}
    return ANTHROPIC.parse(Operation.CHAT, json.dumps(body).encode())


PAYLOADS = [
    openai(),
    openai(messages=[{"role": "system", "content": "Be kind."}, *TALK], user="u", max_tokens=5),
    openai(messages=[{"role": "user", "content": [{"type": "text", "text": "What is it?"}, IMAGE]}]),
    openai(tools=[{"type": "function", "function": {"name": "f"}}]),
    openai(messages=[{"role": "user", "content": "x" * 9_000}]),
    anthropic(),
    anthropic(system="Be kind.", messages=TALK[:1]),
    anthropic(system=[{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]),
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_asked_is_what_the_hub_says(payload: Payload) -> None:
    hub, quick = payload.hub(), payload.asked()
    assert isinstance(hub, Chat)
    assert quick is not None
    whole = asked(hub)
    for name in ("text", "earlier", "system", "chars", "last_chars", "images", "tools"):
        assert getattr(quick, name) == getattr(whole, name), name


def test_what_the_hub_does_not_ask_is_read_too() -> None:
    said = openai(response_format={"type": "json_object"}, user="u", max_completion_tokens=7).asked()
    assert said is not None
    assert (said.json, said.user, said.max_tokens, said.opening) == (True, "u", 7, "First")
    told = anthropic(metadata={"user_id": "u"}).asked()
    assert told is not None
    assert (told.json, told.user, told.max_tokens, told.opening) == (False, "u", 9, "First")


def texts(chat: Any) -> list[tuple[str, str]]:
    """Roles and texts; how a text is cut into parts means nothing."""
    found: list[tuple[str, str]] = []
    for message in chat.messages:
        text = "".join(getattr(part, "text", "") for part in message.parts)
        if found and found[-1][0] == message.role == "system":
            found[-1] = ("system", f"{found[-1][1]}{text}")
        else:
            found.append((message.role, text))
    return [(role, text.replace("\n", "")) for role, text in found]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_shaped_request_means_what_the_hub_would_make_of_it(payload: Payload, shape: Shape) -> None:
    hub = payload.hub()
    assert isinstance(hub, Chat)
    assert texts(payload.shaped(shape).hub()) == texts(shape.chat(hub))


def test_members_that_nobody_knows_survive_shaping_and_so_do_cache_marks() -> None:
    assert b'"later":[1]' in openai(later=[1]).shaped(SHAPES[0]).raw.replace(b" ", b"")
    assert b"ephemeral" in PAYLOADS[-1].shaped(SHAPES[0]).raw


def test_a_text_completion_is_shaped_as_one_text_and_embeddings_not_at_all() -> None:
    body = json.dumps({"model": "m", "prompt": "Once"}).encode()
    completion = OPENAI.parse(Operation.COMPLETION, body)
    shaped = completion.shaped(Shape(persona="You tell.", suffix=" upon"))
    assert json.loads(shaped.raw)["prompt"] == "You tell.\n\nOnce upon"
    said = completion.asked()
    assert said is not None
    assert said.text == "Once"
    embeddings = OPENAI.parse(Operation.EMBEDDINGS, json.dumps({"model": "m", "input": "x"}).encode())
    assert embeddings.asked() is None
    with pytest.raises(Unsupported):
        embeddings.shaped(SHAPES[0])

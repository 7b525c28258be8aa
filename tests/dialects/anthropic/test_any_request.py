"""Any bytes are a request or a named fault, and the hub says the same again."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dialects.anthropic.asking import SURFACE, asked, hub, turn
from headgate.core.call import Operation
from headgate.core.errors import InvalidRequest
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.spec import Rules


def survives(body: bytes) -> None:
    try:
        chat = SURFACE.parse(Operation.CHAT, body).hub()
    except InvalidRequest as caught:
        named = caught
    else:
        msgspec.json.encode(chat)
        return
    assert named.message
    assert named.param != ""


@given(st.binary(max_size=100))
def test_any_bytes_are_a_request_or_a_named_fault(body: bytes) -> None:
    survives(body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=3)
    | st.sampled_from(["text", "tool_use"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "content", "source", "input", "id", "name", "role"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
MEMBERS = [
    "system",
    "messages",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "metadata",
    "stream",
    "x",
]


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=3))
def test_any_json_is_a_request_or_a_named_fault(members: dict[str, Any]) -> None:
    survives(asked(**members))


@given(st.lists(JSON, min_size=1, max_size=3))
def test_any_blocks_are_a_turn_or_a_named_fault(blocks: list[Any]) -> None:
    survives(asked(messages=turn(*blocks)))


@given(st.integers(0, 400), st.integers(0, 255))
def test_one_wrong_byte_is_a_request_or_a_named_fault(at: int, byte: int) -> None:
    body = bytearray(asked(system=[{"type": "text", "text": "é"}], tools=[{"name": "f", "input_schema": {}}]))
    body[at % len(body)] = byte
    survives(bytes(body))


WORD = st.text('ab é\n"', min_size=1, max_size=6)
ID = st.text("abc_-019", min_size=1, max_size=6)
TEXT = st.builds(lambda text: {"type": "text", "text": text}, WORD)
IMAGE = st.sampled_from(
    [
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lGOD"}},
    ]
)
RESULT = st.builds(
    lambda call, content, bad: {"type": "tool_result", "tool_use_id": call, "is_error": bad, **content},
    ID,
    st.sampled_from([{}, {"content": "x"}, {"content": [{"type": "text", "text": "a"}] * 2}]),
    st.booleans(),
)
CALL = st.builds(
    lambda call, name: {"type": "tool_use", "id": call, "name": name, "input": {"a": [1.5, None]}}, ID, ID
)
THOUGHT = st.builds(
    lambda text: {"type": "thinking", "thinking": text, "signature": "c2ln"}, st.text(max_size=3)
)
USER = st.builds(
    lambda results, rest: {"role": "user", "content": results + rest},
    st.lists(RESULT, max_size=2),
    st.lists(TEXT | IMAGE, min_size=1, max_size=2),
)
ASSISTANT = st.builds(
    lambda thought, text, calls: {"role": "assistant", "content": [*thought, text, *calls]},
    st.lists(THOUGHT, max_size=1),
    TEXT,
    st.lists(CALL, max_size=2),
)
REQUEST = st.fixed_dictionaries(
    {
        "messages": st.builds(
            lambda pairs, last: [turn for pair in pairs for turn in pair] + [last],
            st.lists(st.tuples(USER, ASSISTANT), max_size=2),
            USER,
        )
    },
    optional={
        "system": WORD | st.lists(TEXT, min_size=1, max_size=2),
        "stop_sequences": st.lists(st.sampled_from(["END", "\nX"]), min_size=1, max_size=2),
        "tools": st.lists(
            st.builds(lambda name: {"name": name, "input_schema": {"type": "object"}}, ID),
            min_size=1,
            max_size=2,
        ),
        "tool_choice": st.sampled_from(
            [{"type": "auto", "disable_parallel_tool_use": True}, {"type": "none"}]
        ),
        "thinking": st.sampled_from(
            [{"type": "adaptive"}, {"type": "disabled"}, {"type": "enabled", "budget_tokens": 2048}]
        ),
        "output_config": st.sampled_from(
            [{"effort": "high"}, {"format": {"type": "json_schema", "schema": {"type": "object"}}}]
        ),
        "metadata": st.just({"user_id": "u"}),
        "stream": st.booleans(),
    },
)


@given(REQUEST)
def test_a_request_translated_and_parsed_again_is_the_same_to_the_hub(members: dict[str, Any]) -> None:
    chat = hub(max_tokens=4096, **members)
    sent = AnthropicCodec(Rules()).encode(chat, model="claude-opus-4-6", stream=chat.stream)
    again = SURFACE.parse(Operation.CHAT, sent.body).hub()
    assert again == msgspec.structs.replace(chat, model="claude-opus-4-6")

"""Any bytes are a payload or an `InvalidRequest` that says where."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Operation
from headgate.core.errors import (
    InvalidRequest,
    Unsupported,
)
from openai_wire import HELLO, SURFACE, chat, parse

# ── what is wrong with a request ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"hello", None),
        (b"[]", None),
        (b'{"model":"m","messages":NaN}', None),
        (b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}', None),
        (b'{"model":"m","messages":[{"role":"user","content":"a"}],"x":"\xff"}', None),
        (b'\xef\xbb\xbf{"model":"m"}', None),
        (b'{"model":"m","x":' + b"[" * 200_000, None),
        (b'{"model":"m","messages":' + b'[{"content":' * 200_000, None),
        (b'{"messages":[{"role":"user","content":"a"}]}', "model"),
        (b'{"model":"","messages":[{"role":"user","content":"a"}]}', "model"),
        (b'{"model":null,"messages":[{"role":"user","content":"a"}]}', "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[]}', "messages"),
        (b'{"model":"m","messages":"hi"}', "messages"),
        (b'{"model":"m","messages":["hi"]}', "messages[0]"),
        (b'{"model":"m","messages":[{"content":"a"}]}', "messages[0].role"),
        (b'{"model":"m","messages":[{"role":"king","content":"a"}]}', "messages[0].role"),
        (b'{"model":"m","messages":[{"role":"user","content":7}]}', "messages[0].content"),
        (
            b'{"model":"m","messages":[{"role":"user","content":[{"text":"a"}]}]}',
            "messages[0].content[0].type",
        ),
        (b'{"model":"m","messages":[{"role":"user"}],"temperature":"hot"}', "temperature"),
        (b'{"model":"m","messages":[{"role":"user"}],"temperature":1e999}', "temperature"),
        (b'{"model":"m","messages":[{"role":"user"}],"n":0}', "n"),
        (b'{"model":"m","messages":[{"role":"user"}],"stream":"yes"}', "stream"),
        (b'{"model":"m","messages":[{"role":"user"}],"tools":[{"function":{}}]}', "tools[0].function.name"),
    ],
)
def test_a_wrong_body_is_refused_with_its_place(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        SURFACE.parse(Operation.CHAT, body)
    assert caught.value.param == param
    assert param is None or f"'{param}'" in caught.value.message
    assert "`$" not in caught.value.message


@pytest.mark.parametrize(
    ("members", "param", "kind"),
    [
        ({"messages": [{"role": "user"}]}, "messages[0].content", InvalidRequest),
        (
            {"messages": [*HELLO, {"role": "tool", "content": "x"}]},
            "messages[1].tool_call_id",
            InvalidRequest,
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]},
            "messages[0].tool_calls[0].function.name",
            InvalidRequest,
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]},
            "messages[0].tool_calls[0].id",
            InvalidRequest,
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "x", "type": "custom"}]}]},
            "messages[0].tool_calls[0].type",
            Unsupported,
        ),
        ({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}, "messages[0].audio", Unsupported),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "messages[0].content[0].type",
            Unsupported,
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
            "messages[0].content[0].type",
            Unsupported,
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
            InvalidRequest,
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].image_url",
            InvalidRequest,
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}
                ]
            },
            "messages[0].content[0].image_url.url",
            InvalidRequest,
        ),
        ({"max_tokens": 0}, "max_tokens", InvalidRequest),
        ({"max_completion_tokens": -1}, "max_completion_tokens", InvalidRequest),
        ({"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type", Unsupported),
        ({"tools": [{"type": "function"}]}, "tools[0].function", InvalidRequest),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": [1]}}]},
            "tools[0].function.parameters",
            InvalidRequest,
        ),
        ({"tool_choice": "perhaps"}, "tool_choice", InvalidRequest),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice", Unsupported),
        ({"response_format": {"type": "xml"}}, "response_format.type", InvalidRequest),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", InvalidRequest),
        ({"reasoning_effort": "heroic"}, "reasoning_effort", InvalidRequest),
        ({"reasoning": "much"}, "reasoning", InvalidRequest),
        ({"reasoning": {"max_tokens": "9"}}, "reasoning.max_tokens", InvalidRequest),
    ],
)
def test_what_the_hub_cannot_take_is_refused_only_when_it_is_asked(
    members: dict[str, Any], param: str, kind: type[InvalidRequest]
) -> None:
    payload = parse(**{"model": "m", "messages": HELLO, **members})
    with pytest.raises(InvalidRequest) as caught:
        payload.hub()
    assert type(caught.value) is kind
    assert caught.value.param == param


@pytest.mark.parametrize("place", ["unknown", "schema"])
def test_deep_nesting_that_survives_parsing_is_refused_by_the_hub(place: str) -> None:
    deep = '{"a":' * 200 + "1" + "}" * 200
    member = (
        f'"x":{deep}'
        if place == "unknown"
        else f'"tools":[{{"function":{{"name":"f","parameters":{deep}}}}}]'
    )
    body = f'{{"model":"m","messages":[{{"role":"user","content":"a"}}],{member}}}'
    payload = SURFACE.parse(Operation.CHAT, body.encode())
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        payload.hub()


def test_a_wide_schema_is_not_a_deep_one() -> None:
    wide = {"type": "object", "properties": {f"p{i}": {"enum": [{}]} for i in range(300)}}
    tool = {"type": "function", "function": {"name": "f", "parameters": wide}}
    assert chat(tools=[tool]).tools[0].parameters == wide


def _asked(operation: Operation, body: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        payload = SURFACE.parse(operation, body)
        assert payload.model
        assert payload.hub().model == payload.model


@given(st.sampled_from(list(Operation)), st.binary(max_size=300))
def test_any_bytes_are_a_payload_or_an_invalid_request(operation: Operation, body: bytes) -> None:
    _asked(operation, body)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(
    [
        *("model", "messages", "input", "prompt", "role", "content", "type", "text", "image_url", "url"),
        *("tools", "function", "name", "parameters", "tool_calls", "id", "arguments", "stop", "reasoning"),
        *("response_format", "json_schema", "schema", "logit_bias", "stream_options", "tool_choice", "extra"),
    ]
)
VALUES = st.recursive(
    SCALARS | st.sampled_from(["user", "assistant", "tool", "text", "image_url", "function"]),
    lambda s: st.lists(s, max_size=2) | st.dictionaries(NAMES, s, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(list(Operation)),
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=2),
)
def test_any_json_is_a_payload_or_an_invalid_request(
    operation: Operation, members: dict[str, Any], messages: list[Any]
) -> None:
    for message in messages:
        message.setdefault("role", "user")
    body = {"model": "m", "messages": messages, "prompt": "a", "input": "a", **members}
    _asked(operation, json.dumps(body).encode())

"""How an Anthropic client asks: what is wrong is named, and where."""

from __future__ import annotations

from typing import Any

import pytest

from dialects.anthropic.asking import SURFACE, asked, fault, turn
from headgate.core.call import Operation
from headgate.core.errors import InvalidRequest, Unsupported
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.anthropic.relay import relay
from headgate.providers.spec import STANDARD


def test_a_payload_says_what_is_known_without_the_hub() -> None:
    body = asked(stream=True)
    payload = SURFACE.parse(Operation.CHAT, body)
    assert (payload.dialect, payload.operation) == ("anthropic", Operation.CHAT)
    assert (payload.model, payload.stream, payload.raw) == ("auto", True, body)
    assert payload.hub() is payload.hub()
    assert "auto" in repr(payload)
    assert "hi" not in repr(payload)


@pytest.mark.parametrize("operation", [Operation.COMPLETION, Operation.EMBEDDINGS])
def test_only_chats_are_served(operation: Operation) -> None:
    with pytest.raises(InvalidRequest):
        SURFACE.parse(operation, asked())


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"not json", None),
        (b"[]", None),
        (b"\xff\xfe{}", None),
        (b'{"model":"\xff"}', None),
        (b'{"model":"m","extra":"\xc3\x28"}', None),
        (b'{"model":"\\ud800"}', None),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", None),
        (asked(model=...), "model"),
        (asked(model=7), "model"),
        (asked(model=""), "model"),
        (asked(max_tokens=...), "max_tokens"),
        (asked(max_tokens="64"), "max_tokens"),
        (asked(max_tokens=-1), "max_tokens"),
        (asked(max_tokens=True), "max_tokens"),
        (asked(messages=...), "messages"),
        (asked(messages=[]), "messages"),
        (asked(messages="hi"), "messages"),
        (asked(messages=[{"content": "hi"}]), "messages[0].role"),
        (asked(messages=[{"role": "user"}]), "messages[0].content"),
        (asked(messages=[{"role": "tool", "content": "x"}]), "messages[0].role"),
        (asked(messages=[{"role": "user", "content": 5}]), "messages[0].content"),
        (asked(messages=turn({"text": "x"})), "messages[0].content[0].type"),
        (asked(messages=turn({"type": "text", "text": 5})), "messages[0].content[0].text"),
        (asked(system=5), "system"),
        (asked(system=[5]), "system[0]"),
        (asked(stream="yes"), "stream"),
        (asked(temperature="hot"), "temperature"),
        (asked(stop_sequences="END"), "stop_sequences"),
        (asked(tools={}), "tools"),
        (asked(tools=[{"name": 1}]), "tools[0].name"),
        (asked(thinking={}), "thinking.type"),
        (asked(metadata={"user_id": 5}), "metadata.user_id"),
        (asked(output_config={"format": {}}), "output_config.format.type"),
    ],
)
def test_what_is_wrong_is_found_by_parsing_and_named(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        SURFACE.parse(Operation.CHAT, body)
    assert caught.value.param == param
    assert not isinstance(caught.value, Unsupported)
    assert (param or "") in caught.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (asked(messages=turn({"type": "text"})), "messages[0].content[0].text"),
        (asked(messages=turn({"type": "image"})), "messages[0].content[0].source"),
        (
            asked(messages=turn({"type": "image", "source": {"type": "base64", "data": "AA"}})),
            "messages[0].content[0].source.media_type",
        ),
        (
            asked(messages=turn({"type": "image", "source": {"type": "url", "url": 5}})),
            "messages[0].content[0].source.url",
        ),
        (asked(messages=turn({"type": "tool_use", "name": "f", "input": {}})), "messages[0].content[0].id"),
        (asked(messages=turn({"type": "tool_use", "id": "t", "name": "f"})), "messages[0].content[0].input"),
        (
            asked(messages=turn({"type": "tool_use", "id": "t", "name": "f", "input": []})),
            "messages[0].content[0].input",
        ),
        (asked(messages=turn({"type": "tool_result"})), "messages[0].content[0].tool_use_id"),
        (
            asked(messages=turn({"type": "tool_result", "tool_use_id": "t", "content": 5})),
            "messages[0].content[0].content",
        ),
        (
            asked(messages=turn({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text"}]})),
            "messages[0].content[0].content[0].text",
        ),
        (
            asked(
                messages=turn(
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [{"type": "thinking", "thinking": ""}],
                    }
                )
            ),
            "messages[0].content[0].content[0]",
        ),
        (asked(tools=[{"input_schema": {}}]), "tools[0].name"),
        (asked(tools=[{"name": "f"}]), "tools[0].input_schema"),
        (asked(tools=[{"name": "f", "input_schema": 5}]), "tools[0].input_schema"),
        (asked(tool_choice={"type": "perhaps"}), "tool_choice.type"),
        (asked(tool_choice={"type": "tool"}), "tool_choice.name"),
        (asked(thinking={"type": "enabled"}), "thinking.budget_tokens"),
        (asked(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema"),
    ],
)
def test_what_only_translation_needs_is_missed_there_and_named(body: bytes, param: str) -> None:
    SURFACE.parse(Operation.CHAT, body)
    error = fault(body)
    assert error.param == param
    assert param in error.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (asked(messages=turn({"type": "document", "source": {}})), "messages[0].content[0].type"),
        (asked(messages=turn({"type": "server_tool_use", "id": "s"})), "messages[0].content[0].type"),
        (
            asked(messages=turn({"type": "image", "source": {"type": "file", "file_id": "f"}})),
            "messages[0].content[0].source.type",
        ),
        (asked(tools=[{"type": "web_search_20250305", "name": "web_search"}]), "tools[0].type"),
        (asked(thinking={"type": "between_tools"}), "thinking.type"),
        (asked(output_config={"effort": "heroic"}), "output_config.effort"),
        (asked(output_config={"format": {"type": "grammar"}}), "output_config.format.type"),
    ],
)
def test_what_only_anthropic_understands_is_relayed_but_not_translated(body: bytes, param: str) -> None:
    assert SURFACE.parse(Operation.CHAT, body).raw == body
    error = fault(body)
    assert isinstance(error, Unsupported)
    assert (error.param, error.code) == (param, "unsupported_parameter")


@pytest.mark.parametrize("name", ["input_schema", "input", "container"])
def test_deep_nesting_is_found_before_another_codec_writes_it(name: str) -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}
    places = {
        "input_schema": {"tools": [{"name": "f", "input_schema": deep}]},
        "input": {"messages": turn({"type": "tool_use", "id": "t", "name": "f", "input": deep})},
        "container": {"container": deep},
    }
    assert "nested too deeply" in fault(asked(**places[name])).message


def test_betas_go_along_to_anthropics_own_api() -> None:
    ask = relay(AnthropicCodec(), model="claude", rules=STANDARD)
    for given, sent in ((b"one-2025-01-01,two", "one-2025-01-01,two"), (None, None)):
        headers = {} if given is None else {b"anthropic-beta": given}
        exchange = ask(SURFACE.parse(Operation.CHAT, asked(), headers))
        assert exchange is not None
        assert exchange.outgoing.headers.get("anthropic-beta") == sent
        assert exchange.outgoing.headers["anthropic-version"]


@pytest.mark.parametrize("header", [b"", b"a\tb", b"x" * 1001, "é".encode()])
def test_betas_that_are_none_are_refused(header: bytes) -> None:
    with pytest.raises(InvalidRequest) as caught:
        SURFACE.parse(Operation.CHAT, asked(), {b"anthropic-beta": header})
    assert caught.value.param == "anthropic-beta"

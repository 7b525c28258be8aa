"""What an upstream of the Messages API is sent for a chat of the hub."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dialects.anthropic.sent import (
    ALL,
    OLD,
    assistant,
    body,
    chat,
    content,
    refused,
    system,
    user,
)
from headgate.core.call import Operation
from headgate.core.chat import (
    Image,
    Message,
    ResponseFormat,
    Role,
    Text,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from headgate.core.embeddings import Embeddings
from headgate.core.errors import InvalidRequest, Unsupported
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.anthropic.request import DEFAULT_MAX_TOKENS
from headgate.providers.anthropic.turns import INVALID_JSON, call_id
from headgate.providers.spec import Rules

# ── the envelope ─────────────────────────────────────────────────────────────────────────────────


def test_a_plain_chat() -> None:
    out = AnthropicCodec(Rules()).encode(chat(), model=OLD, stream=False)
    assert out.path == "/v1/messages"
    assert out.headers == {"anthropic-version": "2023-06-01"}
    assert msgspec.json.decode(out.body) == {
        "model": OLD,
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_a_stream_is_asked_for_by_the_caller_of_encode_not_by_the_chat() -> None:
    assert body(chat(stream=True), stream=False).get("stream") is None
    assert body(chat(), stream=True)["stream"] is True


def test_the_limit_the_caller_named_is_kept() -> None:
    assert body(chat(max_tokens=7))["max_tokens"] == 7


def test_the_default_limit_can_be_set() -> None:
    out = AnthropicCodec(Rules(), default_max_tokens=512).encode(chat(), model=OLD, stream=False)
    assert msgspec.json.decode(out.body)["max_tokens"] == 512


def test_embeddings_are_unsupported() -> None:
    codec = AnthropicCodec(Rules())
    with pytest.raises(Unsupported):
        codec.encode(Embeddings(model="m", inputs=("x",)), model=OLD, stream=False)
    with pytest.raises(Unsupported):
        codec.decoder(Operation.EMBEDDINGS, stream=False)


def test_absurd_nesting_is_the_request_s_fault() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100_000):
        schema = {"a": schema}
    with pytest.raises(InvalidRequest):
        body(chat(tools=(Tool(name="f", parameters=schema),)))


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def test_one_system_message_becomes_the_system_text() -> None:
    assert body(chat(system("Be brief."), user()))["system"] == "Be brief."


def test_system_messages_are_hoisted_from_anywhere_as_blocks() -> None:
    sent = body(chat(system("A"), user(), system(""), system("B")))
    assert sent["system"] == [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}]
    assert sent["messages"] == [{"role": "user", "content": "hi"}]


def test_a_chat_of_nothing_but_system_messages_has_no_turn_to_answer() -> None:
    assert refused(chat(system("A")), rules=Rules(drop=ALL)) == "messages"


def test_an_image_in_a_system_message_is_refused_by_name() -> None:
    message = Message(role=Role.SYSTEM, parts=(Text("A"), Image(url="https://x/y.png")))
    assert refused(chat(message, user())) == "messages"


def test_neighbours_of_one_role_are_merged() -> None:
    sent = body(chat(user(Text("a")), user(Text("b")), assistant(Text("c")), assistant(Text("")), user()))
    assert sent["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "hi"},
    ]


def test_tool_results_lead_their_turn() -> None:
    sent = body(chat(user(Text("and")), user(ToolResult(id="t1"), Text("then"), ToolResult(id="t2"))))
    kinds = [(block["type"], block.get("tool_use_id")) for block in sent["messages"][0]["content"]]
    assert kinds == [("tool_result", "t1"), ("tool_result", "t2"), ("text", None), ("text", None)]


def test_tool_results_carry_text_images_and_failure() -> None:
    result = ToolResult(id="t1", name="f", parts=(Text("42"),), is_error=True)
    assert content(result) == [
        {"type": "tool_result", "tool_use_id": "t1", "content": "42", "is_error": True}
    ]
    picture = ToolResult(id="t1", parts=(Text("see"), Image(url="https://x/y.png")))
    assert content(picture)[0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
    ]
    assert content(ToolResult(id="t1")) == [{"type": "tool_result", "tool_use_id": "t1"}]


def test_tool_calls_carry_their_arguments_as_an_object_of_the_same_text() -> None:
    call = ToolCall(id="t1", name="f", arguments='{"n": 12345678901234567890.10}')
    out = AnthropicCodec(Rules()).encode(chat(user(), assistant(call)), model=OLD, stream=False)
    assert b'"input":{"n": 12345678901234567890.10}' in out.body
    sent = content(ToolCall(id="t1", name="f", arguments='{"a": [1]}'), role=Role.ASSISTANT)
    assert sent == [{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": [1]}}]


@pytest.mark.parametrize("arguments", ["", "  "])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert content(ToolCall(id="t", name="f", arguments=arguments), role=Role.ASSISTANT)[0]["input"] == {}


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "null", "nonsense", "[" * 100_000])
def test_arguments_that_are_no_object_are_wrapped_in_one(arguments: str) -> None:
    sent = content(ToolCall(id="t", name="f", arguments=arguments), role=Role.ASSISTANT)
    assert sent[0]["input"] == {INVALID_JSON: arguments}


def test_ids_of_other_providers_are_made_to_fit_and_still_meet() -> None:
    sent = body(
        chat(
            user(),
            assistant(ToolCall(id="functions.f:0", name="f", arguments="{}")),
            user(ToolResult(id="functions.f:0", parts=(Text("x"),))),
        )
    )
    made = sent["messages"][1]["content"][0]["id"]
    assert made == sent["messages"][2]["content"][0]["tool_use_id"]
    assert made.replace("_", "").replace("-", "").isalnum()
    assert call_id("functions.f:0") != call_id("functions_f.0")
    assert call_id("toolu_01-x") == "toolu_01-x"
    assert call_id("")


def test_sealed_thoughts_go_back_and_unsealed_ones_stay_out() -> None:
    sent = content(
        Thought(text="hm", signature="c2ln"),
        Thought(text="b3BhcXVl", redacted=True),
        Thought(text="another provider's"),
        Text("so"),
        role=Role.ASSISTANT,
    )
    assert sent == [
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "b3BhcXVl"},
        {"type": "text", "text": "so"},
    ]


@pytest.mark.parametrize(
    ("image", "source"),
    [
        (Image(url="https://x/y.png", detail="auto"), {"type": "url", "url": "https://x/y.png"}),
        (
            Image(data="iVBORw0KGgo=", media_type="image/png"),
            {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="},
        ),
        (
            Image(url="data:image/JPEG;base64,/9j/4AAQ"),
            {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"},
        ),
        (
            Image(url="data:image/png;charset=utf-8;base64,iVBO"),
            {"type": "base64", "media_type": "image/png", "data": "iVBO"},
        ),
        (Image(data="UklGRgAA"), {"type": "base64", "media_type": "image/webp", "data": "UklGRgAA"}),
        (Image(data="AAAA"), {"type": "base64", "media_type": "image/png", "data": "AAAA"}),
    ],
)
def test_images(image: Image, source: dict[str, str]) -> None:
    assert content(image) == [{"type": "image", "source": source}]


@pytest.mark.parametrize("url", ["data:image/png,%89PNG", "file:///etc/passwd", "gs://bucket/x", ""])
def test_an_image_from_elsewhere_is_refused_by_name(url: str) -> None:
    assert refused(chat(user(Text("see"), Image(url=url)))) == "image_url"
    dropped = body(chat(user(Text("see"), Image(url=url))), rules=Rules(drop=frozenset({"image_url"})))
    assert dropped["messages"][0]["content"] == "see"


def test_a_detail_of_an_image_is_refused_by_name() -> None:
    assert refused(chat(user(Image(url="https://x/y.png", detail="low")))) == "detail"


def test_a_name_in_a_message_is_refused_by_name() -> None:
    assert refused(chat(Message(role=Role.USER, parts=(Text("hi"),), name="bob"))) == "name"


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


def test_tools_have_a_schema_of_an_object() -> None:
    tools = (
        Tool(name="a"),
        Tool(name="b", description="B", parameters={"properties": {"x": {}}}, strict=True),
        Tool(name="c", parameters={"type": "object", "required": ["y"]}, strict=False),
    )
    assert body(chat(tools=tools))["tools"] == [
        {"name": "a", "input_schema": {"type": "object"}},
        {
            "name": "b",
            "description": "B",
            "input_schema": {"type": "object", "properties": {"x": {}}},
            "strict": True,
        },
        {"name": "c", "input_schema": {"type": "object", "required": ["y"]}},
    ]


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="auto"), None, {"type": "auto"}),
        (ToolChoice(mode="required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="required"), True, {"type": "any", "disable_parallel_tool_use": False}),
        (
            ToolChoice(mode="tool", name="a"),
            False,
            {"type": "tool", "name": "a", "disable_parallel_tool_use": True},
        ),
        (ToolChoice(mode="none"), False, {"type": "none"}),
    ],
)
def test_how_to_choose_among_tools(
    choice: ToolChoice | None, parallel: bool | None, sent: dict[str, Any] | None
) -> None:
    asked = chat(tools=(Tool(name="a"),), tool_choice=choice, parallel_tool_calls=parallel)
    assert body(asked).get("tool_choice") == sent


def test_parallel_calls_mean_nothing_without_tools() -> None:
    assert "tool_choice" not in body(chat(parallel_tool_calls=False))


# ── parameters ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 2),
        ("seed", 0),
        ("logprobs", True),
        ("top_logprobs", 3),
        ("presence_penalty", 0.5),
        ("frequency_penalty", -1),
        ("logit_bias", {"50256": -100}),
        ("temperature", 1.5),
        ("stop", (" \n",)),
        ("response_format", ResponseFormat(kind="json_object")),
        ("response_format", ResponseFormat(kind="json_schema", name="x")),
    ],
)
def test_what_the_api_lacks_is_refused_by_name_or_dropped(name: str, value: object) -> None:
    asked = chat(**{name: value})
    assert refused(asked) == name
    assert body(asked, rules=Rules(drop=frozenset({name}))) == body(chat())


def test_members_the_hub_has_no_word_for_are_refused_by_name() -> None:
    assert refused(chat(extra={"store": True})) == "store"
    assert body(chat(extra={"store": True}), rules=Rules(drop=ALL)) == body(chat())


@pytest.mark.parametrize(
    "neutral",
    [
        {"n": 1},
        {"logprobs": False},
        {"presence_penalty": 0, "frequency_penalty": 0.0},
        {"logit_bias": {}},
        {"response_format": ResponseFormat(kind="text")},
    ],
)
def test_what_asks_for_nothing_is_left_out(neutral: dict[str, Any]) -> None:
    assert body(chat(**neutral)) == body(chat())


def test_stop_user_and_schema_have_names_of_their_own() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    sent = body(
        chat(
            stop=("END", "\nX"),
            user="u-17",
            response_format=ResponseFormat(kind="json_schema", name="n", schema=schema, strict=True),
        )
    )
    assert sent["stop_sequences"] == ["END", "\nX"]
    assert sent["metadata"] == {"user_id": "u-17"}
    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


def test_a_provider_s_rules_are_kept_by_either_name() -> None:
    assert refused(chat(top_k=3), rules=Rules(refuse=frozenset({"top_k"}))) == "top_k"
    assert refused(chat(stop=("x",)), rules=Rules(refuse=frozenset({"stop"}))) == "stop"
    assert refused(chat(stop=("x",)), rules=Rules(refuse=frozenset({"stop_sequences"}))) == "stop_sequences"
    assert refused(chat(temperature=0.9), rules=Rules(ranges={"temperature": (0, 0.5)})) == "temperature"
    assert body(chat(max_tokens=5), rules=Rules(rename={"max_tokens": "limit"}))["limit"] == 5

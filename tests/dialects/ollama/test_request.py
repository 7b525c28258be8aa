"""How a chat is asked for: each word of the hub in the API's, and by name what it lacks."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    Chat,
    Image,
    Message,
    Part,
    Reasoning,
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
from headgate.core.errors import Unsupported
from headgate.providers.ollama import OllamaCodec
from headgate.providers.spec import STANDARD, Rules

HI = Message(role=Role.USER, parts=(Text("hi"),))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = Tool(name="get_weather", description="Now", parameters=SCHEMA)
ADDRESS = Image(url="https://x.example/a.png")


def body_of(chat: Chat, rules: Rules = STANDARD, *, stream: bool = False) -> dict[str, Any]:
    sent = OllamaCodec(rules).encode(chat, model="llama3.2", stream=stream)
    assert sent.path == "/api/chat"
    body: dict[str, Any] = msgspec.json.decode(sent.body)
    return body


def chat(*messages: Message, **members: Any) -> Chat:
    return Chat(model="any", messages=messages or (HI,), **members)


def turn(role: Role, *parts: Part) -> Message:
    return Message(role=role, parts=parts)


@pytest.mark.parametrize("stream", [True, False])
def test_streaming_is_always_said_for_the_default_is_the_other(stream: bool) -> None:
    assert body_of(chat(), stream=stream) == {
        "model": "llama3.2",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": stream,
    }


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def test_texts_are_one_string_with_the_images_beside_it() -> None:
    image = Image(data="iVBORw0KGgo=", media_type="image/png")
    asked = chat(turn(Role.SYSTEM, Text("Be brief.")), turn(Role.USER, Text("a"), image, Text("b")))
    assert body_of(asked)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "ab", "images": ["iVBORw0KGgo="]},
    ]


def test_calls_and_results() -> None:
    image = Image(data="iVBORw0KGgo=", media_type="image/png")
    asked = chat(
        turn(
            Role.ASSISTANT,
            Thought(text="Hmm.", signature="c2ln"),
            Thought(text="opaque", redacted=True),
            ToolCall(id="a", name="w", arguments='{"x":1.5}', signature="c2ln"),
            ToolCall(id="b", name="v", arguments="nonsense"),
        ),
        turn(
            Role.USER,
            ToolResult(id="a", parts=(Text("21 °C"), image)),
            ToolResult(id="b", is_error=True),
            ToolResult(id="c", name="u", parts=(Text("x"),)),
            Text("And?"),
        ),
    )
    assert body_of(asked)["messages"] == [
        {
            "role": "assistant",
            "content": "",
            "thinking": "Hmm.",
            "tool_calls": [
                {"id": "a", "function": {"name": "w", "arguments": {"x": 1.5}}},
                {"id": "b", "function": {"name": "v", "arguments": {"INVALID_JSON": "nonsense"}}},
            ],
        },
        {
            "role": "tool",
            "content": "21 °C",
            "tool_call_id": "a",
            "tool_name": "w",
            "images": ["iVBORw0KGgo="],
        },
        {"role": "tool", "content": "error", "tool_call_id": "b", "tool_name": "v"},
        {"role": "tool", "content": "x", "tool_call_id": "c", "tool_name": "u"},
        {"role": "user", "content": "And?"},
    ]


# ── parameters ───────────────────────────────────────────────────────────────────────────────────


def test_every_parameter_with_a_word_of_its_own() -> None:
    asked = chat(
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        stop=("a", "b"),
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        logprobs=True,
        top_logprobs=3,
        n=1,
        parallel_tool_calls=True,
    )
    body = body_of(asked)
    assert body["options"] == {
        "num_predict": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "stop": ["a", "b"],
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.1,
    }
    assert (body["logprobs"], body["top_logprobs"]) == (True, 3)
    assert "n" not in body
    assert "parallel_tool_calls" not in body


def test_the_providers_rules_rename_refuse_and_bound() -> None:
    assert body_of(chat(top_k=3), Rules(rename={"top_k": "topk"}))["options"] == {"topk": 3}
    rules = Rules(refuse=frozenset({"seed"}), ranges={"temperature": (0, 1)}, drop=frozenset("*"))
    assert "options" not in body_of(chat(seed=1, temperature=1.5), rules)
    with pytest.raises(Unsupported) as refused:
        body_of(chat(seed=1), Rules(refuse=frozenset({"seed"})))
    assert refused.value.param == "seed"


LACKING: list[tuple[str, Chat]] = [
    ("n", chat(n=2)),
    ("logit_bias", chat(logit_bias={"50256": -100})),
    ("user", chat(user="me")),
    ("parallel_tool_calls", chat(parallel_tool_calls=False)),
    ("tool_choice", chat(tools=(TOOL,), tool_choice=ToolChoice(mode="required"))),
    ("tool_choice", chat(tools=(TOOL,), tool_choice=ToolChoice(mode="tool", name="get_weather"))),
    ("tools.function.strict", chat(tools=(msgspec.structs.replace(TOOL, strict=True),))),
    ("service_tier", chat(extra={"service_tier": "flex"})),
    ("name", chat(Message(role=Role.USER, parts=(Text("hi"),), name="ann"))),
    ("image_url", chat(turn(Role.USER, ADDRESS))),
    ("image_url", chat(turn(Role.USER, ToolResult(id="a", parts=(ADDRESS,))))),
    ("detail", chat(turn(Role.USER, Image(data="iVBO", media_type="image/png", detail="high")))),
]


@pytest.mark.parametrize(("param", "asked"), LACKING)
def test_what_the_api_lacks_is_refused_by_name(param: str, asked: Chat) -> None:
    with pytest.raises(Unsupported) as refused:
        body_of(asked)
    assert refused.value.param == param
    assert refused.value.code == "unsupported_parameter"


@pytest.mark.parametrize(("param", "asked"), LACKING)
def test_and_left_out_where_the_operator_says_so(param: str, asked: Chat) -> None:
    body = body_of(asked, Rules(drop=frozenset({param})))
    assert body.keys() <= {"model", "messages", "stream", "tools"}
    assert not any(word in str(body) for word in ("strict", "x.example", "detail", "ann"))


def test_embeddings_are_asked_for_in_one_batch() -> None:
    asked = Embeddings(model="any", inputs=("a", "b"), dimensions=256)
    sent = OllamaCodec(STANDARD).encode(asked, model="all-minilm", stream=False)
    assert sent.path == "/api/embed"
    assert msgspec.json.decode(sent.body) == {"model": "all-minilm", "input": ["a", "b"], "dimensions": 256}


@pytest.mark.parametrize(
    ("param", "asked"),
    [
        ("input", Embeddings(model="any", inputs=((1, 2),))),
        ("user", Embeddings(model="any", inputs=("a",), user="me")),
        ("x", Embeddings(model="any", inputs=("a",), extra={"x": True})),
    ],
)
def test_what_embeddings_lack_is_refused_by_name(param: str, asked: Embeddings) -> None:
    with pytest.raises(Unsupported) as refused:
        OllamaCodec(STANDARD).encode(asked, model="all-minilm", stream=False)
    assert refused.value.param == param


# ── tools, formats, thinking ─────────────────────────────────────────────────────────────────────


def test_tools_are_functions_and_a_model_that_may_not_call_them_sees_none() -> None:
    assert body_of(chat(tools=(TOOL, Tool(name="now")), tool_choice=ToolChoice(mode="auto")))["tools"] == [
        {
            "type": "function",
            "function": {"name": "get_weather", "description": "Now", "parameters": SCHEMA},
        },
        {"type": "function", "function": {"name": "now"}},
    ]
    assert "tools" not in body_of(chat(tools=(TOOL,), tool_choice=ToolChoice(mode="none")))


@pytest.mark.parametrize(
    ("wanted", "form"),
    [
        (ResponseFormat(kind="text"), None),
        (ResponseFormat(kind="json_object"), "json"),
        (ResponseFormat(kind="json_schema", name="w", schema=SCHEMA, strict=True), SCHEMA),
        (
            ResponseFormat(kind="json_schema", description="A place", schema=SCHEMA),
            {"description": "A place", **SCHEMA},
        ),
    ],
)
def test_the_form_of_the_answer(wanted: ResponseFormat, form: Any) -> None:
    assert body_of(chat(response_format=wanted)).get("format") == form


@pytest.mark.parametrize(
    ("wanted", "think"),
    [
        (Reasoning(enabled=False), False),
        (Reasoning(effort="none"), False),
        (Reasoning(), True),
        (Reasoning(effort="minimal"), "low"),
        (Reasoning(effort="low"), "low"),
        (Reasoning(effort="medium", budget=99_999), "medium"),
        (Reasoning(effort="high"), "high"),
        (Reasoning(effort="xhigh"), "max"),
        (Reasoning(budget=1024), "low"),
        (Reasoning(budget=10_000), "medium"),
        (Reasoning(budget=32_000), "high"),
    ],
)
def test_thinking_by_level(wanted: Reasoning, think: bool | str) -> None:
    assert (
        body_of(chat(reasoning=wanted))["think"] is think or body_of(chat(reasoning=wanted))["think"] == think
    )

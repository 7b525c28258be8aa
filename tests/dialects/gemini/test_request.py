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
from headgate.providers.gemini import GeminiCodec
from headgate.providers.spec import STANDARD, Rules

MODEL = "gemini-2.5-flash"
NEWER = "gemini-3-flash-preview"
HI = Message(role=Role.USER, parts=(Text("hi"),))
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = Tool(name="get_weather", description="Now", parameters=SCHEMA)


def body_of(chat: Chat, rules: Rules = STANDARD, model: str = MODEL) -> dict[str, Any]:
    sent = GeminiCodec(rules).encode(chat, model=model, stream=False)
    body: dict[str, Any] = msgspec.json.decode(sent.body)
    return body


def chat(*messages: Message, **members: Any) -> Chat:
    return Chat(model="any", messages=messages or (HI,), **members)


def turn(role: Role, *parts: Part) -> Message:
    return Message(role=role, parts=parts)


# ── where to ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        (MODEL, False, "/models/gemini-2.5-flash:generateContent"),
        (MODEL, True, "/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("tunedModels/mine-1", False, "/tunedModels/mine-1:generateContent"),
    ],
)
def test_the_model_and_the_method_are_in_the_path(model: str, stream: bool, path: str) -> None:
    assert GeminiCodec(STANDARD).encode(chat(), model=model, stream=stream).path == path


@pytest.mark.parametrize("model", ["../../v1/files", "a b", "x?key=1", "", "x/../y", "x:y", "x/", "é"])
def test_what_is_no_model_name_never_reaches_the_path(model: str) -> None:
    with pytest.raises(Unsupported) as refused:
        GeminiCodec(STANDARD).encode(chat(), model=model, stream=False)
    assert refused.value.param == "model"


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def test_system_messages_are_the_system_instruction() -> None:
    asked = chat(turn(Role.SYSTEM, Text("a")), HI, turn(Role.SYSTEM, Text("b")))
    assert body_of(asked) == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]},
    }


def test_images_are_data_or_files() -> None:
    parts = (
        Text("What?"),
        Image(data="iVBORw0KGgo=", media_type="image/png", detail="auto"),
        Image(url="https://example.com/cat.jpg"),
        Image(url="gs://bucket/cat.jpg", media_type="image/jpeg"),
    )
    assert body_of(chat(turn(Role.USER, *parts)))["contents"][0]["parts"] == [
        {"text": "What?"},
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
        {"fileData": {"fileUri": "https://example.com/cat.jpg"}},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "gs://bucket/cat.jpg"}},
    ]


def test_parallel_calls_and_their_results_stand_in_one_content_each() -> None:
    asked = chat(
        HI,
        turn(Role.ASSISTANT, ToolCall(id="a", name="w", arguments='{"x": 1.50}', signature="c2ln")),
        turn(Role.ASSISTANT, ToolCall(id="b", name="w", arguments="")),
        turn(Role.USER, ToolResult(id="a", parts=(Text("21 °C"),))),
        turn(Role.USER, ToolResult(id="b", name="w", parts=(Text("no"),), is_error=True)),
        turn(Role.USER, Text("And?")),
    )
    assert body_of(asked)["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"id": "a", "name": "w", "args": {"x": 1.5}},
                    "thoughtSignature": "c2ln",
                },
                {"functionCall": {"id": "b", "name": "w", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "a", "name": "w", "response": {"output": "21 °C"}}},
                {"functionResponse": {"id": "b", "name": "w", "response": {"error": "no"}}},
                {"text": "And?"},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ('{"temp": 21}', {"temp": 21}),
        ('{"output": "x"}', {"output": '{"output": "x"}'}),
        ('{"error": "x", "y": 1}', {"output": '{"error": "x", "y": 1}'}),
        ("[1, 2]", {"output": "[1, 2]"}),
        ("", {"output": ""}),
    ],
)
def test_a_result_is_an_object_or_wrapped_in_one(text: str, response: dict[str, Any]) -> None:
    asked = chat(turn(Role.USER, ToolResult(id="a", name="w", parts=(Text(text),))))
    assert body_of(asked)["contents"][0]["parts"][0]["functionResponse"]["response"] == response


def test_the_images_of_a_result_go_beside_it() -> None:
    image = Image(data="iVBORw0KGgo=", media_type="image/png")
    asked = chat(turn(Role.USER, ToolResult(id="a", name="plot", parts=(Text("done"), image))))
    assert body_of(asked)["contents"][0]["parts"][0]["functionResponse"] == {
        "id": "a",
        "name": "plot",
        "response": {"output": "done"},
        "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}],
    }


def test_arguments_a_model_got_wrong_go_along_marked() -> None:
    asked = chat(turn(Role.ASSISTANT, ToolCall(id="a", name="w", arguments='{"x": ')))
    part = body_of(asked)["contents"][0]["parts"][0]
    assert part["functionCall"]["args"] == {"INVALID_JSON": '{"x":'}


def test_thoughts_go_back_with_their_seal() -> None:
    asked = chat(
        turn(
            Role.ASSISTANT,
            Thought(text="Hmm.", signature="c2ln"),
            Thought(text="", signature="c2Vh"),
            Thought(text=""),
            Thought(text="opaque", redacted=True),
            Text("Four"),
        )
    )
    assert body_of(asked)["contents"][0]["parts"] == [
        {"text": "Hmm.", "thought": True, "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "c2Vh"},
        {"text": "Four"},
    ]


def test_the_first_call_of_a_turn_is_signed_for_models_that_insist() -> None:
    calls = (
        ToolCall(id="a", name="w", arguments="{}"),
        ToolCall(id="b", name="w", arguments="{}"),
    )
    asked = chat(turn(Role.ASSISTANT, *calls))
    signatures = {
        model: [part.get("thoughtSignature") for part in body_of(asked, model=model)["contents"][0]["parts"]]
        for model in (MODEL, NEWER, "gemini-flash-latest", "gemma-3-27b-it")
    }
    assert signatures == {
        MODEL: [None, None],
        NEWER: ["skip_thought_signature_validator", None],
        "gemini-flash-latest": ["skip_thought_signature_validator", None],
        "gemma-3-27b-it": [None, None],
    }


# ── parameters ───────────────────────────────────────────────────────────────────────────────────


def test_every_parameter_with_a_word_of_its_own() -> None:
    asked = chat(
        max_tokens=100,
        temperature=0.5,
        top_p=0.9,
        top_k=40,
        stop=("a", "b"),
        seed=7,
        n=2,
        presence_penalty=0.1,
        frequency_penalty=-0.1,
        logprobs=True,
        top_logprobs=3,
        parallel_tool_calls=True,
    )
    assert body_of(asked)["generationConfig"] == {
        "maxOutputTokens": 100,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "stopSequences": ["a", "b"],
        "seed": 7,
        "candidateCount": 2,
        "presencePenalty": 0.1,
        "frequencyPenalty": -0.1,
        "responseLogprobs": True,
        "logprobs": 3,
    }


def test_the_providers_rules_rename_refuse_and_bound() -> None:
    renamed = body_of(chat(top_k=3), Rules(rename={"topK": "topKay"}))
    assert renamed["generationConfig"] == {"topKay": 3}
    rules = Rules(
        refuse=frozenset({"seed", "reasoning_effort"}), ranges={"temperature": (0, 1)}, drop=frozenset("*")
    )
    dropped = body_of(chat(seed=1, temperature=1.5, reasoning=Reasoning(effort="low")), rules)
    assert "generationConfig" not in dropped
    with pytest.raises(Unsupported) as refused:
        body_of(chat(temperature=1.5), Rules(ranges={"temperature": (0, 1)}))
    assert refused.value.param == "temperature"


LACKING: list[tuple[str, Chat]] = [
    ("logit_bias", chat(logit_bias={"50256": -100})),
    ("user", chat(user="me")),
    ("parallel_tool_calls", chat(parallel_tool_calls=False)),
    ("service_tier", chat(extra={"service_tier": "flex"})),
    ("stop", chat(stop=tuple("abcdef"))),
    ("seed", chat(seed=2**31)),
    ("name", chat(Message(role=Role.USER, parts=(Text("hi"),), name="ann"))),
    ("detail", chat(turn(Role.USER, Image(url="https://x.example/a.png", detail="high")))),
    ("messages", chat(turn(Role.SYSTEM, Text("only")))),
    ("messages", chat(turn(Role.SYSTEM, Image(url="https://x.example/a.png")), HI)),
    ("messages.tool_call_id", chat(turn(Role.USER, ToolResult(id="z", parts=(Text("?"),))))),
    (
        "image_url",
        chat(turn(Role.USER, ToolResult(id="z", name="w", parts=(Image(url="https://x.example/a.png"),)))),
    ),
]


@pytest.mark.parametrize(("param", "asked"), LACKING)
def test_what_the_api_lacks_is_refused_by_name(param: str, asked: Chat) -> None:
    with pytest.raises(Unsupported) as refused:
        body_of(asked)
    assert refused.value.param == param
    assert refused.value.code == "unsupported_parameter"


@pytest.mark.parametrize(("param", "asked"), LACKING)
def test_and_left_out_where_the_operator_says_so(param: str, asked: Chat) -> None:
    sent = msgspec.json.encode(body_of(asked, Rules(drop=frozenset({param})))).decode()
    assert not any(word in sent for word in ("logit", "flex", "parallel", "ann", "high", "2147483648", '"f"'))


def test_embeddings_are_asked_for_in_one_batch() -> None:
    asked = Embeddings(model="any", inputs=("a", "b"), dimensions=256)
    sent = GeminiCodec(STANDARD).encode(asked, model="gemini-embedding-001", stream=False)
    assert sent.path == "/models/gemini-embedding-001:batchEmbedContents"
    name = "models/gemini-embedding-001"
    assert msgspec.json.decode(sent.body) == {
        "requests": [
            {"model": name, "outputDimensionality": 256, "content": {"parts": [{"text": text}]}}
            for text in ("a", "b")
        ]
    }


@pytest.mark.parametrize(
    ("param", "asked"),
    [
        ("input", Embeddings(model="any", inputs=((1, 2),))),
        ("user", Embeddings(model="any", inputs=("a",), user="me")),
        ("truncate", Embeddings(model="any", inputs=("a",), extra={"truncate": True})),
    ],
)
def test_what_embeddings_lack_is_refused_by_name(param: str, asked: Embeddings) -> None:
    with pytest.raises(Unsupported) as refused:
        GeminiCodec(STANDARD).encode(asked, model="gemini-embedding-001", stream=False)
    assert refused.value.param == param


# ── tools, formats, thinking ─────────────────────────────────────────────────────────────────────


def test_tools_are_declared_with_their_json_schema() -> None:
    assert body_of(chat(tools=(TOOL, Tool(name="now"))))["tools"] == [
        {
            "functionDeclarations": [
                {"name": "get_weather", "description": "Now", "parametersJsonSchema": SCHEMA},
                {"name": "now"},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("choice", "strict", "calling"),
    [
        (None, None, None),
        (None, True, {"mode": "VALIDATED"}),
        ("auto", None, {"mode": "AUTO"}),
        ("auto", True, {"mode": "VALIDATED"}),
        ("none", True, {"mode": "NONE"}),
        ("required", None, {"mode": "ANY"}),
        ("tool", None, {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}),
    ],
)
def test_the_choice_of_a_tool(choice: str | None, strict: bool | None, calling: Any) -> None:
    wanted = choice and ToolChoice(mode=choice, name="get_weather" if choice == "tool" else None)
    tool = msgspec.structs.replace(TOOL, strict=strict)
    sent = body_of(chat(tools=(tool,), tool_choice=wanted))
    assert sent.get("toolConfig", {}).get("functionCallingConfig") == calling


@pytest.mark.parametrize(
    ("wanted", "config"),
    [
        (ResponseFormat(kind="text"), {"responseMimeType": "text/plain"}),
        (ResponseFormat(kind="json_object"), {"responseMimeType": "application/json"}),
        (
            ResponseFormat(kind="json_schema", name="w", schema=SCHEMA, strict=True),
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
        (
            ResponseFormat(kind="json_schema", description="A place", schema=SCHEMA),
            {
                "responseMimeType": "application/json",
                "responseJsonSchema": {"description": "A place", **SCHEMA},
            },
        ),
    ],
)
def test_the_form_of_the_answer(wanted: ResponseFormat, config: dict[str, Any]) -> None:
    assert body_of(chat(response_format=wanted))["generationConfig"] == config


@pytest.mark.parametrize(
    ("wanted", "older", "newer"),
    [
        (Reasoning(enabled=False), {"thinkingBudget": 0}, {"thinkingBudget": 0}),
        (Reasoning(effort="none"), {"thinkingBudget": 0}, {"thinkingBudget": 0}),
        (Reasoning(), {"includeThoughts": True}, {"includeThoughts": True}),
        (
            Reasoning(effort="low"),
            {"includeThoughts": True, "thinkingBudget": 1024},
            {"includeThoughts": True, "thinkingLevel": "LOW"},
        ),
        (
            Reasoning(effort="xhigh"),
            {"includeThoughts": True, "thinkingBudget": 24576},
            {"includeThoughts": True, "thinkingLevel": "HIGH"},
        ),
        (
            Reasoning(effort="low", budget=3000),
            {"includeThoughts": True, "thinkingBudget": 3000},
            {"includeThoughts": True, "thinkingBudget": 3000},
        ),
    ],
)
def test_thinking_by_budget_and_by_level(wanted: Reasoning, older: Any, newer: Any) -> None:
    asked = chat(reasoning=wanted)
    assert body_of(asked, model=MODEL)["generationConfig"]["thinkingConfig"] == older
    assert body_of(asked, model=NEWER)["generationConfig"]["thinkingConfig"] == newer

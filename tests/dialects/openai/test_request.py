"""The hub's request as OpenAI's, with what the provider's rules change."""

from __future__ import annotations

import json
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
from headgate.core.errors import InvalidRequest, Unsupported
from headgate.providers.openai import OpenAICodec
from headgate.providers.spec import STANDARD, Rules

ASK = Chat(model="asked", messages=(Message(role=Role.USER, parts=(Text("hi"),)),))


def sent(asked: Chat | Embeddings, rules: Rules = STANDARD, *, stream: bool = False) -> dict[str, Any]:
    outgoing = OpenAICodec(rules).encode(asked, model="up", stream=stream)
    path = "/chat/completions" if isinstance(asked, Chat) else "/embeddings"
    assert outgoing.path == path
    body = json.loads(outgoing.body)
    assert body.pop("model") == "up"
    assert isinstance(body, dict)
    return body


def asking(**members: Any) -> Chat:
    return msgspec.structs.replace(ASK, **members)


def messages(*parts: Part, role: Role = Role.USER, rules: Rules = STANDARD) -> list[dict[str, Any]]:
    wires = sent(asking(messages=(Message(role=role, parts=parts),)), rules)["messages"]
    assert isinstance(wires, list)
    return wires


# ── members ──────────────────────────────────────────────────────────────────────────────────────


def test_what_the_caller_did_not_say_is_not_sent() -> None:
    assert sent(ASK) == {"messages": [{"role": "user", "content": "hi"}]}


def test_every_parameter_is_sent() -> None:
    schema = {"type": "object"}
    asked = asking(
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        stop=("END",),
        seed=0,
        n=2,
        presence_penalty=0.1,
        frequency_penalty=-0.2,
        logit_bias={"1": -100.0},
        logprobs=True,
        top_logprobs=3,
        tools=(Tool(name="f", description="d", parameters=schema, strict=True), Tool(name="g")),
        tool_choice=ToolChoice(mode="tool", name="f"),
        parallel_tool_calls=False,
        response_format=ResponseFormat(kind="json_schema", name="r", schema=schema, strict=True),
        reasoning=Reasoning(effort="high"),
        user="u",
    )
    function = {"name": "f", "description": "d", "parameters": schema, "strict": True}
    assert sent(asked) == {
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["END"],
        "seed": 0,
        "n": 2,
        "presence_penalty": 0.1,
        "frequency_penalty": -0.2,
        "logit_bias": {"1": -100.0},
        "logprobs": True,
        "top_logprobs": 3,
        "tools": [
            {"type": "function", "function": function},
            {"type": "function", "function": {"name": "g"}},
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "r", "schema": schema, "strict": True},
        },
        "reasoning_effort": "high",
        "user": "u",
    }


def test_a_stream_asks_for_its_usage_where_the_provider_gives_it() -> None:
    assert sent(ASK, stream=True)["stream_options"] == {"include_usage": True}
    plain = sent(ASK, Rules(stream_usage=False), stream=True)
    assert plain["stream"] is True
    assert "stream_options" not in plain


def test_parallel_calls_are_not_spoken_of_without_tools() -> None:
    assert "parallel_tool_calls" not in sent(asking(parallel_tool_calls=True))


def test_a_schema_without_a_name_gets_one() -> None:
    wanted = ResponseFormat(kind="json_schema", schema={})
    assert sent(asking(response_format=wanted))["response_format"]["json_schema"]["name"] == "response"


@pytest.mark.parametrize(
    ("reasoning", "effort"),
    [
        (Reasoning(effort="xhigh"), "xhigh"),
        (Reasoning(effort="low", budget=30_000), "low"),
        (Reasoning(budget=1024), "low"),
        (Reasoning(budget=2048), "low"),
        (Reasoning(budget=2049), "medium"),
        (Reasoning(budget=8192), "medium"),
        (Reasoning(budget=8193), "high"),
        (Reasoning(), "medium"),
        (Reasoning(enabled=False), "none"),
    ],
)
def test_a_budget_becomes_the_nearest_effort(reasoning: Reasoning, effort: str) -> None:
    assert sent(asking(reasoning=reasoning))["reasoning_effort"] == effort


# ── rules ────────────────────────────────────────────────────────────────────────────────────────


def test_a_parameter_goes_by_its_name_here() -> None:
    rules = Rules(rename={"max_tokens": "max_completion_tokens", "seed": "random_seed"})
    body = sent(asking(max_tokens=5, seed=1), rules)
    assert body["max_completion_tokens"] == 5
    assert body["random_seed"] == 1
    assert not {"max_tokens", "seed"} & set(body)


@pytest.mark.parametrize(
    ("asked", "rules", "param"),
    [
        (asking(top_k=5), Rules(), "top_k"),
        (asking(seed=5), Rules(refuse=frozenset({"seed"})), "seed"),
        (asking(temperature=1.5), Rules(ranges={"temperature": (0, 1)}), "temperature"),
        (asking(extra={"min_p": 0.1}), Rules(), "min_p"),
        (asking(tools=(Tool(name="f"),)), Rules(refuse=frozenset({"tools"})), "tools"),
        (asking(n=2), Rules(refuse=frozenset({"n"})), "n"),
        (
            asking(reasoning=Reasoning(budget=9)),
            Rules(refuse=frozenset({"reasoning_effort"})),
            "reasoning_effort",
        ),
        (Embeddings(model="m", inputs=("a",), extra={"x": 1}), Rules(), "x"),
        (
            Embeddings(model="m", inputs=("a",), dimensions=3),
            Rules(refuse=frozenset({"dimensions"})),
            "dimensions",
        ),
    ],
)
def test_what_cannot_be_sent_is_refused_by_name_or_dropped_by_the_operator(
    asked: Chat | Embeddings, rules: Rules, param: str
) -> None:
    with pytest.raises(Unsupported) as caught:
        sent(asked, rules)
    assert caught.value.param == param
    for drop in (param, "*"):
        assert param not in sent(asked, msgspec.structs.replace(rules, drop=frozenset({drop})))


@pytest.mark.parametrize(
    "members",
    [
        {"n": 1},
        {"logprobs": False},
        {"parallel_tool_calls": True, "tools": (Tool(name="f"),)},
        {"presence_penalty": 0.0},
        {"tool_choice": ToolChoice(mode="auto")},
        {"response_format": ResponseFormat(kind="text")},
        {"reasoning": Reasoning(enabled=False)},
    ],
)
def test_what_happens_anyway_is_not_refused(members: dict[str, Any]) -> None:
    refuse = frozenset(
        ["n", "logprobs", "parallel_tool_calls", "presence_penalty", "tool_choice", "response_format"]
    )
    body = sent(asking(**members), Rules(refuse=refuse | {"reasoning_effort"}))
    assert not set(body) & (refuse | {"reasoning_effort"})


def test_a_provider_that_has_top_k_says_so_by_its_name() -> None:
    assert sent(asking(top_k=5), Rules(rename={"top_k": "top_k"}))["top_k"] == 5


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def test_tool_results_come_first_each_in_its_own_message() -> None:
    assert messages(
        Text("and now?"),
        ToolResult(id="c1", name="f", parts=(Text("one"),)),
        ToolResult(id="c2", parts=(Text("a"), Image(url="u"), Text("b"))),
        ToolResult(id="c3", is_error=True),
        ToolResult(id="c4"),
    ) == [
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {
            "role": "tool",
            "tool_call_id": "c2",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        },
        {"role": "tool", "tool_call_id": "c3", "content": "error"},
        {"role": "tool", "tool_call_id": "c4", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "u"}},
                {"type": "text", "text": "and now?"},
            ],
        },
    ]


def test_images_are_addresses_or_data() -> None:
    (message,) = messages(
        Image(url="https://x/y.png", detail="low"), Image(data="AAAA", media_type="image/png")
    )
    assert message["content"] == [
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]


def test_an_assistants_turn_is_one_message() -> None:
    parts = (
        Thought(text="hm", signature="sealed"),
        Thought(text="opaque", redacted=True),
        Text("let me see"),
        ToolCall(id="c", name="f", arguments='{"a": 1}'),
        ToolCall(id="d", name="g", arguments=""),
    )
    assert messages(*parts, role=Role.ASSISTANT) == [
        {
            "role": "assistant",
            "content": "let me see",
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "d", "type": "function", "function": {"name": "g", "arguments": ""}},
            ],
        }
    ]


def test_calls_without_words_have_no_content() -> None:
    (message,) = messages(ToolCall(id="c", name="f", arguments="{}"), role=Role.ASSISTANT)
    assert message["content"] is None
    assert messages(role=Role.ASSISTANT) == [{"role": "assistant", "content": ""}]


def test_earlier_thoughts_go_under_the_providers_name_or_not_at_all() -> None:
    thought = Thought(text="hm")
    renamed = Rules(rename={"reasoning_content": "reasoning"})
    (message,) = messages(thought, Text("a"), role=Role.ASSISTANT, rules=renamed)
    assert message["reasoning"] == "hm"
    refused = Rules(refuse=frozenset({"reasoning_content"}))
    (message,) = messages(thought, Text("a"), role=Role.ASSISTANT, rules=refused)
    assert message == {"role": "assistant", "content": "a"}


def test_names_and_roles_are_kept() -> None:
    asked = asking(
        messages=(
            Message(role=Role.SYSTEM, parts=(Text("a"), Text("b"))),
            Message(role=Role.USER, parts=(Text("c"),), name="ann"),
        )
    )
    assert sent(asked)["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c", "name": "ann"},
    ]


def test_what_is_nested_too_deeply_to_be_written_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        sent(asking(tools=(Tool(name="f", parameters=deep),)))
    while deep:  # taken apart by hand: freeing it at once would recurse
        deep = deep["a"]


# ── embeddings ───────────────────────────────────────────────────────────────────────────────────


def test_embeddings_are_asked_for_as_numbers() -> None:
    asked = Embeddings(model="m", inputs=("a",), dimensions=3, user="u")
    assert sent(asked) == {"input": "a", "dimensions": 3, "encoding_format": "float", "user": "u"}
    assert sent(Embeddings(model="m", inputs=("a", "b")))["input"] == ["a", "b"]
    assert sent(Embeddings(model="m", inputs=((1, 2), (3,))))["input"] == [[1, 2], [3]]
    refused = Rules(refuse=frozenset({"encoding_format"}))
    assert sent(Embeddings(model="m", inputs=("a",)), refused) == {"input": "a"}

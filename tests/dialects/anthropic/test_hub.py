"""What an Anthropic client's request says in the hub's words."""

from __future__ import annotations

from typing import Any

import pytest

from dialects.anthropic.asking import CACHED, hub
from headgate.core.chat import (
    Chat,
    Image,
    Message,
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


def test_a_plain_request() -> None:
    assert hub() == Chat(
        model="auto", max_tokens=64, messages=(Message(role=Role.USER, parts=(Text("hi"),)),)
    )


def test_a_coding_agent_s_request() -> None:
    """System blocks and content with cache_control, tools, thinking handed back, results with images."""
    chat = hub(
        stream=True,
        temperature=1,
        top_p=0.9,
        top_k=40,
        stop_sequences=["END"],
        cache_control=CACHED,
        metadata={"user_id": "user_1"},
        system=[
            {"type": "text", "text": "You are an agent.", "cache_control": CACHED},
            {"type": "text", "text": "Be brief."},
        ],
        tools=[
            {
                "name": "Read",
                "description": "Reads.",
                "input_schema": {"type": "object"},
                "cache_control": CACHED,
            },
            {
                "type": "custom",
                "name": "Write",
                "input_schema": {},
                "strict": True,
                "eager_input_streaming": True,
            },
        ],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 4000, "display": "omitted"},
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "read it", "cache_control": CACHED}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "b3BhcXVl"},
                    {"type": "text", "text": "I will.", "citations": None},
                    {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a.py"}},
                    {"type": "tool_use", "id": "toolu_2", "name": "Read", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_1",
                        "content": "print()",
                        "cache_control": CACHED,
                    },
                    {
                        "type": "tool_result",
                        "tool_use_id": "toolu_2",
                        "is_error": True,
                        "content": [
                            {"type": "text", "text": "see"},
                            {
                                "type": "image",
                                "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"},
                            },
                        ],
                    },
                    {"type": "tool_result", "tool_use_id": "toolu_3"},
                    {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
                ],
            },
        ],
    )
    assert chat == Chat(
        model="auto",
        stream=True,
        max_tokens=64,
        temperature=1,
        top_p=0.9,
        top_k=40,
        stop=("END",),
        user="user_1",
        tools=(
            Tool(name="Read", description="Reads.", parameters={"type": "object"}),
            Tool(name="Write", parameters={}, strict=True),
        ),
        tool_choice=ToolChoice(mode="required"),
        parallel_tool_calls=False,
        reasoning=Reasoning(budget=4000),
        messages=(
            Message(role=Role.SYSTEM, parts=(Text("You are an agent."), Text("Be brief."))),
            Message(role=Role.USER, parts=(Text("read it"),)),
            Message(
                role=Role.ASSISTANT,
                parts=(
                    Thought(text="hm", signature="sig"),
                    Thought(text="b3BhcXVl", redacted=True),
                    Text("I will."),
                    ToolCall(id="toolu_1", name="Read", arguments='{"path":"a.py"}'),
                    ToolCall(id="toolu_2", name="Read", arguments="{}"),
                ),
            ),
            Message(
                role=Role.USER,
                parts=(
                    ToolResult(id="toolu_1", name="Read", parts=(Text("print()"),)),
                    ToolResult(
                        id="toolu_2",
                        name="Read",
                        parts=(Text("see"), Image(data="iVBO", media_type="image/png")),
                        is_error=True,
                    ),
                    ToolResult(id="toolu_3"),
                    Image(url="https://x/y.png"),
                ),
            ),
        ),
    )


def test_members_without_a_word_are_extra_and_neutral_ones_are_not() -> None:
    chat = hub(
        service_tier="standard_only",
        container="c-1",
        inference_geo=None,
        speed="standard",
        cache_control=CACHED,
        output_config={"effort": "low", "task_budget": {"total": 9}},
    )
    assert chat.extra == {
        "service_tier": "standard_only",
        "container": "c-1",
        "output_config.task_budget": {"total": 9},
    }
    assert hub(service_tier="auto", output_config=None).extra == {}


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, Reasoning(enabled=False)),
        ({"thinking": {"type": "adaptive"}}, Reasoning()),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}},
            Reasoning(effort="medium"),
        ),
        ({"output_config": {"effort": "max"}}, Reasoning(effort="xhigh")),
        (
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}},
            Reasoning(effort="low", enabled=False),
        ),
    ],
)
def test_thinking(members: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert hub(**members).reasoning == reasoning


@pytest.mark.parametrize("name", ["output_config", "output_format"])
def test_structured_output_by_either_name(name: str) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    value = {"format": form} if name == "output_config" else form
    chat = hub(**{name: value})
    assert chat.response_format == ResponseFormat(kind="json_schema", schema={"type": "object"})
    assert chat.extra == {}


@pytest.mark.parametrize(
    ("choice", "expected", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(mode="auto"), None),
        ({"type": "none"}, ToolChoice(mode="none"), None),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice(mode="required"), True),
        ({"type": "tool", "name": "f"}, ToolChoice(mode="tool", name="f"), None),
    ],
)
def test_tool_choice(choice: dict[str, Any], expected: ToolChoice, parallel: bool | None) -> None:
    chat = hub(tool_choice=choice)
    assert (chat.tool_choice, chat.parallel_tool_calls) == (expected, parallel)


def test_a_system_turn_in_the_middle_stays_where_it_is() -> None:
    chat = hub(messages=[{"role": "user", "content": "a"}, {"role": "system", "content": "b"}])
    assert [message.role for message in chat.messages] == [Role.USER, Role.SYSTEM]

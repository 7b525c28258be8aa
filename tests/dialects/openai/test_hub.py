"""What callers send, in the hub's words."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.core.call import Operation
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
from headgate.core.embeddings import Embeddings
from headgate.core.errors import (
    InvalidRequest,
    Unsupported,
)
from headgate.providers.openai.surface import ChatPayload
from openai_wire import HELLO, SURFACE, chat, parse, turns

# ── payloads ─────────────────────────────────────────────────────────────────────────────────────


def test_a_payload_is_the_body_and_what_routing_needs() -> None:
    body = b'{"model":"auto","messages":[{"role":"user","content":"hi"}],"stream":true,"unknown":1}'
    payload = SURFACE.parse(Operation.CHAT, body)
    assert isinstance(payload, ChatPayload)
    assert (payload.dialect, payload.operation, payload.model) == ("openai", Operation.CHAT, "auto")
    assert payload.raw is body
    assert payload.stream
    assert not payload.include_usage
    assert payload.hub() is payload.hub()
    assert "hi" not in repr(payload)


def test_usage_in_the_stream_is_wanted_where_asked() -> None:
    options = {"include_usage": True}
    assert parse(model="m", messages=HELLO, stream=True, stream_options=options).include_usage
    assert not parse(model="m", messages=HELLO, stream_options=options).include_usage
    assert not parse(model="m", messages=HELLO, stream=True, stream_options=None).include_usage


def test_every_member_may_be_null() -> None:
    names = [
        *("stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k"),
        *("stop", "seed", "n", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "user"),
        *("top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
        *("response_format", "reasoning_effort", "reasoning", "metadata", "store", "audio", "modalities"),
    ]
    message = dict.fromkeys(["name", "tool_calls", "tool_call_id", "refusal", "audio", "function_call"])
    payload = parse(model="m", messages=[{**HELLO[0], **message}], **dict.fromkeys(names))
    assert payload.hub() == Chat(model="m", messages=(Message(role=Role.USER, parts=(Text("hello"),)),))


def test_every_parameter_reaches_the_hub() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    hub = chat(
        stream=True,
        max_tokens=5,
        temperature=0,
        top_p=0.5,
        top_k=40,
        stop="END",
        seed=7,
        n=2,
        presence_penalty=0.1,
        frequency_penalty=-0.2,
        logit_bias={"50256": -100},
        logprobs=True,
        top_logprobs=3,
        tools=[
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": schema, "strict": True},
            }
        ],
        tool_choice={"type": "function", "function": {"name": "f"}},
        parallel_tool_calls=False,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "r", "schema": schema, "strict": True},
        },
        reasoning_effort="high",
        user="u",
    )
    assert hub == Chat(
        model="m",
        messages=(Message(role=Role.USER, parts=(Text("hello"),)),),
        stream=True,
        max_tokens=5,
        temperature=0.0,
        top_p=0.5,
        top_k=40,
        stop=("END",),
        seed=7,
        n=2,
        presence_penalty=0.1,
        frequency_penalty=-0.2,
        logit_bias={"50256": -100.0},
        logprobs=True,
        top_logprobs=3,
        tools=(Tool(name="f", description="d", parameters=schema, strict=True),),
        tool_choice=ToolChoice(mode="tool", name="f"),
        parallel_tool_calls=False,
        response_format=ResponseFormat(kind="json_schema", name="r", schema=schema, strict=True),
        reasoning=Reasoning(effort="high"),
        user="u",
    )


def test_the_newer_token_limit_wins() -> None:
    assert chat(max_tokens=5, max_completion_tokens=9).max_tokens == 9


@pytest.mark.parametrize(("stop", "expected"), [("a", ("a",)), (["a", "b"], ("a", "b")), ([], ())])
def test_stops_are_one_or_many(stop: object, expected: tuple[str, ...]) -> None:
    assert chat(stop=stop).stop == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ("any", ToolChoice(mode="required")),
        ({"type": "auto"}, ToolChoice(mode="auto")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(mode="tool", name="f")),
    ],
)
def test_a_tool_choice_has_many_forms(choice: object, expected: ToolChoice) -> None:
    assert chat(tool_choice=choice).tool_choice == expected


def test_legacy_functions_are_tools() -> None:
    hub = chat(functions=[{"name": "f", "parameters": {}}], function_call={"name": "f"})
    assert hub.tools == (Tool(name="f", parameters={}),)
    assert hub.tool_choice == ToolChoice(mode="tool", name="f")
    assert chat(function_call="none").tool_choice == ToolChoice(mode="none")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reasoning_effort": "minimal"}, Reasoning(effort="minimal")),
        ({"reasoning_effort": "none"}, Reasoning(effort="none", enabled=False)),
        ({"reasoning": {"max_tokens": 500}}, Reasoning(budget=500)),
        ({"reasoning": {"effort": "low"}}, Reasoning(effort="low")),
        ({"reasoning": {"enabled": False}}, Reasoning(effort="none", enabled=False)),
        ({"reasoning": {"enabled": True}}, Reasoning()),
        ({"reasoning": {}}, None),
    ],
)
def test_reasoning_is_asked_for_in_two_ways(members: dict[str, Any], expected: Reasoning | None) -> None:
    assert chat(**members).reasoning == expected


def test_unknown_members_are_kept_by_name() -> None:
    hub = chat(min_p=0.1, guided_json={"a": [1]}, metadata=None)
    assert hub.extra == {"min_p": 0.1, "guided_json": {"a": [1]}}


def test_members_that_ask_for_what_happens_anyway_are_not_kept() -> None:
    assert chat(store=False, service_tier="auto", modalities=["text"], metadata={}).extra == {}
    assert chat(store=True, service_tier="flex").extra == {"store": True, "service_tier": "flex"}


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def test_a_conversation_with_tools_becomes_turns() -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"id": "c2", "type": "function", "function": {"name": "g", "arguments": {"b": 2}}},
    ]
    assert turns(
        {"role": "developer", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "go"}], "name": "ann"},
        {"role": "assistant", "content": None, "tool_calls": calls, "reasoning_content": "hmm"},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
        {"role": "assistant", "content": "done", "annotations": [], "audio": None},
    ) == (
        Message(role=Role.SYSTEM, parts=(Text("be brief"),)),
        Message(role=Role.USER, parts=(Text("go"),), name="ann"),
        Message(
            role=Role.ASSISTANT,
            parts=(
                Thought(text="hmm"),
                ToolCall(id="c1", name="f", arguments='{"a": 1}'),
                ToolCall(id="c2", name="g", arguments='{"b":2}'),
            ),
        ),
        Message(
            role=Role.USER,
            parts=(
                ToolResult(id="c1", name="f", parts=(Text("one"),)),
                ToolResult(id="c2", name="g", parts=(Text("two"),)),
            ),
        ),
        Message(role=Role.ASSISTANT, parts=(Text("done"),)),
    )


def test_a_legacy_function_call_and_its_answer_belong_together() -> None:
    assert turns(
        HELLO[0],
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    )[1:] == (
        Message(role=Role.ASSISTANT, parts=(ToolCall(id="call_function_1", name="f", arguments="{}"),)),
        Message(role=Role.USER, parts=(ToolResult(id="call_function_1", name="f", parts=(Text("1"),)),)),
    )


def test_images_come_as_addresses_or_as_data() -> None:
    def image(url: object) -> dict[str, Any]:
        return {"type": "image_url", "image_url": url}

    content = [
        image({"url": "https://x/y.png", "detail": "low"}),
        image({"url": "data:image/png;base64,AAAA"}),
        image("https://x/z.png"),
    ]
    assert turns({"role": "user", "content": content})[0].parts == (
        Image(url="https://x/y.png", detail="low"),
        Image(data="AAAA", media_type="image/png"),
        Image(url="https://x/z.png"),
    )


def test_a_refusal_given_earlier_is_text() -> None:
    part = {"type": "refusal", "refusal": "no"}
    assert turns({"role": "assistant", "content": [part]})[0].parts == (Text("no"),)
    assert turns({"role": "assistant", "refusal": "no"})[0].parts == (Text("no"),)


def test_geminis_signature_comes_back_with_its_call() -> None:
    call = {
        "id": "c",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "seal"}},
    }
    (message,) = turns({"role": "assistant", "tool_calls": [call]})
    assert message.parts == (ToolCall(id="c", name="f", arguments="{}", signature="seal"),)


@pytest.mark.parametrize("extra", [None, 1, "x", {}, {"google": None}, {"google": {"thought_signature": 3}}])
def test_other_extra_content_is_no_signature(extra: object) -> None:
    call = {"id": "c", "function": {"name": "f"}, "extra_content": extra}
    (message,) = turns({"role": "assistant", "tool_calls": [call]})
    assert message.parts == (ToolCall(id="c", name="f", arguments=""),)


# ── text completions and embeddings ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_text_completion_is_one_user_message(prompt: object) -> None:
    payload = parse(Operation.COMPLETION, model="m", prompt=prompt, logprobs=2, max_tokens=3, best_of=1)
    assert payload.operation is Operation.COMPLETION
    assert payload.hub() == Chat(
        model="m",
        messages=(Message(role=Role.USER, parts=(Text("Once"),)),),
        max_tokens=3,
        logprobs=True,
        top_logprobs=2,
    )


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "echo": True}, "echo"),
        ({"prompt": "a", "best_of": 2}, "best_of"),
    ],
)
def test_what_only_a_completion_endpoint_can_do_is_refused_when_the_hub_is_asked(
    members: dict[str, Any], param: str
) -> None:
    payload = parse(Operation.COMPLETION, model="m", **members)
    with pytest.raises(Unsupported) as caught:
        payload.hub()
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1], [2, 3]], ((1,), (2, 3))),
    ],
)
def test_inputs_are_texts_or_tokens(given_: object, expected: Any) -> None:
    payload = parse(
        Operation.EMBEDDINGS, model="m", input=given_, dimensions=2, user="u", encoding_format=None
    )
    assert payload.hub() == Embeddings(model="m", inputs=expected, dimensions=2, user="u")


def test_inputs_are_not_mixed() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(Operation.EMBEDDINGS, model="m", input=["a", 1]).hub()
    assert caught.value.param == "input"

"""What a simulated model answers: text, calls, structure, thoughts, and the bill."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    Chat,
    Event,
    Finish,
    FinishReason,
    Logprobs,
    Message,
    Reasoning,
    ResponseFormat,
    Role,
    Spent,
    Start,
    Text,
    TextDelta,
    ThoughtDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolCallStart,
    ToolChoice,
    ToolResult,
)
from headgate.core.embeddings import Embedded, Embeddings
from headgate.core.usage import Usage
from headgate.providers.simulated import words
from headgate.providers.simulated.script import Composer, Ids, embedded
from headgate.providers.simulated.vectors import vector

IDS = Ids("answer-1", "call-1-")
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = Tool(name="get_weather", parameters=CITY)
TIME = Tool(name="get_time", parameters=CITY)


def said(prompt: str, **members: Any) -> Chat:
    return Chat(model="m", messages=(Message(role=Role.USER, parts=(Text(prompt),)),), **members)


def events(chat: Chat, **settings: Any) -> list[Event | Embedded]:
    return Composer(**settings)(chat, ids=IDS, prompt_tokens=10).events


def text(chat: Chat, *, choice: int = 0, **settings: Any) -> str:
    deltas = (e for e in events(chat, **settings) if isinstance(e, TextDelta) and e.choice == choice)
    return "".join(delta.text for delta in deltas)


def calls(chat: Chat) -> list[tuple[str, dict[str, Any]]]:
    found = events(chat)
    return [
        (
            start.name,
            json.loads(
                "".join(e.arguments for e in found if isinstance(e, ToolCallDelta) and e.index == start.index)
            ),
        )
        for start in found
        if isinstance(start, ToolCallStart)
    ]


def finish(chat: Chat) -> Finish:
    return next(event for event in events(chat) if isinstance(event, Finish))


def spent(chat: Chat) -> Usage:
    return [event.usage for event in events(chat) if isinstance(event, Spent)][-1]


def test_the_answer_is_about_the_topic_and_the_same_every_time() -> None:
    chat = said("Please tell me about suspension bridges in Norway.")
    assert "suspension bridges Norway" in text(chat)
    assert text(chat) == text(chat)
    opening, prompt_price, *_, price = events(chat)
    assert opening == Start(id="answer-1", model="m")
    assert prompt_price == Spent(Usage(input=10))
    assert isinstance(price, Spent)
    assert finish(chat) == Finish(reason=FinishReason.STOP)


def test_another_kind_of_prompt_gets_another_kind_of_answer() -> None:
    assert "```python" in text(said("Write a function that sorts a list"))
    assert "step by step" in text(said("Prove that the square root of 2 is irrational"))


@pytest.mark.parametrize("prompt", ["", "   ", "?!", "\udcff", "the a of", "🦀 " * 50, "{topic}"])
def test_any_prompt_has_an_answer(prompt: str) -> None:
    assert text(said(prompt))
    assert text(Chat(model="m", messages=()))


@given(st.text())
def test_tokens_joined_are_the_text_again(sentence: str) -> None:
    assert "".join(words.tokens(sentence)) == sentence


@given(st.text(min_size=1, max_size=40), st.integers(1, 30))
def test_a_fixed_length_is_kept(prompt: str, length: int) -> None:
    assert len([e for e in events(said(prompt), output_tokens=length) if isinstance(e, TextDelta)]) == length


def test_max_tokens_break_the_answer_off() -> None:
    chat = said("Tell me about bridges", max_tokens=4)
    assert finish(chat).reason is FinishReason.LENGTH
    assert spent(chat).completion == 4
    assert text(said("Tell me about bridges")).startswith(text(chat))


def test_a_stop_sequence_ends_the_answer_before_it() -> None:
    chat = said("Prove it", stop=("Third", "Second"))
    assert finish(chat) == Finish(reason=FinishReason.STOP, stop_sequence="Second")
    assert "First" in text(chat)
    assert "Second" not in text(chat)


def test_every_choice_is_whole() -> None:
    chat = said("Tell me about bridges", n=3)
    ends = [event for event in events(chat) if isinstance(event, Finish)]
    assert sorted(end.choice for end in ends) == [0, 1, 2]
    assert all(text(chat, choice=choice) for choice in range(3))
    assert spent(chat).output == sum(1 for event in events(chat) if isinstance(event, TextDelta))


def test_logprobs_come_with_every_token() -> None:
    chat = said("Tell me about bridges", logprobs=True, top_logprobs=2)
    found = events(chat)
    deltas = [event.text for event in found if isinstance(event, TextDelta)]
    entries = [event.content[0] for event in found if isinstance(event, Logprobs)]
    assert [entry["token"] for entry in entries] == deltas
    for entry in entries:
        assert entry["logprob"] <= 0
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert entry["top_logprobs"][0]["token"] == entry["token"]
        assert len(entry["top_logprobs"]) == 2


@pytest.mark.parametrize("top", [21, 10**20])
def test_nobody_gets_more_rivals_of_a_token_than_there_are(top: int) -> None:
    found = events(said("Tell me about bridges", logprobs=True, top_logprobs=top))
    shown = [event.content[0]["top_logprobs"] for event in found if isinstance(event, Logprobs)]
    assert {len(one) for one in shown} == {20}


def test_thoughts_come_first_and_are_sealed_and_counted_apart() -> None:
    chat = said("Tell me about bridges", reasoning=Reasoning(effort="low"))
    found = events(chat)[2:]
    thoughts = [event for event in found if isinstance(event, ThoughtDelta)]
    assert found[: len(thoughts)] == thoughts
    assert thoughts[-1].signature
    assert spent(chat).reasoning == 8
    assert text(chat)


@pytest.mark.parametrize(
    "reasoning", [None, Reasoning(effort="none"), Reasoning(enabled=False), Reasoning(budget=0)]
)
def test_nobody_thinks_unasked(reasoning: Reasoning | None) -> None:
    assert not [e for e in events(said("Hi", reasoning=reasoning)) if isinstance(e, ThoughtDelta)]


def test_a_tool_is_called_when_the_prompt_asks_for_it() -> None:
    chat = said("What is the weather in Paris?", tools=(WEATHER, TIME))
    assert calls(chat) == [("get_weather", {"city": "Paris"})]
    assert finish(chat).reason is FinishReason.TOOL_CALLS
    assert calls(said("Tell me about bridges", tools=(WEATHER, TIME))) == []


def test_several_subjects_are_several_calls_of_one_tool() -> None:
    chat = said("Compare the weather in Paris, New York and Oslo today", tools=(WEATHER,))
    assert calls(chat) == [("get_weather", {"city": city}) for city in ("Paris", "New York", "Oslo")]
    one = said("Compare the weather in Paris and Oslo", tools=(WEATHER,), parallel_tool_calls=False)
    assert calls(one) == [("get_weather", {"city": "Paris"})]


def test_several_tools_named_are_all_called() -> None:
    chat = said("Call get_weather and get_time for Paris", tools=(WEATHER, TIME))
    assert [name for name, _ in calls(chat)] == ["get_weather", "get_time"]
    starts = [event for event in events(chat) if isinstance(event, ToolCallStart)]
    assert [start.index for start in starts] == [0, 1]
    assert len({start.id for start in starts}) == 2


def test_the_tool_choice_is_obeyed() -> None:
    both = (WEATHER, TIME)
    none = said("Weather in Paris?", tools=both, tool_choice=ToolChoice(mode="none"))
    required = said("Tell me about bridges", tools=both, tool_choice=ToolChoice(mode="required"))
    named = said("Weather in Paris?", tools=both, tool_choice=ToolChoice(mode="tool", name="get_time"))
    assert calls(none) == []
    assert [name for name, _ in calls(required)] == ["get_weather"]
    assert [name for name, _ in calls(named)] == ["get_time"]


def test_a_tool_result_is_answered_in_words() -> None:
    asked = Message(role=Role.USER, parts=(Text("What is the weather in Paris?"),))
    call = Message(role=Role.ASSISTANT, parts=(ToolCall(id="1", name="get_weather", arguments="{}"),))
    told = Message(role=Role.USER, parts=(ToolResult(id="1", name="get_weather", parts=(Text("18 °C"),)),))
    chat = Chat(model="m", messages=(asked, call, told), tools=(WEATHER,))
    assert calls(chat) == []
    assert text(chat) == "According to get_weather: 18 °C."


def test_a_tool_without_parameters_gets_an_empty_object() -> None:
    assert calls(said("ping", tools=(Tool(name="ping"),))) == [("ping", {})]


def test_structured_output_fits_the_schema() -> None:
    chat = said("Weather in Paris", response_format=ResponseFormat(kind="json_schema", schema=CITY))
    assert json.loads(text(chat)).keys() == {"city"}
    assert isinstance(json.loads(text(said("Hi", response_format=ResponseFormat(kind="json_object")))), dict)


def test_the_bill_adds_up() -> None:
    chat = said("Tell me about bridges", reasoning=Reasoning(effort="low"))
    script = Composer()(chat, ids=IDS, prompt_tokens=2000, cached_tokens=1920)
    before, usage = (event.usage for event in script.events if isinstance(event, Spent))
    assert (before.input, before.cache_read, before.completion) == (80, 1920, 0)
    assert (usage.input, usage.cache_read, usage.reasoning) == (80, 1920, 8)
    assert script.tokens == usage.total == usage.reported_total
    assert sum(piece.tokens for piece in script.pieces) == usage.completion


def test_embeddings_are_unit_vectors_and_near_where_words_are_shared() -> None:
    script = embedded(
        Embeddings(model="e", inputs=("red cars", "fast red cars", "quiet hills", (1, 2))), dimensions=64
    )
    (event,) = script.events
    assert isinstance(event, Embedded)
    one, near, far, numbers = event.vectors
    assert len(numbers) == 64
    for found in event.vectors:
        assert sum(x * x for x in found) == pytest.approx(1)
    assert sum(a * b for a, b in zip(one, near, strict=True)) > sum(
        a * b for a, b in zip(one, far, strict=True)
    )
    assert script.tokens == event.usage.total == 2 + 4 + 3 + 2


def test_the_dimensions_asked_for_are_given() -> None:
    (event,) = embedded(Embeddings(model="e", inputs=("x",), dimensions=7), dimensions=64).events
    assert isinstance(event, Embedded)
    assert len(event.vectors[0]) == 7


@given(st.text(max_size=50), st.integers(1, 64))
def test_every_text_has_a_direction(sentence: str, dimensions: int) -> None:
    found = vector(sentence, dimensions)
    assert found == vector(sentence, dimensions)
    assert sum(x * x for x in found) == pytest.approx(1)

"""The server's end: any bytes in, and the hub's value there and back."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Operation
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
    ToolResult,
)
from headgate.core.embeddings import Embeddings
from headgate.core.errors import InvalidRequest, RateLimited
from headgate.providers.ollama import OllamaCodec, OllamaSurface
from headgate.providers.spec import STANDARD


def surface() -> OllamaSurface:
    numbers = count(1)
    return OllamaSurface(lambda: 1_751_371_200.0, lambda: f"id{next(numbers)}")


def hub(**body: Any) -> Chat:
    payload = surface().parse(Operation.CHAT, msgspec.json.encode({"model": "m", **body}))
    value = payload.hub()
    assert isinstance(value, Chat)
    return value


# ── parsing ──────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(max_size=300), st.sampled_from([Operation.CHAT, Operation.EMBEDDINGS, Operation.COMPLETION]))
def test_any_bytes_are_a_fault_of_the_caller(body: bytes, operation: Operation) -> None:
    with pytest.raises(InvalidRequest):
        surface().parse(operation, body)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def near(**members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the members, each as it should be or, now and then, anything at all."""
    optional = {name: st.one_of(it, it, it, JSON) for name, it in members.items()}
    return st.fixed_dictionaries({}, optional=optional)


MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": st.text(max_size=5),
        "thinking": st.text(max_size=5) | st.none(),
        "images": st.lists(st.text(max_size=5), max_size=2) | st.none(),
        "tool_calls": st.lists(st.builds(lambda args: {"function": {"name": "f", "arguments": args}}, JSON)),
        "tool_name": st.just("f"),
    },
)
BODIES = near(
    messages=st.lists(MESSAGES, max_size=3),
    stream=st.booleans(),
    tools=st.lists(near(function=near(name=st.just("f"), parameters=JSON)), max_size=2),
    format=st.sampled_from(["json", ""]),
    think=st.sampled_from([True, False, "low", "max"]),
    options=near(num_predict=st.integers(-2, 9), stop=st.text(max_size=3), num_ctx=JSON),
    keep_alive=JSON,
)


@given(BODIES)
def test_whatever_is_taken_has_a_hub_value(body: dict[str, Any]) -> None:
    try:
        payload = surface().parse(Operation.CHAT, msgspec.json.encode({"model": "m", **body}))
    except InvalidRequest:
        return
    assert isinstance(payload.hub(), Chat)
    assert payload.hub() is payload.hub()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "model"),
        ({"model": ""}, "model"),
        ({"model": "m", "messages": 5}, "messages"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"model": "m", "think": "much"}, "think"),
        ({"model": "m", "format": "xml"}, "format"),
        ({"model": "m", "top_logprobs": 21}, "top_logprobs"),
        ({"model": "m", "options": {"seed": "x"}}, "options.seed"),
        ({"model": "m", "tools": [{"function": {}}]}, "tools[0].function.name"),
    ],
)
def test_the_member_at_fault_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        surface().parse(Operation.CHAT, msgspec.json.encode(body))
    assert refused.value.param == param


@pytest.mark.parametrize("nested", [b"[" * 100_000, b'{"model":"m","x":' + b"[" * 200 + b"]" * 200 + b"}"])
def test_absurd_nesting_is_refused(nested: bytes) -> None:
    with pytest.raises(InvalidRequest):
        surface().parse(Operation.CHAT, nested)


@pytest.mark.parametrize(
    ("said", "stream"),
    [(b"", True), (b',"stream":null', True), (b',"stream":true', True), (b',"stream":false', False)],
)
def test_an_answer_is_streamed_unless_it_shall_not_be(said: bytes, stream: bool) -> None:
    body = b'{"model":"m","messages":[]' + said + b"}"
    payload = surface().parse(Operation.CHAT, body)
    value = payload.hub()
    assert isinstance(value, Chat)
    assert (payload.dialect, payload.operation, payload.model, payload.raw) == (
        "ollama",
        Operation.CHAT,
        "m",
        body,
    )
    assert payload.stream is value.stream is stream


def test_what_the_hub_has_no_word_for_keeps_its_name() -> None:
    value = hub(
        keep_alive="5m",
        options={"num_ctx": 8192, "num_predict": -1, "stop": "x", "min_p": None},
        template=None,
    )
    assert value.extra == {"keep_alive": "5m", "num_ctx": 8192}
    assert (value.max_tokens, value.stop) == (None, ("x",))


def test_calls_and_results_without_ids_find_each_other() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": {"x": 1}}}

    value = hub(
        messages=[
            {"role": "assistant", "content": "", "tool_calls": [call("w"), call("v"), call("w")]},
            {"role": "tool", "content": "1", "tool_name": "v"},
            {"role": "tool", "content": "2"},
            {"role": "tool", "content": "3", "tool_name": "w"},
            {"role": "tool", "content": "4"},
            {"role": "user", "content": "And?", "images": ["/9j/4AAQ", "zzzz"]},
        ]
    )
    assert [part.id for part in value.messages[0].parts if isinstance(part, ToolCall)] == [
        "id1",
        "id2",
        "id3",
    ]
    assert value.messages[1:] == (
        Message(
            role=Role.USER,
            parts=(
                ToolResult(id="id2", name="v", parts=(Text("1"),)),
                ToolResult(id="id1", parts=(Text("2"),)),
                ToolResult(id="id3", name="w", parts=(Text("3"),)),
                ToolResult(id="id4", parts=(Text("4"),)),
            ),
        ),
        Message(
            role=Role.USER,
            parts=(Text("And?"), Image(data="/9j/4AAQ", media_type="image/jpeg"), Image(data="zzzz")),
        ),
    )


def test_errors_are_one_member() -> None:
    error = RateLimited("Slow down.", retry_after_s=7.5)
    assert surface().error(error, 429, "req_1") == b'{"error":"Slow down."}'
    assert surface().error_event(error, 429, "req_1") == b'{"error":"Slow down."}\n'


# ── the hub's value, there and back ──────────────────────────────────────────────────────────────

WORDS = st.text(min_size=1, max_size=12)
IDS = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
OBJECTS = st.dictionaries(st.sampled_from(["city", "days"]), st.integers(0, 9) | WORDS, max_size=2)
IMAGES = st.builds(Image, data=st.just("iVBORw0KGgo="), media_type=st.just("image/png"))
CALLS = st.builds(
    ToolCall, id=IDS, name=IDS, arguments=OBJECTS.map(lambda value: msgspec.json.encode(value).decode())
)
RESULTS = st.builds(ToolResult, id=IDS, name=IDS, parts=st.tuples(st.builds(Text, WORDS)))


@st.composite
def turns(draw: st.DrawFn) -> Message:
    """A message as the API can say it: a thought, a text, images, calls; or results alone."""
    role = draw(st.sampled_from(Role))
    if role is Role.USER and draw(st.booleans()):
        return Message(role=role, parts=tuple(draw(st.lists(RESULTS, min_size=1, max_size=2))))
    parts: list[Part] = []
    if role is Role.ASSISTANT:
        parts += draw(st.lists(st.builds(Thought, text=WORDS), max_size=1))
    parts += draw(st.lists(st.builds(Text, WORDS), max_size=1))
    parts += draw(st.lists(IMAGES, max_size=2))
    if role is Role.ASSISTANT:
        parts += draw(st.lists(CALLS, max_size=2))
    return Message(role=role, parts=tuple(parts))


def alternating(messages: list[Message]) -> tuple[Message, ...]:
    """Turns of results in a row are one turn there: every other such turn is left out."""
    kept: list[Message] = []
    for message in messages:
        results = bool(message.parts) and isinstance(message.parts[0], ToolResult)
        if not (results and kept and kept[-1].parts and isinstance(kept[-1].parts[0], ToolResult)):
            kept.append(message)
    return tuple(kept)


RATIOS = st.none() | st.floats(0, 2)
COUNTS = st.none() | st.integers(0, 1000)
SCHEMAS = st.just({"type": "object", "properties": {"a": {"type": "number"}}})
CHATS = st.builds(
    Chat,
    model=st.just("llama3.2"),
    messages=st.lists(turns(), max_size=4).map(alternating),
    stream=st.booleans(),
    max_tokens=COUNTS,
    temperature=RATIOS,
    top_p=RATIOS,
    top_k=COUNTS,
    stop=st.lists(WORDS, max_size=3).map(tuple),
    seed=COUNTS,
    presence_penalty=RATIOS,
    frequency_penalty=RATIOS,
    logprobs=st.none() | st.booleans(),
    top_logprobs=st.none() | st.integers(0, 20),
    tools=st.lists(
        st.builds(Tool, name=IDS, description=st.none() | WORDS, parameters=st.none() | SCHEMAS), max_size=2
    ).map(tuple),
    response_format=st.none()
    | st.just(ResponseFormat(kind="json_object"))
    | st.builds(ResponseFormat, kind=st.just("json_schema"), schema=SCHEMAS),
    reasoning=st.none()
    | st.builds(Reasoning, enabled=st.booleans())
    | st.builds(Reasoning, effort=st.sampled_from(["low", "medium", "high", "xhigh"])),
)


@given(CHATS)
def test_a_chat_comes_back_as_it_was(chat: Chat) -> None:
    sent = OllamaCodec(STANDARD).encode(chat, model=chat.model, stream=chat.stream)
    assert surface().parse(Operation.CHAT, sent.body).hub() == chat


@given(st.lists(WORDS, max_size=3), st.none() | st.integers(1, 999))
def test_embeddings_come_back_as_they_were(inputs: list[str], dimensions: int | None) -> None:
    asked = Embeddings(model="all-minilm", inputs=tuple(inputs), dimensions=dimensions)
    sent = OllamaCodec(STANDARD).encode(asked, model="all-minilm", stream=False)
    assert surface().parse(Operation.EMBEDDINGS, sent.body).hub() == asked


def test_one_text_to_embed_is_a_list_of_one() -> None:
    payload = surface().parse(Operation.EMBEDDINGS, b'{"model":"m","input":"x","truncate":true}')
    assert payload.hub() == Embeddings(model="m", inputs=("x",), extra={"truncate": True})

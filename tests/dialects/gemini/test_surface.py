"""The server's end: any bytes in, the hub's value and back, and answers our own decoder reads again."""

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
    ToolChoice,
    ToolResult,
)
from headgate.core.embeddings import Embeddings
from headgate.core.errors import InvalidRequest
from headgate.providers.gemini import GeminiCodec, GeminiPayload, GeminiSurface
from headgate.providers.spec import STANDARD

MODEL = "gemini-3-pro-preview"
CHAT_PATH = f"/v1beta/models/{MODEL}:generateContent"
STREAM_PATH = f"/v1beta/models/{MODEL}:streamGenerateContent"
METADATA = b'{"model_id":"gem","attempts":1}'


def surface() -> GeminiSurface:
    numbers = count(1)
    return GeminiSurface(lambda: f"id{next(numbers)}")


def parsed(path: str = CHAT_PATH, **body: Any) -> GeminiPayload:
    return surface().parse_at(path, msgspec.json.encode(body))


def hub(**body: Any) -> Chat:
    value = parsed(**{"contents": [{"parts": [{"text": "hi"}]}], **body}).hub()
    assert isinstance(value, Chat)
    return value


# ── parsing ──────────────────────────────────────────────────────────────────────────────────────


@given(
    st.binary(max_size=300),
    st.sampled_from([CHAT_PATH, "/models/x:batchEmbedContents", "/models/x:embedContent"]),
)
def test_any_bytes_are_a_request_or_a_fault_of_the_caller(body: bytes, path: str) -> None:
    with pytest.raises(InvalidRequest):
        surface().parse_at(path, body)


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
    return st.fixed_dictionaries(
        {}, optional={name: st.one_of(it, it, it, JSON) for name, it in members.items()}
    )


PARTS = near(
    text=st.text(max_size=5),
    thought=st.booleans(),
    thoughtSignature=st.text(max_size=5),
    functionCall=near(name=st.just("f"), args=st.dictionaries(st.text(max_size=3), JSON, max_size=2)),
    functionResponse=near(name=st.just("f"), response=st.dictionaries(st.text(max_size=3), JSON, max_size=2)),
    inlineData=st.just({"mimeType": "image/png", "data": "AA"}),
)
CONTENTS = st.lists(
    near(role=st.sampled_from(["user", "model"]), parts=st.lists(PARTS, max_size=2)), min_size=1, max_size=3
)
CONFIGS = near(
    topK=st.integers(0, 9),
    stopSequences=st.lists(st.text(max_size=3), max_size=3),
    responseSchema=st.just({"type": "OBJECT"}),
    responseMimeType=st.text(max_size=5),
    thinkingConfig=near(thinkingBudget=st.integers(-2, 9), thinkingLevel=st.sampled_from(["LOW", "high"])),
    mediaResolution=JSON,
)
BODIES = near(
    systemInstruction=near(parts=st.lists(near(text=st.text(max_size=5)), max_size=2)),
    tools=st.lists(
        near(functionDeclarations=st.lists(near(name=st.just("f"))), googleSearch=JSON), max_size=2
    ),
    toolConfig=near(functionCallingConfig=near(mode=st.sampled_from(["AUTO", "ANY"]))),
    generationConfig=CONFIGS,
    safetySettings=JSON,
)


@given(CONTENTS, BODIES)
def test_whatever_is_taken_has_a_hub_value(contents: list[Any], body: dict[str, Any]) -> None:
    try:
        payload = surface().parse_at(CHAT_PATH, msgspec.json.encode({"contents": contents, **body}))
    except InvalidRequest:
        return
    assert isinstance(payload.hub(), Chat)
    assert payload.hub() is payload.hub()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": 5}, "contents"),
        ({"contents": [{"parts": [{"text": 5}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"parts": [{}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"parts": [{"functionCall": {}}]}]}, "contents[0].parts[0].functionCall.name"),
        ({"contents": [{"role": "system", "parts": []}]}, "contents[0].role"),
        (
            {"contents": [{"parts": []}], "generationConfig": {"topK": "x"}},
            "generationConfig.topK",
        ),
        (
            {"contents": [{"parts": []}], "generationConfig": {"stopSequences": list("abcdef")}},
            "generationConfig.stopSequences",
        ),
        (
            {"contents": [{"parts": []}], "generationConfig": {"thinkingConfig": {"thinkingLevel": "x"}}},
            "generationConfig.thinkingConfig",
        ),
    ],
)
def test_the_member_at_fault_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        surface().parse_at(CHAT_PATH, msgspec.json.encode(body))
    assert refused.value.param == param


@pytest.mark.parametrize("nested", [b"[" * 100_000, b'{"contents":' + b"[" * 200 + b"]" * 200 + b"}"])
def test_absurd_nesting_is_refused(nested: bytes) -> None:
    with pytest.raises(InvalidRequest):
        surface().parse_at(CHAT_PATH, nested)


def test_a_deep_member_that_nobody_knows_is_refused_too() -> None:
    body = b'{"contents":[{"parts":[]}],"unknown":' + b"[" * 200 + b"]" * 200 + b"}"
    with pytest.raises(InvalidRequest, match="too deeply"):
        surface().parse_at(CHAT_PATH, body)


@pytest.mark.parametrize(
    "path",
    ["/v1beta/models/x:countTokens", "/v1beta/models/x", "/v1beta/files/x:generateContent", "", "/a/b:c"],
)
def test_a_path_that_is_none_is_named(path: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        surface().parse_at(path, b"{}")
    assert refused.value.param == "path"


def test_the_path_says_what_is_asked_of_whom() -> None:
    body = b'{"contents":[{"parts":[{"text":"hi"}]}]}'
    payload = surface().parse_at(STREAM_PATH + "?alt=sse&key=x", body)
    assert (payload.dialect, payload.operation, payload.model, payload.stream, payload.raw) == (
        "gemini",
        Operation.CHAT,
        MODEL,
        True,
        body,
    )
    assert surface().parse_at("/models/x:generateContent", body).model == "x"
    assert surface().parse_at("/v1/tunedModels/x:generateContent", body).model == "tunedModels/x"


def test_without_a_path_the_model_is_in_the_body() -> None:
    body = b'{"model":"models/x","contents":[{"parts":[{"text":"hi"}]}]}'
    payload = surface().parse(Operation.CHAT, body)
    value = payload.hub()
    assert isinstance(value, Chat)
    assert (payload.model, payload.stream, value.extra) == ("x", False, {})
    with pytest.raises(InvalidRequest) as refused:
        surface().parse(Operation.CHAT, b'{"contents":[{"parts":[{"text":"hi"}]}]}')
    assert refused.value.param == "model"
    with pytest.raises(InvalidRequest):
        surface().parse(Operation.COMPLETION, body)


def test_what_the_hub_has_no_word_for_keeps_its_name() -> None:
    value = hub(
        safetySettings=[],
        generationConfig={"mediaResolution": "LOW", "topK": 1},
        tools=[{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}]}],
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}},
    )
    assert value.extra == {
        "safetySettings": [],
        "mediaResolution": "LOW",
        "googleSearch": {},
        "allowedFunctionNames": ["f", "g"],
    }
    assert value.tool_choice == ToolChoice(mode="required")
    assert value.tools == (Tool(name="f"),)


def test_calls_and_results_without_ids_find_each_other() -> None:
    call = {"functionCall": {"name": "w", "args": {"x": 1}}}
    value = hub(
        contents=[
            {"role": "model", "parts": [call, call, {"text": "a", "thoughtSignature": "s"}]},
            {
                "role": "function",
                "parts": [
                    {"functionResponse": {"name": "w", "response": {"output": "1"}}},
                    {"functionResponse": {"name": "w", "response": {"t": 2}}},
                    {"functionResponse": {"name": "z", "response": {}}},
                ],
            },
        ]
    )
    assert value.messages == (
        Message(
            role=Role.ASSISTANT,
            parts=(
                ToolCall(id="id1", name="w", arguments='{"x":1}'),
                ToolCall(id="id2", name="w", arguments='{"x":1}'),
                Text("a"),
                Thought(text="", signature="s"),
            ),
        ),
        Message(
            role=Role.USER,
            parts=(
                ToolResult(id="id1", name="w", parts=(Text("1"),)),
                ToolResult(id="id2", name="w", parts=(Text('{"t":2}'),)),
                ToolResult(id="id3", name="z", parts=(Text("{}"),)),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": 0}, Reasoning(enabled=False)),
        ({"thinkingBudget": -1}, Reasoning()),
        ({"thinkingLevel": "low"}, Reasoning(effort="low")),
        ({"includeThoughts": True, "thinkingBudget": 9}, Reasoning(budget=9)),
    ],
)
def test_thinking(config: dict[str, Any], reasoning: Reasoning) -> None:
    assert hub(generationConfig={"thinkingConfig": config}).reasoning == reasoning


# ── the hub's value, there and back ──────────────────────────────────────────────────────────────

WORDS = st.text(min_size=1, max_size=12)
IDS = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
BASE64 = st.binary(min_size=1, max_size=9).map(lambda data: data.hex())
OBJECTS = st.dictionaries(st.sampled_from(["city", "days"]), st.integers(0, 9) | WORDS, max_size=2)
TEXTS = st.builds(Text, WORDS)
IMAGES = st.builds(Image, data=BASE64, media_type=st.just("image/png")) | st.builds(
    Image, url=st.just("gs://b/c.png"), media_type=st.sampled_from([None, "image/png"])
)
THOUGHTS = st.builds(Thought, text=WORDS, signature=st.none() | BASE64)
CALLS = st.builds(
    ToolCall,
    id=IDS,
    name=IDS,
    arguments=OBJECTS.map(lambda value: msgspec.json.encode(value).decode()),
    signature=BASE64,
)
ATTACHED = st.builds(Image, data=BASE64, media_type=st.just("image/png"))
RESULTS = st.builds(
    ToolResult,
    id=IDS,
    name=IDS,
    parts=st.tuples(TEXTS) | st.tuples(TEXTS, ATTACHED),
    is_error=st.booleans(),
)
ASKED: st.SearchStrategy[Part] = TEXTS | IMAGES | RESULTS
ANSWERED: st.SearchStrategy[Part] = TEXTS | THOUGHTS | CALLS


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """A system message perhaps, then turns that alternate."""
    system = draw(st.lists(TEXTS, max_size=1))
    turns: list[Message] = [Message(role=Role.SYSTEM, parts=tuple(system))] if system else []
    for number in range(draw(st.integers(1, 3))):
        parts = draw(st.lists(ANSWERED if number % 2 else ASKED, min_size=1, max_size=3))
        turns.append(Message(role=Role.ASSISTANT if number % 2 else Role.USER, parts=tuple(parts)))
    return tuple(turns)


RATIOS = st.none() | st.floats(0, 2)
COUNTS = st.none() | st.integers(0, 1000)
SCHEMAS = st.just({"type": "object", "properties": {"a": {"type": "number"}}})
TOOLS = st.lists(
    st.builds(Tool, name=IDS, description=st.none() | WORDS, parameters=st.none() | SCHEMAS), max_size=2
)
CHATS = st.builds(
    Chat,
    model=st.just(MODEL),
    messages=conversations(),
    stream=st.booleans(),
    max_tokens=COUNTS,
    temperature=RATIOS,
    top_p=RATIOS,
    top_k=COUNTS,
    stop=st.lists(WORDS, max_size=5).map(tuple),
    seed=COUNTS,
    n=COUNTS,
    presence_penalty=RATIOS,
    frequency_penalty=RATIOS,
    logprobs=st.none() | st.booleans(),
    top_logprobs=COUNTS,
    tools=TOOLS.map(tuple),
    tool_choice=st.none()
    | st.builds(ToolChoice, mode=st.sampled_from(["auto", "none", "required"]))
    | st.builds(ToolChoice, mode=st.just("tool"), name=IDS),
    response_format=st.none()
    | st.builds(ResponseFormat, kind=st.sampled_from(["text", "json_object"]))
    | st.builds(ResponseFormat, kind=st.just("json_schema"), schema=SCHEMAS),
    reasoning=st.none()
    | st.just(Reasoning(enabled=False))
    | st.builds(Reasoning, effort=st.sampled_from([None, "minimal", "low", "medium", "high"]))
    | st.builds(Reasoning, budget=st.integers(1, 9999)),
)


@given(CHATS)
def test_a_chat_comes_back_as_it_was(chat: Chat) -> None:
    sent = GeminiCodec(STANDARD).encode(chat, model=MODEL, stream=chat.stream)
    payload = surface().parse_at("/v1beta" + sent.path, sent.body)
    assert payload.hub() == chat


@given(st.lists(WORDS, min_size=1, max_size=3), st.none() | st.integers(1, 999))
def test_embeddings_come_back_as_they_were(inputs: list[str], dimensions: int | None) -> None:
    asked = Embeddings(model="embedder", inputs=tuple(inputs), dimensions=dimensions)
    sent = GeminiCodec(STANDARD).encode(asked, model="embedder", stream=False)
    payload = surface().parse_at("/v1beta" + sent.path, sent.body)
    assert (payload.operation, payload.hub()) == (Operation.EMBEDDINGS, asked)

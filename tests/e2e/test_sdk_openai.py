"""The official `openai` SDK against a real gateway, over every dialect of upstream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from configs import DIALECTS, GUEST
from gateway import KEY, Gateway

pytestmark = pytest.mark.e2e

HI: Any = [{"role": "user", "content": "Tell me about suspension bridges"}]
CITIES: Any = [{"role": "user", "content": "What is the weather in Paris and Oslo?"}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as made:
        yield made


def metadata(answer: Any) -> Any:
    """The member of the body the SDK has no name for."""
    return answer.model_extra["x-routing-metadata"]


# ── chat ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_chat_is_answered(client: openai.OpenAI, dialect: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=dialect, messages=HI, max_tokens=200)
    answer = raw.parse()
    (choice,) = answer.choices
    assert "suspension bridges" in (choice.message.content or "")
    assert (choice.finish_reason, choice.message.role, answer.object) == (
        "stop",
        "assistant",
        "chat.completion",
    )
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 5
    told = metadata(answer)
    assert told == json.loads(raw.headers["x-routing-metadata"])
    assert (told["model_id"], told["provider"], told["model_name"]) == (dialect, dialect, f"sim-{dialect}")
    assert (told["attempts"], told["fallback_used"]) == (1, False)
    assert told["cost_usd"] == pytest.approx(
        (answer.usage.prompt_tokens + 2 * answer.usage.completion_tokens) / 1e6
    )
    assert raw.headers["x-request-id"].startswith("req_")
    assert answer._request_id == raw.headers["x-request-id"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_says_what_the_plain_answer_says(client: openai.OpenAI, dialect: str) -> None:
    plain = client.chat.completions.create(model=dialect, messages=HI, seed=1)
    chunks = list(
        client.chat.completions.create(
            model=dialect, messages=HI, seed=1, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == plain.choices[0].message.content
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason] == [
        "stop"
    ]
    assert len({chunk.id for chunk in chunks}) == 1
    assert plain.usage is not None
    assert chunks[-1].usage is not None
    assert not chunks[-1].choices
    assert chunks[-1].usage.total_tokens == plain.usage.total_tokens
    assert [chunk.usage for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert metadata(chunks[-1])["model_id"] == dialect
    assert not any("x-routing-metadata" in (chunk.model_extra or {}) for chunk in chunks[:-1])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_without_usage_has_none(client: openai.OpenAI, dialect: str) -> None:
    chunks = list(client.chat.completions.create(model=dialect, messages=HI, stream=True))
    assert all(len(chunk.choices) == 1 for chunk in chunks)
    assert not any(chunk.usage for chunk in chunks)
    assert metadata(chunks[-1])["cost_usd"] > 0


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_tools_are_called_in_parallel_and_their_results_understood(
    client: openai.OpenAI, dialect: str, stream: bool
) -> None:
    asked: Any = {"model": dialect, "messages": CITIES, "tools": TOOLS}
    if stream:
        with client.chat.completions.stream(**asked) as events:
            answer: Any = events.get_final_completion()
    else:
        answer = client.chat.completions.create(**asked)
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    calls = choice.message.tool_calls
    assert [json.loads(call.function.arguments) for call in calls] == [{"city": "Paris"}, {"city": "Oslo"}]
    assert [call.function.name for call in calls] == ["get_weather"] * 2
    assert len({call.id for call in calls}) == 2
    turn = {
        "role": "assistant",
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in calls
        ],
    }
    results = [{"role": "tool", "tool_call_id": call.id, "content": "3 degrees"} for call in calls]
    said = client.chat.completions.create(**{**asked, "messages": [*CITIES, turn, *results]})
    assert said.choices[0].finish_reason == "stop"
    assert said.choices[0].message.content


class City(BaseModel):
    name: str
    inhabitants: int


@pytest.mark.parametrize("dialect", DIALECTS)
def test_structured_output_is_parsed(client: openai.OpenAI, dialect: str) -> None:
    answer = client.chat.completions.parse(model=dialect, messages=CITIES, response_format=City)
    assert isinstance(answer.choices[0].message.parsed, City)
    with client.chat.completions.stream(model=dialect, messages=CITIES, response_format=City) as events:
        streamed = events.get_final_completion()
    assert streamed.choices[0].message.parsed == answer.choices[0].message.parsed


@pytest.mark.parametrize("dialect", DIALECTS)
def test_images_stop_words_and_lengths_pass(client: openai.OpenAI, dialect: str) -> None:
    parts = [{"type": "text", "text": "What is on it?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    seen = client.chat.completions.create(model=dialect, messages=[{"role": "user", "content": parts}])  # type: ignore[misc,list-item]  # plain dictionaries, as people write them
    assert seen.choices[0].message.content
    short = client.chat.completions.create(model=dialect, messages=HI, max_tokens=3)
    assert short.choices[0].finish_reason == "length"
    stopped = client.chat.completions.create(model=dialect, messages=HI, stop=["bridges"])
    assert "bridges" not in (stopped.choices[0].message.content or "")


def test_many_chats_at_once(gateway: Gateway) -> None:
    async def main() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
            asked = [
                client.chat.completions.create(
                    model=DIALECTS[number % 5],
                    messages=[{"role": "user", "content": f"Tell me about bridge number {number}"}],
                )
                for number in range(40)
            ]
            return [answer.choices[0].message.content or "" for answer in await asyncio.gather(*asked)]

    answers = asyncio.run(main())
    assert [f"bridge number {number}" in text for number, text in enumerate(answers)] == [True] * 40


# ── the other endpoints ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["openai", "gemini", "ollama", "simulated"])
def test_embeddings_come_in_order(client: openai.OpenAI, dialect: str) -> None:
    answer = client.embeddings.create(model=dialect, input=["one", "two", "three"])
    alone = client.embeddings.create(model=dialect, input="two")
    assert [row.index for row in answer.data] == [0, 1, 2]
    assert answer.data[1].embedding == pytest.approx(alone.data[0].embedding)
    assert len({len(row.embedding) for row in answer.data}) == 1
    assert metadata(answer)["model_id"] == dialect
    floats = client.embeddings.create(model=dialect, input="two", encoding_format="float")
    assert floats.data[0].embedding == pytest.approx(alone.data[0].embedding, abs=1e-6)


def test_an_upstream_without_embeddings_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="embeddings"):
        client.embeddings.create(model="anthropic", input="one")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_text_completions_are_served(client: openai.OpenAI, dialect: str) -> None:
    answer = client.completions.create(model=dialect, prompt="Bridges are", max_tokens=8)
    assert answer.object == "text_completion"
    assert answer.choices[0].text
    chunks = list(client.completions.create(model=dialect, prompt="Bridges are", max_tokens=8, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == answer.choices[0].text
    assert metadata(chunks[-1])["model_id"] == dialect


def test_models_and_routes_are_listed(client: openai.OpenAI) -> None:
    found = [model.id for model in client.models.list()]
    assert {"auto", *DIALECTS} <= set(found)
    assert client.models.retrieve("auto").owned_by == "headgate"
    assert client.models.retrieve("gemini").id == "gemini"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_a_model_may_be_named_by_its_provider(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="gemini/sim-gemini", messages=HI)
    assert metadata(answer)["model_id"] == "gemini"


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ("status-400", openai.BadRequestError, 400),
        ("context", openai.BadRequestError, 400),
        ("status-401", openai.InternalServerError, 502),
        ("status-404", openai.InternalServerError, 502),
        ("status-503", openai.InternalServerError, 502),
        ("status-429-7", openai.RateLimitError, 429),
    ],
)
def test_an_upstreams_failure_has_its_exception(
    client: openai.OpenAI,
    dialect: str,
    fault: str,
    kind: type[openai.APIStatusError],
    status: int,
    stream: bool,
) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model=f"{dialect}-{fault}", messages=HI, stream=stream)
    error = raised.value
    if error.status_code == 503 and fault in ("status-401", "status-429-7"):
        return  # our key is known to be refused, or the limit known to be reached: nobody is asked again
    assert (type(error), error.status_code) == (kind, status)
    assert isinstance(error.body, dict)
    assert error.body["message"]
    assert "None" not in (error.body["type"], error.body["code"], error.body["param"])
    assert error.request_id


def test_our_own_refusals_have_theirs(client: openai.OpenAI, gateway: Gateway) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="opneai", messages=HI)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert "'openai'" in unknown.value.message
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="auto", messages="hello")  # type: ignore[arg-type]  # on purpose
    assert wrong.value.param == "messages"
    assert wrong.value.type == "invalid_request_error"
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-nobody", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        stranger.chat.completions.create(model="auto", messages=HI)
    assert refused.value.code == "invalid_api_key"
    guest = client.with_options(api_key=GUEST)
    assert guest.chat.completions.create(model="openai", messages=HI).choices
    with pytest.raises(openai.PermissionDeniedError):
        guest.chat.completions.create(model="gemini", messages=HI)
    late = client.with_options(default_headers={"x-headgate-deadline": "50ms"})
    with pytest.raises(openai.InternalServerError) as timed_out:
        late.chat.completions.create(model="openai-hang", messages=HI)
    assert timed_out.value.status_code == 504


def test_the_sdk_waits_as_long_as_it_is_told(gateway: Gateway) -> None:
    """`retry-after` of ours is understood by the SDK's own retries."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        for _ in range(2):
            with pytest.raises(openai.APIStatusError) as raised:
                client.chat.completions.create(model="openai-status-429-7", messages=HI)
            assert raised.value.status_code in (429, 503)
            assert 1 <= int(raised.value.response.headers["retry-after"]) <= 7

"""The official `anthropic` SDK against a real gateway, over every dialect of upstream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from configs import DIALECTS, GUEST
from gateway import KEY, Gateway, events

pytestmark = pytest.mark.e2e

HI: Any = [{"role": "user", "content": "Tell me about suspension bridges"}]
CITIES: Any = [{"role": "user", "content": "What is the weather in Paris and Oslo?"}]
TOOLS: Any = [
    {
        "name": "get_weather",
        "description": "The weather in a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0) as made:
        yield made


def asked(model: str, messages: Any = HI, **members: Any) -> Any:
    return {"model": model, "max_tokens": 500, "messages": messages, **members}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_message_is_answered(client: anthropic.Anthropic, dialect: str) -> None:
    raw = client.messages.with_raw_response.create(**asked(dialect, system="Be brief."))
    answer = raw.parse()
    (block,) = answer.content
    assert "suspension bridges" in block.text
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    told = json.loads(raw.headers["x-routing-metadata"])
    assert answer.model_extra is not None
    assert answer.model_extra["x-routing-metadata"] == told
    assert (told["model_id"], told["attempts"]) == (dialect, 1)
    assert told["cost_usd"] == pytest.approx(
        (answer.usage.input_tokens + 2 * answer.usage.output_tokens) / 1e6
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_stream_says_what_the_plain_message_says(client: anthropic.Anthropic, dialect: str) -> None:
    plain = client.messages.create(**asked(dialect))
    with client.messages.stream(**asked(dialect)) as stream:
        text = "".join(stream.text_stream)
        final: Any = stream.get_final_message()
    assert text == plain.content[0].text == final.content[0].text
    assert (final.stop_reason, final.usage.output_tokens) == (plain.stop_reason, plain.usage.output_tokens)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_events_come_in_anthropics_order(gateway: Gateway, dialect: str) -> None:
    answer = gateway.ask("/v1/messages", {**asked(dialect), "stream": True})
    kinds = [json.loads(data)["type"] for data in events(answer.body)]
    kinds = [kind for kind in kinds if kind != "ping"]
    deltas = kinds.count("content_block_delta")
    assert deltas > 3
    assert kinds == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    carriers = [data for data in events(answer.body) if b"x-routing-metadata" in data]
    assert len(carriers) == 1
    assert json.loads(carriers[0])["x-routing-metadata"]["model_id"] == dialect
    assert b"[DONE]" not in answer.body


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
def test_tools_are_called_in_parallel_and_their_results_understood(
    client: anthropic.Anthropic, dialect: str, stream: bool
) -> None:
    wanted = asked(dialect, CITIES, tools=TOOLS)
    if stream:
        with client.messages.stream(**wanted) as running:
            answer: Any = running.get_final_message()
    else:
        answer = client.messages.create(**wanted)
    assert answer.stop_reason == "tool_use"
    calls = [block for block in answer.content if block.type == "tool_use"]
    assert [(call.name, call.input) for call in calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Oslo"}),
    ]
    results = [{"type": "tool_result", "tool_use_id": call.id, "content": "3 degrees"} for call in calls]
    turns = [{"role": "assistant", "content": answer.content}, {"role": "user", "content": results}]
    said = client.messages.create(**asked(dialect, [*CITIES, *turns], tools=TOOLS))
    assert (said.stop_reason, said.content[0].type) == ("end_turn", "text")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_thinking_comes_as_thinking(client: anthropic.Anthropic, dialect: str) -> None:
    thinking: Any = {"type": "enabled", "budget_tokens": 1024}
    answer = client.messages.create(**{**asked(dialect), "max_tokens": 3000}, thinking=thinking)
    kinds = [block.type for block in answer.content]
    assert kinds[-1] == "text"
    if dialect in ("anthropic", "gemini", "ollama"):
        assert kinds == ["thinking", "text"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_images_stop_words_and_lengths_pass(client: anthropic.Anthropic, dialect: str) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "What is on it?"}]
    assert client.messages.create(**asked(dialect, [{"role": "user", "content": parts}])).content
    short = client.messages.create(**{**asked(dialect), "max_tokens": 3})
    assert short.stop_reason == "max_tokens"
    stopped = client.messages.create(**asked(dialect, stop_sequences=["bridges"]))
    assert "bridges" not in "".join(block.text for block in stopped.content)


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        ("status-400", anthropic.BadRequestError, 400),
        ("context", anthropic.BadRequestError, 400),
        ("status-503", anthropic.InternalServerError, 502),
        ("status-404", anthropic.InternalServerError, 502),
    ],
)
def test_an_upstreams_failure_has_its_exception(
    client: anthropic.Anthropic,
    dialect: str,
    fault: str,
    kind: type[anthropic.APIStatusError],
    status: int,
    stream: bool,
) -> None:
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(**asked(f"{dialect}-{fault}"), stream=stream)
    error = raised.value
    assert isinstance(error, kind)
    assert error.status_code == status
    assert isinstance(error.body, dict)
    assert error.body["type"] == "error"
    assert error.body["error"]["message"]
    assert error.body["error"]["type"].endswith("_error")


def test_our_own_refusals_have_theirs(client: anthropic.Anthropic, gateway: Gateway) -> None:
    with pytest.raises(anthropic.NotFoundError, match="gemini"):
        client.messages.create(**asked("gemnii"))
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        client.messages.create(**asked("auto", messages="hello"))
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        client.messages.create(**asked("auto", extra_body={"temperature": "warm"}))
    for shown in ({"api_key": "sk-nobody"}, {"auth_token": "sk-nobody"}):
        given: Any = {"api_key": None, **shown}
        with (
            anthropic.Anthropic(base_url=gateway.url, max_retries=0, **given) as stranger,
            pytest.raises(anthropic.AuthenticationError),
        ):
            stranger.messages.create(**asked("auto"))
    guest = client.with_options(api_key=GUEST)
    assert guest.messages.create(**asked("openai")).content
    with pytest.raises(anthropic.PermissionDeniedError):
        guest.messages.create(**asked("gemini"))


def test_a_bearer_token_opens_the_door_too(gateway: Gateway) -> None:
    with anthropic.Anthropic(base_url=gateway.url, auth_token=KEY, max_retries=0) as client:
        assert client.messages.create(**asked("anthropic")).content


@pytest.mark.parametrize("fault", ["status-401", "status-429-7"])
def test_a_limit_and_a_refused_key_of_ours_are_not_the_callers(
    client: anthropic.Anthropic, fault: str
) -> None:
    """An upstream that refuses our key must not look like one that refuses the caller's."""
    for _ in range(2):
        with pytest.raises(anthropic.APIStatusError) as raised:
            client.messages.create(**asked(f"anthropic-{fault}"))
        assert raised.value.status_code in ((429, 503) if "429" in fault else (502, 503))

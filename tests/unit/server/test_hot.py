"""The hot endpoints without sockets, in virtual time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgi import CHAT, HI, HOT, KEY, Heard, ask, gateway, told
from virtual import run

BODY: dict[str, Any] = {"model": "m", "messages": HI, "max_tokens": 50}
STREAMED = {**BODY, "stream": True}
BODIES: dict[str, dict[str, Any]] = {
    CHAT: BODY,
    "/v1/completions": {"model": "m", "prompt": "Bridges"},
    "/v1/embeddings": {"model": "m", "input": "Bridges"},
    "/v1/messages": BODY,
}
CHATS = (CHAT, "/v1/messages")


def events(heard: Heard) -> list[bytes]:
    return [line[6:] for line in heard.body.split(b"\n") if line.startswith(b"data: ")]


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", HOT)
def test_a_request_is_answered_once_and_whole(path: str) -> None:
    heard = told(path, BODIES[path])
    assert (heard.status, heard.complete) == (200, True)
    assert heard.headers["content-type"] == "application/json"
    assert int(heard.headers["content-length"]) == len(heard.body)
    assert json.loads(heard.headers["x-routing-metadata"]) == heard.document["x-routing-metadata"]
    assert heard.headers["x-cache"] == "MISS"
    assert heard.headers["cache-status"] == "headgate; fwd=miss"
    assert "upstream;dur=" in heard.headers["server-timing"]


@pytest.mark.parametrize("path", CHATS)
def test_a_stream_comes_piece_by_piece(path: str) -> None:
    heard = told(path, STREAMED)
    assert (heard.status, heard.complete) == (200, True)
    assert heard.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in heard.headers
    assert heard.headers["x-accel-buffering"] == "no"
    assert len(heard.messages) > 10
    assert heard.at == sorted(heard.at)
    assert heard.at[-1] - heard.at[0] > 0.5, "ten tokens a second take their time"
    assert json.loads(heard.headers["x-routing-metadata"])["cost_usd"] is None


def test_an_empty_piece_never_leaves() -> None:
    """On the wire it would be the end."""
    for path in CHATS:
        for metadata in ("both", "off"):
            heard = told(path, STREAMED, settings={"server": {"metadata": metadata}})
            assert all(message["body"] for message in heard.messages[1:-1])


@pytest.mark.parametrize("path", CHATS)
def test_a_cut_stream_ends_with_its_error(path: str) -> None:
    heard = told(path, {**STREAMED, "model": "cut"})
    assert (heard.status, heard.complete) == (200, True)
    assert "error" in json.loads(events(heard)[-1])
    assert b"[DONE]" not in heard.body


def test_the_request_id_is_echoed_or_made() -> None:
    assert told(CHAT, BODY, headers=[("x-request-id", "a.B-1:2_3")]).headers["x-request-id"] == "a.B-1:2_3"
    for unfit in ("a b", "x" * 129, "é", ""):
        made = told(CHAT, BODY, headers=[("x-request-id", unfit)]).headers["x-request-id"]
        assert made.startswith("req_")


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", HOT)
@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"key": None}, 401),
        ({"key": "nobody"}, 401),
        ({"body": b"{"}, 400),
        ({"model": "nobody"}, 404),
        ({"model": "hang", "key": "guest-key"}, 403),
        ({"headers": [("x-headgate-deadline", "soon")]}, 400),
        ({"headers": [("content-length", "9" * 12)]}, 413),
        ({"headers": [("content-length", "9" * 5_000)]}, 413),
        ({"body": b" " * 2_000}, 413),
        ({"model": "down"}, 502),
    ],
)
def test_every_refusal_is_a_document_of_its_surface(path: str, more: dict[str, Any], status: int) -> None:
    more = dict(more)
    body = {**BODIES[path], **({"model": more.pop("model")} if "model" in more else {})}
    asked: dict[str, Any] = {"body": body, "settings": {"server": {"max_body_bytes": 1_500}}, **more}
    heard = told(path, **asked)
    assert (heard.status, heard.complete) == (status, True), heard.body
    assert int(heard.headers["content-length"]) == len(heard.body)
    assert heard.headers["x-request-id"].startswith("req_")
    error = heard.document["error"]
    assert error["message"]
    assert (heard.document.get("type") == "error") == (path == "/v1/messages")


@pytest.mark.parametrize("shown", [("x-api-key", KEY), ("authorization", f"bEARER  {KEY} ")])
def test_a_key_may_be_shown_in_two_ways(shown: tuple[str, str]) -> None:
    assert told(CHAT, BODY, key=None, headers=[shown]).status == 200


@pytest.mark.parametrize("shown", ["Basic abc", "Bearer", "Bearer ", KEY, "Bearer \xff"])
def test_what_is_no_key_opens_nothing(shown: str) -> None:
    assert told(CHAT, BODY, key=None, headers=[("authorization", shown)]).status == 401


def test_every_503_and_429_says_when() -> None:
    full = {"server": {"max_in_flight": 1}}

    async def main() -> list[Heard]:
        app = gateway(**full).endpoints()[CHAT]
        return list(await asyncio.gather(*(ask(app, CHAT, BODY) for _ in range(3))))

    found = run(main())
    assert sorted(heard.status for heard in found) == [200, 503, 503]
    assert all(int(heard.headers["retry-after"]) >= 1 for heard in found if heard.status == 503)


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_deadline_ends_it() -> None:
    heard = told(CHAT, {**BODY, "model": "hang"}, headers=[("x-headgate-deadline", "2.5s")])
    assert (heard.status, heard.document["error"]["type"]) == (504, "timeout_error")
    assert heard.at[0] == pytest.approx(2.5, abs=0.02)


def test_a_deadline_ends_a_stream_with_its_error() -> None:
    heard = told(CHAT, STREAMED, headers=[("x-headgate-deadline", "500ms")])
    assert (heard.status, heard.complete) == (200, True)
    assert json.loads(events(heard)[-1])["error"]["type"] == "timeout_error"
    assert heard.at[-1] == pytest.approx(0.5, abs=0.02)


def test_a_caller_cannot_ask_for_more_time_than_there_is() -> None:
    heard = told(
        CHAT,
        {**BODY, "model": "hang"},
        headers=[("x-headgate-deadline", "9999m")],
        settings={"server": {"deadline_s": 3}},
    )
    assert (heard.status, round(heard.at[0])) == (504, 3)


@pytest.mark.parametrize("steps", [[1e9], [b'{"model"', 1e9], [b"{", *[10.0, b" "] * 30]])
def test_a_body_has_a_minute(steps: list[bytes | float]) -> None:
    """Also where not a byte of it comes, and where it comes drop by drop."""
    heard = told(CHAT, steps=steps, headers=[("content-length", "1000")])
    assert (heard.status, heard.document["error"]["type"]) == (400, "invalid_request_error")
    assert heard.at[0] == pytest.approx(60, abs=1)


def test_a_body_in_pieces_is_one() -> None:
    whole = json.dumps(BODY).encode()
    steps: list[bytes | float] = [piece for at in range(len(whole)) for piece in (whole[at : at + 1], 0.01)]
    assert told(CHAT, steps=steps[:-1]).status == 200


# ── leaving ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("model", ["m", "hang"])
@pytest.mark.parametrize("stream", [True, False])
def test_who_leaves_is_told_no_more_and_leaves_nothing(model: str, stream: bool) -> None:
    async def main() -> tuple[Heard, Any, float]:
        house = gateway()
        body = {**BODY, "model": model, "stream": stream}
        heard = await ask(house.endpoints()[CHAT], CHAT, body, leaves_after_s=0.75)
        left_at = asyncio.get_running_loop().time()
        return heard, house.house.front.health(), left_at

    heard, health, left_at = run(main())
    assert left_at == pytest.approx(0.75, abs=0.1)
    assert not heard.complete
    assert health["in_flight"] == 0
    assert all(upstream["in_flight"] == 0 for model in health["models"].values() for upstream in model)


def test_who_leaves_while_sending_is_told_nothing() -> None:
    async def main() -> Heard:
        heard = Heard()

        async def receive() -> Any:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            heard.messages.append(message)

        scope = {"type": "http", "method": "POST", "path": CHAT, "query_string": b""}
        headers = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-length", b"9")]
        await gateway().endpoints()[CHAT]({**scope, "headers": headers}, receive, send)
        return heard

    assert run(main()).messages == []


# ── anything at all ──────────────────────────────────────────────────────────────────────────────

JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    [
        *("messages", "stream", "max_tokens", "temperature", "tools", "tool_choice", "stop", "n", "input"),
        *("prompt", "system", "thinking", "stream_options", "metadata", "seed", "logprobs", "user", "suffix"),
        *("encoding_format", "dimensions", "stop_sequences", "reasoning_effort", "max_completion_tokens"),
        "response_format",
    ]
)
MODELS = st.sampled_from(["m", "auto", "nobody", "p/m", "", "cut"])
PATHS = st.sampled_from(HOT)


def never_ours(path: str, body: bytes) -> None:
    """Whatever it was: one whole answer, and not an error of ours."""
    heard = told(path, body)
    assert heard.complete
    late = heard.status == 504  # a hundred long answers, from a provider that takes its time
    assert heard.status < 500 or late or b"upstream" in heard.body, (heard.status, heard.body)
    if heard.status != 200:
        assert isinstance(heard.document["error"]["message"], str)


@given(path=PATHS, body=st.binary(max_size=200))
@settings(max_examples=60)
def test_any_bytes_are_no_fault_of_ours(path: str, body: bytes) -> None:
    never_ours(path, body)


@given(path=PATHS, model=MODELS, members=st.dictionaries(MEMBERS, JSONISH, max_size=5))
@settings(max_examples=120)
def test_any_members_are_no_fault_of_ours(path: str, model: str, members: dict[str, Any]) -> None:
    never_ours(path, json.dumps({**BODIES[path], "model": model, **members}).encode("utf-8", "surrogatepass"))


@given(path=PATHS, at=st.integers(0, 200), junk=st.binary(max_size=3))
@settings(max_examples=80)
def test_a_broken_body_is_no_fault_of_ours(path: str, at: int, junk: bytes) -> None:
    whole = json.dumps(BODIES[path]).encode()
    never_ours(path, whole[:at] + junk + whole[at + 1 :])


HEADERS = st.sampled_from(
    [
        "x-request-id",
        "traceparent",
        "x-headgate-deadline",
        "x-headgate-tags",
        "content-length",
        "authorization",
    ]
)


@given(headers=st.dictionaries(HEADERS, st.text(st.characters(max_codepoint=255), max_size=60), max_size=4))
@settings(max_examples=100)
def test_any_headers_are_no_fault_of_ours(headers: dict[str, str]) -> None:
    heard = told(CHAT, BODY, headers=headers.items())
    assert heard.complete
    assert heard.status in (200, 400, 401, 413, 504)
    for name, value in heard.messages[0]["headers"]:
        assert not set(name + value) & set(b"\r\n\0")

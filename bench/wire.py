"""The bytes of the bench: what clients ask and what upstreams answer, sized like real traffic.

A request's model name says how its answer behaves, and travels through any gateway to the upstream:

    json                 one document; `json@name` and `json@intent` ask for prompts of many kinds, none
                         of them twice; `json@agents` each of them eight times, as agents do within a turn
    paced-42-2000        42 data events, 2,000 µs apart
    burst-400-0          400 data events as fast as they can be written, one write each
    stamp-8-50000        headers at once, then 50,000 µs between events; the first tells when it was written

An `x` before it (`xpaced-42-2000`) asks a gateway to get it from an upstream of the Anthropic dialect.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from bench.prompts import MIXED

KEY = "hk-bench-5f2b7c1d9e8a4036b1c2d3e4f5a60718"
"""The caller's key, at the gateway."""

WORD = " token"
"""What every delta of a stream says; a client counts it to know that nothing was lost or doubled."""

FRAME_EVENTS = 3
"""Events of an OpenAI stream that are not deltas: the role, the finish and the usage."""

STAMP = re.compile(rb"\bt=(\d+);")
_MODEL = re.compile(rb'"model"\s*:\s*"x?(json|paced|burst|stamp)(?:-(\d+)-(\d+))?')
_STREAM = re.compile(rb'"stream"\s*:\s*true')


class Plan(NamedTuple):
    """How an answer behaves: data events before the terminator, and the microseconds between them."""

    kind: str
    events: int
    gap_us: int
    stream: bool

    @property
    def deltas(self) -> int:
        return self.events - FRAME_EVENTS


def plan_of(body: bytes) -> Plan:
    """What a request's body asks for. Raises `ValueError` for a model the bench does not know."""
    found = _MODEL.search(body)
    if found is None:
        raise ValueError(f"no model of the bench in {body[:120]!r}")
    kind, events, gap_us = found.groups()
    return Plan(kind.decode(), int(events or 0), int(gap_us or 0), _STREAM.search(body) is not None)


# ── what clients ask ─────────────────────────────────────────────────────────────────────────────

_SYSTEM = (
    "You are a careful assistant to a support team. Answer in at most three sentences, name the page of the "
    "handbook you rely on, and say plainly when the handbook does not cover the question."
)
_USER = (
    "Ticket %012d: the customer says that after yesterday's update the export of the monthly report stops "
    "at about half of the rows, without an error, and that repeating it stops at the same row. What should "
    "they try?"
)


_NAMES = (b"Anna", b"Carl", b"Dora", b"Emil", b"Gina", b"Hans", b"Ines", b"John", b"Lena", b"Nora")
_SIGNED = "Anna Anna Anna Anna"

ASKED_AGAIN = 8
"""How often `json@agents` asks within one turn of the user's."""


def request_maker(model: str, *, port: int, key: str = KEY) -> Callable[[int], bytes]:
    """A function from a number to the bytes of a whole HTTP request whose prompt contains that number.

    Everything but the number is rendered once: making a request costs one join.
    """
    if "@" in model:
        makers = [_maker(model, prompt, port=port, key=key, signed=True) for prompt in MIXED]
        times = ASKED_AGAIN if model.endswith("@agents") else 1
        return lambda number: makers[number // times % len(makers)](number // times)
    return _maker(model, _USER, port=port, key=key)


def _maker(model: str, prompt: str, *, port: int, key: str, signed: bool = False) -> Callable[[int], bytes]:
    """Where the prompt has no place for the number, it stands at the end of the system prompt. `signed`: the
    prompt ends in four names, others for each of 10,000 numbers, so that no text comes twice."""
    system = _SYSTEM if "%012d" in prompt else f"{_SYSTEM} Conversation %012d."
    prompt = f"{prompt} Regards, {_SIGNED}" if signed else prompt
    texts = [text.replace("%012d", f"{0:012d}") for text in (system, prompt)]
    body = {
        "model": model,
        "messages": [{"role": "system", "content": texts[0]}, {"role": "user", "content": texts[1]}],
        "temperature": 0.2,
        "max_tokens": 256,
    }
    if not model.removeprefix("x").startswith("json"):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    raw = msgspec.json.encode(body)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Accept: application/json\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 1.60.0\r\n"
        f"X-Stainless-Lang: python\r\nX-Stainless-Async: async:asyncio\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(raw)}\r\n\r\n"
    ).encode()
    before, after = (head + raw).split(b"000000000000")
    if not signed:
        return lambda number: b"%b%012d%b" % (before, number, after)
    before_name, after_name = after.split(_SIGNED.encode())
    return lambda number: b"%b%012d%b%b%b" % (before, number, before_name, _names(number), after_name)


def _names(number: int) -> bytes:
    return b" ".join([_NAMES[ord(digit) - 48] for digit in f"{number % 10_000:04d}"])


# ── what upstreams answer ────────────────────────────────────────────────────────────────────────

_ANSWER = (
    "Ask them to repeat the export with the filter 'include archived' switched off: since the update, rows "
    "whose owner was deleted end the export early (handbook, page 41). If it still stops, have them send the "
    "number of the last exported row, because the handbook does not cover any other cause."
)

OPENAI_DOCUMENT = msgspec.json.encode(
    {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1741569952,
        "model": "gpt-4.1-2025-04-14",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": _ANSWER, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 119,
            "completion_tokens": 68,
            "total_tokens": 187,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
        "service_tier": "default",
        "system_fingerprint": "fp_b376dfbbd5",
    }
)

ANTHROPIC_DOCUMENT = msgspec.json.encode(
    {
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": [{"type": "text", "text": _ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 119,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 68,
        },
    }
)


def _openai_chunk(choices: str, usage: str = "null") -> bytes:
    return (
        'data: {"id":"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG","object":"chat.completion.chunk",'
        '"created":1741570283,"model":"gpt-4.1-2025-04-14","service_tier":"default",'
        f'"system_fingerprint":"fp_b376dfbbd5","choices":[{choices}],"usage":{usage}}}\n\n'
    ).encode()


def _openai_events(deltas: int, first: str) -> list[bytes]:
    """`deltas` + 3 data events, then the terminator."""

    def choice(delta: str, finish: str = "null") -> str:
        return f'{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}'

    spent = {"prompt_tokens": 119, "completion_tokens": deltas, "total_tokens": 119 + deltas}
    return [
        _openai_chunk(choice(f'{{"role":"assistant","content":"{first}","refusal":null}}')),
        *[_openai_chunk(choice(f'{{"content":"{WORD}"}}'))] * deltas,
        _openai_chunk(choice("{}", '"stop"')),
        _openai_chunk("", msgspec.json.encode(spent).decode()),
        b"data: [DONE]\n\n",
    ]


def _anthropic_event(name: str, rest: str) -> bytes:
    return f'event: {name}\ndata: {{"type":"{name}"{rest}}}\n\n'.encode()


def _anthropic_events(deltas: int, first: str) -> list[bytes]:
    """As many deltas as the OpenAI stream of the same plan has, in Anthropic's frame of five events."""
    usage = (
        '{"input_tokens":119,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}'
    )

    def delta(text: str) -> bytes:
        return _anthropic_event(
            "content_block_delta", f',"index":0,"delta":{{"type":"text_delta","text":"{text}"}}'
        )

    start = (
        ',"message":{"id":"msg_01EGMLuSs2g6Zn7RmvFeZXBG","type":"message","role":"assistant","content":[],'
        f'"model":"claude-sonnet-4-5-20250929","stop_reason":null,"stop_sequence":null,"usage":{usage}}}'
    )
    end = f',"delta":{{"stop_reason":"end_turn","stop_sequence":null}},"usage":{{"output_tokens":{deltas}}}'
    opening = [
        _anthropic_event("message_start", start),
        _anthropic_event("content_block_start", ',"index":0,"content_block":{"type":"text","text":""}'),
    ]
    return [
        *([b"".join(opening) + delta(first)] if first else opening),
        *[delta(WORD)] * deltas,
        _anthropic_event("content_block_stop", ',"index":0'),
        _anthropic_event("message_delta", end),
        _anthropic_event("message_stop", ""),
    ]


def events_of(plan: Plan, *, anthropic: bool) -> list[bytes]:
    """The events of a stream, terminator included, each as it goes on the wire.

    The first text of a `stamp` plan says when this function was called, in ns of the monotonic clock; in
    an Anthropic stream the events up to it are one piece, so that either dialect tells with its first write.
    """
    first = f"t={time.monotonic_ns()};" if plan.kind == "stamp" else ""
    return (_anthropic_events if anthropic else _openai_events)(plan.deltas, first)

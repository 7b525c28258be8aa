"""What providers report of tokens, in their own words, and the frames it comes in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

Tokens = Mapping[str, int]
"""By class, disjoint; what a test starts from."""
Frames = list[tuple[bytes, Tokens | None]]
"""Pieces of a body, and what is known of the tokens once each has passed."""

CLASSES = ("input", "cache_read", "cache_write", "output", "reasoning")
SUMMED = ("openai", "gemini")
"""Who gives a total of its own; each function takes `off` from it."""
TEXT = "Hi."
"""One token of text, by the rule of thumb: never more than what is reported."""


def _sse(document: Mapping[str, Any], event: str = "") -> bytes:
    return (
        (f"event: {event}\n" if event else "").encode() + b"data: " + json.dumps(document).encode() + b"\n\n"
    )


def openai(tokens: Tokens, draw: Random, *, stream: bool, off: int) -> Frames:
    """Cached tokens are part of the prompt's, reasoning of the completion's; at some, on top of it."""
    prompt = tokens["input"] + tokens["cache_read"] + tokens["cache_write"]
    on_top = not off and draw.random() < 0.2
    report = {
        "prompt_tokens": prompt,
        "completion_tokens": tokens["output"] + (0 if on_top else tokens["reasoning"]),
        "total_tokens": prompt + tokens["output"] + tokens["reasoning"] - off,
        "prompt_tokens_details": {
            "cached_tokens": tokens["cache_read"],
            "cache_write_tokens": tokens["cache_write"],
        },
        "completion_tokens_details": {"reasoning_tokens": tokens["reasoning"]},
    }
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    if not stream:
        choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
        return [(json.dumps({**head, "choices": [choice], "usage": report}).encode(), tokens)]
    said = {"index": 0, "delta": {"role": "assistant", "content": TEXT}, "finish_reason": None}
    over = {"index": 0, "delta": {}, "finish_reason": "stop"}
    return [
        (_sse({**head, "choices": [said]}), None),
        (_sse({**head, "choices": [over]}), None),
        (_sse({**head, "choices": [], "usage": report}), tokens),
        (b"data: [DONE]\n\n", tokens),
    ]


def anthropic(tokens: Tokens, draw: Random, *, stream: bool, off: int) -> Frames:
    """The prompt's classes are disjoint; thinking is part of the output. A stream counts twice: the prompt at
    the beginning, the output at the end."""
    before = {
        "input_tokens": tokens["input"],
        "cache_read_input_tokens": tokens["cache_read"],
        "cache_creation_input_tokens": tokens["cache_write"],
        "output_tokens": 1,
    }
    after = {
        "output_tokens": tokens["output"] + tokens["reasoning"],
        "output_tokens_details": {"thinking_tokens": tokens["reasoning"]},
    }
    head = {"id": "msg", "type": "message", "role": "assistant", "model": "m"}
    text, stop = {"type": "text", "text": TEXT}, {"stop_reason": "end_turn", "stop_sequence": None}
    if not stream:
        return [(json.dumps({**head, **stop, "content": [text], "usage": before | after}).encode(), tokens)]
    first = {**tokens, "output": 1, "reasoning": 0}
    start = {
        "type": "message_start",
        "message": {**head, "content": [], "stop_reason": None, "usage": before},
    }
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}}
    end = {"type": "message_delta", "delta": stop, "usage": after}
    return [
        (_sse(start, "message_start"), first),
        (_sse(block, "content_block_start"), first),
        (_sse(delta, "content_block_delta"), first),
        (_sse({"type": "content_block_stop", "index": 0}, "content_block_stop"), first),
        (_sse(end, "message_delta"), tokens),
        (_sse({"type": "message_stop"}, "message_stop"), tokens),
    ]


def gemini(tokens: Tokens, draw: Random, *, stream: bool, off: int) -> Frames:
    """Cached tokens are part of the prompt's; thoughts are beside the candidates, and so are tools."""
    tools = draw.randint(0, tokens["input"])
    report = {
        "promptTokenCount": tokens["input"] - tools + tokens["cache_read"],
        "cachedContentTokenCount": tokens["cache_read"],
        "toolUsePromptTokenCount": tools,
        "candidatesTokenCount": tokens["output"],
        "thoughtsTokenCount": tokens["reasoning"],
        "totalTokenCount": sum(tokens[name] for name in CLASSES if name != "cache_write") - off,
    }
    content = {"role": "model", "parts": [{"text": TEXT}]}
    told = {**tokens, "cache_write": 0}
    said: dict[str, Any] = {
        "candidates": [{"content": content, "index": 0}],
        "modelVersion": "m",
        "responseId": "r",
    }
    over = {
        **said,
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": report,
    }
    if not stream:
        return [(json.dumps(over).encode(), told)]
    return [(_sse(said), None), (_sse(over), told)]


def ollama(tokens: Tokens, draw: Random, *, stream: bool, off: int) -> Frames:
    """Two numbers, no classes."""
    head = {
        "model": "m",
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": TEXT},
    }
    prompt = tokens["input"] + tokens["cache_read"] + tokens["cache_write"]
    completion = tokens["output"] + tokens["reasoning"]
    over = {
        **head,
        "done": True,
        "done_reason": "stop",
        "prompt_eval_count": prompt,
        "eval_count": completion,
    }
    told = dict.fromkeys(CLASSES, 0) | {"input": prompt, "output": completion}
    if not stream:
        return [(json.dumps(over).encode(), told)]
    said = json.dumps({**head, "done": False}).encode() + b"\n"
    return [(said, None), (json.dumps(over).encode() + b"\n", told)]


DIALECTS: dict[str, Callable[..., Frames]] = {
    "openai": openai,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
}

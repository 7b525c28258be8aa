"""Whether the hub has a word for all that an answer says.

Providers put more into answers than the hub knows: pictures, quoted places, calls of tools that are no
functions, sealed thoughts. What is known, and what nobody misses, is listed here; anything else that says
something is taken for a part of the answer.

Known weakness: a harmless member that is new keeps an answer from being told in another form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from headgate.providers.sse import Framer, data_of

Shape = Mapping[str, "Shape"] | frozenset[str] | None
"""Of an object the members that are known, of a word the words; `None`: whatever stands there."""


def _any(names: str) -> dict[str, Shape]:
    return dict.fromkeys(names.split())


_FUNCTION: Shape = _any("name arguments")
_CALL: Shape = {"type": frozenset({"function"}), "function": _FUNCTION, **_any("index id extra_content")}
_PART: Shape = {"type": frozenset({"text", "thinking"}), **_any("text thinking")}
_SPOKEN: Shape = {
    "content": _PART,
    "tool_calls": _CALL,
    "function_call": _FUNCTION,
    **_any("role refusal reasoning reasoning_content"),
}
_CHOICE: Shape = {
    "delta": _SPOKEN,
    "message": _SPOKEN,
    "logprobs": _any("content"),
    **_any("index finish_reason native_finish_reason stop_reason matched_stop usage content_filter_results"),
}
_CHUNK: Shape = {
    "choices": _CHOICE,
    **_any(
        "id object created model usage system_fingerprint service_tier provider x_groq timings time_info"
        " prompt_filter_results obfuscation x-routing-metadata"
    ),
}
_BLOCK: Shape = {
    "type": frozenset({"text", "thinking", "redacted_thinking", "tool_use"}),
    "caller": {"type": frozenset({"direct"})},
    **_any("text thinking signature data id name input"),
}
_PIECE: Shape = {
    "type": frozenset({"text_delta", "thinking_delta", "signature_delta", "input_json_delta"}),
    **_any("text thinking signature partial_json stop_reason stop_sequence"),
}
_MESSAGE: dict[str, Shape] = {
    "content": _BLOCK,
    **_any("id type role model stop_reason stop_sequence usage x-routing-metadata"),
}
_EVENT: Shape = {**_MESSAGE, "message": _MESSAGE, "content_block": _BLOCK, "delta": _PIECE, **_any("index")}
_SHAPES: dict[str, Shape] = {"openai": _CHUNK, "anthropic": _EVENT}


def lossless(dialect: str, answer: bytes, *, stream: bool) -> bool:
    """Whether nothing of an answer, as it is told in that dialect, would be lost in the hub. What cannot be
    read would be."""
    try:
        return all(_known(said, _SHAPES[dialect]) for said in _documents(answer, stream=stream))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _documents(answer: bytes, *, stream: bool) -> Iterator[object]:
    if not stream:
        yield msgspec.json.decode(answer)
        return
    framer = Framer()
    for event in (*framer.feed(answer), *framer.close()):
        data = data_of(event)
        if data and data != b"[DONE]":
            yield msgspec.json.decode(data)


def _known(said: object, shape: Shape) -> bool:
    if shape is None or said in (None, "", [], {}, False):
        return True
    if isinstance(shape, frozenset):
        return said in shape
    if isinstance(said, list):
        return all(_known(one, shape) for one in said)
    if isinstance(said, dict):
        return all(_known(one, shape[name]) if name in shape else not one for name, one in said.items())
    return True

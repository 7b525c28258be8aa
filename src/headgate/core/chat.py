"""The hub: what every chat dialect translates to and from.

A request is a `Chat`; an answer is a sequence of `Event`s, streamed or not. A non-streamed answer is
the same events gathered into one document. N dialects need N codecs, not N×M pairs.

Every answer is: `Start`, then deltas in any order, then one `Finish` a choice, with one `Spent`
somewhere after the start (the last one wins; counts are totals, not increments). A `Failed` ends the
answer wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import msgspec

from headgate.core.usage import Usage


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


# ── what goes in ─────────────────────────────────────────────────────────────────────────────────


class Text(msgspec.Struct, frozen=True, tag="text"):
    text: str


class Image(msgspec.Struct, frozen=True, tag="image", kw_only=True):
    """An image in a prompt: either `url`, or `data` (base64, no prefix) with its `media_type`."""

    url: str | None = None
    data: str | None = None
    media_type: str | None = None
    detail: str | None = None


class Thought(msgspec.Struct, frozen=True, tag="thought", kw_only=True):
    """Reasoning the model showed earlier. `signature` is the provider's seal, to be handed back unread;
    `redacted` marks a thought whose text the provider keeps to itself (then `text` is its opaque data)."""

    text: str
    signature: str | None = None
    redacted: bool = False


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call", kw_only=True):
    """The model asks for a tool. `arguments` is JSON text exactly as the model wrote it.
    `signature` is Gemini's thought signature, where it came with one."""

    id: str
    name: str
    arguments: str
    signature: str | None = None


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result", kw_only=True):
    """What the tool said, answering the `ToolCall` of the same id (`name` repeated: Gemini wants it)."""

    id: str
    name: str | None = None
    parts: tuple[Text | Image, ...] = ()
    is_error: bool = False


Part = Text | Image | Thought | ToolCall | ToolResult


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn. Tool results are parts of a USER message; consecutive turns of one role are allowed."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function the model may call; `parameters` is its JSON Schema, untouched."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """`mode`: auto | none | required | tool; `name` is set exactly where mode is `tool`."""

    mode: str
    name: str | None = None


class ResponseFormat(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: text | json_object | json_schema; the schema, its name and strictness only with the last."""

    kind: str
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """How hard to think: `effort` none | minimal | low | medium | high | xhigh, or a token `budget`.
    `enabled=False` asks for none at all."""

    effort: str | None = None
    budget: int | None = None
    enabled: bool = True


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A chat request in the hub's words. `None` means the caller did not say.

    `extra` holds members of the request that the hub has no word for, by their name in the caller's
    dialect: a same-dialect upstream gets them in the relayed bytes, every other refuses or drops them
    by name. Names of other members are OpenAI's, units tokens.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning: Reasoning | None = None
    user: str | None = None
    extra: dict[str, Any] = {}


# ── what comes out ───────────────────────────────────────────────────────────────────────────────


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """The answer has begun. `model` is the served model, in the provider's own words."""

    id: str | None = None
    model: str | None = None


class TextDelta(msgspec.Struct, frozen=True):
    text: str
    choice: int = 0


class RefusalDelta(msgspec.Struct, frozen=True):
    """The model declines, in OpenAI's `refusal` member."""

    text: str
    choice: int = 0


class ThoughtDelta(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of reasoning. `signature` arrives once, at the thought's end, alone or with text."""

    text: str = ""
    signature: str | None = None
    redacted: bool = False
    choice: int = 0


class ToolCallStart(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call begins: `index` numbers the calls of one choice from 0, in order of appearance."""

    index: int
    id: str
    name: str
    choice: int = 0
    signature: str | None = None


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True):
    """More of the arguments' JSON text of the call `index`."""

    index: int
    arguments: str
    choice: int = 0


class Logprobs(msgspec.Struct, frozen=True, kw_only=True):
    """Token log probabilities: OpenAI's `logprobs.content` entries {token, logprob, bytes, top_logprobs}."""

    content: tuple[dict[str, Any], ...]
    choice: int = 0


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """A choice is complete. `stop_sequence` names the one that was met, where the provider tells."""

    reason: FinishReason
    choice: int = 0
    stop_sequence: str | None = None


class Spent(msgspec.Struct, frozen=True):
    """Usage so far; the last one of an answer is the one that counts."""

    usage: Usage


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The provider reports an error inside the answer. `status`: the HTTP status it would have been."""

    message: str
    kind: str | None = None
    status: int | None = None
    retry_after_s: float | None = None


Event = (
    Start
    | TextDelta
    | RefusalDelta
    | ThoughtDelta
    | ToolCallStart
    | ToolCallDelta
    | Logprobs
    | Finish
    | Spent
    | Failed
)


def text_of(parts: Sequence[Part]) -> str:
    """The plain text of a message, its other parts passed over."""
    return "".join(part.text for part in parts if isinstance(part, Text))

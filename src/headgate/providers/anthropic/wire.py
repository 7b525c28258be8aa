"""The Messages API on the wire, as msgspec reads it (platform.claude.com/docs/en/api/messages).

Blocks are one flat struct rather than a tagged union: the API gains block types every few months, and a
caller whose upstream is Anthropic must be able to send one we have never heard of. What a block must have
is checked where it is translated. Members whose shape differs between block types stay raw.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct, field
from msgspec.json import Decoder


class Block(Struct, gc=False):
    """A content block of either side: text, image, tool_use, tool_result, thinking, redacted_thinking …

    A raw member that was not there at all is empty; a factory makes it, because a value of it cannot stand
    in a JSON Schema.
    """

    type: str
    text: str | None = None
    source: Raw = field(default_factory=Raw)
    id: str | None = None
    name: str | None = None
    input: Raw = field(default_factory=Raw)
    tool_use_id: str | None = None
    content: Raw = field(default_factory=Raw)
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class Source(Struct, gc=False):
    """Where an image comes from: base64 | url | file."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


# ── the request ──────────────────────────────────────────────────────────────────────────────────


class Turn(Struct, gc=False):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class ToolSpec(Struct, gc=False):
    """A tool: the caller's own (`type` absent or `custom`), or one that Anthropic runs."""

    type: str | None = None
    name: str | None = None
    description: str | None = None
    input_schema: Raw = field(default_factory=Raw)
    strict: bool | None = None


class Choice(Struct, gc=False):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(Struct, gc=False):
    type: str
    budget_tokens: int | None = None


class Format(Struct, gc=False):
    type: str
    schema: Raw = field(default_factory=Raw)


class OutputConfig(Struct, gc=False):
    effort: str | None = None
    format: Format | None = None


class Metadata(Struct, gc=False):
    user_id: str | None = None


class Request(Struct, gc=False):
    """The body of `POST /v1/messages`. Members that are not here have no word in the hub."""

    model: Annotated[str, Meta(min_length=1)]
    max_tokens: Annotated[int, Meta(ge=0)]
    messages: Annotated[list[Turn], Meta(min_length=1)]
    stream: bool | None = None
    system: str | list[Block] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[ToolSpec] | None = None
    tool_choice: Choice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: Format | None = None
    metadata: Metadata | None = None


# ── the answer ───────────────────────────────────────────────────────────────────────────────────


class OutputDetails(Struct, gc=False):
    thinking_tokens: int | None = None


class Counts(Struct, gc=False):
    """`usage`. Input classes are disjoint here already; `output_tokens` includes the thinking."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None


class Fault(Struct, gc=False):
    type: str | None = None
    message: str | None = None


class Answer(Struct, gc=False):
    """The message document, its skeleton in `message_start`, or the error document in its place."""

    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: Counts | None = None
    error: Fault | None = None


class TextPiece(Struct, tag="text_delta", gc=False):
    text: str


class JsonPiece(Struct, tag="input_json_delta", gc=False):
    partial_json: str


class ThinkingPiece(Struct, tag="thinking_delta", gc=False):
    thinking: str


class SignaturePiece(Struct, tag="signature_delta", gc=False):
    signature: str


class CitationsPiece(Struct, tag="citations_delta", gc=False):
    """Where a text came from. The hub has no word for it."""


class Stop(Struct, gc=False):
    stop_reason: str | None = None
    stop_sequence: str | None = None


class MessageStart(Struct, tag="message_start", gc=False):
    message: Answer


class BlockStart(Struct, tag="content_block_start", gc=False):
    index: int
    content_block: Block


class BlockDelta(Struct, tag="content_block_delta", gc=False):
    index: int
    delta: TextPiece | JsonPiece | ThinkingPiece | SignaturePiece | CitationsPiece


class BlockStop(Struct, tag="content_block_stop", gc=False):
    index: int


class MessageDelta(Struct, tag="message_delta", gc=False):
    delta: Stop
    usage: Counts | None = None


class MessageStop(Struct, tag="message_stop", gc=False):
    pass


class Ping(Struct, tag="ping", gc=False):
    pass


class ErrorEvent(Struct, tag="error", gc=False):
    error: Fault


StreamEvent = (
    MessageStart | BlockStart | BlockDelta | BlockStop | MessageDelta | MessageStop | Ping | ErrorEvent
)

KNOWN_EVENTS = frozenset(
    (
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    )
)
KNOWN_DELTAS = frozenset(
    ("text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta")
)

REQUEST: Decoder[Request] = Decoder(Request)
ANSWER: Decoder[Answer] = Decoder(Answer)
STREAM_EVENT: Decoder[StreamEvent] = Decoder(StreamEvent)
SOURCE: Decoder[Source] = Decoder(Source)
CONTENT: Decoder[str | list[Block] | None] = Decoder(str | list[Block] | None)
OBJECT: Decoder[dict[str, object]] = Decoder(dict[str, object])
MEMBERS: Decoder[dict[str, Raw]] = Decoder(dict[str, Raw])

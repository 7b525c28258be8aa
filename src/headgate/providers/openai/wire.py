"""OpenAI's wire, as much of it as is read: requests from callers, answers from upstreams.

Source: https://platform.openai.com/docs/api-reference/chat, …/completions, …/embeddings. What compatible
servers add is marked with who adds it. Unknown members are passed over, so that a new one breaks nothing;
`null` stands wherever a member may be absent. `Raw` members are checked for syntax only until asked for; in
requests an absent one is made by a factory, because a value of it cannot stand in a JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, field

Name = Annotated[str, Meta(min_length=1)]
Tokens = str | Annotated[list[str | int | list[int]], Meta(min_length=1)]
"""A text, several, the tokens of one, or of several."""


# ── requests ─────────────────────────────────────────────────────────────────────────────────────


class ImageURL(msgspec.Struct, gc=False):
    url: str
    detail: str | None = None


class Part(msgspec.Struct, gc=False):
    """A content part of any type; types the hub has no word for are refused when it is asked."""

    type: str
    text: str | None = None
    image_url: ImageURL | str | None = None
    refusal: str | None = None


class Function(msgspec.Struct, gc=False):
    """A function call: `arguments` is JSON text, but some servers and clients send the object itself."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class ToolCall(msgspec.Struct, gc=False):
    """A whole tool call or, in a stream, a piece of one."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    extra_content: Raw = field(default_factory=Raw)
    """Google's compatible server: {"google": {"thought_signature": …}}"""


class Message(msgspec.Struct, gc=False):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None  # DeepSeek, vLLM
    reasoning: str | None = None  # OpenRouter, newer vLLM, Groq
    function_call: Function | None = None
    audio: Raw = field(default_factory=Raw)


class FunctionTool(msgspec.Struct, gc=False):
    name: str
    description: str | None = None
    parameters: Raw = field(default_factory=Raw)
    strict: bool | None = None


class Tool(msgspec.Struct, gc=False):
    type: str = "function"
    function: FunctionTool | None = None


class Named(msgspec.Struct, gc=False):
    name: str


class ToolChoice(msgspec.Struct, gc=False):
    type: str = "function"
    function: Named | None = None


class JSONSchema(msgspec.Struct, gc=False):
    name: str | None = None
    description: str | None = None
    schema: Raw = field(default_factory=Raw)
    strict: bool | None = None


class ResponseFormat(msgspec.Struct, gc=False):
    type: str
    json_schema: JSONSchema | None = None


class StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class Sampling(msgspec.Struct, kw_only=True, gc=False):
    """Members chat and text completions share."""

    model: Name
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Annotated[int, Meta(ge=1)] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None


class ChatRequest(Sampling, kw_only=True, gc=False):
    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: list[FunctionTool] | None = None
    function_call: str | Named | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    reasoning: Raw = field(default_factory=Raw)  # OpenRouter: {"effort", "max_tokens", "enabled"}


class CompletionRequest(Sampling, kw_only=True, gc=False):
    prompt: Tokens
    logprobs: int | bool | None = None
    suffix: str | None = None
    echo: bool | None = None
    best_of: int | None = None


class EmbeddingsRequest(msgspec.Struct, kw_only=True, gc=False):
    model: Name
    input: Tokens
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None
    user: str | None = None


# ── answers ──────────────────────────────────────────────────────────────────────────────────────


class PromptDetails(msgspec.Struct, gc=False):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None  # OpenRouter
    audio_tokens: int | None = None


class CompletionDetails(msgspec.Struct, gc=False):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class UsageReport(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None  # DeepSeek
    estimated: bool | None = None  # another gateway of our kind


class Piece(msgspec.Struct, gc=False):
    """A part of an answer's content, where it comes in parts (Mistral's reasoning models)."""

    type: str = "text"
    text: str | None = None
    thinking: str | list[Piece] | None = None


class Delta(msgspec.Struct, gc=False):
    """What a choice says: a piece of it in a stream (`delta`), all of it in a document (`message`)."""

    content: str | list[Piece] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None


class LogprobList(msgspec.Struct, gc=False):
    content: list[dict[str, Any]] | None = None


class Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: Delta | None = None
    message: Delta | None = None
    text: str | None = None
    finish_reason: str | None = None
    logprobs: LogprobList | None = None
    usage: UsageReport | None = None  # Moonshot
    error: Raw = Raw()  # OpenRouter


class GroqReport(msgspec.Struct, gc=False):
    usage: UsageReport | None = None


class Answer(msgspec.Struct, gc=False):
    """A chunk of a stream or a whole document: the same members, `delta` or `message` within."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: UsageReport | None = None
    x_groq: GroqReport | None = None
    error: Raw = Raw()


class UncountedAnswer(Answer, gc=False):
    """One whose report of tokens cannot be read."""

    usage: Any = None


class Vector(msgspec.Struct, gc=False):
    embedding: str | tuple[float, ...]
    index: int | None = None


class VectorList(msgspec.Struct, gc=False):
    data: list[Vector] | None = None
    model: str | None = None
    usage: UsageReport | None = None
    error: Raw = Raw()

"""What an Ollama answer looks like on the wire, for reading.

Source: github.com/ollama/ollama, docs/api.md and api/types.go.
"""

from __future__ import annotations

import msgspec

DIALECT = "ollama"

EFFORTS: dict[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
}
"""`think` by effort. Models that know no levels take any of them for `true`."""


class Function(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class ToolCall(msgspec.Struct):
    """Whole, never in pieces. Older servers give no id."""

    function: Function
    id: str | None = None


class Message(msgspec.Struct):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[ToolCall] | None = None


class Alternative(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(Alternative):
    top_logprobs: list[Alternative] | None = None


class Fault(msgspec.Struct):
    """An error of a proxy in front of it, in OpenAI's manner."""

    message: str = ""


class Line(msgspec.Struct):
    """One line of a stream, or a whole document: they have the same shape. The counts come with the last."""

    model: str | None = None
    created_at: str = ""
    message: Message | None = None
    done: bool = False
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    logprobs: list[TokenLogprob] | None = None
    error: str | Fault | None = None

    def fault(self) -> str | None:
        """The error's message, where this is one."""
        return self.error.message if isinstance(self.error, Fault) else self.error


class Vectors(msgspec.Struct):
    embeddings: tuple[tuple[float, ...], ...]
    model: str | None = None
    prompt_eval_count: int | None = None


LINE = msgspec.json.Decoder(Line)
VECTORS = msgspec.json.Decoder(Vectors)

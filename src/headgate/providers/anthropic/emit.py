"""Answers in the Messages API's words, for callers whose upstream speaks another dialect.

Only the first choice can be told. A refusal is told as text with the stop reason `refusal`, log
probabilities not at all. Usage goes out at the end, where it is known; where the upstream gave none it
is the estimate the ledger takes, marked `estimated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from headgate.core.chat import (
    Event,
    Finish,
    FinishReason,
    RefusalDelta,
    Spent,
    Start,
    TextDelta,
    ThoughtDelta,
    ToolCallDelta,
    ToolCallStart,
)
from headgate.core.embeddings import Embedded
from headgate.core.usage import Usage, estimate
from headgate.providers.anthropic.turns import arguments_of
from headgate.providers.sse import frame

_STOP = {
    FinishReason.STOP: "end_turn",
    FinishReason.LENGTH: "max_tokens",
    FinishReason.TOOL_CALLS: "tool_use",
    FinishReason.CONTENT_FILTER: "refusal",
}

_encode = msgspec.json.Encoder().encode


def _with_metadata(document: bytes, metadata: bytes | None) -> bytes:
    return document if metadata is None else document[:-1] + b',"x-routing-metadata":' + metadata + b"}"


class _Account:
    """What both emitters keep of an answer besides its content."""

    __slots__ = ("_new_id", "_prompt_chars", "called", "chars", "finish", "id", "model", "refused", "usage")

    def __init__(self, *, model: str, new_id: Callable[[], str], prompt_chars: int) -> None:
        self.id: str | None = None
        self.model = model
        self.finish: Finish | None = None
        self.usage: Usage | None = None
        self.called = False
        self.refused = False
        self.chars = 0
        self._new_id = new_id
        self._prompt_chars = prompt_chars

    def start(self, event: Start) -> None:
        self.id = event.id or self.id
        self.model = event.model or self.model

    def skeleton(self) -> dict[str, object]:
        return {
            "id": self.id or f"msg_{self._new_id()}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
        }

    def stop(self) -> dict[str, str | None]:
        """A call that was made is the reason to stop, even where the upstream only says `stop`."""
        finish = self.finish
        if finish is None:
            return {"stop_reason": None, "stop_sequence": None}
        if finish.stop_sequence is not None:
            return {"stop_reason": "stop_sequence", "stop_sequence": finish.stop_sequence}
        reason = _STOP[finish.reason]
        if reason == "end_turn":
            reason = "tool_use" if self.called else "refusal" if self.refused else reason
        return {"stop_reason": reason, "stop_sequence": None}

    def counts(self) -> dict[str, object]:
        return counts_of(self.usage or estimate(prompt_chars=self._prompt_chars, output_chars=self.chars))


def counts_of(usage: Usage) -> dict[str, object]:
    """`usage` as the API reports it: thinking is part of the output and also told apart."""
    counts: dict[str, object] = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.completion,
    }
    if usage.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.estimated:
        counts["estimated"] = True
    return counts


# ── streamed ─────────────────────────────────────────────────────────────────────────────────────

_TEXT, _THINKING, _CALL = "text", "thinking", "call"


class StreamEmitter:
    """Named events as Anthropic sends them (platform.claude.com/docs/en/build-with-claude/streaming).

    A block is stopped when the next one starts. Only a tool call whose arguments are not whole JSON by
    then stays open until the end, for upstreams that write parallel calls in turns: its further pieces
    carry its own index. `message_delta` and `message_stop` wait for the tail.
    """

    __slots__ = (
        "_account",
        "_begun",
        "_block",
        "_calls",
        "_kind",
        "_opened",
        "_parked",
        "_prefix",
        "_written",
    )

    def __init__(self, *, model: str, new_id: Callable[[], str], prompt_chars: int) -> None:
        self._account = _Account(model=model, new_id=new_id, prompt_chars=prompt_chars)
        self._begun = False
        self._kind = ""  # of the open block; empty where none is
        self._block = -1
        self._prefix = b""
        self._opened = 0
        self._calls: dict[int, int] = {}
        self._parked: list[int] = []
        self._written: list[str] = []

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        out: list[bytes] = []
        held = False
        for event in events:
            if type(event) is TextDelta:
                self._text(event.text, event.choice, out)
            elif type(event) is ToolCallDelta:
                self._arguments(event, out)
            elif type(event) is Start:
                self._account.start(event)
                held = True
            else:
                self._other(event, out)
        if held:
            self._begin(out)
        return b"".join(out)

    def tail(self, metadata: bytes | None) -> bytes:
        out: list[bytes] = []
        self._begin(out)
        self._stop_all(out)
        account = self._account
        delta = {"type": "message_delta", "delta": account.stop(), "usage": account.counts()}
        out.append(frame(_encode(delta), "message_delta"))
        out.append(frame(_with_metadata(b'{"type":"message_stop"}', metadata), "message_stop"))
        return b"".join(out)

    def _other(self, event: Event | Embedded, out: list[bytes]) -> None:
        match event:
            case ThoughtDelta(choice=0):
                self._thought(event, out)
            case ToolCallStart(choice=0):
                self._call(event, out)
            case RefusalDelta(choice=0):
                self._account.refused = True
                self._text(event.text, 0, out)
            case Finish(choice=0):
                self._account.finish = event
                self._begin(out)
                self._stop_all(out)
            case Spent(usage):
                self._account.usage = usage

    def _begin(self, out: list[bytes]) -> None:
        """`message_start`, once: with the usage known by then, else zeros that `message_delta` corrects."""
        if self._begun:
            return
        self._begun = True
        account = self._account
        skeleton = account.skeleton()
        skeleton["content"] = []
        skeleton["stop_reason"] = skeleton["stop_sequence"] = None
        skeleton["usage"] = counts_of(account.usage or Usage())
        out.append(frame(_encode({"type": "message_start", "message": skeleton}), "message_start"))

    def _text(self, text: str, choice: int, out: list[bytes]) -> None:
        if choice or not text:
            return
        if self._kind != _TEXT:
            self._open(_TEXT, {"type": "text", "text": ""}, out)
            self._prefix = self._delta("text_delta", "text")
        self._account.chars += len(text)
        out.append(self._prefix + _encode(text) + b"}}\n\n")

    def _thought(self, event: ThoughtDelta, out: list[bytes]) -> None:
        """A signature seals its block: what is thought after it is another thought."""
        self._account.chars += len(event.text)
        if event.redacted:
            self._open("", {"type": "redacted_thinking", "data": event.text}, out)
            self._stop(self._block, out)
            return
        if self._kind != _THINKING:
            self._open(_THINKING, {"type": "thinking", "thinking": "", "signature": ""}, out)
            self._prefix = self._delta("thinking_delta", "thinking")
        if event.text:
            out.append(self._prefix + _encode(event.text) + b"}}\n\n")
        if event.signature:
            out.append(self._delta("signature_delta", "signature") + _encode(event.signature) + b"}}\n\n")
            self._close(out)

    def _call(self, event: ToolCallStart, out: list[bytes]) -> None:
        self._account.called = True
        self._open(_CALL, {"type": "tool_use", "id": event.id, "name": event.name, "input": {}}, out)
        self._calls[event.index] = self._block
        self._written.clear()
        self._prefix = self._delta("input_json_delta", "partial_json")

    def _arguments(self, event: ToolCallDelta, out: list[bytes]) -> None:
        """More of a call. What follows whole arguments has no place once their block has stopped."""
        block = self._calls.get(event.index)
        if event.choice or block is None or not event.arguments:
            return
        if self._kind == _CALL and block == self._block:
            self._written.append(event.arguments)
            prefix = self._prefix
        elif block in self._parked:
            prefix = self._delta("input_json_delta", "partial_json", block)
        else:
            return
        self._account.chars += len(event.arguments)
        out.append(prefix + _encode(event.arguments) + b"}}\n\n")

    def _delta(self, kind: str, member: str, block: int | None = None) -> bytes:
        """A `content_block_delta` up to the value of its one member."""
        index = self._block if block is None else block
        return (
            'event: content_block_delta\ndata: {"type":"content_block_delta",'
            f'"index":{index},"delta":{{"type":"{kind}","{member}":'
        ).encode()

    def _open(self, kind: str, content_block: dict[str, object], out: list[bytes]) -> None:
        self._begin(out)
        self._close(out)
        self._block = self._opened
        self._opened += 1
        self._kind = kind
        start = {"type": "content_block_start", "index": self._block, "content_block": content_block}
        out.append(frame(_encode(start), "content_block_start"))

    def _close(self, out: list[bytes]) -> None:
        if not self._kind:
            return
        if self._kind == _CALL and not _whole(self._written):
            self._parked.append(self._block)
        else:
            self._stop(self._block, out)
        self._kind = ""

    def _stop(self, block: int, out: list[bytes]) -> None:
        out.append(frame(b'{"type":"content_block_stop","index":%d}' % block, "content_block_stop"))

    def _stop_all(self, out: list[bytes]) -> None:
        """Nothing more is coming: what is parked ends, and then what is open."""
        parked, self._parked = self._parked, []
        for block in parked:
            self._stop(block, out)
        if self._kind:
            self._stop(self._block, out)
            self._kind = ""


def _whole(pieces: list[str]) -> bool:
    """Whether arguments are complete JSON already."""
    try:
        msgspec.json.decode("".join(pieces), type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


# ── whole ────────────────────────────────────────────────────────────────────────────────────────


class _Open:
    """A block that is still being written: its shape, the member that grows, and the pieces of it."""

    __slots__ = ("block", "member", "pieces", "sealed")

    def __init__(self, block: dict[str, object], member: str) -> None:
        self.block = block
        self.member = member
        self.pieces: list[str] = []
        self.sealed = False

    def done(self) -> dict[str, object]:
        text = "".join(self.pieces)
        self.block[self.member] = arguments_of(text) if self.member == "input" else text
        return self.block


class DocumentEmitter:
    """Gathers an answer into one message document. Everything leaves with the tail."""

    __slots__ = ("_account", "_blocks", "_calls")

    def __init__(self, *, model: str, new_id: Callable[[], str], prompt_chars: int) -> None:
        self._account = _Account(model=model, new_id=new_id, prompt_chars=prompt_chars)
        self._blocks: list[_Open] = []
        self._calls: dict[int, _Open] = {}

    def feed(self, events: Iterable[Event | Embedded]) -> bytes:
        for event in events:
            self._take(event)
        return b""

    def tail(self, metadata: bytes | None) -> bytes:
        document = self._account.skeleton()
        document["content"] = [block.done() for block in self._blocks]
        document |= self._account.stop()
        document["usage"] = self._account.counts()
        return _with_metadata(_encode(document), metadata)

    def _take(self, event: Event | Embedded) -> None:
        match event:
            case TextDelta(choice=0) | RefusalDelta(choice=0):
                self._account.refused |= type(event) is RefusalDelta
                self._text(event.text)
            case ThoughtDelta(choice=0):
                self._thought(event)
            case ToolCallStart(choice=0) | ToolCallDelta(choice=0):
                self._call(event)
            case _:
                self._note(event)

    def _note(self, event: Event | Embedded) -> None:
        match event:
            case Start():
                self._account.start(event)
            case Finish(choice=0):
                self._account.finish = event
            case Spent(usage):
                self._account.usage = usage

    def _text(self, text: str) -> None:
        if not text:
            return
        self._account.chars += len(text)
        self._growing({"type": "text"}, "text").pieces.append(text)

    def _thought(self, event: ThoughtDelta) -> None:
        self._account.chars += len(event.text)
        if event.redacted:
            block = self._new({"type": "redacted_thinking"}, "data")
            block.pieces.append(event.text)
            return
        block = self._growing({"type": "thinking", "thinking": "", "signature": ""}, "thinking")
        block.pieces.append(event.text)
        if event.signature:
            block.block["signature"] = event.signature
            block.sealed = True

    def _call(self, event: ToolCallStart | ToolCallDelta) -> None:
        if isinstance(event, ToolCallStart):
            self._account.called = True
            shape: dict[str, object] = {"type": "tool_use", "id": event.id, "name": event.name}
            self._calls[event.index] = self._new(shape, "input")
        elif event.index in self._calls:
            self._account.chars += len(event.arguments)
            self._calls[event.index].pieces.append(event.arguments)

    def _growing(self, shape: dict[str, object], member: str) -> _Open:
        """The last block if it is of this kind and not sealed, else a new one."""
        last = self._blocks[-1] if self._blocks else None
        if last is not None and last.member == member and not last.sealed:
            return last
        return self._new(shape, member)

    def _new(self, shape: dict[str, object], member: str) -> _Open:
        block = _Open(shape, member)
        self._blocks.append(block)
        return block

"""Short chats that do not know of each other, as one numbered request with a structured answer; and back.

Only what can be joined without a doubt: one question each, the same system prompt and sampling, nothing
streamed, no tools, no images, no wanted form. The answer is an object with one text for each question, by the
name that the question had; one that is cut, lacks or repeats a name, or is anything but that, is nobody's. A
text that is empty, too long for its question's limit, or speaks of other questions is in doubt, and its
question goes alone.

Known weakness: the questions of one tenant stand in one prompt, so that one of them may colour the answer to
another in ways that nobody can see; and each may fare a little worse than it would have alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from headgate.core.call import Call, Operation, Payload
from headgate.core.errors import Unsupported
from headgate.core.usage import Usage, shared_out
from headgate.providers.openai import usage as usages
from headgate.providers.openai.batching import Part
from headgate.providers.openai.codec import DIALECT
from headgate.providers.openai.surface import OpenAISurface
from headgate.providers.splice import canonical, with_metadata

TAKEN = frozenset(
    (
        "model",
        "messages",
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "max_tokens",
        "max_completion_tokens",
        "reasoning_effort",
        "user",
        "stream",
        "n",
    )
)
"""A request with any other member goes alone."""
_OWN = frozenset({"model", "messages", "user", "stream", "n", "max_tokens", "max_completion_tokens"})
"""Members that are not compared as they stand: limits are, beside the system prompt."""
_LIMITS = ("max_tokens", "max_completion_tokens")
_EMPTY = {"stream": (b"null", b"false"), "n": (b"null", b"1")}
OVERHEAD_TOKENS = 32
"""What an answer's name and quotation marks take, and its escapes, about."""
CHARS_PER_TOKEN = 8
"""More than that a token hardly has: a longer text cannot have been written within the limit."""
INSTRUCTION = (
    "The user's message is a JSON object with several questions that have nothing to do with each other."
    " Answer each as if it had been asked alone: what one says holds for its own answer and for no other,"
    " whatever it claims. Do not mention the other questions. Give a JSON object with one text for each"
    " question, under the question's name."
)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.encode
_STRAYS = re.compile(
    r"\bq[1-9]\b|\bquestion\s*#?\s*\d|\b(?:see|as|answered|mentioned|stated) above\b"
    r"|\b(?:previous|other|next|first|second|third|fourth|last) (?:question|answer)s?\b",
    re.IGNORECASE,
)
"""Words of an answer that knows of other questions."""


class Turn(msgspec.Struct, forbid_unknown_fields=True):
    role: str
    content: str


_turns = msgspec.json.Decoder(list[Turn]).decode


class _Asked(msgspec.Struct, frozen=True):
    """One of them, taken apart."""

    system: str
    text: str
    members: Mapping[str, msgspec.Raw]

    def limit(self) -> int | None:
        found = [int(bytes(self.members[name])) for name in _LIMITS if name in self.members]
        return found[0] if found else None


def _asked(payload: Payload) -> _Asked | None:
    """`None` where it is not one of those that can be joined."""
    try:
        members = _members(payload.raw)
        if not TAKEN.issuperset(members) or any(
            name in members and bytes(members[name]) not in empty for name, empty in _EMPTY.items()
        ):
            return None
        if any(name in members and not bytes(members[name]).isdigit() for name in _LIMITS):
            return None
        *before, last = _turns(members["messages"])
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, ValueError):
        return None
    if (
        last.role != "user"
        or len(before) > 1
        or any(one.role not in ("system", "developer") for one in before)
    ):
        return None
    return _Asked(before[0].content if before else "", last.content, members)


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[Any] | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    id: str = ""
    created: int = 0
    model: str = ""


_answer = msgspec.json.Decoder(_Answer).decode


def texts(document: bytes, names: Sequence[str]) -> tuple[_Answer, list[str]]:
    """The answers, in the order of the names. Raises `Unsupported` for anything but exactly those."""
    try:
        answer = _answer(document)
        [choice] = answer.choices
        message = choice.message
        if choice.finish_reason != "stop" or message.refusal or message.tool_calls or message.content is None:
            raise Unsupported("The answer to several questions is not whole.")
        pairs: list[tuple[str, Any]] = json.loads(message.content, object_pairs_hook=_Pairs)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Unsupported("The answer to several questions could not be read.") from error
    fits = (
        isinstance(pairs, _Pairs) and len(pairs) == len(names) and {name for name, _ in pairs} == set(names)
    )
    if not fits or not all(isinstance(text, str) for _, text in pairs):
        raise Unsupported("The answer to several questions does not answer each of them once.")
    found = dict(pairs)
    return answer, [found[name] for name in names]


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it was written, with names that stand twice."""


def is_doubtful(text: str, limit: int | None) -> bool:
    """Whether it may not be the answer that its question would have had alone."""
    if not text.strip() or (limit is not None and len(text) > CHARS_PER_TOKEN * limit):
        return True
    return _STRAYS.search(text) is not None


class _Told(msgspec.Struct, kw_only=True):
    id: str
    object: str = "chat.completion"
    created: int
    model: str
    choices: list[dict[str, Any]]
    usage: usages.Report


class NumberedBatching:
    """`pipeline.batch.Batching` for the chats of one route; only where every model that may answer `takes` a
    schema for its answer."""

    def __init__(
        self, surface: OpenAISurface, *, route: str, max_chars: int, takes: Callable[[str], bool]
    ) -> None:
        """`max_chars`: a longer question goes alone."""
        self._surface = surface
        self._route = route
        self._max_chars = max_chars
        self._takes = takes

    def common(self, call: Call) -> tuple[bytes, int] | None:
        payload = call.payload
        if payload.model != self._route or payload.operation is not Operation.CHAT:
            return None
        if payload.stream or payload.dialect != DIALECT or len(payload.raw) > 16 * self._max_chars:
            return None
        asked = _asked(payload)
        if (
            asked is None
            or not 0 < len(asked.text) <= self._max_chars
            or not all(map(self._takes, call.chain))
        ):
            return None
        common = canonical(payload.raw, _OWN)
        return None if common is None else (_encode((asked.system, asked.limit())) + common, 1)

    def joined(self, payloads: Sequence[Payload]) -> Payload:
        parts = [one for payload in payloads if (one := _asked(payload)) is not None]
        first, names = parts[0], _names(len(parts))
        members: dict[str, Any] = {name: raw for name, raw in first.members.items() if name != "user"}
        members["messages"] = [
            {"role": "system", "content": f"{first.system}\n\n{INSTRUCTION}".strip()},
            {
                "role": "user",
                "content": _encode(dict(zip(names, (one.text for one in parts), strict=True))).decode(),
            },
        ]
        for name in _LIMITS:
            if name in members:
                members[name] = (int(bytes(members[name])) + OVERHEAD_TOKENS) * len(parts)
        members["response_format"] = {"type": "json_schema", "json_schema": _schema(names)}
        return self._surface.parse(Operation.CHAT, _encode(members))

    def split(self, document: bytes, payloads: Sequence[Payload], usage: Usage) -> list[Part]:
        """Raises `Unsupported`."""
        answer, told = texts(document, _names(len(payloads)))
        asked = [len(payload.raw) for payload in payloads]
        shares = shared_out(usage, asked, [len(text) + 1 for text in told])
        return [
            self._part(answer, number, payload, text, share)
            for number, (payload, text, share) in enumerate(zip(payloads, told, shares, strict=True), start=1)
        ]

    def _part(self, answer: _Answer, number: int, payload: Payload, text: str, share: Usage) -> Part:
        asked = _asked(payload)
        if asked is None or is_doubtful(text, asked.limit()):
            return Part(None, share)
        message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        told = _Told(
            id=f"{answer.id}-{number}",
            created=answer.created,
            model=answer.model,
            choices=[choice],
            usage=usages.write(share),
        )
        return Part(partial(with_metadata, _encode(told)), share, "stop")


def _names(count: int) -> list[str]:
    return [f"q{number}" for number in range(1, count + 1)]


def _schema(names: Sequence[str]) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in names}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(names),
        "additionalProperties": False,
    }
    return {"name": "answers", "strict": True, "schema": schema}

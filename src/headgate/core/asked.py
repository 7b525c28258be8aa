"""What a request asks, as much of it as a decision needs: a light value, the same for every dialect."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headgate.core.chat import Chat, Image, Message, Role, Text, ToolResult

MAX_TURN_CHARS = 2_400
"""Of the last turn of the user; as much is read as a decision needs, from its head and its tail."""

MAX_EARLIER_CHARS = 600
"""Of every turn before it."""

MAX_EARLIER_TURNS = 4
"""How many turns before the last one of the user are looked at. What is asked rarely hangs on more."""


class Turn(msgspec.Struct, frozen=True):
    """One turn's text, sampled. `role` is `USER` or `ASSISTANT`."""

    role: Role
    text: str


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What is asked, for classification and for capability filters. All texts are samples: bounded in size.

    `text`: the last turn of the user, `""` where there is none, or where it is only images.
    `earlier`: up to `MAX_EARLIER_TURNS` turns before it, oldest first, without tool results and system
    prompts. `system`: the system prompt. `chars`: characters of the whole prompt before sampling (for
    estimating tokens), `last_chars` of the last turn. `images`, `tools`: whether there are any.
    """

    text: str
    earlier: tuple[Turn, ...] = ()
    system: str = ""
    chars: int = 0
    last_chars: int = 0
    images: bool = False
    tools: bool = False
    json: bool = False
    opening: str = ""
    user: str | None = None
    max_tokens: int | None = None


def sampled(text: str, limit: int = MAX_TURN_CHARS) -> str:
    """The text; where it is longer than `limit` characters its head and, a third of the limit, its tail: what
    is wanted stands before or behind what was pasted, and behind less often."""
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail]}\n{text[-tail:]}"


def asked(chat: Chat) -> Asked:
    """What a chat asks. Costs the same for any length of conversation, but for counting its characters."""
    last = _last_of_user(chat.messages)
    text = _text(chat.messages[last], MAX_TURN_CHARS) if last >= 0 else ""
    return Asked(
        text=text,
        earlier=_earlier(chat.messages, last),
        system=next((_text(one, MAX_EARLIER_CHARS) for one in chat.messages if one.role is Role.SYSTEM), ""),
        chars=sum(map(_chars, chat.messages)),
        last_chars=_chars(chat.messages[last]) if last >= 0 else 0,
        images=any(isinstance(part, Image) for one in chat.messages for part in one.parts),
        tools=bool(chat.tools),
    )


def _last_of_user(messages: tuple[Message, ...]) -> int:
    """Where the user last said something; `-1`: nowhere. Results of tools are no words of the user's."""
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message.role is Role.USER and not all(isinstance(part, ToolResult) for part in message.parts):
            return index
    return -1


def _earlier(messages: tuple[Message, ...], last: int) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for index in range(last - 1, -1, -1):
        message = messages[index]
        if message.role is not Role.SYSTEM and (text := _text(message, MAX_EARLIER_CHARS)):
            turns.append(Turn(message.role, text))
            if len(turns) == MAX_EARLIER_TURNS:
                break
    return tuple(reversed(turns))


def _text(message: Message, limit: int) -> str:
    """A turn's own text, sampled part by part, so that joining costs no more than the sample."""
    return sampled(
        "\n".join(sampled(part.text, limit) for part in message.parts if isinstance(part, Text)), limit
    )


def _chars(message: Message) -> int:
    return sum(_lengths(message))


def _lengths(message: Message) -> Iterable[int]:
    for part in message.parts:
        if isinstance(part, Text):
            yield len(part.text)
        elif isinstance(part, ToolResult):
            yield sum(len(one.text) for one in part.parts if isinstance(one, Text))

"""What a request asks, read off the decoded request: no translation, and no text longer than a decision
needs."""

from __future__ import annotations

from headgate.core.asked import (
    MAX_EARLIER_CHARS,
    MAX_EARLIER_TURNS,
    MAX_TURN_CHARS,
    Asked,
    Turn,
    sampled,
)
from headgate.core.chat import Role
from headgate.providers.anthropic.wire import Block, Request
from headgate.providers.anthropic.wire import Turn as WireTurn

_SPOKEN = {"user": Role.USER, "assistant": Role.ASSISTANT}


def gist(request: Request) -> Asked:
    """What a chat asks. Costs the same for any length of conversation, but for counting its characters."""
    turns = request.messages
    users = [place for place, one in enumerate(turns) if one.role == "user" and _speaks(one)]
    last, first = (users[-1], users[0]) if users else (-1, -1)
    text = _text(turns[last].content, MAX_TURN_CHARS) if users else ""
    return Asked(
        text=text,
        earlier=_earlier(turns, last),
        system=_text(request.system, MAX_EARLIER_CHARS),
        chars=_chars(request.system) + sum(_chars(one.content) for one in turns),
        last_chars=_chars(turns[last].content) if users else 0,
        images=any(_has_image(one.content) for one in turns),
        tools=bool(request.tools),
        json=request.output_format is not None
        or (request.output_config is not None and request.output_config.format is not None),
        opening=text if first == last else _text(turns[first].content, MAX_EARLIER_CHARS),
        user=request.metadata.user_id if request.metadata else None,
        max_tokens=request.max_tokens,
    )


def _speaks(turn: WireTurn) -> bool:
    """Results of tools are no words of the user's."""
    return isinstance(turn.content, str) or any(block.type != "tool_result" for block in turn.content)


def _has_image(content: str | list[Block]) -> bool:
    return not isinstance(content, str) and any(block.type == "image" for block in content)


def _chars(content: str | list[Block] | None) -> int:
    """Characters of text; of a tool's result those of its JSON."""
    if isinstance(content, str):
        return len(content)
    return sum(len(block.text or "") + len(bytes(block.content)) for block in content or ())


def _text(content: str | list[Block] | None, limit: int) -> str:
    if isinstance(content, str):
        return content if len(content) <= limit else sampled(content, limit)
    texts = [sampled(block.text, limit) for block in content or () if block.text]
    return sampled("\n".join(texts), limit)


def _earlier(turns: list[WireTurn], last: int) -> tuple[Turn, ...]:
    """Up to so many turns before the last of the user, oldest first; neither tool results nor system
    prompts."""
    found: list[Turn] = []
    for place in range(last - 1, -1, -1):
        role = _SPOKEN.get(turns[place].role)
        if role is not None and (text := _text(turns[place].content, MAX_EARLIER_CHARS)):
            found.append(Turn(role, text))
            if len(found) == MAX_EARLIER_TURNS:
                break
    return tuple(reversed(found))

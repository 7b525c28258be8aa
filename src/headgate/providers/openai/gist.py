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
from headgate.providers.openai import wire

_SYSTEM = ("system", "developer")
_SPOKEN = {"user": Role.USER, "assistant": Role.ASSISTANT}
_PLAIN = (None, "text")


def of_chat(request: wire.ChatRequest) -> Asked:
    """What a chat asks. Costs the same for any length of conversation, but for counting its characters."""
    messages = request.messages
    chars, last, first, images, system = 0, -1, -1, False, None
    for place, one in enumerate(messages):
        content, role = one.content, one.role
        if isinstance(content, str):
            chars += len(content)
        elif content:
            chars += _chars(content)
            images = images or any(part.image_url is not None for part in content)
        if role == "user":
            last = place
            if first < 0:
                first = place
        elif role in _SYSTEM and system is None:
            system = one
    said = messages[last].content if last >= 0 else ""
    text = _text(said, MAX_TURN_CHARS)
    wanted = request.response_format
    return Asked(  # by position: on the hot path, so many by name cost a microsecond more
        text,
        _earlier(messages, last) if last > (system is not None) else (),
        _text(system.content, MAX_EARLIER_CHARS) if system else "",
        chars,
        len(said) if isinstance(said, str) else _chars(said),
        images,
        bool(request.tools or request.functions),
        wanted is not None and wanted.type not in _PLAIN,
        text if first == last else _text(messages[first].content, MAX_EARLIER_CHARS),
        request.user,
        request.max_completion_tokens or request.max_tokens,
    )


def of_completion(request: wire.CompletionRequest) -> Asked:
    """A text completion: its prompt is the one turn. Of tokens only their number is known."""
    prompt = request.prompt
    texts = [prompt] if isinstance(prompt, str) else [one for one in prompt if isinstance(one, str)]
    text = sampled(texts[0] if len(texts) == 1 else "\n".join(sampled(one) for one in texts[:16]))
    chars = sum(map(len, texts))
    return Asked(
        text=text,
        chars=chars,
        last_chars=chars,
        opening=text,
        user=request.user,
        max_tokens=request.max_tokens,
    )


def _chars(content: str | list[wire.Part] | None) -> int:
    if isinstance(content, str):
        return len(content)
    return sum(len(part.text) for part in content or () if part.text)


def _text(content: str | list[wire.Part] | None, limit: int) -> str:
    if isinstance(content, str):
        return content if len(content) <= limit else sampled(content, limit)
    texts = [sampled(part.text, limit) for part in content or () if part.text]
    return sampled("\n".join(texts), limit)


def _earlier(messages: list[wire.Message], last: int) -> tuple[Turn, ...]:
    """Up to so many turns before the last of the user, oldest first; neither tool results nor system
    prompts."""
    turns: list[Turn] = []
    for place in range(last - 1, -1, -1):
        role = _SPOKEN.get(messages[place].role)
        if role is not None and (text := _text(messages[place].content, MAX_EARLIER_CHARS)):
            turns.append(Turn(role, text))
            if len(turns) == MAX_EARLIER_TURNS:
                break
    return tuple(reversed(turns))

"""The hub's conversation as system text and alternating turns of content blocks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.core.chat import Image, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from headgate.core.errors import Unsupported
from headgate.providers.anthropic.wire import OBJECT
from headgate.providers.spec import Rules

INVALID_JSON = "INVALID_JSON"
"""The one member of the object that stands in for arguments which are no JSON object: what the API's pages
propose (platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming)."""

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+)(?:;[\w=.-]+)*;base64,", re.ASCII | re.IGNORECASE)
_MAGIC = {"iVBOR": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}

_Json = dict[str, Any]


def system_of(messages: Sequence[Message], rules: Rules) -> str | list[_Json] | None:
    """Every SYSTEM message, wherever it stood: the API keeps them apart from the turns."""
    texts: list[str] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            for part in message.parts:
                if isinstance(part, Text):
                    texts.append(part.text)
                else:
                    rules.lacks("messages", reason="The upstream model takes only text as a system message.")
    texts = [text for text in texts if text]
    if len(texts) <= 1:
        return texts[0] if texts else None
    return [{"type": "text", "text": text} for text in texts]


def turns_of(messages: Sequence[Message], rules: Rules) -> list[_Json]:
    """User and assistant turns, neighbours of one role merged.

    Tool results lead their turn and empty texts are left out: the API refuses both otherwise. So are
    thoughts without a signature: it takes back only thoughts it sealed.

    Raises:
        Unsupported: where no turn remains, or a part has no form here.
    """
    turns: list[tuple[Role, list[_Json]]] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        if message.name:
            rules.lacks("name", reason="The upstream model takes no 'name' in a message.")
        blocks = [block for part in message.parts if (block := _block(part, rules)) is not None]
        if turns and turns[-1][0] is message.role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((message.role, blocks))
    if not turns:
        raise Unsupported(
            "The upstream model needs a message that is not a system message.", param="messages"
        )
    return [{"role": role.value, "content": _content(blocks)} for role, blocks in turns]


def _content(blocks: list[_Json]) -> str | list[_Json]:
    if len(blocks) == 1 and blocks[0]["type"] == "text":
        text: str = blocks[0]["text"]
        return text
    return sorted(blocks, key=lambda block: block["type"] != "tool_result")


def _block(part: Part, rules: Rules) -> _Json | None:
    match part:
        case Text(text):
            return {"type": "text", "text": text} if text else None
        case Image():
            return _image(part, rules)
        case Thought():
            return _thought(part)
        case ToolCall():
            return {
                "type": "tool_use",
                "id": call_id(part.id),
                "name": part.name,
                "input": arguments_of(part.arguments),
            }
        case ToolResult():
            return _result(part, rules)


def _thought(part: Thought) -> _Json | None:
    if part.redacted:
        return {"type": "redacted_thinking", "data": part.text}
    if part.signature is None:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _result(part: ToolResult, rules: Rules) -> _Json:
    block: _Json = {"type": "tool_result", "tool_use_id": call_id(part.id)}
    content = [inner for piece in part.parts if (inner := _block(piece, rules)) is not None]
    if content:
        block["content"] = _content(content)
    if part.is_error:
        block["is_error"] = True
    return block


def _image(image: Image, rules: Rules) -> _Json | None:
    if image.detail not in (None, "auto"):
        rules.lacks("detail", reason="The upstream model takes no 'detail' for an image.")
    if image.data is not None:
        return _base64(image.data, image.media_type)
    url = image.url or ""
    found = _DATA_URL.match(url)
    if found:
        return _base64(url[found.end() :], found["type"].lower())
    if url.startswith(("https://", "http://")):
        return {"type": "image", "source": {"type": "url", "url": url}}
    rules.lacks("image_url", reason="The upstream model takes an image as an http(s) or base64 data URL.")
    return None


def _base64(data: str, media_type: str | None) -> _Json:
    """A media type that was not given is read off the first bytes; PNG where they say nothing."""
    if media_type is None:
        media_type = next((kind for head, kind in _MAGIC.items() if data.startswith(head)), "image/png")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def arguments_of(text: str) -> msgspec.Raw | _Json:
    """Arguments as the object the API wants, their text untouched where it is one."""
    if not text.strip():
        return {}
    try:
        OBJECT.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {INVALID_JSON: text}
    return msgspec.Raw(text.encode())


def call_id(given: str) -> str:
    """An id the API takes (`^[a-zA-Z0-9_-]+$`): other providers' may have dots and colons.

    The same id always gives the same one, and a digest keeps apart what the cleaning would merge.
    """
    if given and not _FOREIGN.search(given):
        return given
    digest = hashlib.blake2b(given.encode(), digest_size=6).hexdigest()
    return f"{_FOREIGN.sub('_', given)[:48] or 'call'}_{digest}"

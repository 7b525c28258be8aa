"""The hub's conversation in the API's words: contents and the system instruction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from headgate.core.chat import Image, Message, Part, Role, Text, Thought, ToolCall, ToolResult
from headgate.providers import strict
from headgate.providers.gemini.models import thinks_by_level
from headgate.providers.spec import Rules

SKIP_VALIDATION = "skip_thought_signature_validator"
"""What Google has callers put in place of a signature for calls that did not come from the model asked
(ai.google.dev/gemini-api/docs/thought-signatures, its FAQ)."""

_ROLES = {Role.USER: "user", Role.ASSISTANT: "model"}

Json = dict[str, Any]


def system_instruction(messages: Iterable[Message], rules: Rules) -> Json | None:
    """Every system message, in order: there is one place for them, and it is in front."""
    parts = []
    for message in messages:
        if message.role is Role.SYSTEM:
            for part in message.parts:
                if isinstance(part, Text):
                    parts.append({"text": part.text})
                else:
                    rules.lacks("messages", reason="The upstream model takes only text in system messages.")
    return {"parts": parts} if parts else None


def contents(messages: Sequence[Message], rules: Rules, model: str) -> list[Json]:
    """The other messages. Neighbours of one role become one content, for all calls of a turn must stand
    in one, and all their results in the next."""
    names = _called(messages)
    turns: list[Json] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            continue
        if message.name is not None:
            rules.lacks("name", reason="The upstream model takes no 'name' in a message.")
        role = _ROLES[message.role]
        parts = [written for part in message.parts if (written := _part(part, rules, names)) is not None]
        if turns and turns[-1]["role"] == role:
            turns[-1]["parts"] += parts
        elif parts:
            turns.append({"role": role, "parts": parts})
    if thinks_by_level(model):
        _sign(turns)
    return turns


def _called(messages: Iterable[Message]) -> dict[str, str]:
    """The tools' names by call: results are matched by name there, and most dialects give only the id."""
    calls = (part for message in messages for part in message.parts if isinstance(part, ToolCall))
    return {call.id: call.name for call in calls}


def _sign(turns: Iterable[Json]) -> None:
    """Of parallel calls only the first carries a signature; where it has none the turn would be refused."""
    for turn in turns:
        call = next((part for part in turn["parts"] if "functionCall" in part), None)
        if call is not None:
            call.setdefault("thoughtSignature", SKIP_VALIDATION)


def _part(part: Part, rules: Rules, names: dict[str, str]) -> Json | None:
    match part:
        case Text(text):
            return {"text": text}
        case Image():
            return _image(part, rules)
        case Thought():
            return _thought(part)
        case ToolCall():
            return _call(part)
        case ToolResult():
            return _result(part, rules, names)


def _image(image: Image, rules: Rules) -> Json:
    if image.detail not in (None, "auto"):
        rules.lacks("detail", reason="The upstream model takes no 'detail' for an image.")
    if image.data is not None:
        return {"inlineData": {"mimeType": image.media_type, "data": image.data}}
    kind = {"mimeType": image.media_type} if image.media_type else {}
    return {"fileData": {**kind, "fileUri": image.url}}


def _thought(thought: Thought) -> Json | None:
    """A redacted thought is another maker's sealed data: it means nothing here, and says nothing. A seal
    without words stood in a part without words."""
    if thought.redacted or not (thought.text or thought.signature):
        return None
    said = {"text": thought.text, "thought": True} if thought.text else {"text": ""}
    return _signed(said, thought.signature)


def _call(call: ToolCall) -> Json:
    function = {"id": call.id, "name": call.name, "args": strict.arguments(call.arguments)}
    return _signed({"functionCall": function}, call.signature)


def _signed(part: Json, signature: str | None) -> Json:
    return {**part, "thoughtSignature": signature} if signature else part


def _result(result: ToolResult, rules: Rules, names: dict[str, str]) -> Json:
    name = result.name or names.get(result.id)
    if name is None:
        reason = f"The tool result '{result.id}' answers no call of this conversation."
        rules.lacks("messages.tool_call_id", reason=reason)
        name = result.id
    response: Json = {"id": result.id, "name": name, "response": _response(result)}
    images = [written for part in result.parts if (written := _attachment(part, rules)) is not None]
    if images:
        response["parts"] = images
    return {"functionResponse": response}


def _response(result: ToolResult) -> Any:
    """An object stands for itself; other text, and an object that could be taken for the wrapping, is
    wrapped as `output`, an error as `error`."""
    text = "".join(part.text for part in result.parts if isinstance(part, Text))
    if result.is_error:
        return {"error": text}
    members = strict.members(text)
    if members is None or members.keys() & {"output", "error"}:
        return {"output": text}
    return msgspec.Raw(text)


def _attachment(part: Text | Image, rules: Rules) -> Json | None:
    """A tool's image goes beside the response, as data only."""
    if isinstance(part, Text):
        return None
    if part.data is None:
        rules.lacks("image_url", reason="The upstream model takes the images of a tool result only as data.")
        return None
    return _image(part, rules)

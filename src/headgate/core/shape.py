"""What is put around a prompt before a model reads it: an agent's persona, a model's own template."""

from __future__ import annotations

import msgspec

from headgate.core.chat import Chat, Message, Role, Text, ToolResult


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """`persona` is a system prompt that comes before the caller's; `system` takes the place of all the
    caller's system prompts; `prefix` and `suffix` go around the last turn of the user, joined as they are."""

    persona: str = ""
    system: str | None = None
    prefix: str = ""
    suffix: str = ""

    def chat(self, chat: Chat) -> Chat:
        """The chat as the model shall read it."""
        messages = list(chat.messages)
        if self.system is not None:
            messages = [one for one in messages if one.role is not Role.SYSTEM]
        if self.prefix or self.suffix:
            self._around_the_last(messages)
        openings = [text for text in (self.persona, self.system) if text]
        said = [Message(role=Role.SYSTEM, parts=(Text(text),)) for text in openings]
        return msgspec.structs.replace(chat, messages=(*said, *messages))

    def _around_the_last(self, messages: list[Message]) -> None:
        for place in range(len(messages) - 1, -1, -1):
            one = messages[place]
            if one.role is Role.USER and not all(isinstance(part, ToolResult) for part in one.parts):
                before = (Text(self.prefix),) if self.prefix else ()
                after = (Text(self.suffix),) if self.suffix else ()
                messages[place] = msgspec.structs.replace(one, parts=(*before, *one.parts, *after))
                return

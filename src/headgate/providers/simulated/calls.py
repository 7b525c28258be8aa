"""Which tools a simulated model calls, and with what."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from headgate.core.chat import Chat, Tool
from headgate.providers.simulated import words
from headgate.providers.simulated.schema import fit

MAX_CALLS = 8

_NAMES = re.compile(r"[A-Z]\w+(?: [A-Z]\w+)*(?:, [A-Z]\w+(?: [A-Z]\w+)*)*,? and [A-Z]\w+(?: [A-Z]\w+)*")
_BETWEEN = re.compile(r",? and |, ")
_PROPER = re.compile(r"(?<=[a-z,] )[A-Z]\w+(?: [A-Z]\w+)*")
_MIN_WORD = 4


class Wanted(msgspec.Struct, frozen=True):
    """One call about to be made; `arguments` is JSON text."""

    name: str
    arguments: str


def wanted(chat: Chat) -> tuple[Wanted, ...]:
    """The calls this request asks for; none means an answer in words.

    `tool_choice` is obeyed. Left to itself (`auto`), the model calls the tools whose name the prompt says,
    or a telling word of it ("weather" for `get_weather`), and none once it has been told their results.
    One tool and several names joined by "and" ("Paris, Rome and Oslo") are a call for each.
    """
    mode = chat.tool_choice.mode if chat.tool_choice else "auto"
    if not chat.tools or mode == "none" or (mode == "auto" and words.results(chat)):
        return ()
    prompt = words.last_prompt(chat)
    chosen = _chosen(chat, mode, prompt)
    calls = [Wanted(tool.name, text) for tool in chosen for text in _arguments(tool, prompt, len(chosen))]
    return tuple(calls[: 1 if chat.parallel_tool_calls is False else MAX_CALLS])


def _chosen(chat: Chat, mode: str, prompt: str) -> list[Tool]:
    if mode == "tool" and chat.tool_choice:
        return [tool for tool in chat.tools if tool.name == chat.tool_choice.name][:1] or [chat.tools[0]]
    said = prompt.lower()
    named = [tool for tool in chat.tools if tool.name.lower() in said]
    named = named or [tool for tool in chat.tools if any(word in said for word in _telling(tool.name))]
    return named or ([chat.tools[0]] if mode == "required" else [])


def _telling(name: str) -> list[str]:
    parts = re.findall(r"[A-Z]?[a-z]+", name)
    return [part.lower() for part in parts if len(part) >= _MIN_WORD]


def _arguments(tool: Tool, prompt: str, tools: int) -> list[str]:
    """The arguments of each call of `tool`: several subjects are shared out over one tool alone."""
    joined = _NAMES.search(prompt)
    subjects = _BETWEEN.split(joined.group()) if joined and tools == 1 else [_subject(prompt)]
    made = [_filled(tool, subject) for subject in subjects]
    return [msgspec.json.encode(arguments).decode() for arguments in made]


def _subject(prompt: str) -> str:
    proper = _PROPER.search(prompt)
    return proper.group() if proper else words.topic(prompt)


def _filled(tool: Tool, subject: str) -> Any:
    """An object, whatever the schema says: nothing else can be a function's arguments."""
    made = fit(tool.parameters or {}, subject=subject)
    return made if isinstance(made, dict) else {}

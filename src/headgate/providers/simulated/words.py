"""What a simulated model says: short, sensible, about the topic of the prompt, the same every time."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from headgate.core.chat import Chat, Image, Part, Role, Text, Thought, ToolCall, ToolResult, text_of
from headgate.core.usage import CHARS_PER_TOKEN

MESSAGE_TOKENS = 3
IMAGE_TOKENS = 85
"""What OpenAI counts for the frame of a message, and for an image in low detail."""

_TOKEN = re.compile(r"\s*\w{1,5}|\s*[^\w\s]|\s+")
_WORD = re.compile(r"[^\W\d_][\w'-]*|\d[\d.,]*")
_TOPIC_WORDS = 6
_LOOK_BACK_CHARS = 2000
_PLAIN = frozenset(
    """
    a about an and are as at be by can could do does explain for from give have how i if in into is it its let
    me my of on one or our please say should so some tell than that the their them then there these they this
    to us use was we were what when where which who why will with would write you your
    """.split()  # noqa: SIM905 - seventy words read better than seventy lines
)
_CODE = re.compile(
    r"\b(code|function|class|bug|debug|python|javascript|rust|sql|script|refactor|compile)\b", re.I
)
_REASON = re.compile(
    r"\b(why|prove|proof|analy[sz]e|compare|derive|solve|calculate|reason|step by step)\b", re.I
)

_CODE_ANSWER = (
    "Here is a small function for {topic}:\n\n```python\ndef {name}(value):\n"
    '    """Handle {topic}."""\n    return value\n```\n\nCall it with one value and check what it returns.'
)
_REASON_ANSWER = (
    "Let us take {topic} step by step. First, write down what is known. Second, see what follows from it. "
    "Third, test the result on a small case. Each step holds, so the answer about {topic} stands."
)
_PLAIN_ANSWERS = (
    "In short, {topic} comes down to two things: what you start with and what you want. Settle those and the "
    "rest follows.",
    "There is a simple way to see {topic}. Begin with one example, note what changes, keep what does not.",
    "A good answer about {topic} depends on the case, but most people begin with the basics and go on from "
    "there.",
)


@lru_cache(maxsize=256)
def tokens(text: str) -> tuple[str, ...]:
    """Cuts a text into pieces of about a token each; joined, they are the text again."""
    return tuple(_TOKEN.findall(text))


def number_of(*parts: object) -> int:
    """A number that depends on nothing but `parts`: the same in every process."""
    return int.from_bytes(
        blake2b("\x1f".join(map(str, parts)).encode(errors="replace"), digest_size=8).digest()
    )


def topic(prompt: str) -> str:
    """The prompt's telling words, in their order."""
    words = [word.strip("'-.,") for word in _WORD.findall(prompt[-_LOOK_BACK_CHARS:])]
    telling = list(dict.fromkeys(word for word in words if word.lower() not in _PLAIN))
    return " ".join((telling or words)[:_TOPIC_WORDS]) or "your question"


def by_name(made: Any, prompt: str) -> Any:
    """Texts of an answer under the names that the prompt, a JSON object itself, asks them by: each about what
    stands there."""
    if not isinstance(made, dict) or not prompt.startswith("{"):
        return made
    try:
        asked = msgspec.json.decode(prompt, type=dict[str, str])
    except msgspec.MsgspecError:
        return made
    texts = {
        name: topic(asked[name]) for name, said in made.items() if isinstance(said, str) and name in asked
    }
    return made | texts


def last_prompt(chat: Chat) -> str:
    """What the user said last, in text."""
    users = (message for message in reversed(chat.messages) if message.role is Role.USER)
    return next((text for message in users if (text := text_of(message.parts))), "")


def wanted_tokens(prompt: str) -> int:
    """How long an answer its last words ask for: `… (320 tokens)`; 0 where they do not."""
    if not prompt.endswith(" tokens)"):
        return 0
    number = prompt[prompt.rfind("(") + 1 : -len(" tokens)")]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0


def results(chat: Chat) -> tuple[ToolResult, ...]:
    """The tool results that the model is to answer now: those that end the conversation."""
    if not chat.messages:
        return ()
    return tuple(part for part in chat.messages[-1].parts if isinstance(part, ToolResult))


def prose(chat: Chat, *, seed: int, choice: int) -> str:
    """The answer in words."""
    answered = results(chat)
    if answered:
        told = "; ".join(text_of(result.parts) or "nothing" for result in answered)
        return f"According to {answered[0].name or 'the tool'}: {told}."
    prompt = last_prompt(chat)
    about = topic(prompt)
    if _CODE.search(prompt):
        name = "_".join(re.findall(r"[a-z]+", about.lower())[:3]) or "answer"
        return _CODE_ANSWER.format(topic=about, name=name)
    if _REASON.search(prompt):
        return _REASON_ANSWER.format(topic=about)
    return _PLAIN_ANSWERS[number_of(seed, choice, prompt) % len(_PLAIN_ANSWERS)].format(topic=about)


def thoughts(chat: Chat) -> str:
    """What goes through its mind first."""
    about = topic(last_prompt(chat))
    return (
        f"The user asks about {about}. I should say what {about} is, give one example, and keep it short. "
        f"Nothing in the question rules out the plain answer, so I will give that."
    )


def _chars(part: Part) -> int:
    match part:
        case Text(text=text) | Thought(text=text):
            return len(text)
        case ToolCall(name=name, arguments=arguments):
            return len(name) + len(arguments)
        case ToolResult(parts=parts):
            return sum(_chars(inner) for inner in parts)
        case Image():
            return IMAGE_TOKENS * CHARS_PER_TOKEN


def message_tokens(parts: tuple[Part, ...]) -> int:
    """About what one message costs."""
    return MESSAGE_TOKENS - (-sum(map(_chars, parts)) // CHARS_PER_TOKEN)


def tools_tokens(chat: Chat) -> int:
    """About what the descriptions of its tools cost."""
    return sum(
        -(-len(json.dumps([tool.name, tool.description, tool.parameters])) // CHARS_PER_TOKEN)
        for tool in chat.tools
    )

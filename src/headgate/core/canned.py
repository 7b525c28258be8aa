"""Answers written by the operator for questions that are put the same way again and again.

A pattern is plain text with named slots: `what is the price of {article}`. It is not a regular expression and
knows no repetition, so there is nothing to backtrack over: its pieces of text are looked for from left to
right, each once, and matching takes time linear in the prompt. Case, white space and a full stop or question
mark at the end do not matter. A slot takes the least text that lets the next piece follow, at least one
character; `{n:number}` and `{w:word}` take only such. Slots stand in the answer as they were said; nothing is
ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from headgate.core.asked import Asked

MAX_SAID = 1_000
"""Characters of a prompt; longer ones are not what patterns are for."""

MAX_SLOT = 200
"""Characters that a slot takes at most."""

_SLOT = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,39})(?::(text|word|number))?")
_NUMBER = re.compile(r"[+-]?\d{1,30}(?:[.,]\d{1,30})?")
_REGULAR = re.compile(r"[*|\\^\[\]]|\(\?|\)[+?]|\.\+|\$$")
_END = " .?!"


class Unusable(ValueError):
    """A pattern, or its answer, is none."""


class Canned(msgspec.Struct, frozen=True, kw_only=True):
    """One pattern and its answer. `texts` stand around `slots`, which are names with what they take; `answer`
    is text and names of slots in turn. `spare`: only where nobody else answers."""

    name: str
    texts: tuple[str, ...]
    slots: tuple[tuple[str, str], ...]
    answer: tuple[str, ...]
    spare: bool = False

    def told(self, said: str, folded: str) -> str | None:
        """The answer to a prompt, `tidied`; `None` where it is another question."""
        values = self._values(said, folded)
        if values is None:
            return None
        return "".join([values[part] if place % 2 else part for place, part in enumerate(self.answer)])

    def _values(self, said: str, folded: str) -> dict[str, str] | None:
        first, last = self.texts[0], self.texts[-1]
        if not self.slots:
            return {} if folded == first else None
        end = len(folded) - len(last)
        if not folded.startswith(first) or not folded.endswith(last):
            return None
        begin = len(first)
        values: dict[str, str] = {}
        for (name, kind), following in zip(self.slots, self.texts[1:], strict=True):
            is_last = len(values) == len(self.slots) - 1
            until = end if is_last else folded.find(following, begin + 1, end)
            value = said[begin:until].strip() if until > begin else ""
            if not _fits(value, kind):
                return None
            values[name], begin = value, until + len(following)
        return values


def _fits(value: str, kind: str) -> bool:
    if not value or len(value) > MAX_SLOT:
        return False
    if kind == "number":
        return _NUMBER.fullmatch(value) is not None
    return kind == "text" or " " not in value


def canned(match: str, answer: str, *, name: str, spare: bool = False) -> Canned:
    """From what the operator wrote. Raises `Unusable`, which says why."""
    if _REGULAR.search(_SLOT.sub("x", match)):
        raise Unusable("is not a regular expression: write plain text, with slots like {name}")
    texts, slots = _parted(match)
    if not any(one.isalnum() for text in texts for one in text):
        raise Unusable("needs words of its own: it would match everything")
    if any(not text.strip() for text in texts[1:-1]):
        raise Unusable("needs words between two slots: where one ends could only be guessed")
    known = dict(slots)
    if len(known) < len(slots):
        raise Unusable("has a slot twice")
    said, wanted = _parted(answer, plain=True)
    if unknown := [slot for slot, _ in wanted if slot not in known]:
        raise Unusable(f"has an answer with a slot that it does not fill: {unknown[0]}")
    parts = [said[0]]
    for (slot, _), text in zip(wanted, said[1:], strict=True):
        parts += (slot, text)
    return Canned(name=name, texts=_folded(texts), slots=tuple(slots), answer=tuple(parts), spare=spare)


def _parted(text: str, *, plain: bool = False) -> tuple[list[str], list[tuple[str, str]]]:
    """The texts around slots, and the slots."""
    parts = _SLOT.split(text)
    texts, slots = parts[::2], []
    if any("{" in one or "}" in one for one in texts):
        raise Unusable("has a brace that is not part of a slot like {name}")
    for spec in parts[1::2]:
        found = _NAME.fullmatch(spec)
        if found is None or (plain and found[2]):
            raise Unusable("has a slot that is not written like {name}, {name:word} or {name:number}")
        slots.append((found[1], found[2] or "text"))
    return texts, slots


def _folded(texts: list[str]) -> tuple[str, ...]:
    tidy = [re.sub(r"\s+", " ", text).lower() for text in texts]
    tidy[0], tidy[-1] = tidy[0].lstrip(), tidy[-1].rstrip(_END)
    return tuple(tidy)


class Cans:
    """All of them, in order: the first that fits answers."""

    def __init__(self, every: Iterable[Canned]) -> None:
        self._every = tuple(every)

    def __bool__(self) -> bool:
        return bool(self._every)

    def told(self, asked: Asked | None) -> tuple[str, str] | None:
        """The name of the pattern that fits and its answer. Only a question that stands alone has one: no
        conversation, tool, image or wanted form."""
        if asked is None or asked.earlier or asked.tools or asked.images or asked.json:
            return None
        if asked.last_chars > MAX_SAID or len(asked.text) != asked.last_chars:
            return None
        said = " ".join(asked.text.split()).rstrip(_END)
        folded = said.lower()
        if len(folded) != len(said):  # some letters have two small ones
            folded = said
        for one in self._every:
            answer = one.told(said, folded)
            if answer is not None:
                return one.name, answer
        return None


def cans(templates: Iterable[Mapping[str, str]]) -> tuple[Cans, Cans]:
    """Of what the configuration says: those that always answer, and all, for when nobody else does."""
    every = [
        canned(one["match"], one["answer"], name=f"template-{number}", spare=one["when"] == "outage")
        for number, one in enumerate(templates, 1)
    ]
    return Cans(one for one in every if not one.spare), Cans(every)

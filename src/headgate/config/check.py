"""What can be wrong with a configuration, and how people are told."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

Path = tuple[str | int, ...]
"""Where a value stands in the tree: names of keys, numbers of list items."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong. `line` and `column` count from 1; 0 where there is no such place.

    `message` and `hint` never hold a value of the configuration, only names.
    """

    path: str
    message: str
    hint: str | None = None
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        subject = " ".join(part for part in (place, self.path) if part)
        said = f"{self.message}; {self.hint}" if self.hint else self.message
        return f"{subject}: {said}" if subject else said


class ConfigError(Exception):
    """A configuration that cannot be used, with everything that is wrong with it, in the file's order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.column)))
        super().__init__(report(self.problems))


def report(problems: Iterable[Problem]) -> str:
    """The problems for people, one a line: `headgate.yaml:12:5 providers.claude.keyz: unknown key; did …?`"""
    return "\n".join(str(problem) for problem in problems)


def dotted(path: Path) -> str:
    """A path as people write it: `providers.claude.keys[0]`; a name with a dot in it stands in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + _shown(step)
    return text


def _shown(name: str) -> str:
    """A key as it may stand in a line of text."""
    clean = "".join(char if char.isprintable() else "?" for char in name[:80])
    clean += "…" if len(name) > 80 else ""
    return clean if clean and not set(clean) & set(". []'") else f"'{clean}'"


def quoted(name: str) -> str:
    """A key in quotes, for the middle of a sentence."""
    return f"'{_shown(name).strip(chr(39))}'"

"""YAML text as plain data in which every value knows its line.

Every scalar stays text (or `None`): which of them are numbers is for the tree to say, so that a key of
digits keeps its zeros and `off` is a word. References are expanded after parsing, so that no value can
add structure.
"""

from __future__ import annotations

from typing import Any

import yaml

from headgate.config.check import Path, Problem, dotted, quoted
from headgate.config.environment import References, Unresolved

MAX_CHARS = 1_048_576
MAX_DEPTH = 20
MAX_VALUES = 50_000
"""Bounds on a file, so that aliases of aliases cannot fill the memory."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_STANDARD = "tag:yaml.org,2002:"
_REASONS = (
    ("found duplicate anchor", "an anchor is set twice"),
    ("found undefined alias", "an alias without its anchor: a value that begins with '*' belongs in quotes"),
    ("found undefined tag handle", "a value that begins with '!' belongs in quotes"),
    ("while scanning a quoted scalar", "a quote that is not closed"),
    ("found character '\\t'", "a tab: indent with spaces"),
    ("found character", "a character that no value may begin with: put the value in quotes"),
    (
        "mapping values are not allowed",
        "a ':' where none may stand: put the value in quotes, or mend the indentation",
    ),
    ("could not find expected ':'", "a key without its ':'"),
    ("expected a single document", "a second document: one file is one configuration"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("expected ',' or", "a ',' or a closing bracket is missing; between brackets, '${…}' belongs in quotes"),
    ("found unexpected end of stream", "the file ends in the middle of a value"),
    ("found unknown escape", "an unknown escape in a double-quoted value: write \\\\ or use single quotes"),
)
"""What PyYAML says, which may quote the file, and what we say, which never does."""


class _Unreadable(Exception):
    """The text as a whole cannot be read."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.problem = Problem(path="", message=message, line=line, column=column)


class Document:
    """A file's content: `data`, the `problems` met on the way, and where everything stands.

    A value with a problem is `None` in `data` and its path is in `broken`.
    """

    def __init__(self, text: str, references: References) -> None:
        self.data: Any = None
        self.problems: list[Problem] = []
        self.broken: set[Path] = set()
        self._references = references
        self._places: dict[Path, tuple[int, int]] = {}
        self._keys: dict[Path, tuple[int, int]] = {}
        self._count = 0
        try:
            root = _composed(text)
            self.data = None if root is None else self._plain(root, (), ())
        except _Unreadable as error:
            self.problems.append(error.problem)
            self.broken.add(())

    def place(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """Line and column of the value at `path`, or of its key, or of the nearest thing around it."""
        if key and path in self._keys:
            return self._keys[path]
        for length in range(len(path), -1, -1):
            if (found := self._places.get(path[:length])) is not None:
                return found
        return (1, 1)

    def _plain(self, node: yaml.Node, path: Path, within: tuple[yaml.Node, ...]) -> Any:
        self._places.setdefault(path, _mark(node))
        self._count += 1
        if self._count > MAX_VALUES or node in within:
            raise _Unreadable("more values than a configuration can have", *_mark(node))
        if not node.tag.startswith(_STANDARD):
            self._fault(
                path, "a tag, which means nothing here", "a value that begins with '!' belongs in quotes"
            )
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, (*within, node))
        if isinstance(node, yaml.SequenceNode):
            return [
                self._plain(item, (*path, index), (*within, node)) for index, item in enumerate(node.value)
            ]
        plain = isinstance(node, yaml.ScalarNode) and node.style is None
        return self._scalar(node.value, plain, path)

    def _mapping(self, node: yaml.MappingNode, path: Path, within: tuple[yaml.Node, ...]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fault(path, "a key that is not text", None, place=_mark(key))
                continue
            here = (*path, key.value)
            if key.value in plain:
                self._fault(here, f"the key {quoted(key.value)} is given twice", None, place=_mark(key))
                continue
            self._keys[here] = _mark(key)
            plain[key.value] = self._plain(value, here, within)
        return plain

    def _scalar(self, value: str, plain: bool, path: Path) -> str | None:
        try:
            text = self._references.expand(value)
        except Unresolved as error:
            self._fault(path, error.message, error.hint)
            return None
        return None if plain and text in _NULLS else text

    def _fault(
        self, path: Path, message: str, hint: str | None, *, place: tuple[int, int] | None = None
    ) -> None:
        """Notes a problem of the value at `path`, or, with `place`, of a key that is passed over."""
        line, column = place or self.place(path)
        self.problems.append(Problem(path=dotted(path), message=message, hint=hint, line=line, column=column))
        if place is None:
            self.broken.add(path)


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _composed(text: str) -> yaml.Node | None:
    """The text as nodes, within bounds. Raises `_Unreadable`."""
    if len(text) > MAX_CHARS:
        raise _Unreadable(f"more than {MAX_CHARS} characters")
    if odd := yaml.reader.Reader.NON_PRINTABLE.search(text):
        before = text[: odd.start()]
        raise _Unreadable("a control character", before.count("\n") + 1, odd.start() - before.rfind("\n"))
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise _at(event.start_mark, "nested deeper than any key")
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _not_yaml(error) from None
    return root


def _not_yaml(error: yaml.YAMLError) -> _Unreadable:
    said = f"{getattr(error, 'problem', '')} {getattr(error, 'context', '')}"
    reason = next((ours for theirs, ours in _REASONS if theirs in said), "not valid YAML here")
    return _at(getattr(error, "problem_mark", None), reason)


def _at(mark: Any, message: str) -> _Unreadable:
    return _Unreadable(message, mark.line + 1, mark.column + 1) if mark else _Unreadable(message)

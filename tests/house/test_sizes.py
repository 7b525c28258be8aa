"""Files and functions stay small. What does not yet stands in `ratchet.txt`, which may only shrink."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
RATCHET = Path(__file__).with_name("ratchet.txt")
MAX_FILE, MAX_FUNCTION = 400, 50
FOLDERS = ("src", "tests", "bench")


@cache
def measured() -> tuple[tuple[str, int, int], ...]:
    """(what, its lines, its limit) for every file and function; a test's table of rows is not counted."""
    return tuple(_measured())


def _measured() -> Iterator[tuple[str, int, int]]:
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        yield name, len(text.splitlines()), MAX_FILE
        yield from functions(ast.parse(text), f"{name}::")


def functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from functions(child, prefix)
            continue
        if not isinstance(child, ast.ClassDef):
            lines = (child.end_lineno or child.lineno) - child.lineno + 1
            yield f"{prefix}{child.name}", lines, MAX_FUNCTION
        yield from functions(child, f"{prefix}{child.name}.")


def allowed() -> dict[str, int]:
    """`NAME LINES` a line; `#` begins a comment."""
    lines = (line.split("#")[0].split() for line in RATCHET.read_text().splitlines())
    return {name: int(count) for name, count in filter(None, lines)}


def test_files_and_functions_stay_small() -> None:
    exceptions = allowed()
    grown = [
        f"{name}: {lines} lines, {exceptions.get(name, limit)} allowed"
        for name, lines, limit in measured()
        if lines > exceptions.get(name, limit)
    ]
    assert not grown, "\n".join(grown)


def test_the_list_of_exceptions_only_shrinks() -> None:
    sizes: dict[str, tuple[int, int]] = {}
    for name, lines, limit in measured():
        sizes[name] = max(sizes.get(name, (0, limit)), (lines, limit))
    for name, count in allowed().items():
        lines, limit = sizes.get(name, (0, 0))
        assert lines > limit, f"{name} needs no exception any more: take it off ratchet.txt"
        assert lines >= count, f"{name} has come down to {lines} lines: say so in ratchet.txt"

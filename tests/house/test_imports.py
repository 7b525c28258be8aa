"""Who may import whom, and what may not be imported or silenced at all."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOCKS = {"mock", "pytest_mock", "freezegun", "time_machine", "respx", "aioresponses", "requests_mock"}
SILENCER = re.compile(r"#\s*(?:type:\s*ignore|noqa|pragma: no cover|mypy:)")
REASON = re.compile(
    r"#\s*(?:type:\s*ignore\[[\w\-, ]+\]|noqa:\s*[A-Z]+\d+\b(?:\s*,\s*[A-Z]+\d+\b)*)"  # which rule, and then
    r"[\s#(:,;—-]+[A-Za-z]+\b"  # a word
)


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def test_imports_go_downward_only() -> None:
    """The contracts of `pyproject.toml`: storeys, dry below the adapters, no cycles."""
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is part of `make check`, not of what the tests need")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@cache
def imported(path: Path) -> frozenset[str]:
    """Every module a file names, and every name it takes from one."""
    return frozenset(_imported(ast.parse(path.read_bytes())))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nobody_uses_a_mock_library() -> None:
    users = {
        str(path.relative_to(ROOT))
        for path in sources("src", "tests", "bench")
        for name in imported(path)
        if name.startswith("unittest.mock") or name.split(".")[0] in MOCKS
    }
    assert not users


def test_layers_do_not_import_each_other() -> None:
    """`service`, `scope`, `replay` and `cashier` are what layers are made of; a layer is every other module
    there."""
    shared = {f"headgate.pipeline.{name}" for name in ("service", "scope", "replay", "cashier")}
    for path in sources("src/headgate/pipeline"):
        own = f"headgate.pipeline.{path.stem}"
        names = {
            ".".join(name.split(".")[:3]) for name in imported(path) if name.startswith("headgate.pipeline.")
        }
        assert names - shared <= {own}, f"{path.name} imports {names - shared}"


def test_adapters_do_not_import_each_other_but_for_their_parts() -> None:
    """Some are parts of adapters, not adapters: those named here, and whatever a package is made of."""
    parts = {f"headgate.adapters.{name}" for name in ("accounting", "alarms", "books", "jobs", "record")}
    folder = ROOT / "src/headgate/adapters"
    for path in sources("src/headgate/adapters"):
        own = {f"headgate.adapters.{path.relative_to(folder).with_suffix('').parts[0]}"}
        names = {
            ".".join(name.split(".")[:3]) for name in imported(path) if name.startswith("headgate.adapters.")
        }
        assert names <= parts | own, f"{path.name} imports {names - parts - own}"


def comments(path: Path) -> Iterator[tuple[int, str]]:
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def test_whoever_silences_a_tool_says_which_rule_and_why_on_the_line() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{line} {comment}"
        for path in sources("src", "tests", "bench")
        if SILENCER.search(path.read_text())
        for line, comment in comments(path)
        if SILENCER.search(comment) and not REASON.search(comment)
    ]
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize(
    ("comment", "enough"),
    [
        ("# noqa: E501  the table is wider than the rule", True),
        ("# type: ignore[arg-type]  # pyreqwest has no stubs for it", True),
        ("# noqa: S105, S106 - no secrets, but their names", True),
        ("# noqa: TID251 - a child process is given this one's environment", True),
        ("# noqa: S105, S106", False),
        ("# noqa", False),
        ("# noqa: E501", False),
        ("# type: ignore[arg-type]", False),
        ("# type: ignore  # because", False),
    ],
)
def test_what_counts_as_a_reason(comment: str, enough: bool) -> None:
    assert SILENCER.search(comment)
    assert bool(REASON.search(comment)) is enough


EXTRAS = "numpy tokenizers wordllama usearch redis asyncpg matplotlib presidio_analyzer"
NEEDY = ("adapters.embed", "adapters.near", "adapters.outcomes", "adapters.postgres", "adapters.redis",
         "core.learned", "core.intent.vectors")  # fmt: skip
WITHOUT = """
import importlib, pkgutil, sys
import headgate
sys.modules.update(dict.fromkeys(sys.argv[1].split()))  # importing them raises ImportError
for one in pkgutil.walk_packages(headgate.__path__, "headgate.", onerror=lambda name: None):
    if not one.name.removeprefix("headgate.").startswith(tuple(sys.argv[2].split())):
        importlib.import_module(one.name)
"""


def test_who_has_no_extra_can_run_it() -> None:
    """What an extra brings is imported where it is used, or by a module that is imported there itself."""
    words = [sys.executable, "-c", WITHOUT, EXTRAS, " ".join(NEEDY)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1500:]

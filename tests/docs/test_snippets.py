"""Every snippet of the pages does what it says, pasted as it stands.

Python runs against the demo that `make demo` starts. YAML is a configuration. A line of bash is a command of
ours (run, or where it would not end, its options checked), a curl (sent, and answered 200), a make target, or
one of a few that only people run. JSON is JSON. Anything else is no snippet, and has no language.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import NamedTuple

import pytest

from headgate.config.load import parse
from headgate.config.stage import load

ROOT = Path(__file__).parents[2]
HEADGATE = Path(sys.executable).with_name("headgate")
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE_S = 120.0

NOWHERE = {"PATH": os.defpath, "OLLAMA_HOST": "127.0.0.1:1"}
"""An environment without a provider, whatever this machine has."""

KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "HEADGATE_API_KEY", "INTERN_KEY", "CLAUDE_KEY")
KEYED = NOWHERE | {
    name: f"a-key-for-{name}"
    for name in (
        *KEYS,
        "CLAUDE_KEY_1",
        "CLAUDE_KEY_2",
        "KEY_1",
        "KEY_2",
        "ACME_KEY",
        "TRIAL_KEY",
        "OPENAI_KEY",
    )
}

PEOPLE = frozenset({"export", "git", "cd", "pip", "claude"})
ENDING = frozenset({"check", "--once", "--list-faults", "--version"})
"""A command with one of these ends by itself."""


class Snippet(NamedTuple):
    page: str
    line: int
    language: str
    text: str


def snippets() -> Iterator[Snippet]:
    for page in PAGES:
        text = page.read_text()
        for found in FENCE.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Snippet(page.relative_to(ROOT).as_posix(), line, found[1], found[2])


ALL = list(snippets())


def of(*languages: str) -> pytest.MarkDecorator:
    chosen = [one for one in ALL if one.language in languages]
    return pytest.mark.parametrize("snippet", chosen, ids=[f"{one.page}:{one.line}" for one in chosen])


# ── what they are run against ────────────────────────────────────────────────────────────────────


@contextmanager
def serving(*command: str) -> Iterator[Iterator[str]]:
    """A process of ours, and the lines it prints. It is stopped at the end, and where it hangs."""
    process = subprocess.Popen([HEADGATE, *command], stdout=subprocess.PIPE, text=True, env=NOWHERE)
    hangs = Timer(10 * PATIENCE_S, process.kill)
    hangs.start()
    assert process.stdout is not None
    try:
        with process.stdout as lines:
            yield lines
    finally:
        hangs.cancel()
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """The addresses on the pages → those of what is running here."""
    with serving("demo", "--port", "0") as demo, serving("sim-providers", "--port", "0") as simulated:
        said = "".join(iter(demo.__next__, "Serving until Ctrl-C.\n"))
        endpoint = re.search(r"^Endpoint (\S+)/v1 ", said, flags=re.MULTILINE)
        assert endpoint, said
        yield {
            "http://127.0.0.1:8080": endpoint[1],
            "http://127.0.0.1:9100": next(simulated).split()[-1],
        }


def moved(text: str, addresses: dict[str, str]) -> str:
    for there, here in addresses.items():
        text = text.replace(there, here)
    return text


@pytest.fixture
def desk(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The folder a reader of the page sits in: its first configuration is there as `headgate.yaml`."""
    snippet: Snippet = request.getfixturevalue("snippet")
    pages = [one for one in ALL if one.language == "yaml"]
    first = next((one for one in pages if one.page == snippet.page), pages[0])
    (tmp_path / "headgate.yaml").write_text(first.text)
    return tmp_path


# ── the languages ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.e2e
@of("python")
def test_python_runs_as_pasted(snippet: Snippet, desk: Path, addresses: dict[str, str]) -> None:
    code = moved(snippet.text, addresses)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=desk,
        env=NOWHERE,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip(), "it says nothing"


@of("yaml")
def test_yaml_is_a_configuration(snippet: Snippet, tmp_path: Path) -> None:
    """Or a scenario, which has callers."""
    if "\ncallers:" in snippet.text:
        (tmp_path / "scenario.yaml").write_text(snippet.text)
        assert load(tmp_path / "scenario.yaml", KEYED).scenario.callers
        return
    settings = parse(snippet.text, KEYED)
    assert settings.models
    assert settings.keys


@of("json")
def test_json_is_json(snippet: Snippet) -> None:
    assert json.loads(snippet.text)


@pytest.mark.e2e
@of("bash")
def test_bash_does_what_it_says(snippet: Snippet, desk: Path, addresses: dict[str, str]) -> None:
    for line in moved(snippet.text, addresses).replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            run(words, desk)


def test_there_is_no_other_language() -> None:
    assert {one.language for one in ALL} <= {"python", "yaml", "json", "bash"}
    assert len(ALL) > 30


# ── bash, as much of it as is on the pages ───────────────────────────────────────────────────────


def run(words: list[str], desk: Path) -> None:
    command = Path(words[0]).name
    if command == "headgate":
        headgate(words[1:], desk)
    elif command == "curl":
        assert curl(words[1:]) == 200
    elif command == "make":
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
        assert {word for word in words[1:] if "=" not in word} <= targets
    else:
        assert command in PEOPLE, f"no test runs {command}"


def headgate(arguments: list[str], desk: Path) -> None:
    """Runs it if it ends by itself; its options are checked in any case."""
    runs = [[*arguments, "--help"]]
    if ENDING & set(arguments):
        runs.append(arguments)
    for one in runs:
        done = subprocess.run(
            [HEADGATE, *one],
            cwd=desk,
            env=KEYED,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{one}: {done.stdout}{done.stderr}"


def curl(arguments: list[str]) -> int:
    """The status of what curl would ask."""
    headers, body, method, url = {}, None, None, ""
    words = iter(arguments)
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(":")
            headers[name] = value.strip()
        elif word == "-d":
            body = next(words).encode()
        elif word == "-X":
            method = next(words)
        elif word != "-N":
            assert word.startswith("http://127.0.0.1:"), word
            url = word
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        answer.read()
        return int(answer.status)

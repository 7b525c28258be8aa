"""`core.redaction.Finder`: ours, and Presidio where it and a model are installed (`headgate[presidio]`)."""

from __future__ import annotations

import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import pytest

from headgate.adapters import finders as found_here
from headgate.core.redaction import FINDERS, Finder, Redactor

WHO, WHERE = "Karen Wilson", "Rome"
SAID = f"My name is {WHO} and I live in {WHERE}. Write to karen@example.co.uk or call 212-555-0123."


@lru_cache(maxsize=1)
def presidio() -> Finder:
    """Made without asking anybody."""
    pytest.importorskip("presidio_analyzer")
    try:
        return found_here.finders([found_here.PRESIDIO])[found_here.PRESIDIO]
    except ImportError as missing:
        pytest.skip(str(missing))


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks through what was said has nobody to tell."""

    def refused(*args: Any, **more: Any) -> Any:
        raise AssertionError(f"somebody is asked: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)


@pytest.fixture(params=[*FINDERS, "presidio"])
def find(request: pytest.FixtureRequest) -> Finder:
    name = request.param
    return presidio() if name == "presidio" else FINDERS[name]


@pytest.mark.parametrize("text", ["", " ", "\0", "a", "😀" * 50, SAID, SAID * 40, "\r\n", "ü" * 1000, "[1]"])
def test_what_is_found_lies_in_the_text_and_is_the_same_each_time(find: Finder, text: str) -> None:
    spans = sorted(find(text))
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert sorted(find(text)) == spans


def test_several_threads_find_the_same(find: Finder) -> None:
    alone = sorted(find(SAID))
    with ThreadPoolExecutor(4) as threads:
        assert all(one == alone for one in threads.map(lambda _: sorted(find(SAID)), range(16)))


def test_presidio_finds_names_and_places_and_what_is_ours_stays_found() -> None:
    redactor: Redactor = Redactor({**FINDERS, "presidio": presidio()})
    counts: Counter[str] = Counter()
    told = redactor.value({"messages": [{"role": "user", "content": SAID}]}, counts)
    [said] = told["messages"]
    assert said["role"] == "user"
    assert not [one for one in (WHO, WHERE, "karen@", "212-555-0123") if one in said["content"]]
    assert counts["presidio"] >= 2
    assert counts["email"] == 1


def test_presidio_looks_through_the_end_of_a_long_text() -> None:
    find, text = presidio(), "word " * (found_here.MOST_CHARS // 5) + SAID
    seen = {text[start:end] for start, end in find(text)}
    assert {WHO, WHERE} <= seen


def test_without_a_model_it_is_said_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("presidio_analyzer")
    monkeypatch.setattr(found_here, "MODELS", ())
    with pytest.raises(ImportError, match="spacy download"):
        found_here.finders(["presidio"])


@pytest.mark.parametrize("name", ["nobody", "presidio.x", ""])
def test_a_finder_that_nobody_offers_is_an_import_that_fails(name: str) -> None:
    with pytest.raises(ImportError, match="no installed package"):
        found_here.finders([name])

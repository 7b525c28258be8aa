"""What is said of reuse, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.config.check import ConfigError
from headgate.config.validate import settings


def told(**sections: Any) -> list[str]:
    """Every problem, as people read it."""
    raw = {
        "keys": [{"name": "me", "key": "k"}],
        "providers": {"p": {"dialect": "simulated"}},
        "models": {"llama": {"provider": "p"}},
        "routes": {"auto": {"use": ["llama"]}},
        **sections,
    }
    try:
        settings(raw, environ={})
    except ConfigError as error:
        return [f"{problem.path}: {problem.message}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("match", "why"),
    [
        ("(a+)+$", "is not a regular expression"),
        ("{a}{b}", "needs words"),
        ("is {a} {b} on", "between two slots"),
    ],
)
def test_a_pattern_that_cannot_be_is_refused_when_it_is_loaded(match: str, why: str) -> None:
    [problem] = told(cache={"template": {"templates": [{"match": match, "answer": "x"}]}})
    assert problem.startswith("cache.template.templates[0].match: ")
    assert why in problem


def test_a_rung_that_leads_nowhere() -> None:
    assert told(degrade={"local": ["lama"]}) == ["degrade.local[0]: there is no model 'lama'"]
    [problem] = told(routes={"auto": {"use": ["llama"], "degrade": {"local": "lama"}}})
    assert problem.startswith("routes.auto.degrade.local[0]: ")
    assert told(degrade={"local": "llama", "stale": False, "after_s": 5}) == []


def test_a_store_that_is_nowhere() -> None:
    assert told(cache={"store": "redis"}) == ["cache.store: needs to know where that is"]
    assert told(cache={"store": "redis"}, store={"redis": "redis://127.0.0.1"}) == []

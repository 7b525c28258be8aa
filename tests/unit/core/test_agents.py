"""Which persona a request is given to."""

from __future__ import annotations

import pytest

from headgate.core.agents import Agent, Decisions, chosen, fitted, skill
from headgate.core.intent.found import Intent

BUDGET = Agent(name="budget", description="Money", skills={"budget_optimization": 0.95})
CODER = Agent(name="coder", description="Programs", skills={"code": 0.9})
TALKER = Agent(name="talker", description="Talk", default=True)
ALL = (BUDGET, CODER, TALKER)


def intent(name: str, confidence: float) -> Intent:
    return Intent(name=name, confidence=confidence, band="high", by="keywords")


def best(text: str, found: Intent | None = None, **more: dict[str, float]) -> str:
    similarity, wait_s = more.get("similarity"), more.get("wait_s", {})
    return chosen(ALL, fitted(ALL, text, found, similarity=similarity, wait_s=wait_s)).name


def test_a_skill_is_met_by_the_intent_or_by_its_words() -> None:
    assert skill(CODER, "sort a list", intent("code", 0.8)) == pytest.approx(0.72)
    assert skill(BUDGET, "Optimize my household budget", None) == pytest.approx(0.95)
    assert skill(BUDGET, "my budget", None) == pytest.approx(0.475)
    assert skill(CODER, "hello", intent("general", 0.9)) == 0.0


def test_skills_decide_and_the_default_takes_the_rest() -> None:
    assert best("sort a list", intent("code", 0.8)) == "coder"
    assert best("optimize the budget of my household") == "budget"
    assert best("hello") == "talker"
    assert best("sort a list", intent("code", 0.5)) == "talker"


def test_likeness_alone_must_be_greater_than_with_a_skill() -> None:
    assert best("hello", similarity={"budget": 0.65}) == "talker"
    assert best("hello", similarity={"budget": 0.75}) == "budget"
    assert best("my budget", similarity={"budget": 0.3}) == "budget"


def test_a_second_of_waiting_costs_a_tenth() -> None:
    similarity = {"budget": 0.85, "coder": 0.8}
    assert best("hello", similarity=similarity) == "budget"
    assert best("hello", similarity=similarity, wait_s={"budget": 1.0}) == "coder"


def test_without_a_default_the_first_is_asked() -> None:
    assert chosen((CODER, BUDGET), fitted((CODER, BUDGET), "", None, similarity=None, wait_s={})) is CODER


def test_decisions_are_counted_by_tenant_and_only_for_so_many() -> None:
    decisions = Decisions(most=2)
    for tenant in ("a", "a", "b", "c"):
        decisions.count(tenant, "coder")
    assert (decisions.of("a"), decisions.of("b"), decisions.all()) == ({}, {"coder": 1}, {"coder": 2})

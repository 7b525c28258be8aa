"""Sampling and thinking, which each generation of models takes differently."""

from __future__ import annotations

from typing import Any

import pytest

from dialects.anthropic.sent import (
    ALL,
    MIDDLE,
    NEW,
    OLD,
    OTHER,
    body,
    chat,
    refused,
)
from headgate.core.chat import (
    Reasoning,
    ResponseFormat,
    Tool,
    ToolChoice,
)
from headgate.providers.anthropic.request import DEFAULT_MAX_TOKENS
from headgate.providers.spec import Rules

# ── sampling, by generation ──────────────────────────────────────────────────────────────────────


def test_old_models_take_every_sampling_parameter() -> None:
    for model in (OLD, OTHER):
        sent = body(chat(temperature=0.3, top_p=0.9, top_k=5), model=model)
        assert (sent["temperature"], sent["top_p"], sent["top_k"]) == (0.3, 0.9, 5)


def test_one_sampler_models_take_temperature_or_top_p() -> None:
    assert refused(chat(temperature=0.3, top_p=0.9), model=MIDDLE) == "top_p"
    assert "top_p" not in body(chat(temperature=0.3, top_p=1), model=MIDDLE)
    kept = body(chat(temperature=1, top_p=0.9), model=MIDDLE)
    assert (kept.get("temperature"), kept["top_p"]) == (None, 0.9)
    assert body(chat(temperature=1), model=MIDDLE)["temperature"] == 1


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.3), ("top_p", 0.9), ("top_k", 5)])
def test_new_models_take_no_sampling_parameter(name: str, value: float) -> None:
    assert refused(chat(**{name: value}), model=NEW) == name
    assert body(chat(**{name: value}), model=NEW, rules=Rules(drop=ALL)) == body(chat(), model=NEW)


def test_new_models_sample_as_these_values_say_anyway() -> None:
    assert body(chat(temperature=1, top_p=1), model=NEW) == body(chat(), model=NEW)


# ── thinking, by generation ──────────────────────────────────────────────────────────────────────


def thinking(reasoning: Reasoning, *, model: str, **params: Any) -> tuple[Any, Any, int]:
    sent = body(chat(reasoning=reasoning, **params), model=model)
    return sent.get("thinking"), sent.get("output_config"), sent["max_tokens"]


@pytest.mark.parametrize("model", [MIDDLE, NEW, "claude-mythos-preview"])
def test_an_effort_is_adaptive_thinking(model: str) -> None:
    assert thinking(Reasoning(effort="high"), model=model) == (
        {"type": "adaptive"},
        {"effort": "high"},
        DEFAULT_MAX_TOKENS,
    )
    assert thinking(Reasoning(effort="minimal"), model=model)[1] == {"effort": "low"}
    assert thinking(Reasoning(), model=model)[:2] == ({"type": "adaptive"}, None)


@pytest.mark.parametrize("model", [OLD, OTHER, "claude-3-7-sonnet-20250219", "anthropic.claude-opus-4-5-v1"])
def test_an_effort_is_a_budget_where_a_model_knows_no_effort(model: str) -> None:
    assert thinking(Reasoning(effort="medium"), model=model) == (
        {"type": "enabled", "budget_tokens": DEFAULT_MAX_TOKENS // 2},
        None,
        DEFAULT_MAX_TOKENS + DEFAULT_MAX_TOKENS // 2,
    )
    assert thinking(Reasoning(effort="minimal"), model=model)[0]["budget_tokens"] == 1024
    assert thinking(Reasoning(effort="high"), model=model, max_tokens=2000) == (
        {"type": "enabled", "budget_tokens": 1600},
        None,
        2000,
    )
    assert thinking(Reasoning(effort="xhigh"), model=model, max_tokens=64_000)[0]["budget_tokens"] == 32_000


def test_a_budget_is_kept_below_the_limit() -> None:
    assert thinking(Reasoning(budget=4000), model=OLD)[::2] == (
        {"type": "enabled", "budget_tokens": 4000},
        DEFAULT_MAX_TOKENS + 4000,
    )
    assert thinking(Reasoning(budget=4000), model=OLD, max_tokens=3000)[::2] == (
        {"type": "enabled", "budget_tokens": 2999},
        3000,
    )


@pytest.mark.parametrize(
    ("model", "params"),
    [
        (OLD, {"reasoning": Reasoning(budget=1000)}),
        (OLD, {"reasoning": Reasoning(effort="high"), "max_tokens": 1024}),
        (OLD, {"reasoning": Reasoning(budget=2000), "tool_choice": ToolChoice(mode="required")}),
        (NEW, {"reasoning": Reasoning(budget=2000)}),
        (OLD, {"reasoning": Reasoning(effort="high", enabled=False)}),
    ],
)
def test_thinking_that_cannot_be_had_is_refused_by_name(model: str, params: dict[str, Any]) -> None:
    asked = chat(tools=(Tool(name="f"),), **params)
    assert refused(asked, model=model) == "reasoning_effort"
    assert "budget_tokens" not in str(body(asked, model=model, rules=Rules(drop=ALL)))


@pytest.mark.parametrize("reasoning", [Reasoning(enabled=False), Reasoning(effort="none")])
@pytest.mark.parametrize("model", [OLD, MIDDLE])
def test_no_thinking_at_all(reasoning: Reasoning, model: str) -> None:
    assert thinking(reasoning, model=model) == ({"type": "disabled"}, None, DEFAULT_MAX_TOKENS)


def test_an_effort_without_thinking() -> None:
    sent = thinking(Reasoning(effort="low", enabled=False), model=MIDDLE)
    assert sent[:2] == ({"type": "disabled"}, {"effort": "low"})


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.5), ("top_p", 0.5), ("top_k", 5)])
def test_thinking_fixes_the_sampling(name: str, value: float) -> None:
    reasoning = Reasoning(budget=2000)
    assert refused(chat(reasoning=reasoning, **{name: value}), model=OLD) == name
    fine = body(chat(reasoning=reasoning, temperature=1, top_p=0.97), model=OLD)
    assert (fine["temperature"], fine["top_p"]) == (1, 0.97)


def test_effort_and_schema_share_one_member() -> None:
    form = ResponseFormat(kind="json_schema", schema={"type": "object"})
    sent = body(chat(reasoning=Reasoning(effort="low"), response_format=form), model=NEW)
    assert sent["output_config"] == {
        "effort": "low",
        "format": {"type": "json_schema", "schema": {"type": "object"}},
    }

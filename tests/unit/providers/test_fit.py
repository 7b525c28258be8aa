"""Which parameters go along, which are refused and which are left out."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.core.chat import Chat, Reasoning, Tool
from headgate.core.errors import Unsupported
from headgate.providers.fit import fit
from headgate.providers.spec import STANDARD, Rules


def chat(**members: Any) -> Chat:
    return Chat(model="m", messages=(), **members)


def test_a_chat_that_fits_is_the_same_object() -> None:
    asked = chat(temperature=1.0, n=1, tools=(Tool(name="f"),))
    assert fit(asked, STANDARD, lacks={"user"}) is asked


@pytest.mark.parametrize(
    ("param", "value"), [("n", 1), ("parallel_tool_calls", True), ("logit_bias", {}), ("logprobs", False)]
)
def test_a_value_that_changes_nothing_is_left_out_unasked(param: str, value: object) -> None:
    assert fit(chat(**{param: value}), STANDARD, lacks={param}) == chat()


@pytest.mark.parametrize(
    ("member", "value", "rules", "param"),
    [
        ("n", 2, STANDARD, "n"),
        ("temperature", 3.0, Rules(ranges={"temperature": (0, 2)}), "temperature"),
        ("tools", (Tool(name="f"),), Rules(refuse=frozenset({"tools"})), "tools"),
        ("reasoning", Reasoning(), Rules(refuse=frozenset({"reasoning_effort"})), "reasoning_effort"),
        ("extra", {"service_tier": "flex"}, STANDARD, "service_tier"),
    ],
)
def test_the_rest_is_refused_by_name_or_dropped(member: str, value: object, rules: Rules, param: str) -> None:
    asked = chat(**{member: value})
    with pytest.raises(Unsupported) as refused:
        fit(asked, rules, lacks={"n"})
    assert refused.value.param == param
    dropping = Rules(refuse=rules.refuse, ranges=rules.ranges, drop=frozenset({param}))
    fitted = fit(asked, dropping, lacks={"n"})
    assert fitted == (asked if member == "extra" else chat())

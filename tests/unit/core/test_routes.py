"""What a request's `model` may name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.errors import Forbidden, GatewayError, UnknownModel
from headgate.core.routes import Routes, shown

ROUTES = Routes(
    routes={"auto": ("sonnet", "qwen"), "both": ("qwen", "sonnet")},
    models={"sonnet": ("claude", "claude-sonnet-4-5"), "qwen": ("local", "qwen"), "both": ("local", "b")},
)


def test_a_route_is_its_chain() -> None:
    assert ROUTES.resolve("auto") == ("sonnet", "qwen")


def test_a_model_is_a_chain_of_one() -> None:
    assert ROUTES.resolve("sonnet") == ("sonnet",)


def test_a_provider_and_its_own_name_for_a_model_is_that_model() -> None:
    assert ROUTES.resolve("claude/claude-sonnet-4-5") == ("sonnet",)


def test_a_route_goes_before_a_model_of_the_same_name() -> None:
    assert ROUTES.resolve("both") == ("qwen", "sonnet")


def test_a_model_goes_before_a_provider_and_its_name() -> None:
    routes = Routes(routes={}, models={"a": ("p", "x"), "p/x": ("q", "y")})
    assert routes.resolve("p/x") == ("p/x",)


def test_of_two_models_with_one_upstream_name_the_first_is_meant() -> None:
    routes = Routes(routes={}, models={"first": ("p", "x"), "second": ("p", "x")})
    assert routes.resolve("p/x") == ("first",)


def test_every_name_is_listed_once_routes_first() -> None:
    assert ROUTES.names == ("auto", "both", "sonnet", "qwen")


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownModel) as caught:
        ROUTES.resolve("sonet")
    error = caught.value
    assert (error.code, error.param) == ("model_not_found", "model")
    assert "'sonet' does not exist" in error.message
    assert "'sonnet'" in error.message


def test_a_name_like_no_other_is_answered_with_where_to_look() -> None:
    with pytest.raises(UnknownModel, match="GET /v1/models"):
        ROUTES.resolve("zzzzzz")


def test_of_a_route_a_key_gets_the_models_it_may_use() -> None:
    assert ROUTES.resolve("auto", frozenset({"qwen"})) == ("qwen",)


def test_a_key_that_may_use_a_route_may_use_all_of_it() -> None:
    assert ROUTES.resolve("auto", frozenset({"auto"})) == ("sonnet", "qwen")


def test_a_key_that_may_use_a_model_may_use_it_by_its_upstream_name() -> None:
    assert ROUTES.resolve("claude/claude-sonnet-4-5", frozenset({"sonnet"})) == ("sonnet",)


@pytest.mark.parametrize("name", ["auto", "sonnet", "claude/claude-sonnet-4-5"])
def test_a_key_that_may_use_nothing_of_it_is_refused(name: str) -> None:
    with pytest.raises(Forbidden) as caught:
        ROUTES.resolve(name, frozenset({"other"}))
    assert caught.value.param == "model"


def test_a_key_that_may_use_nothing_gets_nothing() -> None:
    with pytest.raises(Forbidden):
        ROUTES.resolve("auto", frozenset())


@given(st.text(max_size=500))
@settings(max_examples=60, deadline=None)
def test_any_name_whatever_resolves_or_is_refused_in_one_short_printable_line(name: str) -> None:
    try:
        message = ", ".join(ROUTES.resolve(name))
    except GatewayError as error:
        message = error.message
    assert message.isprintable()
    assert 0 < len(message) < 400


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_what_is_shown_of_a_name_is_short_and_printable(name: str) -> None:
    assert shown(name).isprintable()
    assert len(shown(name)) <= 101

import json
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.secret import Secret

KEY = "sk-proj-abcdefghijklmnop"


def test_reveal_is_the_one_way_to_the_value() -> None:
    assert Secret(KEY).reveal() == KEY


@given(st.text(min_size=5))
def test_no_way_of_formatting_shows_more_than_the_end(value: str) -> None:
    secret = Secret(value)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret:>40}", f"{secret}", f"{[secret]}"]
    logging.getLogger("nobody").debug("%s", secret)
    allowed = len(f"Secret({secret.hint})")
    assert secret.hint == "…" or secret.hint == f"…{value[-4:]}"
    assert all(len(text.strip().strip("[]")) <= allowed for text in shown if "\n" not in value)


def test_a_short_secret_has_no_hint_at_all() -> None:
    assert repr(Secret("hunter2")) == "Secret(…)"
    assert repr(Secret(KEY)) == "Secret(…mnop)"


def test_it_refuses_to_be_pickled_and_cannot_be_written_as_json() -> None:
    with pytest.raises(TypeError, match="not serialised"):
        pickle.dumps(Secret(KEY))
    with pytest.raises(TypeError):
        json.dumps(Secret(KEY))


def test_it_cannot_be_iterated_or_joined() -> None:
    with pytest.raises(TypeError):
        iter(Secret(KEY))  # type: ignore[call-overload]  # that it is not iterable is what is tested
    assert "__dict__" not in dir(Secret(KEY))


@given(st.text(), st.text())
def test_secrets_are_equal_as_their_values_are_and_never_equal_to_text(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) != one
    assert hash(Secret(one)) == hash(Secret(one))


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")

"""What is told of prompts and answers: always the same numbers, finite, in bounded time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.learned import surface as of_prompts
from headgate.core.learned import verify as of_answers
from headgate.core.learned.sums import PRIOR
from headgate.core.learned.surface import surface
from headgate.core.learned.verify import compute, final_number, verify

CHOICE = "Which of these is not a mammal?\nA. Whale\nB. 12 salmon\nC. Bat\nD. Horse"


def told(text: str) -> dict[str, float]:
    return dict(zip(of_prompts.NAMES, surface(text), strict=True))


def judged(question: str, answer: str) -> dict[str, float]:
    return dict(zip(of_answers.NAMES, verify(question, answer), strict=True))


@given(st.text())
def test_any_text_has_finite_features(text: str) -> None:
    assert all(math.isfinite(one) for one in surface(text))
    assert len(surface(text)) == len(of_prompts.NAMES)


@given(st.text(), st.text(alphabet="0123456789+-*/x=()<>#$%,. \nab"))
def test_any_answer_has_finite_features(question: str, answer: str) -> None:
    assert all(math.isfinite(one) for one in verify(question, answer))
    assert len(verify(question, answer)) == len(of_answers.NAMES)


@pytest.mark.parametrize("text", ["", " ", "9" * 5000, "١٢٣", "\ud800", "A. \nB. ", "=" * 3000])
def test_odd_texts(text: str) -> None:
    assert all(math.isfinite(one) for one in (*surface(text), *verify(text, text)))


def test_a_question_with_choices() -> None:
    found = told(CHOICE)
    assert found["log_options"] == pytest.approx(math.log(5))
    assert found["numeric_options"] == 0.25
    assert (found["asks"], found["which"], found["how"]) == (1, 1, 0)
    assert found["log_negated"] == pytest.approx(math.log(2))
    assert told("How many apples?")["how"] == 1


def test_a_question_of_sums() -> None:
    found = told(
        "Tom, who is 5 years older than Ann, has $3.50 and half as many apples as Bob does. "
        "If he buys 2 more each day, how many apples will Tom have in 7 days?"
    )
    two = math.log(3)
    assert found["log_compared"] == pytest.approx(math.log(4)), "older, more, as many"
    assert found["log_clauses"] == pytest.approx(two), "who, if"
    assert (found["log_ages"], found["log_each"]) == pytest.approx((math.log(2), math.log(2)))
    assert found["log_shares"] == pytest.approx(math.log(2)), "half"
    assert found["log_distinct"] == pytest.approx(math.log(5))
    assert found["log_names"] == pytest.approx(math.log(4)), "Ann, Bob, Tom"
    assert (found["decimals"], found["money_sign"], found["percent_sign"]) == (1, 1, 0)
    assert (found["asked_number"], found["asked_if"]) == (1, 1), "in 7 days"


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("If Ann has 7 pears, how many has Bob?", 0),
        ("How many pears has Bob in 7 days?", 1),
        ("Ann has 7 pears. How many has Bob?", 0),
        ("What do 3 pears cost? A. 7\nB. 8", 1),
        ("How many are left?\nA. 7\nB. 8", 0),
        ("Add 3 and 4", 1),
        ("", 0),
    ],
)
def test_whether_what_is_asked_has_a_number(question: str, number: float) -> None:
    assert told(question)["asked_number"] == number


def test_what_is_known_of_sums_goes_by_features_that_there_are() -> None:
    named = [name for group in PRIOR for name in group]
    assert len(named) == len(set(named))
    assert set(named) <= set(of_prompts.NAMES)
    assert len(set(of_prompts.NAMES)) == len(of_prompts.NAMES)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2+3*4", 14), ("(2+3)*4", 20), ("8 x $5 x 60%", 24), ("1,000 / 8", 125), ("2 × 3 ÷ 4", 1.5),
        ("-3+5", 2), ("7", None), ("1/0", None), ("2+", None), ("(2+3", None), ("a+1", None),
        ("2**3", None), ("(" * 3000 + "1" + "+1)" * 3000, None), ("", None),
    ],
)  # fmt: skip
def test_arithmetic(expression: str, value: float | None) -> None:
    assert compute(expression) == (None if value is None else pytest.approx(value))


@given(st.integers(-999, 999), st.integers(-999, 999))
def test_sums_are_computed_as_they_are(left: int, right: int) -> None:
    assert compute(f"({left}) + ({right})") == left + right
    assert compute(f"({left}) * ({right}) - 1") == left * right - 1


def test_an_equation_that_holds_and_one_that_does_not() -> None:
    question = "How many are 3 boxes of 4 and 5 more?"
    right = judged(question, "3*4 = <<3*4=12>>12, and 12+5 = <<12+5=17>>17.\n#### 17")
    wrong = judged(question, "3*4 = <<3*4=13>>13, and 13+5 = <<13+5=18>>18.\n#### 18")
    assert (right["wrong_equations"], right["last_agrees"], right["given_used"]) == (0, 1, 1)
    assert wrong["wrong_equations"] == pytest.approx(math.log(2))
    assert wrong["wrong_share"] == 0.5


def test_how_an_answer_ends() -> None:
    assert final_number("so 3 + 4 = 7.\n#### $1,007.50") == 1007.5
    assert final_number("three and 4") == 4
    assert final_number("none") is None
    assert judged("How many dogs?", "It is 2.5")["fractional_count"] == 1
    assert judged("q", "I cannot say, as an AI.")["refuses"] == 1
    assert judged("q", "")["empty"] == 1

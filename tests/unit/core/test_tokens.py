"""Tokens without a tokenizer."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.core.tokens import (
    FIRST_OUTPUT,
    IMAGE_TOKENS,
    SAMPLE_BYTES,
    SAMPLES,
    Estimator,
    Quantile,
    measure,
)
from headgate.core.usage import Usage

ENGLISH = "The bridge over the river was built in 1890, and it has carried 12 trains a day ever since. "
CHINESE = "这座桥建于一八九零年，从那时起每天有十二列火车通过。"


def body(text: str, **members: object) -> bytes:
    asked = {"model": "m", "messages": [{"role": "user", "content": text}], **members}
    return json.dumps(asked, ensure_ascii=False).encode()


@given(st.binary(max_size=200) | st.text(max_size=200).map(body))
def test_any_bytes_can_be_measured(raw: bytes) -> None:
    measured = measure(raw)
    assert all(count >= 0 for count in measured.classes)
    assert Estimator().reserve(measured) >= 1


def test_characters_are_counted_by_class() -> None:
    assert measure("abc 12, é漢字カ".encode()).classes == (3, 2, 3, 3, 1, 0)


@given(st.text(alphabet="ab1 ,é漢ж", max_size=50))
def test_escaped_characters_count_as_what_they_stand_for(text: str) -> None:
    plain, escaped = (measure(json.dumps(text, ensure_ascii=way).encode()) for way in (False, True))
    assert plain == escaped


def test_a_long_body_is_sampled() -> None:
    raw = body((ENGLISH + CHINESE) * 400)
    at_once = SAMPLES * SAMPLE_BYTES
    assert len(raw) > 5 * at_once
    whole = [0.0] * 6
    for start in range(0, len(raw), at_once):
        part = measure(raw[start : start + at_once]).classes
        whole = [one + other for one, other in zip(whole, part, strict=True)]
    for sampled, counted in zip(measure(raw).classes, whole, strict=True):
        assert sampled == pytest.approx(counted, rel=0.1, abs=9)


def test_an_image_is_not_its_letters() -> None:
    url = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUg" * 5000
    measured = measure(body("What is this?", images=[url, url]))
    assert measured.classes[5] == 2
    assert Estimator().prompt(measured) < 2 * IMAGE_TOKENS + 100


@pytest.mark.parametrize(
    ("members", "cap"),
    [
        ({}, None),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 9, "max_tokens": 7}, 9),
        ({"generationConfig": {"maxOutputTokens": 64}}, 64),
        ({"options": {"num_predict": 5}}, 5),
        ({"max_tokens": None}, None),
        ({"note": '"max_tokens": 5'}, None),
    ],
)
def test_what_the_caller_wants_at_most_is_read(members: dict[str, object], cap: int | None) -> None:
    assert measure(body("x", **members)).cap == cap


def tokenizer(kind: str, text: str) -> int:
    """Stand-ins: a simulated provider's, one of bytes, one that is good at Chinese and counts overhead."""
    if kind == "a quarter of the characters":
        return 4 + len(text) // 4
    if kind == "a third of the bytes":
        return len(text.encode()) // 3
    wide = sum(character > "\u2fff" for character in text)
    return 30 + wide // 2 + (len(text) - wide) // 5


@pytest.mark.parametrize("kind", ["a quarter of the characters", "a third of the bytes", "good at Chinese"])
def test_it_learns_what_a_model_counts(kind: str) -> None:
    estimator, chance = Estimator(), Random(5)

    def one() -> tuple[bytes, int]:
        text = chance.choice((ENGLISH, CHINESE, ENGLISH + CHINESE)) * chance.randint(1, 30)
        return body(text), tokenizer(kind, text)

    raw, tokens = one()
    for _ in range(300):
        raw, tokens = one()
        measured = measure(raw)
        estimator.learn(measured, len(raw), estimator.reserve(measured), Usage(input=tokens, output=10))
    assert estimator.roughly(len(raw)) == pytest.approx(tokens + 10, rel=1.0)
    misses = 0
    for _ in range(200):
        raw, tokens = one()
        measured = measure(raw)
        assert estimator.prompt(measured) == pytest.approx(tokens, rel=0.35, abs=15)
        misses += estimator.reserve(measured) < tokens + 10
    assert misses <= 30, "of two hundred"
    assert estimator.prompt_error is not None
    assert estimator.prompt_error < 0.15


@given(st.lists(st.tuples(st.text(max_size=30), st.integers(0, 10**9), st.integers(0, 10**6)), max_size=40))
@settings(max_examples=50, deadline=None)
def test_absurd_reports_do_not_carry_it_away(reports: list[tuple[str, int, int]]) -> None:
    estimator, fresh = Estimator(), Estimator()
    for text, asked, answered in reports:
        measured = measure(body(text))
        estimator.learn(measured, 50, estimator.reserve(measured), Usage(input=asked, output=answered))
    measured = measure(body(ENGLISH))
    assert estimator.prompt(measured) <= 5 * fresh.prompt(measured) + 50.0


def test_an_answer_is_expected_to_be_as_long_as_nearly_all_were() -> None:
    estimator, measured = Estimator(), measure(b"")
    assert estimator.reserve(measured) == FIRST_OUTPUT + 1
    assert estimator.reserve(measured, answers=False) == 1
    estimator.learn(measured, 0, 0, Usage(output=100))
    assert estimator.reserve(measured) == 500 + 1, "one answer is no rule"
    for length in range(100):
        estimator.learn(measured, 0, 0, Usage(output=length))
    assert 96 + 1 <= estimator.reserve(measured) <= 96 + 6
    assert estimator.reserve(measure(b'{"max_tokens": 20}')) == pytest.approx(20 + 5, abs=4)


def test_it_learns_from_all_of_the_first_reports_and_some_of_the_rest() -> None:
    estimator, learnt = Estimator(), 0
    for number in range(1000):
        if estimator.curious(number / 1000):
            learnt += 1
            estimator.learn(measure(b"x"), 1, 10, Usage(input=1, output=9))
    assert learnt == 32 + 9


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 10))
def test_a_quantile_is_of_the_newest(values: list[int], size: int) -> None:
    quantile = Quantile(size)
    for value in values:
        quantile.add(value)
    newest = sorted(values[-size:])
    assert quantile.of(1.0) == (newest[-1] if newest else None)
    assert quantile.of(0.5) == (newest[(len(newest) + 1) // 2 - 1] if newest else None)

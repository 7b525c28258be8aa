"""What a call will probably cost."""

from __future__ import annotations

import json
from random import Random

import pytest

from headgate.core.expected import FIRST, OF_A_PAIR, SURE, Expectations, Lengths, cap_of
from headgate.core.price import NANO, Price
from headgate.core.usage import Usage

PRICE = Price(input=1 * NANO, output=10 * NANO)
"""A microdollar a token of question, ten of answer."""
PER_TOKEN = 10_000
RAW = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x" * 400}]}).encode()


def taught(*tokens: int, key: str = "k", model: str = "m") -> Expectations:
    made = Expectations()
    for one in tokens:
        made.usual(model, key).learn(len(RAW), Usage(input=100, output=one))
    return made


def test_nearly_no_answer_is_longer_than_expected_and_none_much_shorter_if_all_are_alike() -> None:
    chance = Random(1)
    lengths, seen = Lengths(), [int(chance.lognormvariate(5.0, 0.8)) for _ in range(2000)]
    longer = 0
    for number, one in enumerate(seen):
        longer += number >= SURE and one > lengths.high
        lengths.add(one)
    assert longer / len(seen) < 0.045
    same = Lengths()
    for _ in range(SURE):
        same.add(100)
    assert 100 <= same.high <= 120


def test_few_answers_are_doubted() -> None:
    once = taught(100).usual("m", "k").expected(PRICE, RAW)
    often = taught(*[100] * SURE).usual("m", "k").expected(PRICE, RAW)
    assert once.nano > 4 * often.usual
    assert often.nano < 1.3 * often.usual


def test_a_model_nobody_has_heard_is_guessed_and_its_usual_cost_is_unknown() -> None:
    found = Expectations().usual("m", "k").expected(PRICE, RAW)
    assert found.nano == found.asked + FIRST * PER_TOKEN
    assert found.usual == 0


def test_the_callers_cap_is_less_or_does_not_matter() -> None:
    made = taught(*[100] * SURE)
    short = made.usual("m", "k").expected(PRICE, RAW[:-1] + b', "max_tokens": 7}')
    assert (short.capped, short.nano - short.asked) == (True, 7 * PER_TOKEN)
    long = made.usual("m", "k").expected(PRICE, RAW[:-1] + b', "max_tokens": 70000}')
    assert not long.capped
    assert long.nano < 200 * PER_TOKEN


@pytest.mark.parametrize(
    ("said", "cap"),
    [
        (b'"max_tokens": 7, "n": 3', 21),
        (b'"max_completion_tokens": 7, "best_of": 2, "n": 1', 14),
        (b'"max_output_tokens": 7', 7),
        (b'"generationConfig": {"maxOutputTokens": 7, "candidateCount": 2}', 14),
        (b'"options": {"num_predict": 7}', 7),
        (b'"options": {"num_predict": -1}', None),
        (b'"max_tokens": null, "n": null', None),
        (b'"max_tokens": "7"', None),
        (b'"tools": [{"parameters": {"default": {"max_tokens": 1}}}]', None),
        (b'"metadata": {"max_tokens": 1}, "max_tokens": 50', 50),
    ],
)
def test_a_cap_is_of_all_answers_and_only_where_a_provider_looks_for_it(said: bytes, cap: int | None) -> None:
    assert cap_of(RAW[:-1] + b", " + said + b"}") == cap
    assert cap_of(b"[" + said) is None


def test_a_key_has_answers_of_its_own_once_there_are_some() -> None:
    made = taught(*[100] * SURE)
    assert made.usual("m", "new").expected(PRICE, RAW) == made.usual("m", "k").expected(PRICE, RAW)
    for _ in range(OF_A_PAIR):
        made.usual("m", "new").learn(len(RAW), Usage(input=100, output=1000))
    assert (
        made.usual("m", "new").expected(PRICE, RAW).usual
        > 5 * made.usual("m", "k").expected(PRICE, RAW).usual
    )


@pytest.mark.parametrize("raw", [RAW, RAW[:-1] + b', "max_tokens": 7}'])
def test_roughly_is_never_less(raw: bytes) -> None:
    made = taught(*[100] * SURE)
    exact = made.usual("m", "k").expected(PRICE, raw)
    assert exact.nano <= made.usual("m", "k").nano(PRICE, len(raw)) <= exact.nano + 200 * PER_TOKEN


def test_a_picture_is_not_taken_for_text() -> None:
    picture = b'{"url": "data:image/png;base64,' + b"A" * 4_000_000 + b'"}'
    assert Expectations().usual("m", "k").expected(PRICE, picture).asked < 3_000 * 1_000


def test_embeddings_answer_nothing() -> None:
    found = Expectations().usual("m", "k").expected(PRICE, RAW, answers=False)
    assert found.nano == found.asked == found.usual

"""Rules are looked for where the words of a text occasion them, and there alone."""

from __future__ import annotations

import re

import pytest

from headgate.core.semantic.frames import plainly
from headgate.core.semantic.reading import read
from headgate.core.semantic.rewriting import Rewriting

CAT = re.compile("cat")


@pytest.mark.parametrize(
    ("needs", "met", "not_met"),
    [
        (("^cat$",), "cat", "the cat"),
        (("^ cat$",), "the cat?!", "cat food"),
        (("cat", r"\d"), "9 cats", "nine cats"),
        (("own$", "^ cat$"), "my own cat", "cat of my own"),
        ((str.isupper,), "A cat", "a cat"),
    ],
)
def test_a_rule_is_applied_where_each_of_its_needs_is_met_by_some_word(
    needs: tuple[str, ...], met: str, not_met: str
) -> None:
    renamed = Rewriting([(needs, CAT, "dog")])
    assert renamed(met) == met.replace("cat", "dog")
    assert renamed(not_met) == not_met


def test_what_a_rule_has_written_is_seen_by_those_behind_it_and_not_by_those_before() -> None:
    turns = [(("cat",), CAT, "dog"), (("dog",), re.compile("dog"), "cow")]
    assert Rewriting(turns)("a cat, a dog") == "a cow, a cow"
    assert Rewriting(turns[::-1])("a cat, a dog") == "a dog, a cow"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Kino um 15 Uhr", "Kino um 15h00"),
        ("how 2 boil rice", "how to boil rice"),
        ("primes < 100", "primes under 100"),
        ("is 40 degrees C hot", "is 40 celsius hot"),
        ("a non-toxic dye", "a not toxic dye"),
        ("one and a half cups", "1.5 cups"),
        ("two and a half cups", "2.5 cups"),
        ("what is the best way to boil rice", "how to boil rice"),
        ("how do I boil a kilo of rice in the city?", "how do I boil a kilo of rice in the city?"),
    ],
)
def test_one_plain_wording(text: str, plain: str) -> None:
    assert plainly(text) == plain


@pytest.mark.parametrize("text", ["two th\u0130rds of it", "f\u0131ve sixths", "7 July or 3 \u017fept 2020?"])
def test_letters_that_patterns_take_for_others_are_read_as_they_are(text: str) -> None:
    assert read(text).tokens

"""Dates, times, slips of the keyboard and the order of phrases: what is one question, and what is another."""

from __future__ import annotations

import pytest

from headgate.core.semantic import arranging, notation, slips
from headgate.core.semantic.lexicon.stems import american
from headgate.core.semantic.rewriting import Rewriting
from headgate.core.semantic.slips import TYPED
from headgate.core.semantic.verifier import Proof, verify

arranged, corrected, uniform = map(Rewriting, (arranging.RULES, slips.RULES, notation.RULES))

NOTED = [
    ("Who died on 7 June 1954?", "Who died on June 7th, 1954?", "Who died on 7 July 1954?"),
    ("Who died on 1954-06-07?", "Who died on the 7th of June 1954?", "Who died on 1954-07-06?"),
    ("Is May 2 a holiday?", "Is 2 May a holiday?", "Is May 3 a holiday?"),
    ("Does the bank open at 9am?", "Does the bank open at 09:00?", "Does the bank open at 9pm?"),
    ("Is the bus at 4:30 pm late?", "Is the bus at 16:30 late?", "Is the bus at 4:30 am late?"),
    ("Do they close at 12 pm?", "Do they close at noon?", "Do they close at midnight?"),
    ("What is thirty per cent of ten?", "What is 30% of 10?", "What is 13% of 10?"),
    ("What is two thirds of 90?", "What is 2/3 of 90?", "What is three quarters of 90?"),
    ("- Why do *cats* **purr**?", "Why do cats purr?", "Why do dogs purr?"),
    ('Is a 27" bike wheel big?', "Is a 27 inch bike wheel big?", 'Is a 29" bike wheel big?'),
    ("Does Dr. Jones work on Mon?", "Does Doctor Jones work on Monday?", "Does Dr. Jones work on Tue?"),
    ("What flavours do kids favour?", "What flavors do kids favor?", "What colours do kids favour?"),
    ("How do I organise a theatre?", "How do I organize a theater?", "How do I close a theatre?"),
]
"""What is noted in two ways, and what notes another thing."""

TYPED_SO = [
    ("Wich lake is teh deepest?", "Which lake is the deepest?", "Which lake is the largest?"),
    ("hwo do u boil rice pls", "How do you boil rice?", "How do you fry rice?"),
    ("What shud I eat b4 a swim?", "What should I eat before a swim?", "What should I eat after a swim?"),
    ("How long is 90 minuts?", "How long is 90 minutes?", "How long is 90 seconds?"),
    ("whats the captial of Bhutan", "What's the capital of Bhutan?", "What's the currency of Bhutan?"),
    ("Common ingrediants of a curry", "Common ingredients of a curry", "Common colours of a curry"),
]
"""What was typed in a hurry, what was meant, and what was not."""

ORDERED = [
    ("In Peru, when does it rain?", "When does it rain in Peru?", "When does it rain in Chile?"),
    (
        "When it snows, how do bees live?",
        "How do bees live when it snows?",
        "How do bees live when it rains?",
    ),
    ("Did Bach and Telemann meet?", "Did Telemann and Bach meet?", "Did Bach and Vivaldi meet?"),
    ("Soup with leeks, peas and ham", "Soup with ham, leeks and peas", "Soup with ham, leeks and corn"),
    ("Compare Rust with Zig", "Compare Zig and Rust", "Compare Zig and Ada"),
    ("How was Troy burned by the Greeks?", "How did the Greeks burn Troy?", "How did Troy burn the Greeks?"),
]
"""What is said in two orders, and what is not said."""


@pytest.mark.parametrize(("one", "same", "other"), [*NOTED, *TYPED_SO, *ORDERED])
def test_one_question_in_two_notations_is_proven_and_another_is_not(one: str, same: str, other: str) -> None:
    assert (verify(one, same).proof, verify(same, one).proof) == (Proof.PROVEN, Proof.PROVEN)
    assert Proof.PROVEN not in (verify(one, other).proof, verify(other, one).proof)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Is every poodle a dog?", "Is every dog a poodle?"),
        ("Arguments for a sugar tax", "Arguments against a sugar tax"),
        ("Guests who ate no bread", "Guests who ate bread"),
        ("90 Polish zlotys in Turkish lira", "90 Turkish lira in Polish zlotys"),
        ("Who used to be king of Spain?", "Who is king of Spain?"),
        ("Who led Rome in 44 BC?", "Who led Rome in 44 AD?"),
        ("Is it open at 4:30?", "Is it open at 4:30 pm?"),
        ("How do I fill in this form?", "How do I fill in this from?"),
        ("Is my message ready?", "Is my massage ready?"),
        ("How do I parse 3/4 of it?", "How do I parse 4/3 of it?"),
        ("Is retinol safe?", "Is retinal safe?"),
    ],
)
def test_what_differs_in_a_little_word_or_in_its_turn_is_not_proven(one: str, other: str) -> None:
    assert verify(one, other).proof is not Proof.PROVEN
    assert verify(other, one).proof is not Proof.PROVEN


def test_a_word_of_the_lists_is_never_taken_for_a_slip() -> None:
    assert not {"form", "from", "dose", "moths", "angel", "quite", "r", "bc"} & TYPED.keys()
    assert corrected("Fill in a form, adn wiht ink") == "Fill in a form, and with ink"


def test_what_is_in_one_notation_is_left_as_it_is() -> None:
    for text in ("2 * 3 * 4", "a ratio of 3:2", "May I go?", "snake_case", "24/7 support", "I am 5", ""):
        assert uniform(text) == text


def test_a_phrase_in_front_goes_behind_its_question_and_no_other() -> None:
    assert arranged("In Peru, when is it hot?") == "when is it hot in Peru?"
    for text in ("In Peru, Lima is hot", "Well, when is it hot?", "If so. In Peru, when?"):
        assert arranged(text) == text


def test_words_of_britain_become_those_of_america() -> None:
    assert [american(word) for word in ("grey", "colours", "analyse", "centre", "travelled")] == [
        "gray", "colors", "analyze", "center", "traveled",
    ]  # fmt: skip
    assert [american(word) for word in ("four", "hour", "rise", "tree", "pale")] == [
        "four", "hour", "rise", "tree", "pale",
    ]  # fmt: skip

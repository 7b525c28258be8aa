"""How much a request asks for. Prompts here are written for these tests."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.core.asked import Asked
from headgate.core.complexity import Complexity, weigh, weigh_text

SIMPLE, MEDIUM, COMPLEX = Complexity

DESIGN = (
    "Design a booking system for a chain of 40 cinemas: the schema, how two people never get the same seat,"
    " what happens when a payment arrives late, and a migration plan without downtime. Compare two"
    " alternatives, then write the reservation code in Go with tests."
)
PASTED = "why does this print nothing?\n\n" + "\n".join(
    f"    total_{at} = load({at}) + {at}" for at in range(40)
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("hi", SIMPLE),
        ("what is the capital of Chad", SIMPLE),
        ("git undo last commit", SIMPLE),
        ("12 * 19", SIMPLE),
        ("¿quién pintó este cuadro?", SIMPLE),
        ("Write a note to my neighbours about the noise on Friday, friendly and short.", MEDIUM),
        ("Explain how a hash map grows, and why lookups stay quick while it does.", MEDIUM),
        (PASTED, MEDIUM),
        (DESIGN, COMPLEX),
        (f"{DESIGN}\n\n{DESIGN}", COMPLEX),
    ],
)
def test_by_example(text: str, wanted: Complexity) -> None:
    assert weigh_text(text).complexity is wanted


def test_evidence_names_what_weighed() -> None:
    assert set(weigh_text(DESIGN).evidence) >= {"length", "work", "design", "parts"}
    assert "pasted" in weigh_text(PASTED).evidence
    assert weigh_text("hi").evidence == ()


def test_more_of_the_same_asks_for_no_less() -> None:
    sentences = DESIGN.split(", ")
    scores = [weigh_text(", ".join(sentences[:count])).score for count in range(1, len(sentences) + 1)]
    assert scores == sorted(scores)


def test_what_is_asked_now_counts_not_the_conversation() -> None:
    assert weigh(Asked(text="thanks", chars=100_000)) == weigh_text("thanks")


@given(st.text(st.characters(), max_size=500))
@example("\ud800")
@example("")
@example("{" * 4_000)
@example("為" * 4_000)
def test_any_text_has_one(text: str) -> None:
    found = weigh_text(text)
    assert 0 <= found.score <= 1
    assert found.complexity in Complexity
    assert found == weigh_text(text)

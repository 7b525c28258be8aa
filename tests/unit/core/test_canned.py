"""Canned answers: told for the question they were written for, and no other; and never slow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.asked import Asked
from headgate.core.canned import MAX_SAID, Canned, Cans, Unusable, canned

PRICE = canned("What does {article} cost in {city:word}?", "{article}: see our {city} list.", name="price")


def told(pattern: Canned, text: str, **more: object) -> str | None:
    asked = Asked(text=text, last_chars=len(text), **more)  # type: ignore[arg-type]  # of its fields
    found = Cans([pattern]).told(asked)
    return found[1] if found else None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("What does a bolt cost in Rome?", "a bolt: see our Rome list."),
        ("  what does\nA Bolt  COST in rome ", "A Bolt: see our rome list."),
        ("What does a bolt that will cost in time cost in Rome?", None),
        ("What does a bolt cost in New York?", None),
        ("What does cost in Rome?", None),
        ("What does a bolt cost in ?", None),
        ("Tell me what does a bolt cost in Rome?", None),
        ("What does a bolt cost in Rome? And a nut?", None),
        ("What does " + "x" * 201 + " cost in Rome?", None),
        ("", None),
    ],
)
def test_a_pattern_answers_its_question_alone(text: str, answer: str | None) -> None:
    assert told(PRICE, text) == answer


def test_a_number_is_one() -> None:
    order = canned("where is order {n:number}", "Order {n} is under way.", name="order")
    assert told(order, "Where is order 4711?") == "Order 4711 is under way."
    assert told(order, "Where is order 47-11?") is None
    assert told(order, "Where is order number 4711?") is None


def test_without_slots_it_is_the_question_itself() -> None:
    hours = canned("When are you open?", "Nine to five.", name="hours")
    assert told(hours, "when are you open") == "Nine to five."
    assert told(hours, "when are you open today") is None


@pytest.mark.parametrize(
    "more", [{"images": True}, {"tools": True}, {"json": True}, {"earlier": ("before",)}], ids=str
)
def test_only_a_question_that_stands_alone_has_one(more: dict[str, object]) -> None:
    assert told(PRICE, "What does a bolt cost in Rome?", **more) is None


@pytest.mark.parametrize(
    ("match", "answer", "why"),
    [
        ("(a+)+$", "x", "regular expression"),
        (".*", "x", "regular expression"),
        ("what (is|was) {x}", "x", "regular expression"),
        (r"\d+ apples", "x", "regular expression"),
        ("[a-z]", "x", "regular expression"),
        ("{a}{b}", "x", "words of its own"),
        ("from {a} {b}", "x", "between two slots"),
        ("{a}", "x", "words of its own"),
        ("?", "x", "words of its own"),
        ("is {a} or {a}", "x", "twice"),
        ("is {a", "x", "brace"),
        ("is {1a}", "x", "written like"),
        ("is {a:date}", "x", "written like"),
        ("is {a}", "{b}", "does not fill: b"),
        ("is {a}", "{a.__class__}", "written like"),
        ("is {a}", "{a!r}", "written like"),
    ],
)
def test_what_could_not_work_is_refused_when_it_is_loaded(match: str, answer: str, why: str) -> None:
    with pytest.raises(Unusable, match=why):
        canned(match, answer, name="x")


WORD = st.text("abc ", min_size=1, max_size=8)


@given(st.lists(WORD.filter(lambda word: word.strip()), min_size=2, max_size=4), st.data())
def test_what_fills_the_slots_is_found_again(texts: list[str], data: st.DataObject) -> None:
    names = [f"s{number}" for number in range(len(texts) - 1)]
    values = data.draw(
        st.lists(st.text("xyz{}", min_size=1, max_size=6), min_size=len(names), max_size=len(names))
    )
    match = texts[0] + "".join(f"{{{name}}}{text}" for name, text in zip(names, texts[1:], strict=True))
    said = texts[0] + "".join(value + text for value, text in zip(values, texts[1:], strict=True))
    pattern = canned(match, "|".join(f"{{{name}}}" for name in names), name="x")
    assert told(pattern, said) == "|".join(values), "as it was said, braces and all"


def test_the_worst_prompt_ends() -> None:
    """Every piece is looked for once: where a regular expression would try every way to cut the prompt up."""
    pattern = canned("a" + "".join(f" a {{s{number}}} a" for number in range(50)) + " b", "x", name="x")
    assert told(pattern, ("a " * MAX_SAID)[:MAX_SAID]) is None

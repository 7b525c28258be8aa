"""Constraints are filters: what is refused, by which of them, and in what words."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.core.asked import Asked
from headgate.core.call import Operation
from headgate.core.constraints import Rights, Sieved, able, good_enough, lawful, refusal
from headgate.core.decision import Candidate, Filter
from headgate.core.errors import Forbidden, InvalidRequest, Overloaded, Unsupported


def one(name: str = "m", **facts: Any) -> Candidate:
    return Candidate(model_id=name, provider="p", **facts)


ABROAD = one("abroad", region="us")
HOME = one("home", region="eu", local=True)


@pytest.mark.parametrize(
    ("rights", "emptied_by", "says"),
    [
        (Rights(models=frozenset({"x"})), Filter.MODELS, "may not use the model 'auto'"),
        (Rights(providers=frozenset({"q"})), Filter.PROVIDERS, "the tier is not served by 'p'"),
        (Rights(regions=frozenset({"ch"})), Filter.REGIONS, "its region is us; its region is eu"),
    ],
)
def test_who_has_no_right_to_any_is_forbidden_by_the_filter_that_took_the_last(
    rights: Rights, emptied_by: Filter, says: str
) -> None:
    found = lawful([ABROAD, HOME], rights)
    assert (found.kept, found.emptied_by) == ((), emptied_by)
    error = refusal("auto", found)
    assert isinstance(error, Forbidden)
    assert says in error.message


def test_filters_take_out_one_after_the_other_and_say_why() -> None:
    found = lawful([ABROAD, HOME], Rights(regions=frozenset({"us"}), local_only=True))
    assert [(one.model_id, one.removed_by) for one in found.removed] == [
        ("home", Filter.REGIONS),
        ("abroad", Filter.PRIVACY),
    ]
    assert found.emptied_by is Filter.PRIVACY
    assert "it would leave the house (filter: privacy)" in refusal("auto", found).message


def test_who_may_not_be_written_down_there_is_refused_by_all() -> None:
    eu = Rights(regions=frozenset({"eu"}))
    assert lawful([ABROAD, HOME], eu, written="eu").kept == (HOME,)
    found = lawful([ABROAD, HOME], eu, written="us")
    assert found.kept == ()
    assert "it would be written down in us (filter: regions)" in refusal("auto", found).message
    assert lawful([ABROAD, HOME], Rights(), written="us").kept == (ABROAD, HOME)


def test_who_may_use_a_name_may_use_all_it_stands_for() -> None:
    rights = Rights(models=frozenset({"auto"}))
    assert lawful([ABROAD, HOME], rights, named=("auto",)).kept == (ABROAD, HOME)
    assert lawful([ABROAD, HOME], rights, named=("other",)).kept == ()


@pytest.mark.parametrize(
    ("supports", "asked", "operation", "kept"),
    [
        (None, Asked(text="", tools=True, images=True, json=True), Operation.CHAT, True),
        (frozenset({"tools"}), Asked(text="", tools=True), Operation.CHAT, True),
        (frozenset({"tools"}), Asked(text="", images=True), Operation.CHAT, False),
        (frozenset({"vision"}), Asked(text="", json=True), Operation.CHAT, False),
        (frozenset({"embeddings"}), Asked(text=""), Operation.CHAT, False),
        (frozenset({"embeddings"}), None, Operation.EMBEDDINGS, True),
        (frozenset({"tools"}), None, Operation.EMBEDDINGS, False),
        (frozenset(), Asked(text=""), Operation.COMPLETION, True),
    ],
)
def test_what_a_model_cannot_do_it_is_not_asked(
    supports: frozenset[str] | None, asked: Asked | None, operation: Operation, kept: bool
) -> None:
    found = able(Sieved((one(supports=supports),)), asked, operation)
    assert bool(found.kept) is kept
    assert kept or isinstance(refusal("m", found), Unsupported)


def test_a_prompt_that_cannot_fit_is_told_so() -> None:
    found = able(Sieved((one(context=100),)), Asked(text="", chars=404), Operation.CHAT)
    error = refusal("m", found)
    assert isinstance(error, InvalidRequest)
    assert error.code == "context_length_exceeded"
    assert able(Sieved((one(context=100),)), Asked(text="", chars=400), Operation.CHAT).kept


def test_quality_is_that_for_the_intent_and_unknown_is_not_enough() -> None:
    models = (one("a", quality=0.9, skills={"code": 0.3}), one("b", quality=0.5), one("c"))
    assert [m.model_id for m in good_enough(Sieved(models), None, 0.6).kept] == ["a"]
    assert [m.model_id for m in good_enough(Sieved(models), "code", 0.4).kept] == ["b"]
    assert good_enough(Sieved(models), "code", None).kept == models
    assert isinstance(refusal("m", good_enough(Sieved(models), None, 0.95)), Overloaded)

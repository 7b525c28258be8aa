"""The table of faults, and the ways of naming one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.simulated.faults import EARLY, FAULTS, Fault, of_model, parse
from headgate.providers.simulated.settings import Scheduled
from headgate.providers.simulated.stage import CANNED, MID


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_of_the_table_can_be_named(name: str) -> None:
    fault = parse(name)
    assert (fault.name, fault.number) == (name, FAULTS[name].default)
    assert of_model(f"fault-{name}") == fault
    assert FAULTS[name].what


def test_every_fault_has_its_place_on_the_stage() -> None:
    assert EARLY | MID | set(CANNED) | {"slow", "late", "cut-head"} == set(FAULTS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("status:422", Fault(name="status", number=422)),
        ("503", Fault(name="status", number=503)),
        ("429:7", Fault(name="status", number=429, retry_after_s=7)),
        ("status:429:0.5", Fault(name="status", number=429, retry_after_s=0.5)),
        ("cut-mid:12", Fault(name="cut-mid", number=12)),
        (" slow:2.5 ", Fault(name="slow", number=2.5)),
    ],
)
def test_numbers_follow_the_colon(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "cut-mid:x", "cut-mid:1:2", "hang:3", "status:200", "status:999", "429:-1", "slow:nan"],
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


def test_the_nearest_fault_is_named() -> None:
    with pytest.raises(ValueError, match="'stall-mid'"):
        parse("stall")


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("fault-hang", "hang"),
        ("gpt-4o-fault-refuse", "refuse"),
        ("openai/fault-429-7", "429:7"),
        ("llama3:fault-503", "503"),
        ("x-fault-cut-mid-json-2", "cut-mid-json:2"),
        ("x-fault-cut-mid-2", "cut-mid:2"),
        ("gpt-4o", None),
        ("default-hang", None),
        ("fault-nonsense", None),
        ("fault-hang-3", None),
        ("fault-", None),
    ],
)
def test_a_model_name_may_ask_for_a_fault(model: str, fault: str | None) -> None:
    assert of_model(model) == (parse(fault) if fault else None)


@given(st.text())
def test_any_model_name_is_looked_at_in_peace(model: str) -> None:
    of_model(model)
    of_model(f"fault-{model}")


def test_a_schedule_covers_its_time_its_key_and_its_model() -> None:
    scheduled = Scheduled(fault="hang", from_s=10, to_s=20, key="k", model="m")
    assert scheduled.covers(10.0, key="k", model="m")
    assert not scheduled.covers(9.9, key="k", model="m")
    assert not scheduled.covers(20.0, key="k", model="m")
    assert not scheduled.covers(15.0, key="other", model="m")
    assert not scheduled.covers(15.0, key="k", model="other")
    assert Scheduled(fault="hang").covers(1e9, key="", model="")


def test_a_schedule_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Scheduled(fault="nonsense")
    with pytest.raises(ValueError, match="share"):
        Scheduled(fault="hang", share=2.0)

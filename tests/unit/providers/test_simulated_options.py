"""The timetable of faults as it is written on the command line."""

from __future__ import annotations

import pytest

from headgate.cli.sim_providers import scheduled
from headgate.providers.simulated import Scheduled


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("hang", Scheduled(fault="hang")),
        ("429:7@0.2", Scheduled(fault="429:7", share=0.2)),
        ("cut-mid:5@0.1/10-20", Scheduled(fault="cut-mid:5", share=0.1, from_s=10, to_s=20)),
        ("status:503/2.5-", Scheduled(fault="status:503", from_s=2.5)),
        ("refuse/-5", Scheduled(fault="refuse", to_s=5)),
    ],
)
def test_a_fault_its_share_and_its_time(text: str, meant: Scheduled) -> None:
    assert scheduled(text) == meant


@pytest.mark.parametrize("text", ["", "hong", "hang@x", "hang@2", "hang/a-b", "hang@0.1@0.2"])
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        scheduled(text)

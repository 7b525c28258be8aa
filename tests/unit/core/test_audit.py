"""The chain of acts: nothing can be changed, taken out, put in or moved unnoticed."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.audit import START, Act, Noted, broken_at, chained, forgotten

ACTS = st.builds(
    Act,
    at_us=st.integers(0, 10**15),
    who=st.text(max_size=5),
    action=st.text(max_size=5),
    target=st.text(max_size=5),
)


def chain(acts: list[Act]) -> list[Noted]:
    found: list[Noted] = []
    for number, act in enumerate(acts, start=1):
        found.append(chained(act, number, found[-1].hash if found else START))
    return found


@given(st.lists(ACTS, max_size=8))
def test_what_was_written_is_well(acts: list[Act]) -> None:
    assert broken_at(chain(acts)) is None


@given(st.lists(ACTS, min_size=2, max_size=8), st.data())
def test_whoever_tampers_is_found_out_where_it_was(acts: list[Act], data: st.DataObject) -> None:
    found = chain(acts)
    place = data.draw(st.integers(0, len(found) - 2))
    field = data.draw(st.sampled_from(["who", "action", "target", "detail", "hash"]))
    changed = msgspec.structs.replace(found[place], **{field: getattr(found[place], field) + "x"})
    assert broken_at([*found[:place], changed, *found[place + 1 :]]) == place + 1
    assert broken_at([*found[:place], *found[place + 1 :]]) == place + 1
    swapped = [*found[:place], found[place + 1], found[place], *found[place + 2 :]]
    assert broken_at(swapped) == place + 1


@given(ACTS, ACTS)
def test_fields_do_not_run_into_each_other(one: Act, other: Act) -> None:
    assert (chained(one, 1, START).hash == chained(other, 1, START).hash) == (one == other)


@given(st.lists(ACTS, min_size=2, max_size=8), st.data())
def test_a_beginning_that_is_gone_must_be_told_of(acts: list[Act], data: st.DataObject) -> None:
    whole = chain(acts)
    cut = data.draw(st.integers(1, len(whole) - 1))
    claim = forgotten("audit", cut, str(cut), whole[cut - 1].hash, 1)
    rest = whole[cut:]
    proven = [*rest, chained(claim, rest[-1].number + 1, rest[-1].hash)]
    assert broken_at(proven) is None
    assert broken_at(rest) == 1
    assert broken_at(proven[1:]) == 1
    false = forgotten("audit", cut, str(cut), START, 1)
    assert broken_at([*rest, chained(false, rest[-1].number + 1, rest[-1].hash)]) == 1

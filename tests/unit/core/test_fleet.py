"""Which fleets are open: between the two marks nothing moves, and every move has its reason."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.fleet import Fleet, Fleets, Marks, Strength

MARKS = Marks(open_at=0.8, close_at=0.6, hold_s=30.0)
PRIMARY, SECONDARY, BACKUP = Fleet.PRIMARY, Fleet.SECONDARY, Fleet.BACKUP

strengths = st.builds(Strength, st.floats(0.0, 1.0), st.booleans())
looks = st.lists(
    st.tuples(st.floats(0.0, 40.0), st.fixed_dictionaries(dict.fromkeys(Fleet, strengths))), max_size=40
)


def played(
    seen: list[tuple[float, dict[Fleet, Strength]]],
) -> list[tuple[float, dict[Fleet, Strength], Fleets, Fleets]]:
    """(time, strengths, the fleets before, the fleets after) of each look; the first number is the pause."""
    now, fleets, rows = 0.0, Fleets(), []
    for pause_s, strength in seen:
        now += pause_s
        after = fleets.seen(strength, MARKS, now)
        rows.append((now, strength, fleets, after))
        fleets = after
    return rows


@given(looks, st.floats(0.6, 0.8, exclude_max=True))
def test_inside_the_band_nothing_ever_moves(
    before: list[tuple[float, dict[Fleet, Strength]]], load: float
) -> None:
    *_, (_, _, _, fleets) = played([*before, (0.0, {PRIMARY: Strength(0.1)})])
    for now in range(1000, 1400, 10):
        after = fleets.seen({PRIMARY: Strength(load), SECONDARY: Strength()}, MARKS, float(now))
        assert after.secondary.is_open == fleets.secondary.is_open
        fleets = after


@given(looks)
def test_every_move_has_its_reason(seen: list[tuple[float, dict[Fleet, Strength]]]) -> None:
    calm_from: float | None = None
    for now, strength, before, after in played(seen):
        primary, others = strength[PRIMARY], strength[SECONDARY]
        if primary.well and primary.load < MARKS.close_at:
            calm_from = now if calm_from is None else calm_from
        else:
            calm_from = None
        if after.secondary.is_open and not before.secondary.is_open:
            assert primary.load >= MARKS.open_at or not primary.well
        if before.secondary.is_open and not after.secondary.is_open:
            assert calm_from is not None
            assert now - calm_from >= MARKS.hold_s
        if primary.load >= MARKS.open_at or not primary.well:
            assert after.secondary.is_open
        if after.backup.is_open and not before.backup.is_open:
            assert not primary.well
            assert not others.well
        assert after.is_open(PRIMARY)


@given(looks)
def test_somebody_is_always_to_be_asked_and_none_of_a_closed_fleet(
    seen: list[tuple[float, dict[Fleet, Strength]]],
) -> None:
    for _, strength, _, after in played(seen):
        order = after.order(strength, MARKS)
        assert PRIMARY in order
        assert sorted(order) == sorted(fleet for fleet in Fleet if after.is_open(fleet))


def test_what_is_over_the_mark_goes_to_the_less_loaded_secondary_first() -> None:
    def order(primary: float, secondary: Strength) -> list[Fleet]:
        both = {PRIMARY: Strength(primary), SECONDARY: secondary}
        return Fleets().seen({PRIMARY: Strength(0.9)}, MARKS, 0.0).order(both, MARKS)

    assert order(0.85, Strength(0.2)) == [SECONDARY, PRIMARY]
    assert order(0.7, Strength(0.2)) == [PRIMARY, SECONDARY]
    assert order(0.85, Strength(0.9)) == [PRIMARY, SECONDARY]
    assert order(0.85, Strength(0.2, well=False)) == [PRIMARY, SECONDARY]


def test_without_a_primary_the_secondary_is_open_and_the_backup_waits_for_its_outage() -> None:
    some = {SECONDARY: Strength(0.1), BACKUP: Strength()}
    fleets = Fleets().seen(some, MARKS, 0.0)
    assert fleets.order(some, MARKS) == [SECONDARY]
    gone = {**some, SECONDARY: Strength(1.0, well=False)}
    assert fleets.seen(gone, MARKS, 1.0).order(gone, MARKS) == [SECONDARY, BACKUP]

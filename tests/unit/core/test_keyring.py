"""`core.keyring`: what is said of keys, and what follows from it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.keyring import KeyState, Notice, held, sealed, unsealed
from headgate.core.secret import Secret, fingerprint

OLD, NEW, NEWER = Secret("sk-old-0123456789"), Secret("sk-new-0123456789"), Secret("sk-newer-0123456789")
NONCE = b"n" * 16
TIMES = st.none() | st.floats(0, 1e10)
NOTICES = st.builds(Notice, seen_at=TIMES, revoked_at=TIMES, successor=st.none() | st.just(b"box"))
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300)


def rotated(old: Secret, new: Secret, at: float = 100.0) -> dict[str, Notice]:
    return {fingerprint(old): Notice(revoked_at=at, successor=sealed(new, old, NONCE))}


@given(old=TEXTS, new=TEXTS, other=TEXTS, nonce=st.binary(min_size=16, max_size=16))
def test_what_is_sealed_opens_with_the_key_it_was_sealed_with_and_no_other(
    old: str, new: str, other: str, nonce: bytes
) -> None:
    box = sealed(Secret(new), Secret(old), nonce)
    assert unsealed(box, Secret(old)) == Secret(new)
    assert (unsealed(box, Secret(other)) is None) == (other != old)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_box_that_was_changed_does_not_open(place: int, change: int) -> None:
    box = bytearray(sealed(NEW, OLD, NONCE))
    box[place % len(box)] ^= change
    assert unsealed(bytes(box), OLD) is None
    assert unsealed(bytes(box[: place % len(box)]), OLD) is None


def test_nothing_of_a_key_can_be_read_from_what_is_stored() -> None:
    stored = repr(rotated(OLD, NEW)) + fingerprint(OLD)
    assert not any(part in stored for part in ("sk-", "old-", "new-", "0123"))


def test_a_key_is_followed_by_what_it_was_rotated_to() -> None:
    notices = rotated(OLD, NEW) | rotated(NEW, NEWER)
    found = list(held([("first", OLD), ("2", Secret("sk-other"))], notices))
    assert [(one.of, one.name, one.secret, one.usable()) for one in found] == [
        (0, "first", OLD, False),
        (0, "first.2", NEW, False),
        (0, "first.3", NEWER, True),
        (1, "2", Secret("sk-other"), True),
    ]


def test_a_successor_that_the_configuration_has_by_now_is_there_once() -> None:
    found = list(held([("1", OLD), ("2", NEW)], rotated(OLD, NEW)))
    assert [one.name for one in found] == ["1", "2"]


def test_rotating_in_a_circle_ends() -> None:
    found = list(held([("1", OLD)], rotated(OLD, NEW) | rotated(NEW, OLD)))
    assert [one.name for one in found] == ["1", "1.2"]


def test_draining_until_the_overlap_ends() -> None:
    notice = Notice(revoked_at=100.0)
    assert notice.state(99.0) is KeyState.DRAINING
    assert notice.state(100.0) is KeyState.REVOKED
    assert Notice().state(1e12) is KeyState.ACTIVE


@given(NOTICES, NOTICES, NOTICES)
def test_who_hears_what_first_does_not_matter_and_a_revocation_stays(
    one: Notice, two: Notice, three: Notice
) -> None:
    assert one.merged(two).merged(three) == one.merged(two.merged(three))
    assert one.merged(one) == one
    both = one.merged(two)
    assert (both.revoked_at is None) == (one.revoked_at is None and two.revoked_at is None)
    assert all(
        said is None or (both.revoked_at is not None and both.revoked_at <= said)
        for said in (one.revoked_at, two.revoked_at)
    )


def test_when_a_rotation_is_due() -> None:
    [one] = held([("1", OLD)], {fingerprint(OLD): Notice(seen_at=1000.0)})
    assert one.rotation_due_at(30) == 1000.0 + 30 * 86400
    assert one.rotation_due_at(None) is None
    [unseen] = held([("1", OLD)], {})
    assert unseen.rotation_due_at(30) is None

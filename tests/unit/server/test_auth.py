"""Who may come in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Caller
from headgate.core.errors import Overloaded, Unauthenticated
from headgate.core.issued import Issued, Snapshot, digested
from headgate.core.secret import Secret
from headgate.server.auth import Doorkeeper, Guests, OpenDoor

ALICE, BOB = Caller(key="alice", tenant="acme"), Caller(key="bob", tenant="acme")
DOOR = Doorkeeper(
    {"alice": Secret("key-of-alice"), "bob": Secret("key-of-bob")},
    {"alice": ALICE, "bob": BOB},
    pepper=b"0123456789abcdef",
)


@pytest.mark.parametrize(
    "headers",
    [
        {b"authorization": b"Bearer key-of-alice"},
        {b"authorization": b"bearer key-of-alice"},
        {b"authorization": b"BEARER   key-of-alice  "},
        {b"x-api-key": b"key-of-alice"},
        {b"authorization": b"Basic abc", b"x-api-key": b"key-of-alice"},
        {b"authorization": b"Bearer ", b"x-api-key": b"key-of-alice"},
        {b"authorization": b"Bearer key-of-alice", b"x-api-key": b"key-of-bob"},
    ],
)
def test_a_known_key_opens_however_it_is_shown(headers: dict[bytes, bytes]) -> None:
    assert DOOR.admit(headers) is ALICE


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"authorization": b""},
        {b"authorization": b"Bearer"},
        {b"x-api-key": b""},
        {b"cookie": b"key-of-alice"},
    ],
)
def test_without_a_key_it_is_said_how_to_show_one(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unauthenticated, match="Bearer") as raised:
        DOOR.admit(headers)
    assert raised.value.code == "invalid_api_key"


@given(st.binary(min_size=1, max_size=40))
def test_any_other_key_is_unknown_and_not_repeated(key: bytes) -> None:
    if key.strip() in (b"key-of-alice", b"key-of-bob"):
        return
    with pytest.raises(Unauthenticated) as raised:
        DOOR.admit({b"x-api-key": b"x" + key})
    assert raised.value.code == "invalid_api_key"
    assert raised.value.message == "The API key is not known here."


def test_the_doorkeeper_does_not_keep_the_keys() -> None:
    kept = repr(vars(DOOR))
    assert "key-of" not in kept


def test_a_key_of_the_configuration_may_look_as_if_it_had_been_made_at_run_time() -> None:
    pepper = b"fedcba9876543210"
    made = Issued(name="m", tenant="t", digest=digested(b"hg_made", pepper), hint="", created_at=0.0)
    door = Doorkeeper(
        {"alice": Secret("hg_written")},
        {"alice": ALICE},
        pepper=b"0123456789abcdef",
        guests=Guests(Snapshot(1, pepper, (made,)), {"m": BOB}, {"alice"}),
    )
    assert door.admit({b"x-api-key": b"hg_written"}) is ALICE
    assert door.admit({b"x-api-key": b"hg_made"}) is BOB
    with pytest.raises(Unauthenticated, match="not known"):
        door.admit({b"x-api-key": b"hg_other"})


def test_a_key_that_may_have_been_made_while_nobody_could_tell_is_not_said_to_be_wrong() -> None:
    is_current = False
    door = Doorkeeper(
        {"alice": Secret("hg_written")},
        {"alice": ALICE},
        pepper=b"0123456789abcdef",
        current=lambda: is_current,
    )
    assert door.admit({b"x-api-key": b"hg_written"}) is ALICE
    with pytest.raises(Overloaded) as raised:
        door.admit({b"x-api-key": b"hg_made_elsewhere"})
    assert raised.value.code == "keys_unavailable"
    with pytest.raises(Unauthenticated):
        door.admit({b"x-api-key": b"of another kind"})
    is_current = True
    with pytest.raises(Unauthenticated):
        door.admit({b"x-api-key": b"hg_made_elsewhere"})


def test_an_open_door_asks_nobody() -> None:
    assert OpenDoor(BOB).admit({}) is BOB

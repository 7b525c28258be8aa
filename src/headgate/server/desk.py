"""Where keys of callers are made, rotated and revoked at run time: for the admin API and the command line.

Each act is written down in the audit log in the transaction that does it.

Known weakness: of two who change the same key at the same moment the last has his way.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from headgate.core.audit import Act
from headgate.core.budget import Per
from headgate.core.errors import InvalidRequest
from headgate.core.issued import COPIES, PREFIX, Issued, Known, Terms, digested
from headgate.core.secret import Secret
from headgate.ports.store import Store

NAME = re.compile(r"(?!\.{1,2}$)[!-~]{1,200}")
"""`.` and `..` are no names: no path leads to them."""
MOST_A_MINUTE = 1_000_000_000
MOST_OVERLAP_S = 31_536_000.0


class NameTaken(Exception):
    """There is such a key already, or it has ended already."""


class NoSuchKey(Exception):
    """No key of that name was made at run time."""


class Desk:
    """For one admin, `who` by name."""

    def __init__(self, store: Store, known: Known, *, who: str, wall: Callable[[], float]) -> None:
        self._store = store
        self._known = known
        self._who = who
        self._wall = wall

    async def create(self, name: str, **members: Any) -> str:
        """Makes a key of these members of `Issued`; its text, which nobody can tell again.

        Raises:
            InvalidRequest: for names that are none, or lead nowhere.
            NameTaken: where there is a key of that name, revoked or not.
        """
        self._check(name, members)
        text, digest = await self._fresh()
        key = Issued(name=name, digest=digest, hint=Secret(text).hint, created_at=self._wall(), **members)
        act = self._act("key.create", name, f"tenant={key.tenant} key={key.hint}")
        if not await self._store.add(key, act):
            raise NameTaken(f"there is a key {name!r} already; a revoked one keeps its name")
        return text

    def _check(self, name: str, members: dict[str, Any]) -> None:
        known = self._known
        for text in (name, members["tenant"], *(members.get("regions") or ())):
            if not NAME.fullmatch(text):
                raise InvalidRequest("Names are of at most 200 ASCII characters without spaces.")
        if COPIES in (name, members["tenant"]):
            raise InvalidRequest(f"{COPIES!r} is what copies for a mirror are booked under.")
        if name in known.keys:
            raise NameTaken(f"there is a key {name!r} in the configuration")
        tier = members.get("tier")
        if tier and tier not in known.tiers:
            raise _unknown("tier", [tier], sorted(known.tiers))
        if strange := [one for one in members.get("models") or () if one not in known.models]:
            raise _unknown("models", strange, sorted(known.models))
        self._check_bounds(members)

    def _check_bounds(self, members: dict[str, Any]) -> None:
        """What a store and every gateway can hold, whoever asks."""
        for of in ("rpm", "tpm"):
            if not 1 <= (members.get(of) or 1) <= MOST_A_MINUTE:
                raise InvalidRequest(f"'{of}' takes 1 to {MOST_A_MINUTE}.", param=of)
        ends = members.get("expires_at")
        if ends is not None and ends <= self._wall():
            raise InvalidRequest("'expires' takes a time that is still to come.", param="expires")

    async def rotate(self, name: str, overlap_s: float) -> str:
        """A new key in the place of the old, which is good for so many seconds more; its text."""
        if not 0.0 <= overlap_s <= MOST_OVERLAP_S:
            raise InvalidRequest(f"The overlap takes 0 to {MOST_OVERLAP_S:.0f} seconds.", param="overlap_s")
        old = await self._find(name)
        text, digest = await self._fresh()
        fresh = msgspec.structs.replace(
            old,
            digest=digest,
            hint=Secret(text).hint,
            former=old.digest,
            former_until=self._wall() + overlap_s,
        )
        await self._put(fresh, self._act("key.rotate", name, f"key={fresh.hint} overlap_s={overlap_s:g}"))
        return text

    async def revoke(self, name: str) -> Issued:
        """It opens nothing from now on; what it was."""
        old = await self._find(name)
        gone = msgspec.structs.replace(old, revoked_at=self._wall())
        await self._put(gone, self._act("key.revoke", name, f"tenant={old.tenant} key={old.hint}"))
        return old

    async def terms(self, kind: str, name: str, budgets: tuple[tuple[int, Per], ...]) -> Terms:
        """What was agreed at run time, with these budgets in the place of the former."""
        found = await self._store.snapshot(-1)
        known = (one for one in found.terms if (one.kind, one.name) == (kind, name)) if found else iter(())
        return msgspec.structs.replace(next(known, Terms(kind=kind, name=name)), budgets=budgets)

    async def agree(self, terms: Terms) -> bool:
        """These hold from now on; false where they say nothing, and there were none."""
        await self._store.pepper(os.urandom(32))  # there is a generation to count up
        said = [f"{nano / 1e9:g}/{per}" for nano, per in terms.budgets]
        said += [f"{name}={value}" for name in ("rpm", "tpm", "time_zone") if (value := getattr(terms, name))]
        act = self._act("terms.set", f"{terms.kind}/{terms.name}", " ".join(said))
        return await self._store.agree(terms, act)

    async def note(self, action: str, target: str) -> None:
        await self._store.note(self._act(action, target, ""))

    async def _put(self, key: Issued, act: Act) -> None:
        if not await self._store.change(key, act):
            raise NoSuchKey(f"no key {key.name!r} was made at run time")

    async def _find(self, name: str) -> Issued:
        found = await self._store.snapshot(-1)
        key = next((one for one in found.keys if one.name == name), None) if found else None
        if key is None:
            raise NoSuchKey(f"no key {name[:200]!r} was made at run time")
        if key.revoked_at is not None:
            raise NameTaken(f"key {name} is revoked already")
        return key

    async def _fresh(self) -> tuple[str, bytes]:
        """A new key and its digest."""
        text = PREFIX + secrets.token_urlsafe(32)
        return text, digested(text.encode(), await self._store.pepper(os.urandom(32)))

    def _act(self, action: str, target: str, detail: str) -> Act:
        return Act(at_us=int(self._wall() * 1e6), who=self._who, action=action, target=target, detail=detail)


def _unknown(param: str, names: Sequence[str], known: Sequence[str]) -> InvalidRequest:
    listed = ", ".join(repr(name[:200]) for name in names)
    return InvalidRequest(f"There is no {listed}: one of {', '.join(known) or 'none'}.", param=param)

"""Who may come in: keys of the configuration, held and compared as hashes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b

from headgate.core.call import Caller
from headgate.core.errors import Overloaded, Unauthenticated
from headgate.core.issued import NOBODY, PREFIX, Snapshot, digested
from headgate.core.scope import Admin
from headgate.core.secret import Secret

AGAIN_S = 5.0
_PREFIX = PREFIX.encode()


class Guests:
    """Keys that were made at run time, as a doorkeeper knows them. It is made of nothing that changes, so
    that a thread may do it where there are many."""

    def __init__(self, issued: Snapshot, callers: Mapping[str, Caller], known: Collection[str]) -> None:
        """Left out are those without a caller, and those whose name is `known` as a key's of the
        configuration."""
        self.pepper = issued.pepper
        self.by_digest: dict[bytes, tuple[float, Caller]] = {}
        self.by_name: dict[str, tuple[float, Caller]] = {}
        for key in issued.keys:
            caller = callers.get(key.name)
            if caller is None or key.name in known:
                continue
            digests = list(key.digests())
            self.by_name[key.name] = max(until for _, until in digests), caller
            self.by_digest.update((digest, (until, caller)) for digest, until in digests)


NO_GUESTS = Guests(NOBODY, {}, ())


class Doorkeeper:
    """Knows each key by a keyed hash, made with `pepper`; the keys themselves are not kept.

    Looking a hash up takes a time that depends on the hash, which nobody can choose or guess without the
    pepper: how long it took says nothing of the key.
    """

    def __init__(
        self,
        keys: Mapping[str, Secret],
        callers: Mapping[str, Caller],
        *,
        pepper: bytes,
        guests: Guests = NO_GUESTS,
        wall: Callable[[], float] = lambda: 0.0,
        current: Callable[[], bool] = lambda: True,
    ) -> None:
        """`keys` and `callers` by key name. `pepper`: 16 to 64 random bytes of this process. `current`:
        whether `guests` are all there are, so far as anybody can know."""
        self._issued = guests.by_digest
        self._issued_pepper = guests.pepper
        self._guests = guests.by_name
        self._by_name = {name: callers[name] for name in keys}
        self._wall = wall
        self._current = current
        self._hash = _keyed(pepper)
        self._callers = {
            _digest(self._hash, key.reveal().encode()): callers[name] for name, key in keys.items()
        }

    def admit(self, headers: Mapping[bytes, bytes]) -> Caller:
        """The caller a request's headers speak for: `Authorization: Bearer …` or `x-api-key`.

        Raises:
            Unauthenticated: for no key, or one that is not ours.
            Overloaded: for one that may have been made while nobody could tell us.
        """
        presented = _presented(headers)
        if presented is None:
            raise Unauthenticated(
                "No API key. Send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
                code="invalid_api_key",
            )
        if self._issued and presented.startswith(_PREFIX) and (made := self._of_issued(presented)):
            return made
        known = self._callers.get(_digest(self._hash, presented))
        if known is None:
            if presented.startswith(_PREFIX) and not self._current():
                raise Overloaded(
                    "Whose key this is cannot be known now.", code="keys_unavailable", retry_after_s=AGAIN_S
                )
            raise Unauthenticated("The API key is not known here.", code="invalid_api_key")
        return known

    def caller(self, name: str) -> Caller | None:
        """Whom the key of that name stands for, if it would be let in now."""
        until, guest = self._guests.get(name, (0.0, None))
        return self._by_name.get(name) or (guest if self._wall() < until else None)

    def _of_issued(self, presented: bytes) -> Caller | None:
        """Of a key that was made at run time; one that looks like it may stand in the configuration."""
        known = self._issued.get(digested(presented, self._issued_pepper))
        if known is None:
            return None
        until, caller = known
        if self._wall() >= until:
            raise Unauthenticated("The API key has expired or was revoked.", code="invalid_api_key")
        return caller


class AdminKeeper:
    """Knows admin keys, each with its scope, as a doorkeeper knows callers' keys. Without any it lets nobody
    in."""

    def __init__(self, keys: Iterable[tuple[Secret, Admin]], *, pepper: bytes) -> None:
        self._hash = _keyed(pepper)
        self._admins = {_digest(self._hash, key.reveal().encode()): admin for key, admin in keys}

    def admit(self, headers: Mapping[bytes, bytes]) -> Admin | None:
        presented = _presented(headers)
        return None if presented is None else self._admins.get(_digest(self._hash, presented))


class OpenDoor:
    """Everybody is `caller`: for `auth: off`, which the configuration allows on loopback only."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def admit(self, headers: Mapping[bytes, bytes]) -> Caller:
        return self._caller

    def caller(self, name: str) -> Caller | None:
        """Everybody, by the one name there is."""
        return self._caller if name == self._caller.key else None


def _keyed(pepper: bytes) -> blake2b:
    """A pepper before what is hashed makes a keyed hash, since nobody can lengthen what BLAKE2 has hashed;
    given as its key, it would be a block more to hash, every time."""
    return blake2b(pepper, digest_size=32)


def _digest(keyed: blake2b, key: bytes) -> bytes:
    """Of that key. To copy a hash that has its pepper takes less time than to begin one."""
    hashed = keyed.copy()
    hashed.update(key)
    return hashed.digest()


def _presented(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key as sent. Only the scheme's name is case-insensitive (RFC 9110 § 11.1)."""
    authorization = headers.get(b"authorization")
    if authorization:
        scheme, _, key = authorization.partition(b" ")
        if scheme.lower() == b"bearer" and (key := key.strip()):
            return key
    return headers.get(b"x-api-key") or None

"""A string that cannot be shown by accident."""

from __future__ import annotations

import hashlib
from typing import NoReturn


class Secret:
    """A key or a password.

    Formatting, printing and logging show the last four characters at most; `reveal()` is the one way
    to the value, so that every use can be found by name. It refuses to be pickled or iterated.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. For the wire only."""
        return self._value

    @property
    def hint(self) -> str:
        """What an operator may see: `…` and the last four characters, or `…` alone for a short secret."""
        return f"…{self._value[-4:]}" if len(self._value) >= 16 else "…"

    def __repr__(self) -> str:
        return f"Secret({self.hint})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return int.from_bytes(hashlib.blake2b(self._value.encode(), digest_size=8).digest())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not serialised")


def fingerprint(secret: Secret) -> str:
    """A name for it that several processes agree on and that tells nothing of it: 128 bits of a hash, of keys
    that nobody can guess."""
    return hashlib.blake2b(secret.reveal().encode(), digest_size=16, person=b"headgate-key").hexdigest()

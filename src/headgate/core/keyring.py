"""The life of a provider's key: what the operator has said of it, and which keys there are in consequence.

What is said stands under the key's fingerprint, never under the key. The successor of a rotated key is sealed
with the key it follows, which whoever has the configuration knows, and nobody who has only the store: every
replica learns the new key without being handed it, and the store holds no secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from headgate.core.secret import Secret, fingerprint

NONCE_BYTES = 16
MAC_BYTES = 16
LONGEST_CHAIN = 64
"""Rotations that are followed from the key of the configuration on."""
DAY_S = 86_400.0


class KeyState(StrEnum):
    ACTIVE = "active"
    DRAINING = "draining"
    """Rotated: takes no new calls, those under way may end."""
    COOLING = "cooling"
    """Left alone for a while: throttled, or its upstreams fail."""
    REVOKED = "revoked"
    DEAD = "dead"
    """The provider refuses it; it is asked again from time to time."""


class Notice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one key. Times are seconds since the epoch. `seen_at`: when it was first used here;
    `revoked_at`: nothing is sent under it from then on, and nothing new if that is still to come."""

    seen_at: float | None = None
    revoked_at: float | None = None
    successor: bytes | None = None

    def state(self, wall: float) -> KeyState:
        """As far as the operator decides."""
        if self.revoked_at is None:
            return KeyState.ACTIVE
        return KeyState.REVOKED if wall >= self.revoked_at else KeyState.DRAINING

    def merged(self, other: Notice) -> Notice:
        """What two places say together: the sooner word counts, and a revocation is never taken back."""
        return Notice(
            seen_at=_sooner(self.seen_at, other.seen_at),
            revoked_at=_sooner(self.revoked_at, other.revoked_at),
            successor=self.successor or other.successor,
        )


NOTHING_SAID = Notice()


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A key that a provider has by configuration or by rotation. `of` is the number, from 0, of the
    configured key it goes back to."""

    of: int
    name: str
    secret: Secret
    notice: Notice

    def usable(self) -> bool:
        """Whether new calls may be sent under it."""
        return self.notice.revoked_at is None

    def rotation_due_at(self, every_days: float | None) -> float | None:
        if every_days is None or self.notice.seen_at is None:
            return None
        return self.notice.seen_at + every_days * DAY_S


def held(keys: Sequence[tuple[str, Secret]], notices: Mapping[str, Notice]) -> Iterator[Held]:
    """The keys of one provider: each of the configuration's, followed by those that it was rotated to."""
    known = {fingerprint(secret) for _, secret in keys}
    for number, (name, secret) in enumerate(keys):
        notice = notices.get(fingerprint(secret), NOTHING_SAID)
        yield Held(of=number, name=name, secret=secret, notice=notice)
        for turn in range(2, LONGEST_CHAIN):
            next_one = unsealed(notice.successor, secret) if notice.successor else None
            if next_one is None or fingerprint(next_one) in known:
                break
            secret, notice = next_one, notices.get(fingerprint(next_one), NOTHING_SAID)
            known.add(fingerprint(secret))
            yield Held(of=number, name=f"{name}.{turn}", secret=secret, notice=notice)


def sealed(new: Secret, old: Secret, nonce: bytes) -> bytes:
    """`new`, readable by whoever has `old`. `nonce`: `NONCE_BYTES` that were never used before.

    A key stream of keyed BLAKE2b (RFC 7693) in counter mode, and a keyed BLAKE2b of nonce and ciphertext:
    encrypt, then authenticate, each under a key of its own.
    """
    body = _stream(old, nonce, new.reveal().encode())
    return nonce + body + _mac(old, nonce + body)


def unsealed(box: bytes, old: Secret) -> Secret | None:
    """What was sealed with `old`; nothing, if it was sealed with another key or changed since."""
    nonce, body, mac = box[:NONCE_BYTES], box[NONCE_BYTES:-MAC_BYTES], box[-MAC_BYTES:]
    if not body or not hmac.compare_digest(mac, _mac(old, nonce + body)):
        return None
    return Secret(_stream(old, nonce, body).decode())


def _stream(key: Secret, nonce: bytes, text: bytes) -> bytes:
    secret = _derived(key, b"headgate-seal")
    blocks = -(-len(text) // 64)
    stream = b"".join(
        hashlib.blake2b(nonce + number.to_bytes(4), key=secret).digest() for number in range(blocks)
    )
    return bytes(one ^ other for one, other in zip(text, stream, strict=False))


def _mac(key: Secret, text: bytes) -> bytes:
    return hashlib.blake2b(text, key=_derived(key, b"headgate-mac"), digest_size=MAC_BYTES).digest()


def _derived(key: Secret, purpose: bytes) -> bytes:
    return hashlib.blake2b(key.reveal().encode(), digest_size=32, person=purpose).digest()


def _sooner(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else min(one, other)

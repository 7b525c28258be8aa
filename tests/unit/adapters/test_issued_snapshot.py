"""What a store has of keys, though it has something that nobody can read."""

from __future__ import annotations

from headgate.adapters.books import issued_document, issued_snapshot
from headgate.core.issued import Issued, Terms

KEY = Issued(name="a", tenant="t", digest=b"d", hint="h", created_at=0.0, revoked_at=5.0)
TERMS = Terms(kind="tenant", name="t", rpm=5)


def test_what_cannot_be_read_keeps_nobody_from_hearing_that_a_key_was_revoked() -> None:
    strange = issued_document(KEY).replace('"former_until":0.0', '"former_until":null')
    assert strange != issued_document(KEY)
    found = issued_snapshot(
        7, "00" * 16, [strange, issued_document(KEY), "{"], [issued_document(TERMS), '{"kind":1}']
    )
    assert (found.keys, found.terms) == ((KEY,), (TERMS,))

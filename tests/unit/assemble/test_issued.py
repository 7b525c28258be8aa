"""Keys that were made at run time, as a generation takes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from headgate.adapters.sqlite import SqliteLedger
from headgate.assemble.issued import IssuedKeys
from headgate.core.issued import Issued, Snapshot

KEYS = tuple(
    Issued(name=name, tenant="t", digest=name.encode(), hint="", created_at=0.0, budgets=((5, "day"),))
    for name in ("a", "b", "c")
)


def test_only_what_has_changed_is_made_anew(tmp_path: Path) -> None:
    found = IssuedKeys(SqliteLedger(tmp_path / "books.db"), tmp_path / "snapshot", cast(Any, None))
    assert list(found.keys()) == []
    found.snapshot = Snapshot(1, b"", KEYS)
    before = found.keys()
    assert [(key.name, key.budget[0].nano, one) for key, one in before] == [
        (one.name, 5, one) for one in KEYS
    ]
    assert found.keys() is before
    found.snapshot = Snapshot(2, b"", (KEYS[0], replace(KEYS[1], rpm=7), KEYS[2]))
    after = found.keys()
    assert [key is known for (key, _), (known, _) in zip(after, before, strict=True)] == [True, False, True]
    assert [key.rpm for key, _ in after] == [None, 7, None]

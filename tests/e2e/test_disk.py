"""A disk that is full, and is not any more: served or refused, told, and no acknowledged row is lost."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from gateway import KEY, Gateway, running

pytestmark = pytest.mark.e2e

CONFIG = f"""
server: {{log: off}}
keys: [{{name: me, key: {KEY}}}]
coalesce: {{window_s: 0}}
cache: {{exact: {{ttl_s: 0}}}}
store: {{url: "sqlite:///{{file}}", folder: {{folder}}}}
providers: {{p: {{dialect: simulated, simulated: {{latency_s: 0.001, tokens_per_s: 0}}}}}}
models: {{m: {{provider: p, price: {{input: 1, output: 1}}}}}}
routes:
  plain: {{use: [m]}}
  safe: {{use: [m], durable: strict}}
"""


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("nothing can be mounted here; the same with a limit on files is in test_books.py")
    if done.returncode:
        pytest.skip("nothing may be mounted here; the same with a limit on files is in test_books.py")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def fill(place: Path) -> Path:
    """A file that takes all the room there is."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


def test_a_full_disk_is_told_and_no_acknowledged_row_is_lost(tmp_path: Path, small: Path) -> None:
    file = tmp_path / "books.db"
    text = CONFIG.replace("{file}", str(file)).replace("{folder}", str(small / "kept"))
    with running(text) as gateway:
        acknowledged = [_asked(gateway, "safe", f"before-{turn}") for turn in range(5)]
        filler = fill(small)
        while _asked(gateway, "safe", f"last-{len(acknowledged)}") == 200:  # what was begun has some room yet
            acknowledged.append(200)
        refused = gateway.ask("/v1/chat/completions", _body("safe"), {"x-request-id": "refused"})
        assert (refused.status, refused.error["code"]) == (503, "ledger_unavailable")
        assert "retry-after" in refused.headers
        assert _asked(gateway, "plain", "held") == 200
        told = gateway.ask("/health").document["books"]
        assert (told["state"], told["error"]) == ("unwritten", "No space left on device")
        gateway.logged("the journal cannot be written (No space left on device)")
        filler.unlink()
        assert _asked(gateway, "safe", "after") == 200
        gateway.logged("the journal can be written again")
        assert gateway.stop() == 0
    with closing(sqlite3.connect(file)) as connection:
        found = dict(connection.execute("SELECT request_id, outcome FROM requests"))
    assert found["refused"] == "refused"
    assert [found[name] for name in ("held", "after")] == ["finished", "finished"]
    assert sum(outcome == "finished" for outcome in found.values()) == len(acknowledged) + 2


def test_where_store_journal_and_budgets_share_a_full_disk_nothing_is_lost_or_told_twice(small: Path) -> None:
    """As they do unless told otherwise."""
    text = CONFIG.replace("{file}", str(small / "books.db")).replace("{folder}", str(small / "kept"))
    with running(text.replace("{name: me,", "{name: me, budget: {usd: 5, per: day},")) as gateway:
        served = [name for name in ("a", "b") if _asked(gateway, "safe", name) == 200]
        filler = fill(small)
        for turn in range(40):
            served.append(f"plain-{turn}")
            assert _asked(gateway, "plain", served[-1]) == 200
        gateway.logged("the journal cannot be written (No space left on device)")
        filler.unlink()
        gateway.logged("the journal can be written again")
        assert _asked(gateway, "safe", "after") == 200
        assert gateway.stop() == 0
        told = [line for line in gateway.lines if "what was spent cannot be written down" in line]
        assert len(told) <= 1, "what was begun has some room yet"
    with closing(sqlite3.connect(small / "books.db")) as connection:
        found = connection.execute(
            "SELECT request_id, cost_nano FROM requests WHERE outcome = 'finished'"
        ).fetchall()
        [state] = connection.execute("SELECT state FROM accounts WHERE name = 'key/me/day'").fetchone()
    assert sorted(name for name, _ in found) == sorted([*served, "after"])
    [page] = json.loads(state)[1].values()
    assert sum(part[0] for part in page[0].values()) == sum(cost for _, cost in found)


def _body(model: str) -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "hi"}]}


def _asked(gateway: Gateway, model: str, name: str) -> int:
    return gateway.ask("/v1/chat/completions", _body(model), {"x-request-id": name}).status

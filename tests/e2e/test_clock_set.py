"""A server whose clock somebody sets, back and forth: no budget opens again, no row is lost, no chain
breaks."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import CHAT, HI, KEY, Gateway, running
from headgate.cli.audit import app as audit_app

pytestmark = pytest.mark.e2e

ADMIN = "admin-key-0123456789abcdef"
DAY_S = 86_400
SITE = """
import pathlib, time
real, file = time.time, pathlib.Path({file!r})
def told():
    try:
        return real() + float(file.read_text())
    except (OSError, ValueError):
        return real()
time.time = told
"""
"""What a process of Python's does first of all: from then on its time of day is what the file says."""
CONFIG = f"""
server: {{log: off, admin_key: {ADMIN}}}
keys: [{{name: me, key: {KEY}, tenant: acme, rpm: 20, budget: {{usd: 0.02, per: day}}}}]
tenants: {{acme: {{time_zone: America/New_York}}}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
store: {{url: "sqlite:///{{folder}}/books.db", folder: "{{folder}}/kept"}}
providers: {{p: {{dialect: simulated, simulated: {{latency_s: 0.001, tokens_per_s: 0, output_tokens: 100}}}}}}
models: {{m: {{provider: p, price: {{input: 0, output: 100}}}}}}
"""


class House:
    """A gateway, and its clock."""

    def __init__(self, gateway: Gateway, file: Path) -> None:
        self.gateway = gateway
        self.file = file

    def at(self, days: float) -> None:
        """So many days from now."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(days * DAY_S))
        fresh.replace(self.file)

    def chat(self, key: str = KEY) -> int:
        """A row is made a moment after its answer is told; whoever answers the next request has made it."""
        found = self.gateway.ask(CHAT, {"model": "m", "messages": HI, "max_tokens": 100}, key=key).status
        self.gateway.ask("/livez")
        return found

    def admin(self, path: str, body: object = None, method: str | None = None) -> Any:
        return self.gateway.ask(f"/admin/v1{path}", body, key=ADMIN, method=method).document

    def becomes(self, key: str, status: int) -> None:
        for _ in range(500):
            if self.chat(key) == status:
                return
            time.sleep(0.01)
        raise AssertionError(f"never {status}")


@contextmanager
def house(folder: Path) -> Iterator[House]:
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(SITE.format(file=str(folder / "offset")))
    with running(CONFIG.replace("{folder}", str(folder)), PYTHONPATH=str(folder / "site")) as gateway:
        yield House(gateway, folder / "offset")
    assert [line for line in gateway.lines if '"level":"error"' in line] == []


def verified(folder: Path) -> None:
    """Whoever comes next finds the chain of acts whole."""
    with running(CONFIG.replace("{folder}", str(folder))) as gateway:
        found = CliRunner().invoke(audit_app, ["verify", "--config", str(gateway.file)])
        assert found.exit_code == 0, found.output


def booked(folder: Path) -> tuple[list[tuple[Any, ...]], tuple[int, int]]:
    """Rows by key and outcome, and how many different; what the sums say there are, and of how many days."""
    with closing(sqlite3.connect(folder / "books.db")) as connection:
        rows = connection.execute(
            "SELECT key_name, outcome, COUNT(*), COUNT(DISTINCT request_id) FROM requests GROUP BY 1, 2"
        ).fetchall()
        sums = "SELECT SUM(requests), COUNT(DISTINCT day) FROM sums WHERE tag = ''"
        return rows, connection.execute(sums).fetchone()


def test_no_day_is_opened_again_and_no_row_is_lost(tmp_path: Path) -> None:
    with house(tmp_path) as one:
        assert [one.chat() for _ in range(3)] == [200, 200, 402]
        [row] = one.admin("/budgets")["data"]
        assert row["spent_usd"] == 0.02
        for back in (0.5, 1, 40, 400):
            one.at(-back)
            assert one.chat() == 402, "a day that was closed stays so"
        one.at(2)
        assert one.chat() == 200, "a new day"
        one.at(0)
        assert [one.chat(), one.chat()] == [200, 402], "which goes on, though the clock went back"
        assert one.gateway.ask("/health").status == 200
        assert one.gateway.stop() == 0
    rows, (count, days) = booked(tmp_path)
    assert all(count == different for *_, count, different in rows)
    assert count == sum(count for *_, count, _ in rows)
    assert ("me", "finished", 4, 4) in rows
    assert days >= 5, "each on the day that the clock showed"
    with running(CONFIG.replace("{folder}", str(tmp_path))) as gateway:
        assert gateway.chat("m").status == 402, "the later day is the open one for whoever comes next"
    verified(tmp_path)


def test_what_was_revoked_stays_so_and_what_has_expired_has_as_long_as_the_clock_says(tmp_path: Path) -> None:
    with house(tmp_path) as one:
        free, hour = (
            one.admin("/keys", {"tenant": "other", "name": name, **more})["key"]
            for name, more in (("free", {}), ("hour", {"expires": "1h"}))
        )
        for key in (free, hour):
            one.becomes(key, 200)
        one.at(1)
        assert (one.chat(free), one.chat(hour)) == (200, 401)
        one.at(0)
        one.admin("/keys/free", method="DELETE")
        one.becomes(free, 401)
        one.at(-100)
        assert (one.chat(free), one.chat(hour)) == (401, 200)
        one.at(0)
        assert one.gateway.stop() == 0
    verified(tmp_path)

"""A SQLite file that is new, and opened by many at once."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from headgate.adapters.sqlite.ledger import opened


@pytest.mark.parametrize("turn", range(20))
def test_many_open_a_new_file_at_once(turn: int, tmp_path: Path) -> None:
    """As the books, the budgets and the keys of eight workers do when they start for the first time."""
    together = Barrier(6)

    def one() -> str:
        together.wait()
        connection = opened(tmp_path / "books.db")
        try:
            mode: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
            return mode
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        assert [found.result() for found in [threads.submit(one) for _ in range(6)]] == ["wal"] * 6
    assert sqlite3.connect(tmp_path / "books.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)

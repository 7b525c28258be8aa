"""`headgate jobs`, over a store that a gateway has filled."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headgate.adapters.sqlite import SqliteJobs
from headgate.cli.jobs import jobs
from headgate.core.job import Status
from headgate.ports.jobs import Bounds, Ended, Held
from jobbed import NOW_US, S, job

CONFIG = """
providers: {p: {dialect: simulated}}
models: {m: {provider: p}}
keys: [{name: k, key: caller-key-0123456789abcdef}]
store: {url: "URL"}
"""
FAR_US = NOW_US * 2


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "headgate.yaml"
    file.write_text(CONFIG.replace("URL", "sqlite:///kept/books.db"))

    async def fill() -> None:
        store = SqliteJobs(tmp_path / "kept" / "jobs.db")
        waits = [job(f"job_{number}", expires_us=FAR_US) for number in range(3)]
        await store.add(waits, Bounds(9, 10_000))
        for status in (Status.SUCCEEDED, Status.FAILED):
            [taken] = await store.claim(NOW_US, NOW_US + S, 1)
            result = b'{"choices":[],"error":{"code":"x"}}'
            await store.end(Held(taken.id, 1), Ended(status, 1, result, NOW_US))
        await store.close()

    asyncio.run(fill())
    return file


def said(config: Path, *words: str, code: int = 0) -> str:
    found = CliRunner().invoke(jobs, [*words, "--config", str(config)], env={"COLUMNS": "200"})
    assert found.exit_code == code, found.output
    return found.output


def test_all_are_listed_the_youngest_first_without_what_was_said(config: Path) -> None:
    found = json.loads(said(config, "list", "--json"))
    assert [(one["id"], one["status"]) for one in found["data"]] == [
        ("job_2", "queued"),
        ("job_1", "failed"),
        ("job_0", "succeeded"),
    ]
    assert found["counts"] == {"queued": 1, "failed": 1, "succeeded": 1}
    assert "response" not in found["data"][0]
    shown = said(config, "list", "--limit", "1")
    assert "job_2" in shown
    assert "job_1" not in shown


def test_one_is_shown_as_its_caller_sees_it(config: Path) -> None:
    found = json.loads(said(config, "show", "job_0"))
    assert (found["tenant"], found["key"], found["response"]["choices"]) == ("acme", "k", [])
    assert json.loads(said(config, "show", "job_1"))["error"] == {"code": "x"}
    assert "there is no job" in said(config, "show", "job_9", code=1)


def test_one_that_failed_is_begun_anew_and_what_is_over_is_forgotten(config: Path) -> None:
    assert "queued again" in said(config, "retry", "job_1")
    assert json.loads(said(config, "show", "job_1"))["status"] == "queued"
    said(config, "retry", "job_0", code=1)
    assert "1 jobs forgotten" in said(config, "purge")
    assert json.loads(said(config, "list", "--json"))["counts"] == {"queued": 2}


def test_where_nothing_is_kept_it_says_so(config: Path) -> None:
    config.write_text(CONFIG.replace("URL", "off"))
    assert "memory alone" in said(config, "list", code=1)
    config.write_text("nonsense: 1")
    said(config, "list", code=2)

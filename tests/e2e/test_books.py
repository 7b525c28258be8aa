"""The books of a real server process: rows in the store, whatever happens to either."""

from __future__ import annotations

import http.client
import json
import random
import resource
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from os import environ
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from booked import POSTGRES, Wire, schema
from gateway import CHAT, HI, KEY, Gateway, ran, running
from headgate.cli.keys import keys as keys_app

pytestmark = pytest.mark.e2e

KILLS = 100 if environ.get("HEADGATE_SOAK") else 3
CALLERS = 4
ADMIN, EYE = "admin-key-0123456789abcdef", "reader-key-0123456789abcdef"
FEW = "limited-key-0123456789abcdef"
CONFIG = f"""
server: {{log: off, admin_key: {ADMIN}, admin_keys: [{{name: eye, key: {EYE}}}]}}
keys: [{{name: me, key: {KEY}, tenant: acme}}, {{name: few, key: {FEW}, rpm: 2, tpm: 9999, tier: free}}]
tiers: {{free: {{requests_per_day: 100}}}}
coalesce: {{window_s: 0}}
cache: {{exact: {{ttl_s: 0}}}}
store: {{url: "{{url}}", folder: {{folder}}, namespace: {{schema}}}}
providers:
  good: {{dialect: simulated, simulated: {{latency_s: 0.002, tokens_per_s: 5000, output_tokens: 20}}}}
  bad: {{dialect: simulated, simulated: {{faults: ["status:503"]}}}}
models:
  m: {{provider: good, price: {{input: 3, output: 15}}}}
  x: {{provider: bad, price: {{input: 1, output: 1}}}}
routes:
  plain: {{use: [m]}}
  safe: {{use: [m], durable: strict}}
  shaky: {{use: [x, m]}}
"""


def config(folder: Path, *, url: str = "", name: str = "headgate") -> str:
    file = folder / "books.db"
    return (
        CONFIG.replace("{url}", url or f"sqlite:///{file}")
        .replace("{folder}", str(folder / "kept"))
        .replace("{schema}", name)
    )


def rows(folder: Path, columns: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "books.db")) as connection:
        return connection.execute(f"SELECT {columns} FROM requests ORDER BY id").fetchall()


def stored(gateway: Gateway, count: int) -> None:
    """Waits until the store has so many rows."""
    for _ in range(500):
        if len(gateway.ask("/admin/v1/requests", key=ADMIN).document["data"]) == count:
            return
        time.sleep(0.02)
    raise AssertionError("never stored")


def adopted(folder: Path) -> None:
    """Waits until no journal is left but that of the one that runs."""
    for _ in range(500):
        if len(list((folder / "kept" / "journal").iterdir())) == 1:
            return
        time.sleep(0.02)
    raise AssertionError("nobody takes the journals over")


def test_every_request_has_a_row_with_what_it_cost(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        assert gateway.chat("plain").status == 200
        assert gateway.chat("safe", stream=True).status == 200
        assert gateway.chat("shaky").status == 200
        assert gateway.chat("no such model").status == 404
        assert gateway.stop() == 0
    found = rows(tmp_path, "requested, outcome, tenant, model, attempts, input, output, cost_nano")
    assert [one[:5] for one in found] == [
        ("plain", "finished", "acme", "m", 1),
        ("safe", "finished", "acme", "m", 1),
        ("shaky", "finished", "acme", "m", 2),
        ("no such model", "refused", "acme", "", 0),
    ]
    assert all(cost == 3000 * tokens + 15000 * output for *_, tokens, output, cost in found)
    assert list((tmp_path / "kept" / "journal").iterdir()) == []


class Load:
    """Callers that ask a strict route, plain and streamed, until the server is gone; `answered` are the ids
    of those that had a whole answer."""

    def __init__(self, gateway: Gateway, number: int) -> None:
        self.answered: list[str] = []
        self._number = number
        self._port = gateway.port
        self._threads = [threading.Thread(target=self._ask, args=(caller,)) for caller in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, caller: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            for turn in range(100_000):
                name, stream = f"k{self._number}-{caller}-{turn}", turn % 2 == 1
                body = json.dumps({"model": "safe", "messages": HI, "stream": stream})
                headers = {"authorization": f"Bearer {KEY}", "x-request-id": name}
                connection.request("POST", CHAT, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200 and (not stream or text.rstrip().endswith(b"[DONE]")):
                    self.answered.append(name)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def test_use_is_told_to_admins_to_callers_and_on_the_command_line(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        plain = gateway.chat("plain")
        assert gateway.chat("shaky", user="x").status == 200
        cost = float(plain.headers["x-headgate-cost-usd"])
        assert cost == plain.document["x-routing-metadata"]["cost_usd"] > 0
        stored(gateway, 2)
        usage = gateway.ask("/admin/v1/usage?group_by=tenant,model&group_by=day", key=EYE).document["data"]
        assert [(one["tenant"], one["model"], one["requests"]) for one in usage] == [("acme", "m", 2)]
        assert usage[0]["cost_usd"] >= 2 * cost * 0.9
        own = gateway.ask("/v1/usage?group_by=model").document["data"]
        assert [(one["model"], one["cost_nano"]) for one in own] == [("m", usage[0]["cost_nano"])]
        assert gateway.ask("/v1/usage?group_by=tenant").status == 400
        assert gateway.ask("/admin/v1/usage?group_by=1;DROP", key=ADMIN).error["param"] == "group_by"
        assert gateway.ask("/admin/v1/usage?from=x", key=ADMIN).error["param"] == "from"
        assert gateway.ask("/admin/v1/usage").status == 401
        page = gateway.ask("/admin/v1/requests?limit=1", key=ADMIN).document
        assert page["data"][0]["requested_model"] == "shaky"
        assert page["data"][0]["other_attempts"][0]["status"] == 503
        assert sum(page["data"][0]["tokens"].values()) > 0
        rest = gateway.ask(f"/admin/v1/requests?after={page['next']}&tenant=acme", key=ADMIN).document
        assert [one["requested_model"] for one in rest["data"]] == ["plain"]
        assert rest["next"] is None
        shown = gateway.ask("/admin/v1/config", key=EYE).body
        assert b"plain" in shown
        assert not any(secret.encode() in shown for secret in (KEY, ADMIN, EYE))
        told = ran("usage", "--config", str(gateway.file), "--group-by", "model,key", "--csv")
        assert told.stdout.splitlines()[1].startswith("m,me,2,0,0,")
        assert ran("usage", "--config", str(gateway.file), "--group-by", "x").returncode == 2


def test_whoever_had_a_whole_answer_has_a_row_and_only_one(tmp_path: Path) -> None:
    chance, answered = random.Random(1), []
    for number in range(KILLS):
        with running(config(tmp_path)) as gateway:
            load = Load(gateway, number)
            time.sleep(chance.uniform(0.05, 0.5))
            gateway.process.kill()
            load.join()
            answered += load.answered
    with running(config(tmp_path)) as gateway:
        adopted(tmp_path)
        assert gateway.stop() == 0
    assert list((tmp_path / "kept" / "journal").iterdir()) == []
    counts = Counter(name for (name,) in rows(tmp_path, "request_id"))
    assert len(answered) > KILLS
    assert [name for name in answered if counts[name] != 1] == []
    assert max(counts.values()) == 1


@pytest.fixture
def postgres() -> Iterator[str]:
    with schema() as name:
        yield name


def test_several_workers_write_to_one_postgres(tmp_path: Path, postgres: str) -> None:
    text = config(tmp_path, url=POSTGRES, name=postgres)
    with running(text, workers=2) as gateway:
        for _ in range(20):
            assert gateway.chat("safe").status == 200
        assert gateway.ask("/health").document["books"]["store"] == "postgresql"
        assert gateway.stop() == 0
    assert _postgres_rows(postgres) == 20


def _postgres_rows(name: str) -> int:
    import asyncio

    import asyncpg

    async def count() -> int:
        connection = await asyncpg.connect(POSTGRES)
        try:
            found: int = await connection.fetchval(f'SELECT count(*) FROM "{name}".requests')
            return found
        finally:
            await connection.close()

    return asyncio.run(count())


def test_a_store_that_is_away_costs_nobody_a_request(tmp_path: Path) -> None:
    """Rows wait in the journal, and the next process takes them over."""
    away = config(tmp_path, url="postgresql://postgres@127.0.0.1:9/nowhere")
    with running(away) as gateway:
        for _ in range(5):
            assert gateway.chat("safe").status == 200
        gateway.logged("rows wait in the journal")
        books = gateway.ask("/health").document["books"]
        assert (books["state"], books["journal"]) == ("waiting", 5)
        assert gateway.metrics()("ledger_journal_rows") == 5
        ready = gateway.ask("/readyz")
        assert (ready.status, ready.document["books"]["journal"]) == (200, 5)
        assert "age_s" in ready.document["keys"]
        gateway.process.kill()
    with running(config(tmp_path)):
        adopted(tmp_path)
    assert len(rows(tmp_path, "id")) == 5


AWAY_S = 60.0 if environ.get("HEADGATE_SOAK") else 1.0


def test_a_database_that_goes_and_comes_back_costs_no_request_and_no_row(
    tmp_path: Path, postgres: str
) -> None:
    wire, statuses, stop = Wire(), Counter[int](), threading.Event()
    with running(config(tmp_path, url=wire.url, name=postgres)) as gateway:

        def ask() -> None:
            while not stop.is_set():
                statuses[gateway.chat("plain").status] += 1

        callers = [threading.Thread(target=ask) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        time.sleep(0.5)
        wire.cut()
        time.sleep(AWAY_S)
        gateway.logged("rows wait in the journal")
        wire.mend()
        time.sleep(0.5)
        stop.set()
        for caller in callers:
            caller.join()
        gateway.logged("the books are kept in postgresql again")
        assert gateway.stop() == 0
    wire.cut()
    assert set(statuses) == {200}
    assert _postgres_rows(postgres) == statuses[200]
    assert list((tmp_path / "kept" / "journal").iterdir()) == []


def test_a_key_s_own_limits_are_held_and_told(tmp_path: Path) -> None:
    body = {"model": "plain", "messages": HI}
    with running(config(tmp_path)) as gateway:
        first, second, third = (gateway.ask(CHAT, body, key=FEW) for _ in range(3))
        assert gateway.chat("plain").status == 200
    assert [one.status for one in (first, second, third)] == [200, 200, 429]
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert second.headers["x-ratelimit-remaining-requests"] == "0"
    assert 0 < int(second.headers["x-ratelimit-remaining-tokens"]) < 9999
    for answer, kind in ((second, "requests"), (second, "tokens"), (third, "requests")):
        reset = answer.headers[f"x-ratelimit-reset-{kind}"]
        assert reset.endswith("s")
        assert 50 < float(reset[:-1]) <= 61
    assert third.headers["x-ratelimit-remaining-requests"] == "0"
    assert third.error["code"] == "rate_limit_exceeded"
    assert int(third.headers["retry-after"]) > 50


def test_where_nothing_can_be_written_requests_are_served_and_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("in the way")
    with running(config(tmp_path)) as gateway:
        assert gateway.chat("plain").status == 200
        assert "no books are kept" in gateway.log
        assert "books" not in gateway.ask("/health").document
        refused = gateway.chat("safe")
        assert (refused.status, refused.error["code"]) == (503, "ledger_unavailable")


def test_keys_made_at_run_time_are_good_where_no_journal_can_be_written(tmp_path: Path) -> None:
    """Never a 401 for our own fault."""
    with running(config(tmp_path)) as gateway:
        made = CliRunner().invoke(keys_app, ["create", "--tenant", "acme", "--config", str(gateway.file)])
        assert made.exit_code == 0, made.output
    shutil.rmtree(tmp_path / "kept")
    (tmp_path / "kept").write_text("in the way")
    with running(config(tmp_path)) as gateway:
        assert gateway.ask(CHAT, {"model": "plain", "messages": HI}, key=made.stdout.strip()).status == 200


def test_where_no_file_may_grow_who_was_refused_is_written_down_as_refused(tmp_path: Path) -> None:
    """A full disk, as a process's limit: neither journal nor store takes a byte, until they do again."""
    if not hasattr(resource, "prlimit"):
        pytest.skip("no other process's limits can be set here")
    with running(config(tmp_path)) as gateway:
        assert gateway.chat("safe").status == 200
        stored(gateway, 1)
        before = resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (1, before[1]))
        refused, served = gateway.chat("safe"), gateway.chat("plain")
        assert (refused.status, refused.error["code"], served.status) == (503, "ledger_unavailable", 200)
        assert gateway.ask("/health").document["books"]["state"] == "unwritten"
        resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, before)
        assert gateway.chat("safe").status == 200
        stored(gateway, 4)
    assert rows(tmp_path, "requested, outcome") == [
        ("safe", "finished"),
        ("safe", "refused"),
        ("plain", "finished"),
        ("safe", "finished"),
    ]

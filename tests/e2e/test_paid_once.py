"""Whatever becomes of a request, its budgets and the ledger agree: each answer is paid for once, and by
whoever it was made for."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway import CHAT, HI, HOST, KEY, Answer, Gateway, running

pytestmark = pytest.mark.e2e

ADMIN = "admin-key-0123456789abcdef"
OTHER = "other-key-0123456789abcdef"
CONFIG = f"""
server: {{host: {HOST}, log: "off", admin_key: {ADMIN}}}
keys:
  - {{name: me, key: {KEY}, tenant: acme, budget: {{usd: 50, per: day}}}}
  - {{name: other, key: {OTHER}, tenant: acme, budget: {{usd: 50, per: day}}}}
tenants: {{acme: {{budget: {{usd: 90, per: day}}}}}}
jobs: {{backoff_s: 0.1, max_backoff_s: 0.2}}
store: {{url: "sqlite:///{{folder}}/books.db", folder: "{{folder}}/kept"}}
providers:
  sim: {{dialect: simulated, simulated: {{latency_s: 0.1, tokens_per_s: 0, output_tokens: 100}}}}
  lame: {{dialect: simulated, simulated: {{latency_s: 0.01, tokens_per_s: 0, output_tokens: 5}}}}
  slow: {{dialect: simulated, simulated: {{latency_s: 0.6, tokens_per_s: 0}}}}
  sick: {{dialect: simulated, simulated: {{latency_s: 0.01, tokens_per_s: 0, faults: ["status:503"]}}}}
  cut: {{dialect: simulated, simulated: {{latency_s: 0.01, tokens_per_s: 500, faults: [cut-mid]}}}}
  mute: {{dialect: simulated, simulated: {{faults: [hang]}}}}
  talk: {{dialect: simulated, simulated: {{latency_s: 0.01, tokens_per_s: 100, output_tokens: 400}}}}
models:
  cent: {{provider: sim, price: {{input: 7, output: 100}}}}
  weak: {{provider: lame, price: {{input: 3, output: 50}}}}
  late: {{provider: slow, price: {{input: 7, output: 100}}}}
  ill: {{provider: sick, price: {{input: 7, output: 100}}}}
  broken: {{provider: cut, price: {{input: 7, output: 100}}}}
  dumb: {{provider: mute, price: {{input: 11, output: 13}}}}
  told: {{provider: talk, price: {{input: 7, output: 100}}}}
  vectors: {{provider: sim, price: {{input: 10000, output: 0}}}}
routes:
  together: {{use: [late], batch: {{size: 4, wait_s: 0.2}}, budget: {{usd: 90, per: day}}}}
  later: {{use: [late], budget: {{usd: 90, per: day}}}}
  spare: {{use: [ill, cent], budget: {{usd: 90, per: day}}}}
  hurried: {{use: [dumb, cent], hedge: {{after_s: 0.1, max_share: 1}}, budget: {{usd: 90, per: day}}}}
  copied: {{use: [cent], mirror: {{model: cent, share: 1.0}}, budget: {{usd: 90, per: day}}}}
  doubted: {{use: [weak, cent], cascade: {{weak: weak, strong: cent}}, budget: {{usd: 90, per: day}}}}
"""


def rows(gateway: Gateway, wanted: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(200):
        found = gateway.ask("/admin/v1/requests?limit=1000", key=ADMIN).document["data"]
        if len(found) >= wanted:
            break
        time.sleep(0.02)
    return found


def spent(gateway: Gateway) -> dict[str, int]:
    found = gateway.ask("/admin/v1/budgets", key=ADMIN).document["data"]
    return {f"{row['kind']}/{row['name']}": round(row["spent_usd"] * 1e9) for row in found}


def test_what_is_booked_is_what_was_charged_and_to_whom(tmp_path: Path) -> None:
    with running(CONFIG.replace("{folder}", str(tmp_path))) as gateway, ThreadPoolExecutor(8) as crowd:

        def chat(model: str, text: str, key: str = KEY, *, stream: bool = False) -> int:
            said = {"model": model, "messages": [{"role": "user", "content": text}], "stream": stream}
            return gateway.ask(CHAT, said, key=key).status

        def embed(text: str) -> int:
            return gateway.ask("/v1/embeddings", {"model": "vectors", "input": text}).status

        assert [chat("cent", "asked twice") for _ in range(2)] == [200, 200]
        assert chat("cent", "asked twice", OTHER) == 200  # kept for the tenant
        together = [crowd.submit(chat, "cent", "at once", key) for key in (KEY, OTHER) * 3]
        assert [one.result() for one in together] == [200] * 6
        assert [chat("copied", f"copy {number}", stream=number > 1) for number in range(3)] == [200] * 3
        assert [chat("doubted", f"doubt {number}", OTHER) for number in range(2)] == [200] * 2
        assert [chat("hurried", f"soon {number}", stream=number > 1) for number in range(4)] == [200] * 4
        vectors = [crowd.submit(embed, f"text {'x' * number}") for number in range(4)]
        assert [one.result() for one in vectors] == [200] * 4
        found = rows(gateway, 3 + 6 + 3 * 2 + 2 + 4 + 4)

        def booked(of: Callable[[dict[str, Any]], bool]) -> int:
            return sum(row["total_nano_usd"] for row in found if of(row))

        wanted = agree(
            gateway, found, "key/me", "key/other", "route/copied", "route/doubted", "route/hurried"
        )
        assert wanted["tenant/acme"] == wanted["key/me"] + wanted["key/other"]
        doubted = [row for row in found if row["requested_model"] == "doubted"]
        assert all(row["total_nano_usd"] > row["cost_nano_usd"] > 0 for row in doubted), "both answers"
        hurried = [row for row in found if row["requested_model"] == "hurried"]
        for row in hurried:
            [other] = row["other_attempts"]
            assert (row["model"], row["attempts"], other["model"]) == ("cent", 2, "dumb")
            assert (other["hedge"], other["estimated"], other["error"]) == (True, True, "")
            tokens = other["tokens"]
            assert other["cost_nano_usd"] == tokens["input"] * 11_000 + tokens["output"] * 13_000 > 0
        hits = [row for row in found if row["total_nano_usd"] == 0]
        assert len(hits) == 2 + 5, "kept, and shared"
        assert booked(lambda row: row["tenant"] == "mirror") > 0


def agree(gateway: Gateway, rows: list[dict[str, Any]], *paying: str) -> dict[str, int]:
    """Waits until what is spent of every budget is what the rows come to, and these have paid; which is
    told."""
    booked: dict[str, int] = {}
    for row in rows:
        if row["tenant"] != "mirror":
            for name in (f"key/{row['key']}", f"tenant/{row['tenant']}", f"route/{row['requested_model']}"):
                booked[name] = booked.get(name, 0) + row["total_nano_usd"]
    seen: dict[str, int] = {}
    for _ in range(200):
        seen = spent(gateway)
        if seen == {name: booked.get(name, 0) for name in seen}:
            break
        time.sleep(0.05)
    assert seen == {name: booked.get(name, 0) for name in seen}
    assert min(seen[name] for name in paying) > 0
    return seen


def test_jobs_numbered_questions_and_what_came_to_nothing(tmp_path: Path) -> None:
    with running(CONFIG.replace("{folder}", str(tmp_path))) as gateway, ThreadPoolExecutor(8) as crowd:

        def chat(model: str, text: str, headers: dict[str, str] | None = None, **more: Any) -> Answer:
            said = {"model": model, "messages": [{"role": "user", "content": text}], **more}
            return gateway.ask(CHAT, said, headers)

        asked = [crowd.submit(chat, "together", f"what is {number}") for number in range(5)]
        answers = [one.result() for one in asked]  # who comes first goes alone
        assert {one.status for one in answers} == {200}
        assert sum('"batched":4' in one.headers["x-routing-metadata"] for one in answers) == 4
        jobs = [chat("later", f"job {number}", {"prefer": "respond-async, wait=0"}) for number in range(3)]
        assert [one.status for one in jobs] == [202] * 3
        for one in jobs:
            assert over(gateway, one.document["id"]) == "succeeded"
        assert chat("spare", "after another has failed").status == 200
        assert b"[DONE]" not in chat("broken", "cut", stream=True).body
        gone = gateway.open(CHAT, {"model": "told", "messages": HI, "stream": True})
        told = gone.recv(65536)
        assert told.startswith(b"HTTP/1.1 200")
        while told.count(b"data: ") < 4:  # some of it is told
            told += gone.recv(65536)
        gone.close()
        found = rows(gateway, 5 + 3 + 3 + 1 + 1 + 1)
        agree(gateway, found, "route/together", "route/later", "route/spare")
        outcomes = {row["requested_model"]: row for row in found if row["total_nano_usd"]}
        assert {"broken", "told"} <= outcomes.keys(), "what was told was paid for, though it came to nothing"
        assert outcomes["told"]["outcome"] == "client_gone"


def over(gateway: Gateway, id_: str) -> str:
    """What has become of a job, in the end."""
    status = ""
    for _ in range(1000):
        status = gateway.ask(f"/v1/jobs/{id_}").document["status"]
        if status not in ("queued", "running"):
            break
        time.sleep(0.02)
    return status

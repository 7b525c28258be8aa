"""Whatever becomes of a request, its budgets and the ledger agree: each answer is paid for once, and by
whoever it was made for."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway import CHAT, HOST, KEY, Gateway, running

pytestmark = pytest.mark.e2e

ADMIN = "admin-key-0123456789abcdef"
OTHER = "other-key-0123456789abcdef"
CONFIG = f"""
server: {{host: {HOST}, log: "off", admin_key: {ADMIN}}}
keys:
  - {{name: me, key: {KEY}, tenant: acme, budget: {{usd: 50, per: day}}}}
  - {{name: other, key: {OTHER}, tenant: acme, budget: {{usd: 50, per: day}}}}
tenants: {{acme: {{budget: {{usd: 90, per: day}}}}}}
store: {{url: "sqlite:///{{folder}}/books.db", folder: "{{folder}}/kept"}}
providers:
  sim: {{dialect: simulated, simulated: {{latency_s: 0.1, tokens_per_s: 0, output_tokens: 100}}}}
  lame: {{dialect: simulated, simulated: {{latency_s: 0.01, tokens_per_s: 0, output_tokens: 5}}}}
models:
  cent: {{provider: sim, price: {{input: 7, output: 100}}}}
  weak: {{provider: lame, price: {{input: 3, output: 50}}}}
  vectors: {{provider: sim, price: {{input: 10000, output: 0}}}}
routes:
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
        vectors = [crowd.submit(embed, f"text {'x' * number}") for number in range(4)]
        assert [one.result() for one in vectors] == [200] * 4
        found = rows(gateway, 3 + 6 + 3 * 2 + 2 + 4)

        def booked(of: Callable[[dict[str, Any]], bool]) -> int:
            return sum(row["total_nano_usd"] for row in found if of(row))

        wanted = {
            "key/me": booked(lambda row: row["key"] == "me"),
            "key/other": booked(lambda row: row["key"] == "other"),
            "tenant/acme": booked(lambda row: row["tenant"] == "acme"),
            "route/copied": booked(
                lambda row: row["tenant"] == "acme" and row["requested_model"] == "copied"
            ),
            "route/doubted": booked(lambda row: row["requested_model"] == "doubted"),
        }
        for _ in range(100):
            if spent(gateway) == wanted:
                break
            time.sleep(0.05)
        assert spent(gateway) == wanted
        assert min(wanted.values()) > 0
        assert wanted["tenant/acme"] == wanted["key/me"] + wanted["key/other"]
        doubted = [row for row in found if row["requested_model"] == "doubted"]
        assert all(row["total_nano_usd"] > row["cost_nano_usd"] > 0 for row in doubted), "both answers"
        hits = [row for row in found if row["total_nano_usd"] == 0]
        assert len(hits) == 2 + 5, "kept, and shared"
        assert booked(lambda row: row["tenant"] == "mirror") > 0

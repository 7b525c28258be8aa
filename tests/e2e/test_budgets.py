"""Budgets of real server processes: eight workers of one host, and replicas with one store. Never over, and
nobody is refused while there is money."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import pytest
from pyreqwest.client import ClientBuilder

from booked import POSTGRES, schema
from gateway import CHAT, HI, HOST, KEY, Gateway, running
from redises import private

pytestmark = pytest.mark.e2e

ADMIN = "admin-key-0123456789abcdef"
CENT = 10_000_000
ALERTS, MINE = "budget_alerts_total", "key/me/month"
CONFIG = f"""
server: {{host: {HOST}, log: "off", admin_key: {ADMIN}, drain_s: 2}}
keys: [{{name: me, key: {KEY}, tenant: acme, budget: {{usd: {{usd}}, per: month}}}}]
tenants: {{acme: {{budget: {{usd: 50, per: day}}, time_zone: Europe/Berlin}}}}
budgets: {{max_wait_s: 20}}
store: {{url: "{{url}}", folder: "{{folder}}", namespace: {{name}}{{more}}}}
cache: {{exact: {{ttl_s: 0}}}}
coalesce: {{window_s: 0}}
providers:
  sim: {{dialect: simulated, concurrency: 1000, simulated: {{latency_s: 0.05, jitter: 0.5, tokens_per_s: 2000,
    output_tokens: 100}}}}
models:
  cent: {{provider: sim, price: {{input: 0, output: 100}}}}
"""


def config(folder: Path, *, url: str = "", name: str = "headgate", usd: float = 1.0, more: str = "") -> str:
    folder.mkdir(exist_ok=True)
    text = CONFIG.replace("{url}", url or f"sqlite:///{folder / 'books.db'}").replace("{usd}", str(usd))
    return text.replace("{folder}", str(folder / "kept")).replace("{name}", name).replace("{more}", more)


async def crowd(gateways: Sequence[Gateway], calls: int) -> list[tuple[int, float]]:
    """So many calls at once, each on a connection of its own; what each was told, and what it cost."""
    body = json.dumps({"model": "cent", "messages": HI}).encode()
    headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
    told: list[tuple[int, float]] = []

    async def ask(gateway: Gateway) -> None:
        answer = await client.post(gateway.url + CHAT).headers(headers).body_bytes(body).build().send()
        await answer.bytes()
        told.append((answer.status, float(answer.headers.get("x-headgate-cost-usd", "0"))))

    async with ClientBuilder().no_proxy().build() as client, asyncio.TaskGroup() as group:
        for number in range(calls):
            group.create_task(ask(gateways[number % len(gateways)]))
    return told


class Hook:
    """Somebody else's address."""

    def __init__(self) -> None:
        self.told: Queue[dict[str, Any]] = Queue()
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Nothing."""

        self.server = HTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server.server_port}"


@contextmanager
def listening() -> Iterator[Hook]:
    hook = Hook()
    threading.Thread(target=hook.server.serve_forever, daemon=True).start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()


def ledger(gateways: Sequence[Gateway], count: int) -> list[tuple[datetime, bool, int]]:
    """When each request ended, whether it was refused, and what it cost in nano-dollars, in that order; once
    so many have finished. Of many refusals few have a row."""
    rows: dict[str, dict[str, Any]] = {}
    for _ in range(500):
        rows = {row["request_id"]: row for one in gateways for row in _rows(one)}
        if sum(row["outcome"] == "finished" for row in rows.values()) >= count:
            break
        time.sleep(0.02)
    return sorted(
        (
            datetime.fromisoformat(row["at"]) + timedelta(seconds=row["timings"]["total_s"]),
            row["outcome"] == "refused",
            row["cost_nano_usd"],
        )
        for row in rows.values()
    )


def _rows(gateway: Gateway) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.ask("/admin/v1/requests?limit=1000", key=ADMIN).document["data"]
    return found


def judged(gateways: Sequence[Gateway], told: Sequence[tuple[int, float]], nano: int = 100 * CENT) -> None:
    """Nothing over, nothing refused while 5 % were there, nothing but 200 and 402."""
    statuses = Counter(status for status, _ in told)
    assert set(statuses) == {200, 402}, statuses
    rows = ledger(gateways, statuses[200])
    spent = sum(cost for *_, cost in rows)
    assert spent == round(sum(cost for _, cost in told) * 1e9)
    assert 0.95 * nano <= spent <= nano, (spent, statuses)
    first = next(number for number, (_, refused, _) in enumerate(rows) if refused)
    before = sum(cost for *_, cost in rows[:first])
    assert before >= 0.95 * nano, f"somebody was refused when {before} were spent of {nano}"


def test_eight_workers_spend_one_dollar_and_not_a_cent_more(tmp_path: Path) -> None:
    with running(config(tmp_path), workers=8) as gateway:
        told = asyncio.run(crowd([gateway], 400))
        judged([gateway], told)
        assert gateway.ask("/health").document["budgets"]["store"] == "sqlite"
        page = gateway.until(lambda page: page(ALERTS, budget=MINE) == 3)
        assert [page(ALERTS, budget=MINE, percent=share) for share in ("50", "80", "100")] == [1, 1, 1]


def test_eight_workers_count_the_requests_of_a_day_together_and_a_restart_forgets_none(
    tmp_path: Path,
) -> None:
    text = config(tmp_path).replace("budget: {usd: 1.0, per: month}", "tier: free")
    text = text.replace("budget: {usd: 50, per: day}, ", "") + "tiers: {free: {requests_per_day: 100}}\n"
    with running(text, workers=8) as gateway:
        told = Counter(status for status, _ in asyncio.run(crowd([gateway], 200)))
        assert (told[200], told[429]) == (100, 100)
        assert gateway.stop() == 0
    with running(text) as gateway:
        again = Counter(gateway.chat("cent").status for _ in range(8))
        assert again[429] == 8
        refused = gateway.chat("cent")
        assert (refused.status, refused.document["error"]["code"]) == (429, "rate_limit_exceeded")
        assert 0 < int(refused.headers["retry-after"]) <= 86_400


@pytest.mark.parametrize("kind", ["postgresql", "redis"])
def test_three_replicas_spend_one_dollar_and_not_a_cent_more(kind: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        if kind == "redis":
            server = stack.enter_context(private())
            texts = [config(tmp_path / f"r{one}", more=f", redis: '{server.url}'") for one in range(3)]
        else:
            name = stack.enter_context(schema())
            texts = [config(tmp_path / f"r{one}", url=POSTGRES, name=name) for one in range(3)]
        gateways = [stack.enter_context(running(text)) for text in texts]
        judged(gateways, asyncio.run(crowd(gateways, 400)))
        assert gateways[0].ask("/health").document["budgets"]["store"] == kind


def test_what_the_dead_had_spent_is_known_and_what_they_had_reserved_is_free(tmp_path: Path) -> None:
    text = config(tmp_path, usd=0.1)
    with running(text) as gateway:
        for _ in range(4):
            assert gateway.chat("cent").status == 200
        time.sleep(0.1)  # what is spent is written down within 20 ms
        gateway.tell(signal.SIGKILL)
        gateway.process.wait()
    with running(text) as gateway:
        served = Counter(gateway.chat("cent").status for _ in range(8))
        refused = gateway.chat("cent")
        assert served[200] == 6
        assert gateway.stop() == 0
    error = refused.document["error"]
    assert (refused.status, error["type"], error["code"]) == (402, "insufficient_quota", "insufficient_quota")
    assert list((tmp_path / "kept" / "spent").iterdir()) == []


def test_a_stream_without_money_is_cut_and_says_why(tmp_path: Path) -> None:
    text = config(tmp_path, usd=0.02).replace("output_tokens: 100", "output_tokens: 5000")
    with running(text) as gateway:
        answer = gateway.chat("cent", stream=True)
        assert answer.status == 200
        assert b"insufficient_quota" in answer.body
        assert b"[DONE]" not in answer.body
        assert gateway.chat("cent").status == 402


def test_a_webhook_is_told(tmp_path: Path) -> None:
    text = config(tmp_path, usd=0.02)
    with (
        listening() as hook,
        running(text.replace("max_wait_s: 20", f"webhook: '{hook.url}/hook'")) as gateway,
    ):
        assert gateway.chat("cent", max_tokens=100).status == 200
        told = hook.told.get(timeout=20)
        assert hook.url.rpartition(":")[2] not in gateway.ask("/admin/v1/config", key=ADMIN).body.decode()
    assert (told["event"], told["kind"], told["name"], told["per"]) == ("budget_alert", "key", "me", "month")
    assert (told["percent"], told["spent_usd"], told["budget_usd"]) == (50, 0.01, 0.02)


def test_a_price_that_nobody_knows(tmp_path: Path) -> None:
    text = config(tmp_path).replace(", price: {input: 0, output: 100}", "")
    with running(text) as gateway:
        refused = gateway.chat("cent")
        assert (refused.status, refused.document["error"]["code"]) == (503, "price_unknown")
    with running(text.replace("max_wait_s: 20", "unknown_price: allow")) as gateway:
        assert gateway.chat("cent").status == 200


def test_a_store_that_is_away(tmp_path: Path) -> None:
    nobody = config(tmp_path, url=f"postgresql://postgres@{HOST}:1/test")
    with running(nobody) as gateway:
        refused: Any = gateway.chat("cent")
        assert (refused.status, refused.document["error"]["code"]) == (503, "budget_unavailable")
        assert gateway.ask("/health").document["budgets"]["state"] == "away"
    with running(nobody.replace("max_wait_s: 20", "store_away: allow")) as gateway:
        assert gateway.chat("cent").status == 200


def changed(gateway: Gateway, generation: int) -> int:
    """Waits until it has taken over what was said at run time."""
    for _ in range(500):
        found: int = gateway.ask("/readyz").document["generation"]
        if found > generation:
            return found
        time.sleep(0.02)
    raise AssertionError("never heard of")


def test_admins_make_budgets_and_limits_at_run_time(tmp_path: Path) -> None:
    text = (
        config(tmp_path)
        .replace(", budget: {usd: 1.0, per: month}", "")
        .replace("tenants: {acme: {budget: {usd: 50, per: day}, time_zone: Europe/Berlin}}", "")
    )

    def admin(path: str, body: object = None, method: str | None = None) -> Any:
        answer = gateway.ask(f"/admin/v1{path}", body, key=ADMIN, method=method)
        return answer.status, answer.document

    with running(text) as gateway:
        assert admin("/budgets") == (200, {"data": [], "next": None})
        assert admin("/tenants")[1]["data"][0]["name"] == "acme"
        order = {"budget_usd": "0.03/day,5/month", "time_zone": "Asia/Kolkata", "rpm": 4}
        assert admin("/tenants/acme", order, "PUT")[0] == 200
        generation = changed(gateway, 1)
        [tenant] = admin("/tenants")[1]["data"]
        assert (tenant["rpm"], tenant["time_zone"], tenant["keys"]) == (4, "Asia/Kolkata", 1)
        assert [gateway.chat("cent", max_tokens=100).status for _ in range(2)] == [200, 200]
        assert gateway.chat("cent").status == 200  # the last cent, whatever it might cost
        spent = gateway.chat("cent", max_tokens=100)
        assert (spent.status, "tenant/acme" in spent.error["message"]) == (402, True)
        rows = {row["id"]: row for row in admin("/budgets")[1]["data"]}
        day, month = rows["tenant/acme/day"], rows["tenant/acme/month"]
        assert (day["budget_usd"], day["spent_usd"], day["left_usd"]) == (0.03, 0.03, 0.0)
        assert (month["spent_usd"], month["time_zone"]) == (0.03, "Asia/Kolkata")
        assert month["forecast_usd"] > 0.03
        assert admin("/budgets?limit=1")[1]["next"] == "tenant/acme/day"
        assert [row["id"] for row in admin("/budgets?after=tenant/acme/day")[1]["data"]] == [month["id"]]

        assert admin("/budgets/tenant/acme/day/forgive", {}, "POST")[0] == 200
        assert admin("/budgets/tenant/acme", {"budget_usd": "5/month"}, "PUT")[0] == 200
        generation = changed(gateway, generation)
        assert [row["id"] for row in admin("/budgets")[1]["data"]] == ["tenant/acme/month"]
        assert [gateway.chat("cent").status for _ in range(2)] == [200, 429]  # four in a minute
        assert admin("/tenants/acme", method="DELETE")[0] == 200
        changed(gateway, generation)
        assert gateway.chat("cent").status == 200
        assert admin("/tenants/acme", method="DELETE")[0] == 404
        acts = [one["action"] for one in admin("/audit")[1]["data"]]
        assert acts[:4] == ["terms.set", "budget.forgive", "terms.set", "terms.set"]


def test_a_budget_begins_with_what_has_been_spent_in_its_period(tmp_path: Path) -> None:
    """Made at run time, taken away and made again; and one that a new configuration has. Restarts change
    nothing."""
    bare = config(tmp_path, usd=7).replace(", budget: {usd: 7, per: month}", "")

    def spent(gateway: Gateway, wanted: dict[str, float]) -> dict[str, float]:
        found: dict[str, float] = {}
        for _ in range(500):
            rows = gateway.ask("/admin/v1/budgets", key=ADMIN).document["data"]
            found = {row["id"]: row["spent_usd"] for row in rows if row["name"] in ("me", "m")}
            if found == wanted:
                break
            time.sleep(0.02)
        return found

    def put(gateway: Gateway, method: str, body: object = None) -> None:
        generation = gateway.ask("/readyz").document["generation"]
        assert gateway.ask("/admin/v1/budgets/key/me", body, key=ADMIN, method=method).status == 200
        changed(gateway, generation)

    def asked(gateway: Gateway) -> int:
        return gateway.chat("m", max_tokens=100).status

    bare = bare.replace("models:", "routes: {m: {use: [cent]}}\nmodels:")
    with running(bare) as gateway:
        assert [asked(gateway) for _ in range(3)] == [200] * 3
        put(gateway, "PUT", {"budget_usd": "0.05/day,7/week"})
        first = {"key/me/day": 0.03, "key/me/week": 0.03}
        assert spent(gateway, first) == first
        assert [asked(gateway) for _ in range(2)] == [200] * 2
        assert asked(gateway) == 402
        put(gateway, "DELETE")
        assert asked(gateway) == 200
        put(gateway, "PUT", {"budget_usd": "0.08/day"})
        again = {"key/me/day": 0.06}
        assert spent(gateway, again) == again
        assert [asked(gateway) for _ in range(2)] == [200] * 2
        assert asked(gateway) == 402
        assert gateway.stop() == 0
    more = bare.replace("{use: [cent]}", "{use: [cent], budget: {usd: 5, per: month}}")
    wanted = {"key/me/day": 0.08, "route/m/month": 0.08}
    for _ in range(2):
        with running(more) as gateway:
            assert spent(gateway, wanted) == wanted
            assert asked(gateway) == 402
            assert gateway.stop() == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/tenants/acme", {"budget_usd": "-5/month"}),
        ("PUT", "/tenants/acme", {"budget_usd": "1e9/month"}),
        ("PUT", "/tenants/acme", {"budget_usd": "5/year"}),
        ("PUT", "/tenants/acme", {"budget_usd": "5,6"}),
        ("PUT", "/tenants/acme", {"rpm": -1}),
        ("PUT", "/tenants/new", {"rpm": True}),
        ("PUT", "/tenants/new", {"rpm": 1e308}),
        ("PUT", "/tenants/new", {"x": 1}),
        ("PUT", "/tenants/new", {"budget_usd": ","}),
        ("PUT", "/tenants/new", {"budget_usd": float("nan")}),
        ("PUT", "/budgets/tenant/new", {"budget_usd": ",,"}),
        ("PUT", "/tenants/acme", {"time_zone": "../../etc/passwd"}),
        ("PUT", "/tenants/acme", {"time_zone": "Mars/Olympus"}),
        ("PUT", "/tenants/acme", {"time_zone": "localtime"}),
        ("PUT", "/tenants/a%0d%0ab", {}),
        ("PUT", "/tenants/%27;DROP%20TABLE%20terms;--", {}),
        ("PUT", "/budgets/key/me", {"budget_usd": ""}),
        ("PUT", "/budgets/key/me", {}),
        ("PUT", "/budgets/planet/me", {"budget_usd": "5"}),
        ("PUT", "/budgets/route/nowhere", {"budget_usd": "5"}),
        ("PUT", "/budgets/tenant/acme", {"budget_usd": "5"}),
        ("POST", "/budgets/key/me/year/forgive", {}),
        ("POST", "/budgets/key/nobody/day/forgive", {}),
        ("DELETE", "/budgets/key/nobody", None),
    ],
)
def test_what_makes_no_sense_is_refused(told: Gateway, method: str, path: str, body: object) -> None:
    answer = told.ask(f"/admin/v1{path}", body, key=ADMIN, method=method)
    assert answer.status in (400, 404, 409), answer.body
    assert answer.error["message"]
    assert told.ask("/readyz").document["generation"] == 1


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running(config(tmp_path_factory.mktemp("budgets"))) as gateway:
        yield gateway

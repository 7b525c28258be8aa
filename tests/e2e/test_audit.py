"""The audit log of a real server: every act of an admin, every refusal, however many there are."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from booked import POSTGRES, schema
from gateway import CHAT, HI, KEY, Gateway, running
from headgate.adapters.books import ACTS
from headgate.adapters.books import noted as noted_row
from headgate.cli.audit import app as audit_app
from headgate.core.audit import broken_at

pytestmark = pytest.mark.e2e

OWNER, OPERATOR, READER = (f"{name}-key-0123456789abcdef" for name in ("owner", "operator", "reader"))
CONFIG = f"""
server:
  log: off
  admin_key: {OWNER}
  admin_keys: [{{name: olga, key: {OPERATOR}, scope: operate}}, {{name: rita, key: {READER}}}]
keys: [{{name: me, key: {KEY}, tenant: acme, models: [m]}}]
store: {{url: "sqlite:///{{folder}}/books.db", folder: {{folder}}/kept}}
providers: {{p: {{dialect: simulated, region: eu, simulated: {{latency_s: 0.001, tokens_per_s: 0}}}}}}
models: {{m: {{provider: p}}, n: {{provider: p}}}}
tiers: {{free: {{requests_per_day: 1000}}}}
"""


def config(folder: Path) -> str:
    return CONFIG.replace("{folder}", str(folder))


def acts(gateway: Gateway, action: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.ask("/admin/v1/audit?limit=1000", key=OWNER).document["data"]
    return [one for one in found if one["action"].startswith(action)]


def noted(gateway: Gateway, action: str, count: int) -> list[dict[str, Any]]:
    """Waits until there are so many acts of that name."""
    for _ in range(500):
        if len(found := acts(gateway, action)) >= count:
            return found
        time.sleep(0.02)
    raise AssertionError(acts(gateway))


def verified(gateway: Gateway) -> int:
    done = CliRunner().invoke(audit_app, ["verify", "--config", str(gateway.file)])
    return done.exit_code


def test_keys_are_made_rotated_and_revoked_over_http_and_each_act_has_its_author(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        order = {
            "tenant": "acme",
            "name": "app",
            "tier": "free",
            "models": ["m"],
            "rpm": 50,
            "expires": "30d",
        }
        assert gateway.ask("/admin/v1/keys", order, key=READER).status == 403
        assert gateway.ask("/admin/v1/keys", order, key=KEY).status == 401
        made = gateway.ask("/admin/v1/keys", order, key=OPERATOR).document
        assert made["key"].startswith("hg_")
        _becomes(gateway, made["key"], 200)
        assert gateway.ask("/admin/v1/keys", order, key=OPERATOR).status == 409
        assert gateway.ask("/admin/v1/keys", {**order, "name": "b"}, key=OPERATOR).status == 200
        page = gateway.ask("/admin/v1/keys?limit=1", key=READER).document
        assert ([one["name"] for one in page["data"]], page["next"]) == (["app"], "app")
        page = gateway.ask("/admin/v1/keys?after=app", key=READER).document
        assert ([one["name"] for one in page["data"]], page["next"]) == (["b"], None)
        rotated = gateway.ask("/admin/v1/keys/app/rotate", {"overlap_s": 600}, key=OPERATOR).document
        _becomes(gateway, rotated["key"], 200)
        assert _chat(gateway, made["key"]) == 200
        assert gateway.ask("/admin/v1/keys/app", key=OPERATOR, method="DELETE").document["state"] == "revoked"
        _becomes(gateway, rotated["key"], 401)
        assert gateway.ask("/admin/v1/keys/app", key=OPERATOR, method="DELETE").status == 409
        assert gateway.ask("/admin/v1/keys/nobody", key=OPERATOR, method="DELETE").status == 404
        assert [(one["who"], one["action"], one["target"]) for one in acts(gateway, "key.")] == [
            ("olga", "key.create", "app"),
            ("olga", "key.create", "b"),
            ("olga", "key.rotate", "app"),
            ("olga", "key.revoke", "app"),
        ]
        refused = noted(gateway, "request.denied", 2)
        assert {(one["who"], one["target"]) for one in refused} >= {("rita", "/admin/v1/keys")}
        assert not any(made["key"] in json.dumps(one) for one in acts(gateway))
        described = gateway.ask("/openapi.json").document["paths"]["/admin/v1/keys"]["post"]
        assert described["x-headgate-scope"] == "operate"
        assert "requestBody" in described
        assert verified(gateway) == 0


BAD = ["'; DROP TABLE audit; --", "a\r\nset-cookie: x", "\0", "ü", "x" * 300, 1e99, {"$gt": ""}, [["a"]]]
FIELDS: dict[str, list[Any]] = {
    "tenant": [*BAD, "", None, 7],
    "name": [*BAD, "", 7, ".", "..", "mirror"],
    "tier": [*BAD, "platinum", 7],
    "models": [*([one] for one in BAD), [], ["gpt-99"], "m"],
    "regions": [*([one] for one in BAD), [], [""], "eu"],
    "privacy": [*BAD, "", None, "none"],
    "rpm": [*BAD, 0, -1, 1.5, 10**12],
    "tpm": [*BAD, 0, -1],
    "expires": [*BAD, "", "soon", "-1d", "2027-13-01"],
    "budget": ["anything that is not there"],
}


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_takes_what_it_should_not(shared: Gateway, field: str) -> None:
    for bad in FIELDS[field]:
        found = shared.ask("/admin/v1/keys", {"tenant": "acme", "name": "app", field: bad}, key=OPERATOR)
        assert (found.status, found.error["type"]) == (400, "invalid_request_error"), (bad, found.body)
        assert "set-cookie" not in found.headers
    assert shared.ask("/admin/v1/keys", key=OWNER).document["data"] == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running(config(tmp_path_factory.mktemp("shared"))) as gateway:
        yield gateway


@pytest.mark.parametrize("place", ["-1", "9" * 25, "x", "1e9", "%00"])
def test_a_page_that_cannot_be_is_said_to_be_wrong(shared: Gateway, place: str) -> None:
    for path in ("requests", "audit"):
        found = shared.ask(f"/admin/v1/{path}?after={place}", key=READER)
        assert (found.status, found.error["param"]) == (400, "after"), found.body


@pytest.mark.parametrize(
    "query",
    [
        "/admin/v1/usage?tenant='%3BDROP%20TABLE%20sums",
        "/admin/v1/requests?tenant=%0d%0a&outcome=%27%20OR%201=1",
        "/admin/v1/audit/residency?tenant=%27%20OR%201=1",
        "/admin/v1/requests?request_id=%00",
    ],
)
def test_a_filter_is_only_a_value(shared: Gateway, query: str) -> None:
    assert shared.chat("m").status == 200
    found = shared.ask(query, key=READER)
    assert (found.status, [one for one in found.document["data"] if one.get("requests")]) == (200, [])


def test_what_a_store_cannot_hold_is_in_no_row_and_no_reason_to_call_it_away(tmp_path: Path) -> None:
    """PostgreSQL takes no NUL."""
    with schema() as name:
        text = config(tmp_path).replace(f"sqlite:///{tmp_path}/books.db", POSTGRES)
        with running(text.replace("store: {", f"store: {{namespace: {name}, ")) as gateway:
            for path in ("usage?tenant=", "usage?key=", "requests?model=", "audit/residency?tenant="):
                found = gateway.ask(f"/admin/v1/{path}a%00b", key=READER)
                assert (found.status, [one for one in found.document["data"] if one.get("requests")]) == (
                    200,
                    [],
                )
            assert gateway.ask("/admin/v1/requests/a%00b/content", key=OWNER).document["data"] == []
            assert gateway.ask("/v1/jobs/a%00b").status == 404
            assert gateway.ask("/v1/jobs?after=a%00b").status == 200


@pytest.mark.parametrize(
    "query",
    [
        "/admin/v1/audit?after=x",
        "/admin/v1/requests?limit=0",
        "/admin/v1/requests?after=1e9",
        "/admin/v1/usage?from=0001-01-01T00:00:00%2B23:59",
        "/admin/v1/usage?to=9999-12-31T23:59:59-23:59",
        "/admin/v1/usage?to=2026-11-01&from=2026-11-21",
        "/admin/v1/usage?tennant=acme",
        "/admin/v1/requests?tenant=acme&tenant=other",
        "/admin/v1/requests?tennant=acme",
        "/admin/v1/budgets?kind=key",
        "/admin/v1/config?x",
    ],
)
def test_a_query_that_is_none_is_said_to_be_wrong(shared: Gateway, query: str) -> None:
    found = shared.ask(query, key=READER)
    assert (found.status, found.error["type"]) == (400, "invalid_request_error")
    assert found.error["param"] in query


def test_a_parameter_that_is_misspelt_tells_of_nobody(shared: Gateway) -> None:
    """Nor a caller of others: `tenant` is none of its own view's."""
    found = shared.ask("/admin/v1/requests?tennant=acme", key=READER)
    assert found.error["message"] == "There is no parameter 'tennant' here. Do you mean 'tenant'?"
    assert shared.ask("/v1/usage?tenant=other").status == 400
    assert shared.ask("/admin/v1/requests?tennant=acme", key=KEY).status == 401
    assert shared.ask("/admin/v1/usage?group_by=day&group_by=tenant,model", key=READER).status == 200
    assert (
        shared.ask("/admin/v1/requests?tenant=x&key=k&model=m&provider=p&outcome=o", key=READER).status == 200
    )


@pytest.mark.parametrize("overlap", [True, "60", None, -1, 1e99, [1]])
def test_an_overlap_is_a_number_of_seconds(shared: Gateway, overlap: object) -> None:
    found = shared.ask("/admin/v1/keys/app/rotate", {"overlap_s": overlap}, key=OPERATOR)
    assert (found.status, found.error["param"]) == (400, "overlap_s")


@pytest.mark.parametrize("key", [None, "no such key", KEY])
@pytest.mark.parametrize("body", [b"{", b"\xff", b"{" * 10_000])
def test_who_is_no_admin_is_not_listened_to(shared: Gateway, key: str | None, body: bytes) -> None:
    for path in ("keys", "keys/x/rotate", "no/such/path"):
        found = shared.ask(f"/admin/v1/{path}", body, key=key)
        assert (found.status, found.error["code"]) == (401, "invalid_api_key"), found.body
    with shared.connect() as connection:
        connection.sendall(b"POST /admin/v1/keys HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")
        assert connection.recv(9999).startswith(b"HTTP/1.1 401"), "without waiting for the rest"


def test_an_order_is_of_reasonable_size_and_json(shared: Gateway) -> None:
    long = b'{"tenant": "' + b"x" * 1_000_001 + b'"}'
    assert shared.ask("/admin/v1/keys", long, key=OPERATOR).status == 413
    assert shared.ask("/admin/v1/keys", b"{", key=OPERATOR).error["message"] == "The body is not JSON."


def test_who_knocks_at_the_admins_door_is_told_apart(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        assert gateway.ask("/v1/models", key="no such key").status == 401
        assert gateway.ask("/admin/v1/usage", key="no such key").status == 401
        found = {one["target"]: one["detail"] for one in noted(gateway, "request.denied", 2)}
    assert {*found} == {"/v1/models", "/admin/v1/usage"}
    assert all("count=1" in detail for detail in found.values())


def test_what_is_taken_off_the_end_is_missed_by_who_kept_its_hash(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        for name in ("a", "b"):
            assert gateway.ask("/admin/v1/keys", {"tenant": "t", "name": name}, key=OWNER).status == 200
        kept = acts(gateway)[-1]["hash"]

        def told(*words: str) -> tuple[int, dict[str, Any]]:
            done = CliRunner().invoke(audit_app, ["verify", "--config", str(gateway.file), "--json", *words])
            return done.exit_code, json.loads(done.stdout)

        assert told() == (0, {"acts": 2, "last": kept, "broken_at": None, "holds": None})
        assert told("--holds", kept)[1]["holds"] is True
        with closing(sqlite3.connect(tmp_path / "books.db")) as connection, connection:
            connection.execute("DELETE FROM audit WHERE number = 2")
        assert told()[0] == 0, "nothing in the chain says how long it was"
        assert told("--holds", kept) == (1, {**told()[1], "holds": False})


def test_a_flood_of_refusals_is_counted_and_does_not_fill_the_disk(tmp_path: Path) -> None:
    flood = 600
    with running(config(tmp_path)) as gateway:
        for _ in range(flood):
            assert gateway.ask(CHAT, {"model": "m", "messages": HI}, key="nobody-knows").status == 401
        assert gateway.chat("n").status == 403
        first = noted(gateway, "request.denied", 2)
        assert gateway.stop() == 0
        counts: dict[str, int] = {}
        with closing(sqlite3.connect(tmp_path / "books.db")) as connection:
            order = f"SELECT {', '.join(ACTS)} FROM audit ORDER BY number"
            chain = [noted_row(row) for row in connection.execute(order)]
            (rows,) = connection.execute("SELECT COUNT(*) FROM requests").fetchone()
    for one in chain:
        said = dict(part.split("=") for part in one.detail.split())
        counts[one.who] = counts.get(one.who, 0) + int(said["count"])
    assert broken_at(chain) is None
    assert counts == {"nobody": flood, "me": 1}
    assert rows <= 2 * 120 + 1 < flood
    assert len(first) <= 3


def test_who_tampers_with_the_file_is_found_out(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        for name in ("a", "b", "c"):
            assert gateway.ask("/admin/v1/keys", {"tenant": "t", "name": name}, key=OWNER).status == 200
        assert verified(gateway) == 0
        with closing(sqlite3.connect(tmp_path / "books.db")) as connection, connection:
            connection.execute("UPDATE audit SET who = 'somebody else' WHERE target = 'b'")
        assert verified(gateway) == 1


def test_a_new_configuration_is_an_act_too(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        gateway.file.write_text(config(tmp_path) + "\n# another\n")
        [act] = noted(gateway, "config.reload", 1)
        assert (act["who"], act["target"]) == ("file", "generation 2")


def _chat(gateway: Gateway, key: str) -> int:
    return gateway.ask(CHAT, {"model": "m", "messages": HI}, key=key).status


def _becomes(gateway: Gateway, key: str, wanted: int) -> None:
    for _ in range(500):
        if _chat(gateway, key) == wanted:
            return
        time.sleep(0.01)
    raise AssertionError(f"never {wanted}")

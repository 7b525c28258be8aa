"""Keys made at run time, against a real server: known, rotated and revoked within a second, store or not."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway import CHAT, HI, KEY, Gateway, running
from headgate.cli.audit import app as audit_app
from headgate.cli.keys import keys as keys_app

pytestmark = pytest.mark.e2e

ADMIN = "admin-key-0123456789abcdef"
CONFIG = f"""
server: {{log: off, admin_key: {ADMIN}}}
keys: [{{name: me, key: {KEY}}}]
store: {{url: "sqlite:///{{folder}}/books.db", folder: {{folder}}/kept}}
providers: {{p: {{dialect: simulated, simulated: {{latency_s: 0.001, tokens_per_s: 0}}}}}}
models: {{m: {{provider: p}}, n: {{provider: p}}}}
tiers: {{free: {{requests_per_day: 1000}}}}
"""


def config(folder: Path) -> str:
    return CONFIG.replace("{folder}", str(folder))


def keys(gateway: Gateway, *words: str) -> str:
    done = told("keys", *words, at=gateway)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def told(command: str, *words: str, at: Gateway) -> Result:
    """`headgate COMMAND WORDS…` about that gateway, in this process: starting another takes longer."""
    app = {"keys": keys_app, "audit": audit_app}[command]
    return CliRunner().invoke(app, [*words, "--config", str(at.file)])


def status(gateway: Gateway, key: str, model: str = "m") -> int:
    return gateway.ask(CHAT, {"model": model, "messages": HI}, key=key).status


def becomes(gateway: Gateway, key: str, wanted: int) -> float:
    """Waits for that status; how many seconds it took."""
    begun = time.monotonic()
    for _ in range(500):
        if status(gateway, key) == wanted:
            return time.monotonic() - begun
        time.sleep(0.01)
    raise AssertionError(f"never {wanted}")


def test_the_life_of_a_key(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        first = keys(
            gateway, "create", "app", "--tenant", "acme", "--tier", "free", "--models", "m", "--rpm", "500"
        )
        assert first.startswith("hg_")
        becomes(gateway, first, 200)
        assert status(gateway, first, "n") == 403
        assert (
            "x-ratelimit-limit-requests"
            in gateway.ask(CHAT, {"model": "m", "messages": HI}, key=first).headers
        )
        second = keys(gateway, "rotate", "app", "--overlap", "600")
        becomes(gateway, second, 200)
        assert status(gateway, first) == 200
        assert '"state": "active"' in keys(gateway, "list", "--callers", "--json")
        assert gateway.ask("/health").document["keys"]["keys"] == 1
        listed = (tmp_path / "books.db").read_bytes() + (tmp_path / "books.db-wal").read_bytes()
        assert first.encode() not in listed
        keys(gateway, "revoke", "app")
        becomes(gateway, second, 401)
        assert status(gateway, first) == 401
        page = gateway.ask("/admin/v1/audit?limit=1", key=ADMIN).document
        assert [one["action"] for one in page["data"]] == ["key.create"]
        assert page["next"] == 1
        [shown] = gateway.ask("/admin/v1/keys", key=ADMIN).document["data"]
        assert (shown["name"], shown["tenant"], "digest" in shown) == ("app", "acme", False)
        verified = told("audit", "verify", at=gateway)
        assert verified.exit_code == 0
        exported = told("audit", "export", at=gateway).stdout
        actions = [json.loads(line)["action"] for line in exported.splitlines()]
        assert [one for one in actions if one != "request.denied"] == [
            "key.create",
            "key.rotate",
            "key.revoke",
        ]
        assert first not in exported
        assert second not in exported
        assert told("keys", "create", "app", "--tenant", "x", at=gateway).exit_code == 1
        assert told("keys", "create", "me", "--tenant", "x", at=gateway).exit_code == 1
        assert told("keys", "create", "--tenant", "a\r\nb", at=gateway).exit_code == 2
        assert told("keys", "revoke", "app", at=gateway).exit_code == 1


def test_without_the_store_a_start_serves_what_it_knew(tmp_path: Path) -> None:
    """Never a 401 for our own fault."""
    with running(config(tmp_path)) as gateway:
        key = keys(gateway, "create", "--tenant", "acme")
        becomes(gateway, key, 200)
    for file in tmp_path.glob("books.db*"):
        file.unlink()
    (tmp_path / "books.db").mkdir()
    with running(config(tmp_path)) as gateway:
        assert status(gateway, key) == 200
        assert gateway.ask("/health").document["keys"]["age_s"] is None


def test_with_neither_store_nor_snapshot_nobody_says_that_a_key_is_wrong(tmp_path: Path) -> None:
    text = config(tmp_path).replace(
        f"sqlite:///{tmp_path}/books.db", "postgresql://postgres@127.0.0.1:1/test"
    )
    with running(text) as gateway:
        assert status(gateway, KEY) == 200
        for path, body in ((CHAT, {"model": "m", "messages": HI}), ("/v1/usage", None), ("/v1/models", None)):
            told = gateway.ask(path, body, key="hg_made-elsewhere")
            assert (told.status, told.error["code"]) == (503, "keys_unavailable"), path
            assert told.headers["retry-after"]
        assert status(gateway, "unknown-key-0123456789") == 401
        assert gateway.ask("/health").document["keys"]["age_s"] is None


def test_a_restart_does_not_give_the_day_s_requests_back(tmp_path: Path) -> None:
    text = config(tmp_path).replace("requests_per_day: 1000", "requests_per_day: 3")
    with running(text) as gateway:
        key = keys(gateway, "create", "day", "--tenant", "acme", "--tier", "free")
        becomes(gateway, key, 200)
        assert status(gateway, key) == 200
        assert gateway.stop() == 0
    with running(text) as gateway:
        assert [status(gateway, key) for _ in range(3)] == [200, 429, 429]

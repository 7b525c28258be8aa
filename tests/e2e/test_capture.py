"""What a real server keeps of content: redacted, where a route says so; of some callers nothing, anywhere."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway import CHAT, KEY, Gateway, running

pytestmark = pytest.mark.e2e

OWNER, READER, QUIET, HOME = (f"{name}-key-0123456789abcdef" for name in ("owner", "reader", "quiet", "home"))
CONFIG = f"""
server: {{log: json, log_level: debug, admin_key: {OWNER}, admin_keys: [{{name: rita, key: {READER}}}]}}
keys:
  - {{name: me, key: {KEY}, tenant: acme}}
  - {{name: quiet, key: {QUIET}, privacy: no_content}}
  - {{name: home, key: {HOME}, privacy: local_only}}
store: {{url: "sqlite:///{{folder}}/books.db", folder: {{folder}}/kept}}
cache: {{store: file, file: {{folder}}/answers.db, semantic: {{}}, exact: {{ttl_s: 600, warm: 10}}}}
providers:
  p: {{dialect: simulated, simulated: {{latency_s: 0.001, tokens_per_s: 0}}}}
  abroad: {{dialect: openai, base_url: "http://10.255.255.1:9/v1", keys: [sk-not-a-real-key-0123456789]}}
models: {{m: {{provider: p}}, far: {{provider: abroad}}}}
routes:
  kept: {{use: [m], capture: {{days: 1}}}}
  mixed: {{use: [far, m], mirror: {{model: far, share: 1.0}}, capture: {{}}}}
"""
MAIL, CARD, IBAN = "jane.doe@example.org", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"


def config(folder: Path) -> str:
    return CONFIG.replace("{folder}", str(folder))


def body(text: str, model: str = "kept", **members: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **members}


def content(gateway: Gateway, request_id: str) -> list[dict[str, Any]]:
    for _ in range(200):
        found = gateway.ask(f"/admin/v1/requests/{request_id}/content", key=OWNER).document["data"]
        if found:
            return list(found)
        time.sleep(0.02)
    return []


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("stream", [False, True])
def test_question_and_answer_are_kept_without_what_nobody_should_read(tmp_path: Path, stream: bool) -> None:
    text = f"write to {MAIL}, pay with {CARD} or {IBAN}"
    with running(config(tmp_path)) as gateway:
        for turn in ("first", "again"):  # the second is told from a cache
            headers = {"x-request-id": f"r-{turn}"}
            assert gateway.ask(CHAT, body(text, stream=stream), headers).status == 200
        messages = body(text, max_tokens=50) | {"model": "kept", "stream": stream}
        assert gateway.ask("/v1/messages", messages, {"x-request-id": "r-claude"}).status == 200
        found = [content(gateway, f"r-{name}")[0] for name in ("first", "again", "claude")]
        assert gateway.ask("/admin/v1/requests/r-first/content", key=READER).status == 403
        acts = gateway.ask("/admin/v1/audit?limit=1000", key=OWNER).document["data"]
        plain = gateway.ask(CHAT, body(f"{text} now", "m"), {"x-request-id": "r-plain"})
        assert plain.status == 200
        assert gateway.ask("/admin/v1/requests/r-plain/content", key=OWNER).document["data"] == []
        assert gateway.stop() == 0
        logs = gateway.log
    for one in found:
        asked = json.dumps(one["question"])
        assert "write to [email], pay with [card] or [iban]" in asked
        assert one["answer"]
        assert "".join(part.get("text", "") for part in one["answer"])
        assert "email=" in one["found"]
    assert ("admin_key", "content.read", "r-first") in {(a["who"], a["action"], a["target"]) for a in acts}
    books = b"".join(file.read_bytes() for file in tmp_path.glob("books.db*")) + on_disk(tmp_path / "kept")
    for secret in (MAIL, CARD, IBAN):
        assert secret.encode() not in books
        assert secret not in logs


@pytest.mark.parametrize("key", [QUIET, HOME])
def test_of_some_callers_nothing_leaves_memory(tmp_path: Path, key: str) -> None:
    """Neither question nor answer is on the disk, in the log or in the metrics, whatever the route says and
    however it ends."""
    words = ("zebrafinch", "quetzal", "hoopoe", "kakapo")
    with running(config(tmp_path)) as gateway:
        for stream in (False, True):
            assert gateway.ask(CHAT, body(f"tell me of the {words[0]}", stream=stream), key=key).status == 200
        assert gateway.ask(CHAT, body(f"tell me of the {words[1]}", "mixed"), key=key).status == 200
        wrong = {"model": "kept", "messages": [{"role": words[2], "content": words[2]}]}
        assert gateway.ask(CHAT, wrong, key=key).status == 400
        assert gateway.ask(CHAT, body(words[3], "far"), key=key).status in (403, 502)
        assert gateway.ask(CHAT, body("an ordinary question of an ostrich")).status == 200
        page = gateway.ask("/metrics", key=None).body
        health = gateway.ask("/health").body
        assert gateway.stop() == 0
        logs = gateway.log.encode()
    told = on_disk(tmp_path)
    assert b"ostrich" in told, "nothing at all was kept: the test proves nothing"
    for word in words:
        for where in (told, page, health, logs):
            assert word.encode() not in where, word


def test_who_stays_at_home_is_never_sent_abroad(tmp_path: Path) -> None:
    with running(config(tmp_path)) as gateway:
        answer = gateway.ask(CHAT, body("hello", "mixed"), key=HOME)
        assert answer.status == 200
        assert answer.document["x-routing-metadata"]["attempts"] == 1
        refused = gateway.ask(CHAT, body("hello", "far"), key=HOME)
        assert (refused.status, refused.error["code"]) == (403, "privacy")
        assert "would leave the house" in refused.error["message"]
        assert gateway.stop() == 0
        attempts = [line for line in gateway.log.splitlines() if '"shadow"' in line or "abroad" in line]
    assert attempts == []


def test_what_is_past_its_time_is_deleted_and_that_is_proven(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    with running(config(tmp_path)) as gateway:
        assert gateway.ask(CHAT, body("remember me"), {"x-request-id": "r-old"}).status == 200
        assert content(gateway, "r-old")
        assert gateway.stop() == 0
    with closing(sqlite3.connect(tmp_path / "books.db")) as connection, connection:
        connection.execute("UPDATE captures SET until_us = 1")
    deleted: list[dict[str, Any]] = []
    with running(config(tmp_path)) as gateway:
        for _ in range(200):
            acts = gateway.ask("/admin/v1/audit?limit=1000", key=OWNER).document["data"]
            deleted = [one for one in acts if one["action"] == "retention.delete"]
            if deleted:
                break
            time.sleep(0.02)
        assert [(one["target"], one["detail"].split()[0]) for one in deleted] == [("captures", "rows=1")]
        assert gateway.ask("/admin/v1/requests/r-old/content", key=OWNER).document["data"] == []


RESIDENT = f"""
server: {{log: off}}
keys:
  - {{name: me, key: {KEY}, regions: [eu]}}
  - {{name: other, key: {QUIET}, regions: [us]}}
store: {{url: "sqlite:///{{folder}}/books.db", folder: {{folder}}/kept, region: eu}}
providers:
  here: {{dialect: simulated, region: eu, simulated: {{faults: ["status:503"]}}}}
  there: {{dialect: simulated, region: us}}
models: {{a: {{provider: here}}, b: {{provider: there}}}}
routes: {{auto: {{use: [a, b]}}}}
degrade: {{local: [b]}}
"""


def test_a_region_holds_for_fallbacks_the_ladder_and_what_is_written_down(tmp_path: Path) -> None:
    with running(RESIDENT.replace("{folder}", str(tmp_path))) as gateway:
        failed = gateway.ask(CHAT, body("hi", "auto"))
        assert (failed.status, failed.error["type"]) == (502, "upstream_error")
        refused = gateway.ask(CHAT, body("hi", "b"), key=QUIET)
        assert (refused.status, refused.error["code"]) == (403, "regions")
        assert "it would be written down in eu" in refused.error["message"]

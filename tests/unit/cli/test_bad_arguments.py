"""SQL, line breaks and nonsense in every argument: said to be wrong, or taken for a name and nothing more."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from headgate.adapters.sqlite import SqliteLedger
from headgate.cli.audit import app as audit
from headgate.cli.cache import cache
from headgate.cli.jobs import jobs
from headgate.cli.keys import keys
from headgate.cli.main import app
from headgate.core.issued import Snapshot

BAD = [
    "'; DROP TABLE audit; --",
    "a\r\nb: c",
    "\x00",
    "ü" * 300,
    "x" * 300,
    "-1",
    "",
    "../../etc/passwd",
    "%s%n",
    "{0}",
    "inf",
    "nan",
    "1e308",
    "9" * 20,
    "1970-01-01",
]
CONFIG = """
store: {url: "sqlite:///books.db"}
server: {admin_key: admin-key-0123456789}
providers: {p: {dialect: simulated}}
models: {m: {provider: p}}
"""
ARGUMENTS = {
    "create NAME": ("keys", "create", "{}", "--tenant", "t"),
    "--tenant": ("keys", "create", "--tenant", "{}"),
    "--tier": ("keys", "create", "--tenant", "t", "--tier", "{}"),
    "--models": ("keys", "create", "--tenant", "t", "--models", "{}"),
    "--regions": ("keys", "create", "--tenant", "t", "--regions", "{}"),
    "--privacy": ("keys", "create", "--tenant", "t", "--privacy", "{}"),
    "--rpm": ("keys", "create", "--tenant", "t", "--rpm", "{}"),
    "--tpm": ("keys", "create", "--tenant", "t", "--tpm", "{}"),
    "--budget-usd": ("keys", "create", "--tenant", "t", "--budget-usd", "{}"),
    "rotate --overlap": ("keys", "rotate", "known", "--overlap", "{}"),
    "--expires": ("keys", "create", "--tenant", "t", "--expires", "{}"),
    "rotate NAME": ("keys", "rotate", "{}"),
    "revoke NAME": ("keys", "revoke", "{}"),
    "residency --tenant": ("audit", "residency", "--tenant", "{}"),
    "usage --tenant": ("usage", "--tenant", "{}"),
    "usage --key": ("usage", "--key", "{}"),
    "usage --group-by": ("usage", "--group-by", "{}"),
    "usage --from": ("usage", "--from", "{}"),
    "usage --to": ("usage", "--to", "{}"),
}
APPS = {"keys": keys, "audit": audit, "cache": cache, "jobs": jobs}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_argument_is_a_name_or_wrong(argument: str, tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(CONFIG)
    made = CliRunner().invoke(keys, ["create", "known", "--tenant", "t", "--config", str(file)])
    assert made.exit_code == 0, made.output
    for bad in BAD:
        command, *words = (word.replace("{}", bad) for word in ARGUMENTS[argument])
        given = words if command in APPS else [command, *words]
        found = CliRunner().invoke(APPS.get(command, app), [*given, "--config", str(file)])
        assert found.exit_code in (0, 1, 2), (bad, found.exception)
        assert found.exception is None or isinstance(found.exception, SystemExit), (bad, found.exception)
    well = CliRunner().invoke(audit, ["verify", "--config", str(file)])
    assert well.exit_code == 0, well.output
    known = asyncio.run(snapshot(tmp_path / "books.db"))
    assert "known" in {key.name for key in known.keys}
    msgspec.msgpack.encode(known)  # every gateway can keep it
    assert all(
        math.isfinite(until) for key in known.keys for until in (key.former_until, key.expires_at or 0)
    )


async def snapshot(file: Path) -> Snapshot:
    store = SqliteLedger(file)
    try:
        found = await store.snapshot(-1)
    finally:
        await store.close()
    assert found is not None
    return found


def test_what_is_done_on_the_command_line_is_in_the_audit_log(tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    shelf = f"cache: {{store: file, file: {tmp_path / 'answers.db'}}}\n"
    one = "{dialect: openai, base_url: 'http://127.0.0.1:9/v1', keys: [sk-old-0123456789abcdef]}"
    provider = f"providers: {{p: {one}}}"
    file.write_text(CONFIG.replace("providers: {p: {dialect: simulated}}", provider) + shelf)
    fresh = tmp_path / "fresh"
    fresh.write_text("sk-new-0123456789abcdef")
    for words in (
        ["keys", "rotate", "1", "--provider", "p", "--new-from-file", str(fresh)],
        ["cache", "clear"],
        ["keys", "create", "app", "--tenant", "acme"],
        ["keys", "revoke", "1", "--provider", "p"],
        ["jobs", "purge"],
    ):
        done = CliRunner().invoke(APPS[words[0]], [*words[1:], "--config", str(file)])
        assert done.exit_code == 0, (words, done.output)
    exported = CliRunner().invoke(audit, ["export", "--config", str(file)]).stdout
    acts = [json.loads(line) for line in exported.splitlines()]
    assert [(one["action"], one["target"]) for one in acts] == [
        ("provider_key.rotate", "p/1"),
        ("cache.clear", "file"),
        ("key.create", "app"),
        ("provider_key.revoke", "p/1"),
        ("job.purge", "jobs"),
    ]
    assert all("@" in one["who"] for one in acts)
    assert "0123456789" not in exported

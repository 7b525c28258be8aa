"""SQL, line breaks and nonsense in every argument: said to be wrong, or taken for a name and nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from headgate.cli.audit import app as audit
from headgate.cli.keys import keys
from headgate.cli.main import app

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
APPS = {"keys": keys, "audit": audit}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_argument_is_a_name_or_wrong(argument: str, tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(CONFIG)
    for bad in BAD:
        command, *words = (word.replace("{}", bad) for word in ARGUMENTS[argument])
        given = words if command in APPS else [command, *words]
        found = CliRunner().invoke(APPS.get(command, app), [*given, "--config", str(file)])
        assert found.exit_code in (0, 1, 2), (bad, found.exception)
        assert found.exception is None or isinstance(found.exception, SystemExit), (bad, found.exception)
    well = CliRunner().invoke(audit, ["verify", "--config", str(file)])
    assert well.exit_code == 0, well.output

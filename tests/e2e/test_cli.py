"""The command line: exit codes, and messages that say where."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from configs import provider
from gateway import CHAT, HI, KEY, command, environment, ran, running
from simserver import Server

pytestmark = pytest.mark.e2e

GOOD = """
server: {auth: off}
providers: {p: {dialect: simulated}}
models: {m: {provider: p}}
"""
WRONG = """server: {prot: 8080}
providers:
  p: {dialect: simulated}
models:
  m: {provider: q}
"""
SECRET = "sk-secret-0123456789-never-shown"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "headgate.yaml"


# ── check ────────────────────────────────────────────────────────────────────────────────────────


def test_a_right_file_is_said_to_be_right(file: Path) -> None:
    file.write_text(GOOD)
    found = ran("check", "--config", str(file))
    assert (found.returncode, found.stderr) == (0, "")
    assert "1 provider, 1 model, 1 route, 0 keys. No problem found." in found.stdout
    here = ran("check", folder=file.parent)
    assert (here.returncode, here.stdout) == (0, found.stdout.replace(str(file), "headgate.yaml"))
    plain = ran("check", "--json", folder=file.parent)
    assert (plain.returncode, json.loads(plain.stdout)) == (0, {"problems": []})


def test_every_problem_is_told_with_its_place(file: Path) -> None:
    file.write_text(WRONG)
    found = ran("check", "--config", str(file))
    assert (found.returncode, found.stdout) == (2, "")
    lines = found.stderr.splitlines()
    assert f"{file}:1:10 server.prot: unknown key; did you mean 'port'?" in lines
    assert f"{file}:5:17 models.m.provider: is not one of providers" in [
        line.partition(";")[0] for line in lines
    ]
    told = ran("check", "--config", str(file), "--json")
    assert told.returncode == 2
    problems = json.loads(told.stdout)["problems"]
    assert ("server.prot", 1, 10) in [(one["path"], one["line"], one["column"]) for one in problems]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file"),
        (b"a: [", "not valid YAML"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"", "none is named"),
        (b"[1, 2]", ""),
        (b"a: &a [*a, *a]", ""),
        (b"- " * 5000, ""),
    ],
    ids=["missing", "no-yaml", "no-utf8", "empty", "a-list", "recursive", "deep"],
)
def test_whatever_is_in_the_file_there_is_no_stack_trace(
    file: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    found = ran("serve" if content is None else "check", "--config", str(file))
    assert found.returncode == 2
    assert says in found.stderr
    assert "Traceback" not in found.stderr
    assert found.stderr.startswith(str(file))


def test_the_schema_is_one(file: Path) -> None:
    found = ran("check", "--schema", folder=file.parent)
    schema = json.loads(found.stdout)
    assert found.returncode == 0
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"server", "providers", "models", "routes", "keys"} <= set(schema["properties"])
    references = set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', found.stdout))
    assert references <= set(schema["$defs"])


def test_a_secret_in_the_wrong_place_is_not_repeated(file: Path) -> None:
    file.write_text(f"""
providers:
  openai: {{keys: [{{key: {SECRET}, {SECRET}: 1}}], base_url: {SECRET}, concurrency: {SECRET}}}
models: {{m: {{provider: openai, price: {SECRET}}}}}
keys: [{{name: a, key: {SECRET}}}, {{name: b, key: {SECRET}}}]
server: {{admin_key: {SECRET}, port: {SECRET}}}
""")
    for words in (("check", "--json"), ("serve",)):
        found = ran(*words, "--config", str(file))
        assert found.returncode == 2
        assert SECRET not in (found.stdout + found.stderr).replace(f"keys[0].{SECRET}", "")


# ── usage ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words",
    [
        ("chekc",),
        ("serve", "--prot", "1"),
        ("serve", "--port", "65536"),
        ("sim-providers", "--rpm", "-1"),
        (),
    ],
    ids=" ".join,
)
def test_bad_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    found = ran(*words)
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert "Usage:" in found.stderr + found.stdout


def test_every_command_is_listed() -> None:
    found = ran("--help")
    assert found.returncode == 0
    for name in ("serve", "check", "demo", "sim-providers"):
        assert re.search(rf"\b{name}\b", found.stdout)
    assert ran("--version").stdout.startswith("headgate ")


# ── serve ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PORT": "99999"}, "server.port: must be at most 65535"),
        ({"OPENAI_API_KEY": f"two words {SECRET}"}, "environment variable OPENAI_API_KEY"),
        ({"CIRCUIT_BREAKER_FAILURE_THRESHOLD": "x"}, "breaker.failures"),
    ],
    ids=["port", "key", "breaker"],
)
def test_a_variable_that_is_wrong_is_named(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    found = ran("serve", folder=tmp_path, **variables)
    assert found.returncode == 2
    assert says in found.stderr
    assert SECRET not in found.stderr


def test_an_open_door_to_the_network_is_refused(tmp_path: Path) -> None:
    found = ran("serve", "--host", "0.0.0.0", folder=tmp_path)
    assert found.returncode == 2
    assert "network" in found.stderr


def test_without_a_file_it_serves_what_it_finds(sim: Server) -> None:
    """Nothing but the simulated provider, and it says so; with a variable, what that names."""
    with running(None) as gateway:
        assert "simulated" in gateway.log
        answer = gateway.ask(CHAT, {"model": "auto", "messages": HI}, key=None)
        assert answer.status == 200
        assert answer.document["x-routing-metadata"]["provider"] == "simulated"
    with running(None, OLLAMA_HOST=f"127.0.0.1:{sim.port}", HEADGATE_API_KEY=KEY) as gateway:
        assert gateway.ask(CHAT, {"model": "auto", "messages": HI}, key=None).status == 401
        told = gateway.chat("auto").document["x-routing-metadata"]
        assert (told["provider"], told["model_id"]) == ("ollama", "simulated-small")
        assert gateway.chat("local").status == 200


def test_a_file_in_this_folder_is_found(sim: Server) -> None:
    """`headgate.yaml` where the command is run."""
    with running(GOOD) as first:
        (first.file.parent / "headgate.yaml").write_text(GOOD.replace("{m:", "{found:"))
        found = ran("check", folder=first.file.parent)
        assert found.stdout.startswith("headgate.yaml:")


def test_options_win_over_the_file(sim: Server) -> None:
    text = f"server: {{port: 1, host: 203.0.113.1}}\nkeys: [{{name: me, key: {KEY}}}]\nproviders:\n"
    text += provider("openai", sim.port) + "models: {m: {provider: openai}}\n"
    with running(text, "--host", "127.0.0.1", "--port", "0") as gateway:
        assert gateway.chat("m").status == 200


def test_the_log_is_json_lines_or_text(sim: Server) -> None:
    with running(GOOD) as gateway:
        assert gateway.chat("m").status == 200
        gateway.stop()
        lines = [line for line in gateway.lines if line.startswith("{")]
        assert {json.loads(line)["logger"] for line in lines} >= {"uvicorn.error", "headgate.access"}
        assert len(lines) >= len(gateway.lines) - 2
    with running(GOOD.replace("{auth: off}", "{auth: off, log: text}")) as gateway:
        assert gateway.chat("m").status == 200
        assert gateway.stop() == 0
        assert not any(line.startswith("{") for line in gateway.lines)


# ── nobody reads ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("what", ["demo --once --port 0", "route hello", "check --schema"])
def test_a_reader_who_has_gone_is_no_reason_for_a_traceback(what: str) -> None:
    """As behind `| head`."""
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as nobody:
        ended = subprocess.run(
            command(*what.split()),
            stdout=nobody,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            timeout=60,
            check=False,
        )
    assert ended.returncode == 1
    assert not re.search("Traceback|Error|Exception", ended.stderr), ended.stderr


def test_time_zones_are_known_where_the_system_has_none(tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(
        "keys: [{name: me, key: caller-key-0123456789abcdef}]\n"
        "providers: {p: {dialect: simulated}}\nmodels: {m: {provider: p}}\n"
        "tenants: {acme: {time_zone: America/St_Johns, budget: {usd: 5, per: day}}}\n"
    )
    found = ran("check", "--config", str(file), PYTHONTZPATH="")
    assert (found.returncode, found.stderr) == (0, "")

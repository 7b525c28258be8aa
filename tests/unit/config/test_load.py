import os
import string
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.config.check import ConfigError, Problem, report
from headgate.config.load import load, parse, process_environment, schema
from headgate.config.section import Section
from headgate.config.tree import Server, Settings
from headgate.config.validate import LATER, overridden, section_at

GOOD = """\
server:
  port: ${GATE_PORT:-9000}
providers:
  claude:
    keys:
      - {key: "${CLAUDE_KEY}"}
  local: {dialect: openai, base_url: "http://127.0.0.1:8000/v1"}
models:
  sonnet: {provider: claude, name: claude-sonnet-5-5, price: {input: 3, output: 15, cache_read: 0.3}}
  llama: {provider: local}
routes:
  auto: {use: [sonnet, llama]}
keys:
  - {name: acme, key: "${ACME_KEY}", models: [auto]}
"""
ENVIRON = {"CLAUDE_KEY": "sk-ant-0123456789abcdef", "ACME_KEY": "hg-acme-0123456789"}


def problems(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, environ)
    assert str(caught.value) == report(caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_becomes_settings(tmp_path: Path) -> None:
    file = tmp_path / "headgate.yaml"
    file.write_text(GOOD)
    loaded = load(file, ENVIRON)
    assert loaded.server.port == 9000
    assert loaded.providers["claude"].dialect == "anthropic"
    assert loaded.providers["claude"].base_url == "https://api.anthropic.com"
    assert loaded.providers["claude"].keys[0].key.reveal() == ENVIRON["CLAUDE_KEY"]
    assert loaded.models["llama"].name == "llama"
    assert loaded.keys[0].tenant == "acme"
    assert loaded.routes["auto"].use == ("sonnet", "llama")
    assert load(str(file), {**ENVIRON, "GATE_PORT": "7000"}).server.port == 7000


def test_every_problem_is_told_at_once_in_the_files_order(tmp_path: Path) -> None:
    text = """\
server: {port: http, auth: off, host: 0.0.0.0}
health: {}
providers:
  claude:
    keyz: [a]
    keys:
      - {key: "${NOPE}", rpm: 0}
    timeouts: {idle_s: -1, totl_s: 3}
  claude: {}
  openai: {}
models:
  sonnet: {provider: cluade, quality: 2}
  gpt: {provider: claude, price: {input: 3}}
routes:
  auto: {use: [sonet, gpt, gpt], by: nobody}
  gpt: {use: [sonnet]}
keys:
  - {name: a, key: "x y"}
  - {name: a, key: k1, models: [auto, nix]}
"""
    file = tmp_path / "headgate.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    expected = """\
1:16 server.port: must be a whole number
1:28 server.auth: would open the gateway to the network: keep host at 127.0.0.1, or require auth and add keys
2:1 health: 'health' is not available in this version
5:5 providers.claude.keyz: unknown key; did you mean 'keys'?
7:15 providers.claude.keys[0].key: the environment variable NOPE is not set; set it, or write ${NOPE:-default}
7:31 providers.claude.keys[0].rpm: must be at least 1
8:24 providers.claude.timeouts.idle_s: must be more than 0
8:28 providers.claude.timeouts.totl_s: unknown key; did you mean 'total_s'?
9:3 providers.claude: the key 'claude' is given twice
10:11 providers.openai.keys: none is given; set OPENAI_API_KEY, or list some
12:22 models.sonnet.provider: is not one of providers; did you mean 'claude'?
12:39 models.sonnet.quality: must be at most 1
13:34 models.gpt.price.output: is missing
15:16 routes.auto.use[0]: is not one of models; did you mean 'sonnet'?
15:28 routes.auto.use[2]: is on this route already
15:38 routes.auto.by: must be one of 'none', 'intent', 'complexity' or 'learned'
16:8 routes.gpt: is the name of a model too; a request could not tell them apart
18:20 keys[0].key: holds a space, a line break or another character that cannot be part of a key
19:12 keys[1].name: is the name of another key
19:39 keys[1].models[1]: is neither a model nor a route"""
    assert str(caught.value) == "\n".join(f"{file}:{line}" for line in expected.splitlines())


def test_a_problem_reads_like_a_compilers() -> None:
    problem = Problem(
        path="providers.claude.keyz",
        message="unknown key",
        hint="did you mean 'keys'?",
        file="x.yaml",
        line=12,
        column=5,
    )
    assert report([problem]) == "x.yaml:12:5 providers.claude.keyz: unknown key; did you mean 'keys'?"
    assert report([Problem(path="", message="cannot be read", file="x.yaml")]) == "x.yaml: cannot be read"


def test_without_keys_it_says_how_to_add_one() -> None:
    text = GOOD[: GOOD.index("keys:\n  - {name")]
    assert problems(text) == [
        "1:1 keys: none is given, so nobody could call; add {name: me, key: '${HEADGATE_API_KEY}'}, or set"
        " server.admin_key, to make some at run time"
    ]
    assert parse(text.replace("server:", "server:\n  auth: off"), ENVIRON).server.auth == "off"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}", "null"])
def test_an_empty_file_says_what_is_missing(text: str) -> None:
    said = "\n".join(problems(text))
    assert "providers: none is named" in said
    assert "models: none is named" in said
    assert "keys: none is given" in said


@pytest.mark.parametrize("text", ["[]", "hello", "[{server: {}}]"])
def test_a_file_that_is_no_section_is_refused(text: str) -> None:
    assert problems(text) == ["1:1: the configuration must be a section of keys and values"]


def test_the_same_key_twice_is_told_and_so_is_the_admin_key_among_them() -> None:
    text = GOOD.replace("port:", 'admin_key: "${ACME_KEY}"\n  port:') + '  - {name: b, key: "${ACME_KEY}"}\n'
    assert [line.split(" ", 1)[1] for line in problems(text)] == [
        "keys[0].key: is another key's, or the admin key",
        "keys[1].key: is another key's, or the admin key",
    ]


def test_settings_of_the_simulated_provider_go_with_its_dialect_alone() -> None:
    text = GOOD.replace("{dialect: openai, base", "{dialect: openai, simulated: {latency_s: 1}, base")
    assert "simulated: goes with dialect 'simulated' alone" in problems(text)[0]


def test_a_variable_serves_as_default_and_the_file_wins() -> None:
    environ = {**ENVIRON, "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "9", "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "30"}
    assert parse(GOOD, environ).breaker.failures == 9
    assert parse(GOOD, environ).breaker.recovery_s == 30
    assert parse(GOOD + "breaker: {failures: 2}\n", environ).breaker.failures == 2
    assert parse(GOOD + "breaker: {failures: 2}\n", environ).breaker.recovery_s == 30


def test_a_variable_that_cannot_be_used_is_named() -> None:
    said = problems(GOOD, {**ENVIRON, "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "many"})
    assert said == [
        "1:1 breaker.failures: must be a whole number; "
        "it comes from the environment variable CIRCUIT_BREAKER_FAILURE_THRESHOLD"
    ]


def test_secrets_come_from_files_beside_the_configuration_or_anywhere(tmp_path: Path) -> None:
    (tmp_path / "claude.key").write_text("sk-from-a-file\n")
    absolute = tmp_path / "acme.key"
    absolute.write_text("hg-from-a-file\r\n")
    text = GOOD.replace("${CLAUDE_KEY}", "${file:claude.key}").replace("${ACME_KEY}", f"${{file:{absolute}}}")
    file = tmp_path / "headgate.yaml"
    file.write_text(text)
    loaded = load(file, {})
    assert loaded.providers["claude"].keys[0].key.reveal() == "sk-from-a-file"
    assert loaded.keys[0].key.reveal() == "hg-from-a-file"


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * 70_000])
def test_a_secrets_file_that_cannot_be_read_is_a_problem(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "k").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        parse(GOOD.replace("${CLAUDE_KEY}", "${file:k}"), ENVIRON, folder=tmp_path)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("providers.claude.keys[0].key", 6)
    assert "the file that '${file:…}' names" in problem.message


def test_a_pipe_or_a_device_is_not_a_secrets_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path / "pipe", "/dev/zero", tmp_path, "a\\0b"):
        with pytest.raises(ConfigError, match=r"is not there|does not hold"):
            parse(GOOD.replace("${CLAUDE_KEY}", f"${{file:{name}}}"), ENVIRON, folder=tmp_path)


@pytest.mark.parametrize(("content", "message"), [(None, "cannot be read"), (b"a: \xff", "not UTF-8")])
def test_a_configuration_that_cannot_be_read_is_a_problem(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "x.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load(file, {})
    assert caught.value.problems[0].file == str(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {})


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load(file, ENVIRON).models


def test_names_with_dots_stand_in_quotes() -> None:
    said = problems(GOOD.replace("llama: {provider: local}", "gpt-4.1: {provider: locale}"))
    assert "10:23 models.'gpt-4.1'.provider: is not one of providers; did you mean 'local'?" in said


# ── nothing leaks, nothing else is raised ────────────────────────────────────────────────────────

SECRET = "sk-s3cr3t-v4lu3-0123456789"


def scalars(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all scalars."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in scalars(inner, (*path, key))]
    if isinstance(value, list):
        return [found for index, inner in enumerate(value) for found in scalars(inner, (*path, index))]
    return [path]


FULL: dict[str, Any] = {
    "server": dict.fromkeys(Server.model_fields, "x"),
    "providers": {
        "p": {
            "dialect": "openai",
            "base_url": "https://x.example",
            "keys": ["k1", {"key": "k2"}],
            "concurrency": 1,
            "timeouts": {"connect_s": 1, "idle_s": 1},
            "drop": ["seed"],
            "headers": {"X-A": "b"},
            "simulated": {"latency_s": 1, "faults": ["hang"]},
        }
    },
    "models": {
        "m": {
            "provider": "p",
            "name": "m",
            "context": 1,
            "supports": ["tools"],
            "price": {"input": 1, "output": 1},
        }
    },
    "routes": {"auto": {"use": ["m"], "deadline_s": 1}},
    "keys": [{"name": "a", "key": "k3", "tenant": "t", "models": ["m"]}],
    "breaker": {"failures": 1, "recovery_s": 1},
    "retry": {"attempts": 1, "backoff_s": 1, "budget": 1, "max_backoff_s": 1},
    "metrics": {"namespace": "x"},
}


@pytest.mark.parametrize("path", scalars(FULL), ids=str)
@pytest.mark.parametrize("written", ["${S}", SECRET, f"http://u:{SECRET}@h", [SECRET], {"a": SECRET}])
def test_a_secret_in_the_wrong_place_is_never_repeated(path: tuple[str | int, ...], written: object) -> None:
    raw = yaml.safe_load(yaml.safe_dump(FULL))
    inner = raw
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = written
    with pytest.raises(ConfigError) as caught:
        parse(yaml.safe_dump(raw), {"S": SECRET, "PORT": SECRET, "OPENAI_API_KEY": SECRET + "\n x"})
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert SECRET not in told


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_settings_or_a_config_error(text: str) -> None:
    try:
        assert isinstance(parse(text, ENVIRON), Settings)
    except ConfigError as error:
        assert error.problems  # noqa: PT017  # either ending is right; a third is what is looked for


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_are_settings_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    file.write_bytes(content)
    try:
        assert isinstance(load(file, {}), Settings)
    except ConfigError as error:
        assert all(problem.file for problem in error.problems)  # noqa: PT017  # as above


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(string.printable, max_size=8)
words = st.sampled_from(
    sorted(
        {name for section in Section.__subclasses__() for name in section.model_fields}
        | {"auto", "openai", "use", "x"}
    )
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
shaped = st.fixed_dictionaries({}, optional=dict.fromkeys(Settings.model_fields, trees))


@settings(max_examples=50, deadline=None)
@given(shaped)
def test_any_shape_of_known_keys_is_settings_or_a_config_error(raw: dict[str, Any]) -> None:
    try:
        assert isinstance(parse(yaml.safe_dump(raw), ENVIRON), Settings)
    except ConfigError as error:
        assert all(problem.line >= 1 for problem in error.problems)  # noqa: PT017  # as above


# ── what is not there yet ────────────────────────────────────────────────────────────────────────


def test_what_is_not_available_is_really_not_there() -> None:
    for section, names in LATER.items():
        assert not names & section.model_fields.keys(), "what has come no longer belongs in LATER"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ((), "Settings"),
        (("providers", "x"), "Provider"),
        (("providers", "x", "keys", 3), "ProviderKey"),
        (("providers", "x", "timeouts"), "Timeouts"),
        (("models", "m", "price"), "Price"),
        (("routes", "auto"), "Route"),
        (("keys", 0), "Key"),
        (("server",), "Server"),
        (("server", "port"), None),
        (("nothing", "here", 3), None),
    ],
)
def test_every_section_is_found_by_its_path(path: tuple[str | int, ...], name: str | None) -> None:
    found = section_at(path)
    assert (found.__name__ if found else None) == name


# ── the rest of the API ──────────────────────────────────────────────────────────────────────────


def test_the_command_line_may_override_the_server_but_not_open_it() -> None:
    loaded = parse(GOOD, ENVIRON)
    assert overridden(loaded, port=1234, host=None).server.port == 1234
    assert overridden(loaded, host="0.0.0.0").server.host == "0.0.0.0"
    closed = parse(GOOD.replace("server:", "server:\n  auth: off"), ENVIRON)
    with pytest.raises(ConfigError, match=r"server\.auth: would open"):
        overridden(closed, host="0.0.0.0")
    with pytest.raises(ConfigError, match=r"server\.port: must be at most 65535"):
        overridden(closed, port=70_000)


def test_the_environment_is_the_processes_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    assert parse(GOOD).keys[0].name == "acme"
    assert process_environment()["ACME_KEY"] == ENVIRON["ACME_KEY"]


def test_the_schema_is_closed_and_hides_secrets() -> None:
    found = schema()
    assert found["$schema"].startswith("https://json-schema.org/")
    assert found["additionalProperties"] is False
    assert found["properties"].keys() == Settings.model_fields.keys()
    assert found["$defs"]["Key"]["properties"]["key"]["writeOnly"] is True
    assert {"type": "string", "minLength": 1} in found["$defs"]["ProviderKey"]["anyOf"]

"""Scenario files: what is wrong is told with its place, wherever it stands; those that ship are right."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from headgate.config.check import ConfigError
from headgate.config.scenario import Scenario
from headgate.config.stage import Stage, limits_of, load
from headgate.core.arrivals import Bursts, Constant, Curve, Poisson
from headgate.core.draws import Draw
from headgate.providers.simulated.settings import Limits

SHIPPED = sorted(Path(str(files("headgate") / "scenarios")).glob("*.yaml"))

RIGHT = """\
duration_s: 60
gateway:
  providers:
    claude: {keys: [{key: one, rpm: 20}, {key: two, rpm: 30, tpm: 5000, burst: 3}]}
    own: {dialect: simulated, simulated: {latency_s: 0.25}}
  models: {m: {provider: claude}, n: {provider: own}}
  tiers: {pro: {weight: 10}}
  keys: [{name: mine, key: my-key, tier: pro}]
providers:
  claude: {latency_s: 2, rpm: 10}
callers:
  them: {tier: pro, tenants: 2, poisson_rpm: 60}
  me: {keys: mine, model: n, constant_rpm: 6}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "scenario.yaml"


def staged(file: Path, text: str = RIGHT) -> Stage:
    file.write_text(text)
    return load(file, {})


def problems(file: Path, text: str) -> list[str]:
    """Without the file's folder."""
    with pytest.raises(ConfigError) as caught:
        staged(file, text)
    return [str(problem).replace(f"{file.parent}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_ships_is_right(path: Path) -> None:
    stage = load(path, {})
    assert stage.scenario.title
    assert stage.scenario.callers


def test_760_is_760() -> None:
    [path] = [path for path in SHIPPED if path.stem == "seven-hundred-sixty"]
    settings = load(path, {}).settings
    limits = [key.rpm for provider in settings.providers.values() for key in provider.keys]
    assert sorted(filter(None, limits)) == [20] * 3 + [60] * 5 + [200] * 2
    assert set(settings.tiers) == {"free", "basic", "pro", "enterprise"}


def test_every_provider_becomes_a_simulated_one_that_is_as_the_scenario_says(file: Path) -> None:
    settings = staged(file).settings
    claude, own = settings.providers["claude"], settings.providers["own"]
    assert {claude.dialect, own.dialect} == {"simulated"}
    assert (claude.simulated.latency_s, claude.simulated.tokens_per_s) == (2.0, 80.0)
    assert (own.simulated.latency_s, own.simulated.tokens_per_s) == (0.25, 200.0)
    assert claude.simulated.brief
    assert own.simulated.brief


def test_a_provider_allows_what_the_scenario_says_and_else_what_its_keys_say(file: Path) -> None:
    claude = staged(file).settings.providers["claude"]
    assert limits_of(claude, 1) == Limits(rpm=10)
    assert limits_of(claude, 2) == Limits(rpm=10, tpm=5000, burst=3)
    claude = staged(file, RIGHT.replace(", rpm: 10}", "}")).settings.providers["claude"]
    assert [limits_of(claude, number).rpm for number in (1, 2)] == [20, 30]


def test_callers_get_keys_of_their_own_tier_beside_those_of_the_gateway(file: Path) -> None:
    keys = staged(file).settings.keys
    assert [(key.name, key.tier) for key in keys] == [("mine", "pro"), ("them-1", "pro"), ("them-2", "pro")]


def test_the_gateway_may_be_a_file_of_its_own(file: Path) -> None:
    head, _, tail = RIGHT.partition("gateway:\n")
    gateway, _, tail = tail.partition("providers:\n  claude: {lat")
    own = file.with_name("headgate.yaml")
    own.write_text("".join(line[2:] + "\n" for line in gateway.splitlines()))
    text = f"{head}gateway: headgate.yaml\nproviders:\n  claude: {{lat{tail}"
    assert staged(file, text).settings == staged(file).settings
    own.write_text(own.read_text().replace("rpm: 20", "rpmm: 20"))
    assert problems(file, text) == [
        "headgate.yaml:2:30 providers.claude.keys[0].rpmm: unknown key; did you mean 'rpm'?"
    ]
    assert problems(file, text.replace("headgate.yaml", "nowhere.yaml")) == [
        "nowhere.yaml: cannot be read: No such file or directory"
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("duration_s: 60", "duration_s: 0", "scenario.yaml:1:13 duration_s: must be more than 0"),
        (
            "rpm: 20}",
            "rpmm: 20}",
            "scenario.yaml:4:32 gateway.providers.claude.keys[0].rpmm: unknown key; did",
        ),
        (
            "{provider: own}",
            "{provider: owm}",
            "scenario.yaml:6:49 gateway.models.n.provider: is not one of prov",
        ),
        (
            "tier: pro, tenants",
            "tier: prow, tenants",
            "scenario.yaml:12:16 callers.them.tier: is not one of tiers",
        ),
        (
            "model: n",
            "model: nn",
            "scenario.yaml:13:27 callers.me.model: is neither a route nor a model; did",
        ),
        ("keys: mine", "keys: yours", "scenario.yaml:13:14 callers.me.keys[0]: is not a key of the gateway"),
        (
            "  claude: {lat",
            "  claud: {lat",
            "scenario.yaml:10:10 providers.claud: is not one of the gateway's",
        ),
        (
            "poisson_rpm: 60",
            "poisson: 60",
            "scenario.yaml:12:33 callers.them.poisson: unknown key; did you mean",
        ),
        (
            "poisson_rpm: 60",
            "from_s: 60",
            "scenario.yaml:12:9 callers.them: must say one of poisson_rpm, constant",
        ),
        (
            "constant_rpm: 6",
            "constant_rpm: 6, answer_tokens: {uniform: [1, 2], exponential: 3}",
            "scenario.yaml:13:62 callers.me.answer_tokens: must be a number, or say one of uniform",
        ),
        (
            "constant_rpm: 6",
            "constant_rpm: 6, from_s: 9, to_s: 9",
            "scenario.yaml:13:64 callers.me.to_s: must be after from_s",
        ),
        (
            "callers:",
            "faults: [{provider: own, key: 2, fault: hang}]\ncallers:",
            "scenario.yaml:11:31 faults[0].key: the provider has 1",
        ),
        (
            "callers:",
            "changes: [{provider: open, at_s: 2}]\ncallers:",
            "scenario.yaml:11:22 changes[0].provider: is not one of the gateway's providers",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(file: Path, before: str, after: str, told: str) -> None:
    assert before in RIGHT
    found = problems(file, RIGHT.replace(before, after))
    assert [line for line in found if line.startswith(told)], found


def test_everything_is_told_at_once(file: Path) -> None:
    text = RIGHT.replace("duration_s: 60", "duration_s: x").replace("weight: 10", "weight: 0")
    found = problems(file, text.replace("constant_rpm: 6", "constant_rpm: 6, strem: 1"))
    assert [line.split()[0] for line in found] == [
        *("scenario.yaml:1:13", "scenario.yaml:7:25", "scenario.yaml:13:47")
    ]


@pytest.mark.parametrize("text", ["", "[]", "- a", "7"])
def test_what_is_no_scenario_at_all_is_told_too(file: Path, text: str) -> None:
    assert problems(file, text)


def test_without_a_gateway_nothing_can_be_played(file: Path) -> None:
    text = "duration_s: 1\ncallers: {a: {constant_rpm: 1}}\n"
    assert problems(file, text) == [
        "scenario.yaml:1:1 gateway: is missing; a configuration, or the path of one"
    ]


def test_ways_to_arrive() -> None:
    def arrivals(**way: object) -> object:
        callers = {"a": {"tenants": 1, **way}}
        return Scenario.model_validate({"duration_s": 1, "callers": callers}).callers["a"].arrivals()

    assert arrivals(poisson_rpm="30") == Poisson(30.0)
    assert arrivals(constant_rpm=30) == Constant(30.0)
    assert arrivals(curve_rpm={"18": 5, "6.5": 10}) == Curve(((6.5, 10.0), (18.0, 5.0)))
    assert arrivals(bursts={"size": 3, "every_s": 9}) == Bursts(3, 9.0, 1.0)
    assert arrivals(users={"count": 3, "think_s": 9}) is None


def test_ways_to_draw() -> None:
    def drawn(value: object) -> Draw:
        callers = {"a": {"constant_rpm": 1, "prompt_tokens": value}}
        return (
            Scenario.model_validate({"duration_s": 1, "callers": callers}).callers["a"].prompt_tokens.draw()
        )

    ends = {"least": 0.0, "most": 1e9}
    assert drawn("7") == Draw(kind="fixed", a=7.0, **ends)
    assert drawn({"uniform": ["1", 3]}) == Draw(kind="uniform", a=1.0, b=3.0, **ends)
    assert drawn({"exponential": 5, "most": 9}) == Draw(kind="exponential", a=5.0, least=0.0, most=9.0)
    lognormal = drawn({"lognormal": {"median": 5, "sigma": 2}, "least": 1})
    assert lognormal == Draw(kind="lognormal", a=5.0, b=2.0, least=1.0, most=1e9)

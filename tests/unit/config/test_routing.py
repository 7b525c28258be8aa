"""Routes, agents and experiments: what goes together, and what is told where it does not."""

from __future__ import annotations

import pytest

from headgate.config.check import ConfigError
from headgate.config.load import parse
from headgate.config.tree import Provider

GOOD = """\
providers:
  here: {dialect: openai, base_url: "http://127.0.0.1:8000/v1"}
  away: {dialect: openai, base_url: "https://models.example/v1", region: eu, keys: [k]}
models:
  small: {provider: here, quality: 0.5, skills: {code: 0.4}}
  large: {provider: away, quality: 0.9, prompt: {prefix: "Think. "}}
routes:
  auto:
    by: complexity
    when: {simple+free: small, code: [large, small]}
    use: [large, small]
    strategy: balanced
    balance: {price: 2}
    min_quality: 0.3
    canary: {model: small, share: 0.1}
    mirror: {model: small}
agents:
  coder: {description: "Writes programs", skills: {code: 0.9}, default: true}
tiers: {free: {}}
keys:
  - {name: a, key: abcdef, regions: eu, privacy: local_only}
"""


def told(before: str, after: str) -> str:
    assert before in GOOD
    with pytest.raises(ConfigError) as caught:
        parse(GOOD.replace(before, after), {})
    (problem,) = caught.value.problems
    return f"{problem.path}: {problem.message}; {problem.hint or ''}"


def test_all_of_it_is_read() -> None:
    settings = parse(GOOD, {})
    route = settings.routes["auto"]
    assert route.when == {"simple+free": ("small",), "code": ("large", "small")}
    assert (route.balance.price, route.balance.quality) == (2.0, 1.0)
    assert route.canary is not None
    assert settings.agents["coder"].route == "auto"
    assert settings.keys[0].regions == ("eu",)


@pytest.mark.parametrize(
    ("provider", "local"),
    [
        (Provider(dialect="ollama", base_url="http://localhost:11434"), True),
        (Provider(dialect="openai", base_url="http://[::1]:1/v1"), True),
        (Provider(dialect="openai", base_url="https://api.openai.com/v1"), False),
        (Provider(dialect="openai", base_url="http://gpu.lan/v1", local=True), True),
        (Provider(dialect="openai", base_url="http://127.0.0.1:9/v1", local=False), False),
        (Provider(dialect="simulated"), True),
    ],
)
def test_what_stays_in_the_house_is_told_by_the_address(provider: Provider, local: bool) -> None:
    assert provider.is_local is local


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("simple+free", "simpel+free", "routes.auto.when.simpel+free: 'simpel' is no intent"),
        ("simple+free", "simple+medium", "names two of one kind: complexity"),
        ("simple+free", "simple+fre", "'fre' is no intent, complexity or tier"),
        ("[large, small]}", "[large, smal]}", "routes.auto.when.code[1]: is not one of models"),
        ("canary: {model: small", "canary: {model: smal", "routes.auto.canary.model: is not one of models"),
        ("quality: 0.9", "context: 9", "needs to know how good 'large' is; give models.large.quality"),
        ("skills: {code: 0.4}", "skills: {coding: 0.4}", "models.small.skills.coding: is not an intent"),
        ("regions: eu", "regions: us", "keys[0].regions[0]: is no provider's region"),
        ("  coder:", "  auto:", "agents.auto: is what a request says"),
        ("default: true", "route: nix", "agents.coder.route: is neither a route nor a model"),
        ("by: complexity", "by: none", "routes.auto.when: goes with 'by: intent'"),
        ("by: complexity", "by: learned", "routes.auto.when: goes with"),
        (
            "balance:",
            "weights: {small: 2}\n    balance:",
            "routes.auto.weights: goes with 'strategy: weighted'",
        ),
        (
            "mirror:",
            "split: {shares: {small: 1}}\n    mirror:",
            "routes.auto.split: and a canary on one route",
        ),
    ],
)
def test_what_does_not_go_together_is_told(before: str, after: str, problem: str) -> None:
    assert problem in told(before, after)


@pytest.mark.parametrize(
    ("hedge", "problem"),
    [
        ("{after_s: 1, quantile: 0.9}", "routes.auto.hedge.quantile: goes without after_s"),
        ("{after_s: 1, floor_s: 0.9}", "routes.auto.hedge.floor_s: goes without after_s"),
        ("{after_s: 0}", "routes.auto.hedge.after_s: "),
        ("{quantile: 0.3}", "routes.auto.hedge.quantile: "),
        ("{quantile: 1}", "routes.auto.hedge.quantile: "),
        ("{max_share: 1.5}", "routes.auto.hedge.max_share: "),
        ("{at: elsewhere}", "routes.auto.hedge.at: "),
        ("{at: key}", "routes.auto.hedge.at: is another key, and no provider of this route has two"),
        (
            "{after_s: 9}\n    deadline_s: 9",
            "routes.auto.hedge.after_s: is not before the route's deadline_s",
        ),
    ],
)
def test_a_hedge_must_make_sense(hedge: str, problem: str) -> None:
    assert problem in told("    use: [large", f"    hedge: {hedge}\n    use: [large")


@pytest.mark.parametrize(
    ("keys", "more", "hedge", "problem"),
    [
        ("[k]", "", "{}", "routes.one.hedge: has nowhere to go; give the route another model"),
        ("[k]", "", "{at: model}", "routes.one.hedge.at: is another model, and the route has but one"),
        ("[k, l]", "retry: {attempts: 1}", "{at: key}", "routes.one.hedge: has no attempt to spare"),
        ("[k, l]", "retry: {attempts: 1}", "{}", "has no attempt to spare: every model of the route is owed"),
        ("[k, l]", "", "{}", ""),
        ("[k, l]", "", "{at: key, after_s: 0.5, max_share: 0.1}", ""),
        ("[k, l]", "hedge: {quantile: 0.99}", "{max_share: 0}", ""),
    ],
)
def test_a_hedge_must_have_somewhere_to_go(keys: str, more: str, hedge: str, problem: str) -> None:
    before, after = "keys: [k]}", f"keys: {keys}}}"
    one = f"routes:\n  one: {{use: [large], hedge: {hedge}}}"
    text = GOOD.replace(before, after).replace("routes:", f"{more}\n{one}")
    if problem:
        with pytest.raises(ConfigError) as caught:
            parse(text, {})
        [found] = caught.value.problems
        assert problem in f"{found.path}: {found.message}; {found.hint or ''}"
    else:
        assert parse(text, {}).routes["one"].hedge is not None


def test_one_agent_at_most_is_the_default() -> None:
    second = "  other: {description: Talks, default: true}\ntiers:"
    assert "agents.other.default: is true for another agent already" in told("tiers:", second)

from typing import Any

import pytest

from headgate.config.check import ConfigError
from headgate.config.fill import fill
from headgate.config.tree import Settings
from headgate.config.validate import settings
from headgate.providers.catalog import ROWS


def filled(providers: dict[str, Any], **environ: str) -> Settings:
    """Settings with one model a provider."""
    models = {f"m-{name}": {"provider": name} for name in providers}
    raw = {"server": {"auth": "off"}, "providers": providers, "models": models}
    return settings(raw, environ=environ)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_providers_name_tells_its_dialect_address_and_key(row: Any) -> None:
    environ = {row.env[0]: "k-123"} if row.env else {}
    for name in filter(None, (row.name, row.alias)):
        provider = filled({name: None}, **environ).providers[name]
        assert provider.dialect == row.dialect
        assert provider.base_url == row.base_url
        assert [key.key.reveal() for key in provider.keys] == list(environ.values())


def test_what_the_file_says_wins_over_the_name() -> None:
    given = {"dialect": "openai", "base_url": "http://10.0.0.1:8000/v1", "keys": ["k-file"]}
    provider = filled({"anthropic": given}, ANTHROPIC_API_KEY="k-env").providers["anthropic"]
    assert (provider.dialect, provider.base_url) == ("openai", "http://10.0.0.1:8000/v1")
    assert provider.keys[0].key.reveal() == "k-file"


def test_another_name_gets_its_dialects_own_address_and_key() -> None:
    provider = filled({"work": {"dialect": "anthropic"}}, ANTHROPIC_API_KEY="k-env").providers["work"]
    assert provider.base_url == "https://api.anthropic.com"
    assert provider.keys[0].key.reveal() == "k-env"


def test_a_key_from_the_environment_never_goes_to_another_address() -> None:
    provider = filled({"openai": {"base_url": "http://10.0.0.1/v1"}}, OPENAI_API_KEY="k-env").providers[
        "openai"
    ]
    assert provider.keys == ()


def test_the_preferred_variable_wins_and_an_empty_one_does_not_count() -> None:
    both = {"GEMINI_API_KEY": "one", "GOOGLE_API_KEY": "two"}
    assert filled({"gemini": {}}, **both).providers["gemini"].keys[0].key.reveal() == "one"
    both["GEMINI_API_KEY"] = " "
    assert filled({"gemini": {}}, **both).providers["gemini"].keys[0].key.reveal() == "two"


def test_a_provider_that_needs_a_key_and_has_none_is_a_problem() -> None:
    with pytest.raises(ConfigError, match=r"providers\.openai\.keys: none is given; set OPENAI_API_KEY"):
        filled({"openai": {}})
    with pytest.raises(ConfigError, match=r"providers\.openai\.keys: none is given"):
        filled({"openai": {"keys": []}}, OPENAI_API_KEY="k")
    assert filled({"openai": {"headers": {"Authorization": "Bearer x"}}}).providers["openai"].keys == ()
    assert filled({"vllm": {}, "ollama": {}, "simulated": {}}).providers["vllm"].keys == ()


def test_a_bad_key_in_the_environment_is_told_with_its_variable() -> None:
    with pytest.raises(ConfigError, match="it comes from the environment variable OPENAI_API_KEY") as caught:
        filled({"openai": {}}, OPENAI_API_KEY="two words")
    assert caught.value.problems[0].path == "providers.openai.keys[0].key"


def test_a_name_that_tells_nothing_needs_a_dialect() -> None:
    with pytest.raises(ConfigError, match=r"providers\.work\.dialect: is missing"):
        filled({"work": {"base_url": "http://10.0.0.1"}})
    with pytest.raises(ConfigError, match=r"providers\.work\.dialect: must be one of 'openai'"):
        filled({"work": {"dialect": "azure"}})


def test_ollamas_variables_fill_what_the_file_leaves_open() -> None:
    environ = {"OLLAMA_HOST": "box:1234", "OLLAMA_TIMEOUT": "120"}
    provider = filled({"local": {"timeouts": {"first_byte_s": 7}}}, **environ).providers["local"]
    assert provider.base_url == "http://box:1234"
    assert (provider.timeouts.first_byte_s, provider.timeouts.total_s) == (7, 120)
    given = {"dialect": "ollama", "base_url": "http://other:1"}
    assert filled({"x": given}, **environ).providers["x"].base_url == "http://other:1"
    with pytest.raises(ConfigError, match="it comes from the environment variable OLLAMA_TIMEOUT"):
        filled({"ollama": {}}, OLLAMA_TIMEOUT="soon")
    with pytest.raises(ConfigError, match="it comes from the environment variable OLLAMA_HOST"):
        filled({"ollama": {}}, OLLAMA_HOST="ftp://box")


def test_without_a_route_auto_there_is_one_through_every_model_that_chats() -> None:
    raw: dict[str, Any] = {
        "models": {"a": {}, "e": {"supports": ["embeddings"]}, "b": {"supports": ["embeddings", "tools"]}},
        "routes": {"fast": {"use": ["b"]}},
    }
    fill(raw, {})
    assert raw["routes"]["auto"] == {"use": ["a", "b"]}
    assert raw["routes"]["fast"] == {"use": ["b"]}


@pytest.mark.parametrize(
    "raw",
    [
        {"models": {"a": {}}, "routes": {"auto": {"use": "a"}}},
        {"models": {"auto": {}}},
        {"models": {}},
        {"models": ["x"], "routes": 3, "providers": [1], "keys": {"a": 1}},
        {"providers": {"x": [], "openai": {"timeouts": 3, "keys": 4}}, "keys": [1, None]},
    ],
)
def test_what_is_there_or_misshapen_is_left_alone(raw: dict[str, Any]) -> None:
    routes = raw.get("routes")
    fill(raw, {"OPENAI_API_KEY": "k", "OLLAMA_TIMEOUT": "1"})
    assert raw.get("routes") == routes

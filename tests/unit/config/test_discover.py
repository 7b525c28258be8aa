from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from headgate.config.check import ConfigError
from headgate.config.discover import Discovered, discover
from headgate.config.tree import Settings
from headgate.providers.catalog import ROWS

LLAMAS = ("nomic-embed-text:latest", "llama3.2:3b", "qwen3:8b")


class Machine:
    """A machine with or without an Ollama; remembers where it was looked for."""

    def __init__(self, models: Sequence[str] | None = None) -> None:
        self.models = models
        self.asked: list[str] = []

    def __call__(self, url: str) -> Sequence[str] | None:
        self.asked.append(url)
        return self.models


def found(models: Sequence[str] | None = None, **environ: str) -> Discovered:
    return discover(environ, Machine(models))


def test_with_nothing_found_the_simulated_provider_serves_and_says_so() -> None:
    result = found()
    settings = result.settings
    assert [provider.dialect for provider in settings.providers.values()] == ["simulated"]
    assert settings.routes["auto"].use == ("simulated-small",)
    assert settings.server.auth == "off"
    assert settings.server.host == "127.0.0.1"
    assert result.banner[0] == "No provider found: serving simulated answers."
    assert "GEMINI_API_KEY" in result.banner[1]
    assert "HEADGATE_API_KEY" in result.banner[-1]


def test_every_key_in_the_environment_gives_a_provider_with_the_catalogues_models() -> None:
    environ = {row.env[-1]: f"key-of-{row.name}" for row in ROWS if row.env}
    settings = found(**environ).settings
    assert len(settings.providers) == len(environ) >= 8
    for row in ROWS:
        if row.env:
            provider = settings.providers[row.name]
            assert provider.base_url == row.base_url
            assert provider.keys[0].key.reveal() == f"key-of-{row.name}"
            assert [model.name for model in settings.models.values() if model.provider == row.name] == list(
                row.models
            )


def test_auto_asks_gemini_then_claude_then_openai_then_the_others_then_this_machine() -> None:
    names = ["XAI_API_KEY", "OPENAI_API_KEY", "MISTRAL_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"]
    settings = found(LLAMAS, **dict.fromkeys(names, "k-1")).settings
    chain = [settings.models[model].provider for model in settings.routes["auto"].use]
    assert chain == ["gemini", "anthropic", "openai", "mistral", "xai", "ollama"]


def test_each_provider_is_a_route_under_the_name_users_know() -> None:
    settings = found(LLAMAS, ANTHROPIC_API_KEY="k", OPENAI_API_KEY="k", GEMINI_API_KEY="k").settings
    assert settings.routes.keys() == {"auto", "gemini", "claude", "openai", "local"}
    assert settings.models[settings.routes["claude"].use[0]].provider == "anthropic"


def test_a_model_that_two_providers_have_has_two_names() -> None:
    settings = found(GROQ_API_KEY="k", TOGETHER_API_KEY="k").settings
    assert settings.models["openai/gpt-oss-20b"].provider == "groq"
    assert settings.models["together:openai/gpt-oss-20b"].provider == "together"
    assert settings.models["together:openai/gpt-oss-20b"].name == "openai/gpt-oss-20b"
    assert settings.routes["together"].use == ("together:openai/gpt-oss-20b",)


def test_ollama_is_looked_for_on_this_machine_and_serves_what_it_has() -> None:
    machine = Machine(LLAMAS)
    settings = discover({}, machine).settings
    assert machine.asked == ["http://127.0.0.1:11434"]
    assert set(settings.models) == set(LLAMAS)
    assert settings.routes["auto"].use == ("llama3.2:3b",), "a model for embeddings does not chat"
    assert len(settings.routes["local"].use) == 2


def test_ollamas_variables_say_where_what_and_how_long() -> None:
    machine = Machine(LLAMAS)
    environ = {"OLLAMA_HOST": "box:1234", "OLLAMA_MODEL": "qwen3:8b", "OLLAMA_TIMEOUT": "45"}
    settings = discover(environ, machine).settings
    assert machine.asked == ["http://box:1234"]
    assert settings.routes["auto"].use == ("qwen3:8b",)
    assert settings.providers["ollama"].base_url == "http://box:1234"
    assert settings.providers["ollama"].timeouts.total_s == 45
    assert next(iter(settings.models)) == "qwen3:8b"
    assert len(settings.models) == len(LLAMAS)


def test_a_model_without_a_tag_is_its_latest() -> None:
    settings = found(("nomic-embed-text:latest", "phi4:latest"), OLLAMA_MODEL="phi4").settings
    assert list(settings.models) == ["phi4", "nomic-embed-text:latest"]


def test_an_ollama_that_does_not_answer_counts_only_if_it_is_named_in_full() -> None:
    assert "ollama" not in found(OLLAMA_HOST="box").settings.providers
    assert "ollama" not in found(OLLAMA_MODEL="m").settings.providers
    result = found(OLLAMA_HOST="box", OLLAMA_MODEL="m")
    assert result.settings.routes["auto"].use == ("m",)
    assert "not answering yet" in result.banner[0]


def test_an_ollama_without_models_serves_nothing() -> None:
    assert "ollama" not in found(()).settings.providers


def test_a_key_of_our_own_turns_authentication_on() -> None:
    result = found(HEADGATE_API_KEY="hg-0123456789abcdef")
    assert result.settings.server.auth == "required"
    assert result.settings.keys[0].key.reveal() == "hg-0123456789abcdef"
    assert len(result.banner) == 2


def test_the_servers_variables_are_honoured() -> None:
    settings = found(
        PORT="9001", LOG_LEVEL="DEBUG", HEADGATE_ADMIN_KEY="adm-1", CIRCUIT_BREAKER_FAILURE_THRESHOLD="2"
    ).settings
    assert settings.server.port == 9001
    assert settings.server.log_level == "debug"
    assert settings.server.admin_key is not None
    assert settings.server.admin_key.reveal() == "adm-1"
    assert settings.breaker.failures == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("LOG_LEVEL", "loud"),
        ("OPENAI_API_KEY", "a b"),
        ("OLLAMA_TIMEOUT", "-1"),
        ("OLLAMA_HOST", "a b"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        found(LLAMAS, **{name: value})
    assert f"it comes from the environment variable {name}" in str(caught.value)
    assert f" {value}" not in str(caught.value).replace("environment variable", "")


variables = st.sampled_from(
    [name for row in ROWS for name in row.env]
    + [
        "PORT",
        "LOG_LEVEL",
        "OLLAMA_HOST",
        "OLLAMA_MODEL",
        "OLLAMA_TIMEOUT",
        "HEADGATE_API_KEY",
        "HEADGATE_ADMIN_KEY",
    ]
)


@tuned(max_examples=60, deadline=None)
@given(
    st.dictionaries(variables, st.text(max_size=12)), st.none() | st.lists(st.text(max_size=12), max_size=3)
)
def test_any_environment_gives_settings_or_a_config_error(
    environ: dict[str, str], models: list[str] | None
) -> None:
    try:
        result = discover(environ, lambda url: models)
    except ConfigError:
        return
    assert isinstance(result.settings, Settings)
    assert result.settings.routes["auto"].use
    assert result.settings.server.auth == "required" or result.settings.server.host == "127.0.0.1"

"""Every provider the gateway knows by name, as rows of data: address, dialect, credentials, rules.

A row states only what the page named in `docs` says (read in November 2026, where not said otherwise).
What a row cannot say, the provider's own answer says: a 4xx of its own reaches the caller with its words.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from headgate.core.secret import Secret
from headgate.providers.spec import STANDARD, Rules

Dialect = Literal["openai", "anthropic", "gemini", "ollama", "simulated"]
AuthStyle = Literal["bearer", "x-api-key", "x-goog-api-key", "none"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One provider.

    `base_url` is what the dialect's paths are appended to; empty where nothing is called. `env` names the
    environment variables that may hold a key, the preferred one first. `needs_key`: without one every call
    is refused. `models` are the provider's names for the ones to use where nobody has chosen, the first
    in the route `auto`. `alias` is what users call it where that differs from its name. `prices` is its
    id in the price catalogue, where it is in there. `completions`: its models answer `/completions` too;
    elsewhere a text completion is asked as a chat. `prompts`: and they take several prompts at once there.
    """

    name: str
    title: str
    dialect: Dialect
    base_url: str
    docs: str
    auth: AuthStyle = "bearer"
    env: tuple[str, ...] = ()
    needs_key: bool = True
    rules: Rules = STANDARD
    models: tuple[str, ...] = ()
    alias: str | None = None
    prices: str | None = None
    completions: bool = False
    prompts: bool = False


TOP_K = Rules(rename={"top_k": "top_k"})
"""OpenAI's dialect and `top_k`, which OpenAI itself does not have."""

ROWS: tuple[Row, ...] = (
    Row(
        name="gemini",
        title="Google Gemini",
        dialect="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        docs="https://ai.google.dev/api/generate-content",
        auth="x-goog-api-key",
        env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        models=("gemini-flash-latest", "gemini-flash-lite-latest"),
        prices="google",
    ),
    Row(
        name="anthropic",
        title="Anthropic",
        dialect="anthropic",
        base_url="https://api.anthropic.com",
        docs="https://docs.anthropic.com/en/api/messages",
        auth="x-api-key",
        env=("ANTHROPIC_API_KEY",),
        models=("claude-sonnet-5-5", "claude-haiku-5-5"),
        alias="claude",
        prices="anthropic",
    ),
    Row(
        name="openai",
        title="OpenAI",
        dialect="openai",
        base_url="https://api.openai.com/v1",
        docs="https://platform.openai.com/docs/api-reference/chat/create",
        env=("OPENAI_API_KEY",),
        # `max_tokens` is deprecated, and refused by every reasoning model; earlier thoughts have no member.
        rules=Rules(rename={"max_tokens": "max_completion_tokens"}, refuse=frozenset({"reasoning_content"})),
        models=("gpt-5.5", "gpt-5.4-mini"),
        prices="openai",
    ),
    Row(
        name="mistral",
        title="Mistral",
        dialect="openai",
        base_url="https://api.mistral.ai/v1",
        docs="https://docs.mistral.ai/api/endpoint/chat",
        env=("MISTRAL_API_KEY",),
        # Its schema has none of these and forbids extra members (422 `extra_forbidden`), `stream_options`
        # among them; usage comes with the last chunk unasked.
        rules=Rules(
            rename={"seed": "random_seed", "max_completion_tokens": "max_tokens"},
            refuse=frozenset(
                {"logit_bias", "logprobs", "top_logprobs", "user", "store", "reasoning_content"}
            ),
            stream_usage=False,
        ),
        models=("mistral-medium-latest", "mistral-small-latest"),
        prices="mistral",
    ),
    Row(
        name="groq",
        title="Groq",
        dialect="openai",
        base_url="https://api.groq.com/openai/v1",
        docs="https://console.groq.com/docs/openai",
        env=("GROQ_API_KEY",),
        # 400 "property is unsupported" for each. `messages[].name` is refused too; that is not a parameter,
        # so Groq's own 400 says it.
        rules=Rules(
            refuse=frozenset({"logprobs", "top_logprobs", "logit_bias", "reasoning_content"}),
            ranges={"n": (1, 1)},
        ),
        models=("openai/gpt-oss-120b", "openai/gpt-oss-20b"),
        prices="groq",
    ),
    Row(
        name="openrouter",
        title="OpenRouter",
        dialect="openai",
        base_url="https://openrouter.ai/api/v1",
        docs="https://openrouter.ai/docs/api-reference/chat-completion",
        env=("OPENROUTER_API_KEY",),
        rules=TOP_K,
        models=("openrouter/auto",),
        prices="openrouter",
    ),
    Row(
        name="deepseek",
        title="DeepSeek",
        dialect="openai",
        base_url="https://api.deepseek.com",
        docs="https://api-docs.deepseek.com/api/create-chat-completion",
        env=("DEEPSEEK_API_KEY",),
        # Not in its schema, and ignored without a word if sent.
        rules=Rules(
            rename={"max_completion_tokens": "max_tokens"},
            refuse=frozenset({"n", "seed", "logit_bias"}),
        ),
        models=("deepseek-v4-flash", "deepseek-v4-pro"),
        prices="deepseek",
    ),
    Row(
        name="xai",
        title="xAI",
        dialect="openai",
        base_url="https://api.x.ai/v1",
        docs="https://docs.x.ai/docs/guides/reasoning",
        env=("XAI_API_KEY",),
        # `stop` is refused by its reasoning models only, which the model's name does not tell.
        rules=Rules(refuse=frozenset({"presence_penalty", "frequency_penalty"})),
        models=("grok-4.3",),
        prices="x-ai",
    ),
    Row(
        name="together",
        title="Together AI",
        dialect="openai",
        base_url="https://api.together.ai/v1",
        docs="https://docs.together.ai/docs/inference/openai-compatibility",
        env=("TOGETHER_API_KEY",),
        rules=TOP_K,
        models=("openai/gpt-oss-20b",),
        prices="together",
    ),
    Row(
        name="ollama",
        title="Ollama",
        dialect="ollama",
        base_url="http://127.0.0.1:11434",
        docs="https://github.com/ollama/ollama/blob/main/docs/api.md",
        needs_key=False,
        alias="local",
    ),
    Row(
        name="vllm",
        title="vLLM",
        dialect="openai",
        base_url="http://127.0.0.1:8000/v1",
        docs="https://docs.vllm.ai/en/stable/serving/openai_compatible_server/",
        needs_key=False,
        rules=TOP_K,
        completions=True,
        prompts=True,
    ),
    Row(
        name="llamacpp",
        title="llama.cpp server",
        dialect="openai",
        base_url="http://127.0.0.1:8080/v1",  # its default port is ours too: one of the two has to move
        docs="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        needs_key=False,
        rules=TOP_K,
        completions=True,
    ),
    Row(
        name="lmstudio",
        title="LM Studio",
        dialect="openai",
        base_url="http://127.0.0.1:1234/v1",
        docs="https://lmstudio.ai/docs/developer/openai-compat/chat-completions",
        needs_key=False,
        completions=True,
        # Not among the parameters it lists.
        rules=Rules(
            rename={"max_completion_tokens": "max_tokens", "top_k": "top_k"},
            refuse=frozenset({"n", "logprobs", "top_logprobs"}),
        ),
    ),
    Row(
        name="max",
        title="MAX Serve",
        dialect="openai",
        base_url="http://127.0.0.1:8000/v1",
        docs="https://docs.modular.com/max/api/serve",
        needs_key=False,
        completions=True,
    ),
    Row(
        name="simulated",
        title="Simulated",
        dialect="simulated",
        base_url="",
        docs="docs/configuration.md",
        auth="none",
        needs_key=False,
        models=("simulated-small", "simulated-large"),
        completions=True,
        prompts=True,
    ),
)
"""In the order in which a gateway without a configuration asks them."""

_BY_NAME: dict[str, Row] = {row.name: row for row in ROWS} | {row.alias: row for row in ROWS if row.alias}
_BY_DIALECT: dict[str, Row] = {row.name: row for row in ROWS if row.name == row.dialect}

LOCAL = _BY_DIALECT["ollama"]
"""The provider on this machine, found by asking it."""

SIMULATED = _BY_DIALECT["simulated"]
"""The provider that needs nothing: what is served where there is no other."""

NAMES: tuple[str, ...] = tuple(_BY_NAME)


def by_name(name: str) -> Row | None:
    """The row a provider's name, or what users call it, stands for."""
    return _BY_NAME.get(name)


def by_dialect(dialect: str) -> Row | None:
    """The provider that gave a dialect its name."""
    return _BY_DIALECT.get(dialect)


def row_of(name: str, dialect: Dialect, base_url: str) -> Row:
    """How to treat a configured provider: its row by name, as far as the configuration agrees with it.

    A provider of another name or dialect, or at another address than its dialect's own, is taken to be
    exactly its dialect: the credentials are sent as the dialect does, no rule applies, no price is known.
    """
    named, owner = _BY_NAME.get(name), _BY_DIALECT[dialect]
    if named is not None and named.dialect == dialect:
        return named
    if base_url == owner.base_url:
        return owner
    return msgspec.structs.replace(
        owner,
        name=name,
        title=name,
        base_url=base_url,
        needs_key=False,
        rules=STANDARD,
        models=(),
        prices=None,
    )


def auth_headers(style: AuthStyle, secret: Secret | None) -> dict[str, str]:
    """The headers that carry a key, lower-case; none without one. For the wire only."""
    if secret is None or style == "none":
        return {}
    if style == "bearer":
        return {"authorization": f"Bearer {secret.reveal()}"}
    return {style: secret.reveal()}

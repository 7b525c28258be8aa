"""The settings: one frozen, typed tree of everything that can be configured.

Built from text by `load` or from the environment by `discover`, which also fill in what follows from a
provider's name; built by hand it holds exactly what it is given. Every field's `description` is a row of
`docs/configuration.md`; `default_text` there is what the default is where it is not one value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from headgate.config.kinds import (
    BaseUrl,
    Count,
    FaultText,
    HeaderName,
    HeaderValue,
    Host,
    MaybeSecret,
    ModelId,
    Name,
    NameOrEmpty,
    Namespace,
    OneOrMore,
    Port,
    ProviderName,
    Seconds,
    SecondsOrZero,
    SecretText,
    Share,
    Usd,
    is_loopback,
    nothing_is_empty,
    wrong,
)
from headgate.core.price import Price as PricePerClass
from headgate.core.price import nano
from headgate.providers.catalog import Dialect

OPEN = "would open the gateway to the network: keep host at 127.0.0.1, or require auth and add keys"
EmptyIsNone = BeforeValidator(nothing_is_empty)


def _by(text: str) -> dict[str, Any]:
    """Says on the configuration page what a default that is not one value is."""
    return {"x-default": text}


class Section(BaseModel):
    """What every part of the tree has in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _named_and_left_empty(cls, value: object) -> object:
        return nothing_is_empty(value)


class Server(Section):
    """The gateway's own end."""

    host: Host = Field(default="127.0.0.1", description="Address to listen on.")
    port: Port = Field(default=8080, description="Port to listen on; 0 takes any free one.")
    workers: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=1, description="Processes that share the port."
    )
    metrics_port: Port | None = Field(
        default=None,
        description="A second port for `/metrics` alone, which is on the main port too.",
    )
    metadata: Literal["both", "headers", "body", "off"] = Field(
        default="both",
        description="Where the routing metadata goes: response header, JSON body, both or nowhere.",
    )
    max_body_bytes: Count = Field(
        default=33_554_432, description="A request body over this many bytes is refused (413)."
    )
    max_in_flight: Count = Field(
        default=4096, description="Requests at once, per worker; one more is shed (503)."
    )
    deadline_s: Seconds = Field(
        default=600.0,
        description="Seconds a request may take where neither its route nor the caller says so.",
    )
    drain_s: SecondsOrZero = Field(
        default=30.0, description="Seconds that running requests get when the server stops."
    )
    auth: Literal["required", "off"] = Field(
        default="required",
        description="Whether callers need one of `keys`. `off` only where `host` is this machine alone.",
    )
    admin_key: MaybeSecret = Field(
        default=None, description="Will open `/admin`, which does not exist yet. Never one of `keys`."
    )
    log: Literal["json", "text", "off"] = Field(
        default="json", description="One access log line a request, in this form."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What else is logged: this and worse."
    )

    @model_validator(mode="after")
    def _open_only_to_this_machine(self) -> Self:
        if self.auth == "off" and not is_loopback(self.host):
            raise wrong(OPEN, at="auth")
        if self.metrics_port is not None and self.metrics_port == self.port != 0:
            raise wrong("must differ from port", at="metrics_port")
        return self


class Timeouts(Section):
    """Patience with one upstream, in seconds."""

    connect_s: Seconds = Field(default=2.0, description="Until the connection stands.")
    first_byte_s: Seconds = Field(default=30.0, description="Until a stream's first byte.")
    idle_s: Seconds = Field(default=30.0, description="Between two pieces of a stream.")
    total_s: Seconds = Field(default=300.0, description="For the whole answer.")


class ProviderKey(Section):
    """One key at a provider. The key's text alone is enough."""

    key: SecretText = Field(description="The key, best as `${NAME}` or `${file:PATH}`.")

    @model_validator(mode="before")
    @classmethod
    def _text_alone(cls, value: object) -> object:
        return value if isinstance(value, Mapping | ProviderKey) else {"key": value}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1}, handler(core_schema)]}


class Simulated(Section):
    """What a provider of the dialect `simulated` is like."""

    latency_s: SecondsOrZero = Field(default=0.02, description="Seconds to the first token.")
    jitter: Share = Field(default=0.0, description="How far the latency strays, as a share of it.")
    tokens_per_s: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = Field(
        default=200.0, description="Tokens a second after the first; 0 is all at once."
    )
    output_tokens: Count | None = Field(
        default=None, description="Length of every answer in tokens.", json_schema_extra=_by("by the prompt")
    )
    rpm: Count | None = Field(default=None, description="Requests a minute each key may make.")
    tpm: Count | None = Field(default=None, description="Tokens a minute each key may use.")
    burst: Count | None = Field(default=None, description="Requests a second each key may make.")
    faults: Annotated[tuple[FaultText, ...], OneOrMore] = Field(
        default=(),
        description="Faults that befall every request, such as `hang`, `status:503` or `cut-mid:3`.",
    )


class Provider(Section):
    """Somebody who serves models."""

    dialect: Dialect = Field(
        default="openai",
        description="The protocol it speaks.",
        json_schema_extra=_by("by the provider's name"),
    )
    base_url: BaseUrl = Field(
        default="",
        description="Where it is.",
        json_schema_extra=_by("by the provider's name, or its dialect"),
    )
    keys: Annotated[tuple[ProviderKey, ...], OneOrMore] = Field(
        default=(),
        description="Our keys there; several share the load.",
        json_schema_extra=_by("its environment variable"),
    )
    concurrency: Count = Field(
        default=64, description="Calls at once to this provider, per worker; one more goes elsewhere."
    )
    timeouts: Timeouts = Field(default=Timeouts(), description="Patience with it.")
    drop: Annotated[frozenset[Name], OneOrMore] = Field(
        default=frozenset(),
        description="Parameters left out, instead of refused, where it cannot take them; `*` is all.",
    )
    headers: Annotated[Mapping[HeaderName, HeaderValue], EmptyIsNone] = Field(
        default={}, description="Headers sent with every call."
    )
    simulated: Simulated = Field(
        default=Simulated(), description="What it is like, where the dialect is `simulated`."
    )


class Price(Section):
    """US dollars per million tokens. What is left out costs as much as its parent."""

    input: Usd = Field(description="Tokens read.")
    output: Usd = Field(description="Tokens written.")
    cache_read: Usd | None = Field(
        default=None,
        description="Tokens read from the provider's prompt cache.",
        json_schema_extra=_by("as `input`"),
    )
    cache_write: Usd | None = Field(
        default=None, description="Tokens written to that cache.", json_schema_extra=_by("as `input`")
    )
    reasoning: Usd | None = Field(
        default=None, description="Tokens thought but not said.", json_schema_extra=_by("as `output`")
    )

    def per_class(self) -> PricePerClass:
        """In nano-dollars, half a nano-dollar rounded up."""
        return PricePerClass(
            input=nano(self.input),
            output=nano(self.output),
            cache_read=None if self.cache_read is None else nano(self.cache_read),
            cache_write=None if self.cache_write is None else nano(self.cache_write),
            reasoning=None if self.reasoning is None else nano(self.reasoning),
        )


class Model(Section):
    """A model by the name callers use."""

    provider: Name = Field(description="Who serves it: one of `providers`.")
    name: NameOrEmpty = Field(
        default="", description="What its provider calls it.", json_schema_extra=_by("the model's key")
    )
    context: Count | None = Field(default=None, description="Context window in tokens.")
    supports: Annotated[
        tuple[Literal["tools", "vision", "json", "reasoning", "embeddings"], ...] | None, OneOrMore
    ] = Field(
        default=None,
        description="What it can do. A model that supports `embeddings` alone is left out of `auto`.",
        json_schema_extra=_by("not known"),
    )
    price: Price | None = Field(
        default=None, description="What it costs.", json_schema_extra=_by("from the price catalogue")
    )


class Route(Section):
    """A name that stands for several models."""

    use: Annotated[tuple[Name, ...], OneOrMore, Field(min_length=1)] = Field(
        description="Models in the order they are tried: the first is primary, the rest are fallbacks."
    )
    deadline_s: Seconds | None = Field(
        default=None,
        description="Seconds a request may take on this route.",
        json_schema_extra=_by("`server.deadline_s`"),
    )


class Key(Section):
    """A key that callers show."""

    name: Name = Field(description="What it is called in logs and metrics.")
    key: SecretText = Field(description="The key itself; kept as a hash.")
    tenant: NameOrEmpty = Field(
        default="", description="Whose it is.", json_schema_extra=_by("the key's name")
    )
    models: Annotated[tuple[Name, ...], OneOrMore] | None = Field(
        default=None, description="Models and routes it may use.", json_schema_extra=_by("all")
    )


class Breaker(Section):
    """When an upstream is left alone."""

    failures: Count = Field(default=5, description="Failures in a row that open it.")
    recovery_s: Seconds = Field(
        default=60.0, description="Seconds it stays open before one call may try again."
    )


class Retry(Section):
    """How often a failed request is tried again."""

    attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Upstream calls per request at most; every model of a route is owed one."
    )
    backoff_s: SecondsOrZero = Field(
        default=0.2, description="Ceiling of the first wait; doubled each round."
    )
    max_backoff_s: SecondsOrZero = Field(default=5.0, description="Ceiling of any wait.")
    budget: Share = Field(default=0.2, description="Retries as a share of requests.")


class Metrics(Section):
    """What is measured."""

    namespace: Namespace = Field(default="headgate", description="Prefix of every metric's name.")


class Settings(Section):
    """Everything."""

    server: Server = Field(default=Server(), description="The gateway's own end.")
    providers: Annotated[Mapping[ProviderName, Provider], EmptyIsNone] = Field(
        default={}, description="Who serves models, by name."
    )
    models: Annotated[Mapping[ModelId, Model], EmptyIsNone] = Field(
        default={}, description="Models, by the name callers use."
    )
    routes: Annotated[Mapping[ModelId, Route], EmptyIsNone] = Field(
        default={},
        description="Names that stand for several models.",
        json_schema_extra=_by("`auto`: all, in this order"),
    )
    keys: Annotated[tuple[Key, ...], OneOrMore] = Field(default=(), description="Keys that callers show.")
    breaker: Breaker = Field(default=Breaker(), description="When an upstream is left alone.")
    retry: Retry = Field(default=Retry(), description="How often a failed request is tried again.")
    metrics: Metrics = Field(default=Metrics(), description="What is measured.")

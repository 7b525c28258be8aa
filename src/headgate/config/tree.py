"""The settings: one frozen, typed tree of everything that can be configured.

Built from text by `load` or from the environment by `discover`, which also fill in what follows from a
provider's name; built by hand it holds exactly what it is given. Every field's `description` is a row of
`docs/configuration.md`; `default_text` there is what the default is where it is not one value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from headgate.config.callers import AdminKey, Budgets, Key, Tenant
from headgate.config.capacity import Fleets, Queue, Store, Tier
from headgate.config.intents import Intents
from headgate.config.jobs import Jobs
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
    UsdPerMillion,
    is_loopback,
    wrong,
)
from headgate.config.privacy import Redaction
from headgate.config.reuse import Batch, CacheSettings, Coalesce, Degrade
from headgate.config.routing import Agent, Hedge, Prompt, Route
from headgate.config.section import EmptyIsNone, Section, by
from headgate.core.price import Price as PricePerClass
from headgate.core.price import nano
from headgate.providers.catalog import Dialect

OPEN = "would open the gateway to the network: keep host at 127.0.0.1, or require auth and add keys"


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
        default=4096, description="Requests at once, per worker, at most; one more is shed (503)."
    )
    max_in_flight_bytes: Count = Field(
        default=1_000_000_000, description="Bytes of their bodies at once, per worker; more is shed (503)."
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
        default=None, description="Opens `/admin`, with every right. Never one of `keys`."
    )
    admin_keys: Annotated[tuple[AdminKey, ...], OneOrMore] = Field(
        default=(), description="More keys to `/admin`, with fewer rights."
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
    rpm: Count | None = Field(
        default=None,
        description="Requests it may make in any 60 seconds.",
        json_schema_extra=by("as its provider says"),
    )
    tpm: Count | None = Field(
        default=None,
        description="Tokens it may use in any 60 seconds, questions and answers together.",
        json_schema_extra=by("as its provider says"),
    )
    burst: Count | None = Field(
        default=None,
        description="Requests it may make in any one second; not more than `rpm`.",
        json_schema_extra=by("no limit"),
    )
    name: NameOrEmpty = Field(
        default="",
        description="What it is called in commands, logs and metrics.",
        json_schema_extra=by("its number, from 1"),
    )
    rotate_every_days: Seconds | None = Field(
        default=None,
        description="Days after which it should be replaced: then it is told, once a day.",
        json_schema_extra=by("never"),
    )

    @model_validator(mode="after")
    def _a_second_is_part_of_a_minute(self) -> Self:
        if self.burst is not None and self.rpm is not None and self.burst > self.rpm:
            raise wrong("must not be more than rpm: a second is part of a minute", at="burst")
        return self

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
        default=None, description="Length of every answer in tokens.", json_schema_extra=by("by the prompt")
    )
    brief: bool = Field(
        default=False, description="Answers in one short piece that counts for all its tokens."
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
        json_schema_extra=by("by the provider's name"),
    )
    base_url: BaseUrl = Field(
        default="",
        description="Where it is.",
        json_schema_extra=by("by the provider's name, or its dialect"),
    )
    keys: Annotated[tuple[ProviderKey, ...], OneOrMore] = Field(
        default=(),
        description="Our keys there; several share the load.",
        json_schema_extra=by("its environment variable"),
    )
    shape: Literal["smooth", "burst"] = Field(
        default="smooth",
        description="How the limits of its keys are used: spread over the minute as they fill up, or as fast"
        " as calls come.",
    )
    pick: Literal["headroom", "round_robin", "least_used"] = Field(
        default="headroom",
        description="Which of its keys serves next: the one with the largest share of its limits left, each"
        " in turn, or the one that has served least of late.",
    )
    fleet: Literal["primary", "secondary", "backup"] = Field(
        default="primary",
        description="Whether it always serves, when the primary is nearly full, or when nobody else can.",
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
    region: NameOrEmpty = Field(
        default="", description="Where it works, such as `eu`.", json_schema_extra=by("not known")
    )
    local: bool | None = Field(
        default=None,
        description="Whether what it is asked stays in the house.",
        json_schema_extra=by("where its address is this machine, or it is simulated"),
    )
    simulated: Simulated = Field(
        default=Simulated(), description="What it is like, where the dialect is `simulated`."
    )

    @property
    def is_local(self) -> bool:
        """Whether what it is asked stays in the house."""
        if self.local is not None:
            return self.local
        if self.dialect == "simulated":
            return True
        return is_loopback(urlsplit(self.base_url).hostname or "")


class Price(Section):
    """US dollars per million tokens. What is left out costs as much as its parent."""

    input: UsdPerMillion = Field(description="Tokens read.")
    output: UsdPerMillion = Field(description="Tokens written.")
    cache_read: UsdPerMillion | None = Field(
        default=None,
        description="Tokens read from the provider's prompt cache.",
        json_schema_extra=by("as `input`"),
    )
    cache_write: UsdPerMillion | None = Field(
        default=None, description="Tokens written to that cache.", json_schema_extra=by("as `input`")
    )
    reasoning: UsdPerMillion | None = Field(
        default=None, description="Tokens thought but not said.", json_schema_extra=by("as `output`")
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
        default="", description="What its provider calls it.", json_schema_extra=by("the model's key")
    )
    context: Count | None = Field(default=None, description="Context window in tokens.")
    supports: Annotated[
        tuple[Literal["tools", "vision", "json", "reasoning", "embeddings"], ...] | None, OneOrMore
    ] = Field(
        default=None,
        description="What it can do. A model that supports `embeddings` alone is left out of `auto`.",
        json_schema_extra=by("not known"),
    )
    price: Price | None = Field(
        default=None, description="What it costs.", json_schema_extra=by("from the price catalogue")
    )
    quality: Share | None = Field(
        default=None, description="How good its answers are, 0 to 1.", json_schema_extra=by("not known")
    )
    skills: Annotated[Mapping[Name, Share], EmptyIsNone] = Field(
        default={}, description="Its quality by intent, where that differs."
    )
    prompt: Prompt | None = Field(
        default=None, description="What is put around its prompts.", json_schema_extra=by("nothing")
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
    store: Store = Field(default=Store(), description="What several processes share.")
    providers: Annotated[Mapping[ProviderName, Provider], EmptyIsNone] = Field(
        default={}, description="Who serves models, by name."
    )
    models: Annotated[Mapping[ModelId, Model], EmptyIsNone] = Field(
        default={}, description="Models, by the name callers use."
    )
    routes: Annotated[Mapping[ModelId, Route], EmptyIsNone] = Field(
        default={},
        description="Names that stand for several models.",
        json_schema_extra=by("`auto`: all, in this order"),
    )
    intents: Intents = Field(default=Intents(), description="What requests are sorted into, and by what.")
    agents: Annotated[Mapping[Name, Agent], EmptyIsNone] = Field(
        default={}, description="Personas that requests can be given to, by name."
    )
    tiers: Annotated[Mapping[Name, Tier], EmptyIsNone] = Field(
        default={}, description="What is promised to whom, by name."
    )
    keys: Annotated[tuple[Key, ...], OneOrMore] = Field(default=(), description="Keys that callers show.")
    tenants: Annotated[Mapping[Name, Tenant], EmptyIsNone] = Field(
        default={}, description="Whose keys belong together, by name."
    )
    budgets: Budgets = Field(default=Budgets(), description="What holds of all budgets.")
    cache: CacheSettings = Field(default=CacheSettings(), description="Which answers are kept, and for whom.")
    coalesce: Coalesce = Field(
        default=Coalesce(), description="Requests that say the same, at the same time."
    )
    batch: Batch = Field(
        default=Batch(), description="Texts that are asked for at the same time, as one upstream call."
    )
    degrade: Degrade = Field(default=Degrade(), description="What answers when nobody does who should.")
    jobs: Jobs = Field(default=Jobs(), description="Requests that are answered later.")
    fleets: Fleets = Field(
        default=Fleets(), description="When providers serve that are not of the primary fleet."
    )
    queue: Queue = Field(default=Queue(), description="Where requests wait for room.")
    breaker: Breaker = Field(default=Breaker(), description="When an upstream is left alone.")
    retry: Retry = Field(default=Retry(), description="How often a failed request is tried again.")
    hedge: Hedge | None = Field(
        default=None,
        description="A second call elsewhere, where a first byte is long in coming, for all that is asked.",
        json_schema_extra=by("none"),
    )
    redaction: Redaction = Field(
        default=Redaction(), description="What is taken out of content before any of it is kept."
    )
    metrics: Metrics = Field(default=Metrics(), description="What is measured.")

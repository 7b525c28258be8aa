"""The kinds of value a configuration holds. Everything arrives as text and is given its type here.

No message repeats the value it complains of: any value may be a secret that stands in the wrong place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from headgate.core.budget import zone_named
from headgate.core.secret import Secret

MOST_USD = 1_000_000_000
"""What a budget may be; more than that no store can count in nano-dollars."""
MOST_USD_PER_MILLION = 1_000_000
"""What a price may be, for the same reason: `core.usage.MOST` tokens at it can still be counted."""
_VISIBLE = re.compile(r"[!-~]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 § 5.6.2
_HEADER_VALUE = re.compile(r"[!-~](?:[ \t!-~]*[!-~])?")  # RFC 9110 § 5.5, without obs-text
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def wrong(message: str, *, at: str = "") -> PydanticCustomError:
    """A complaint in plain words, without the value; of a section, `at` names the key to look at."""
    return PydanticCustomError("headgate", "{message}", {"message": message, "at": at})


def _text(pattern: str, message: str) -> AfterValidator:
    """Text that matches the whole of `pattern`."""
    matches = re.compile(pattern).fullmatch

    def check(value: str) -> str:
        if not matches(value):
            raise wrong(message)
        return value

    return AfterValidator(check)


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise wrong("must be text")
    if not value:
        raise wrong("is empty")
    if not _VISIBLE.fullmatch(value):
        raise wrong("holds a space, a line break or another character that cannot be part of a key")
    return Secret(value)


def _header_value(value: object) -> Secret:
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise wrong("cannot be the value of a header")
    return Secret(value)


def _header_name(value: str) -> str:
    if not _HEADER_NAME.fullmatch(value):
        raise wrong("cannot be the name of a header")
    if value.lower() in _OURS:
        raise wrong("is a header that the gateway sets itself")
    return value.lower()


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def nothing_is_empty(value: object) -> object:
    """A section that is named and left empty holds its defaults."""
    return {} if value is None else value


def _one_is_a_list(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, str | Secret) else value


def _time_zone(value: str) -> str:
    try:
        return zone_named(value)
    except ValueError:
        raise wrong("is not a time zone: it takes a name such as Europe/Berlin or UTC") from None


def _one_table_is_a_list(value: object) -> object:
    if value is None:
        return ()
    return (value,) if isinstance(value, Mapping) else value


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _base_url(value: str) -> str:
    """An http(s) address that a path may be appended to, or nothing."""
    if not value:
        return value
    if not _VISIBLE.fullmatch(value):
        raise wrong("must be an address such as https://api.example.com/v1")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise wrong("must be an address such as https://api.example.com/v1") from None
    _must_be_plain(parts)
    if port == 0 or _is_link_local(parts.hostname or ""):
        raise wrong("names an address that no provider has")
    return value.rstrip("/")


def _must_be_plain(parts: SplitResult) -> None:
    if parts.scheme not in ("http", "https"):
        raise wrong("must begin with http:// or https://")
    if not parts.hostname:
        raise wrong("names no host")
    if parts.username is not None or parts.password is not None:
        raise wrong("must not hold a user or a password: put the key under 'keys'")
    if parts.query or parts.fragment:
        raise wrong("must not have a query or a fragment: paths are appended to it")


def _is_link_local(host: str) -> bool:
    """Where cloud machines serve their own credentials: no provider lives there."""
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def _webhook(value: object) -> Secret:
    """An address that is a key by itself: whoever knows it may write there."""
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        raise wrong("must be an address such as https://hooks.example.com/budgets")
    return Secret(_base_url(text))


def _redis(value: object) -> Secret:
    """An address with, perhaps, a password: a secret as a whole."""
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str) or not _VISIBLE.fullmatch(text):
        raise wrong("must be an address such as redis://127.0.0.1:6379/0")
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise wrong("must be an address such as redis://127.0.0.1:6379/0")
    return Secret(text)


def _books(value: object) -> Secret:
    """An address with, perhaps, a password: a secret as a whole."""
    text = value.reveal() if isinstance(value, Secret) else value
    message = "must be an address such as sqlite:///books.db or postgresql://HOST/DATABASE, or off"
    if not isinstance(text, str) or not _VISIBLE.fullmatch(text):
        raise wrong(message)
    try:
        parts = urlsplit(text)
        is_file = parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1
        is_server = parts.scheme in ("postgres", "postgresql") and parts.port != 0 and len(parts.path) > 1
    except ValueError:
        raise wrong(message) from None
    if not (text == "off" or is_file or is_server):
        raise wrong(message)
    return Secret(text)


def _fault(value: str) -> str:
    from headgate.providers.simulated.faults import parse  # brings every codec along: only for who uses it

    try:
        parse(value)
    except ValueError:
        raise wrong("is not a fault of the simulated provider") from None
    return value


def _finite_price(value: Any) -> Any:
    if isinstance(value, float | int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and not re.fullmatch(
        r"\d{1,9}(\.\d{1,18})?(e-?\d{1,2})?", value, re.IGNORECASE
    ):
        raise wrong("must be an amount of 0 or more")
    if isinstance(value, str) and Decimal(value) > MOST_USD:
        raise wrong(f"must be at most {MOST_USD}")
    return value


def _countable(value: Decimal) -> Decimal:
    if value > MOST_USD_PER_MILLION:
        raise wrong(f"must be at most {MOST_USD_PER_MILLION}")
    return value


SecretText = Annotated[
    Secret,
    PlainValidator(_secret),
    PlainSerializer(repr, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1, "writeOnly": True}),
]
MaybeSecret = Annotated[SecretText | None, BeforeValidator(_empty_is_none)]
MaybeRedis = Annotated[
    Annotated[
        Secret,
        PlainValidator(_redis),
        PlainSerializer(repr, return_type=str),
        WithJsonSchema({"type": "string", "format": "uri", "writeOnly": True}),
    ]
    | None,
    BeforeValidator(_empty_is_none),
]
MaybeWebhook = Annotated[
    Annotated[
        Secret,
        PlainValidator(_webhook),
        PlainSerializer(repr, return_type=str),
        WithJsonSchema({"type": "string", "format": "uri", "writeOnly": True}),
    ]
    | None,
    BeforeValidator(_empty_is_none),
]
MaybeBooks = Annotated[
    Annotated[
        Secret,
        PlainValidator(_books),
        PlainSerializer(repr, return_type=str),
        WithJsonSchema({"type": "string", "writeOnly": True}),
    ]
    | None,
    BeforeValidator(_empty_is_none),
]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[
    Secret,
    PlainValidator(_header_value),
    PlainSerializer(repr, return_type=str),
    WithJsonSchema({"type": "string", "minLength": 1, "writeOnly": True}),
]
BaseUrl = Annotated[str, AfterValidator(_base_url), WithJsonSchema({"type": "string", "format": "uri"})]
Host = Annotated[str, _text(r"[0-9A-Za-z.:_\[\]-]{1,253}", "must be a host name or an address")]
Port = Annotated[int, Field(ge=0, le=65535)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Seconds = Annotated[float, Field(gt=0, le=10_000_000, allow_inf_nan=False)]
SecondsOrZero = Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Usd = Annotated[Decimal, BeforeValidator(_finite_price), WithJsonSchema({"type": "number", "minimum": 0})]
UsdPerMillion = Annotated[Usd, AfterValidator(_countable)]
Name = Annotated[str, _text(r"[!-~]{1,200}", "must be a name of at most 200 ASCII characters without spaces")]
NameOrEmpty = Annotated[
    str, _text(r"[!-~]{0,200}", "must be a name of at most 200 ASCII characters without spaces")
]
ProviderName = Annotated[
    str, _text(r"[!-.0-~]{1,100}", "must be a name of at most 100 ASCII characters without spaces or '/'")
]
ModelId = Annotated[Name, _text(r"(?!agent:).*", "must not begin with 'agent:'")]
Namespace = Annotated[
    str, _text(r"[a-zA-Z_][a-zA-Z0-9_]{0,63}", "must be of letters, digits and underscores")
]
StoreName = Annotated[
    str, _text(r"[A-Za-z0-9_.-]{1,60}", "must be of at most 60 letters, digits, dots, dashes and underscores")
]
FaultText = Annotated[str, AfterValidator(_fault)]
OneOrMore = BeforeValidator(_one_is_a_list)
OneTableOrMore = BeforeValidator(_one_table_is_a_list)
TimeZone = Annotated[str, AfterValidator(_time_zone)]

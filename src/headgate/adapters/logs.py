"""Logs as JSON lines on standard error, one object a line; and a `ports.Recorder` that writes them.

Nothing of a request's or an answer's content is ever logged, and nothing per piece of a stream.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.core.breaker import State
from headgate.core.call import Call, Outcome, Source
from headgate.core.errors import GatewayError, UpstreamRejected
from headgate.core.fleet import Fleet
from headgate.core.hedging import Bet
from headgate.core.price import usd
from headgate.core.record import Record
from headgate.core.routes import shown
from headgate.core.waiting import Left

access = logging.getLogger("headgate.access")
events = logging.getLogger("headgate.events")

_encode = msgspec.json.Encoder(enc_hook=str, order="deterministic").encode
_SHOWN = (
    "request_id",
    "outcome",
    "operation",
    "stream",
    "tenant",
    "key",
    "requested",
    "model_id",
    "provider",
    "upstream_model",
    "served_model",
    "finish",
    "attempts",
    "reuse",
    "fallback_from",
    "intent",
    "shadow",
    "error",
    "message",
    "tags",
)
_SAID = ("requested", "served_model", "finish")
"""Words of callers and providers: nobody else bounds them."""

_WORD = re.compile(r"[\w./:#@+-]+")
_QUIET = frozenset(
    {Outcome.FINISHED, Outcome.CLIENT_GONE, Outcome.REFUSED, Outcome.REJECTED, Outcome.DEFERRED}
)


class JsonFormatter(logging.Formatter):
    """A record's message, level, logger, time (RFC 3339, UTC) and what it was given in `extra["fields"]`."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": f"{self.formatTime(record, self.default_time_format)}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line).decode()


class TextFormatter(logging.Formatter):
    """The same for people: time, level, message, and what it was given as `name=value`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging named it
        fields = getattr(record, "fields", {})
        return super().formatMessage(record) + "".join(f" {name}={_word(fields[name])}" for name in fields)


def _word(value: object) -> str:
    """A value on one line, without doubt where it ends: as it is if it is a word, else as JSON in ASCII."""
    if isinstance(value, str) and _WORD.fullmatch(value):
        return value
    return _encode(value).decode().encode("ascii", "backslashreplace").decode()


def configure(*, level: str, as_json: bool) -> None:
    """Sends all of Python's logging to standard error. For whoever owns the process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True


class LogRecorder:
    """Writes a line per request (`access`, where switched on) and per event worth an operator's eye."""

    def __init__(self, *, requests: bool) -> None:
        """`requests`: also one line for every request that went well."""
        self.requests = requests

    def settled(self, record: Record) -> None:
        quiet = record.cause is None or record.outcome in _QUIET
        if quiet and not self.requests:
            return
        access.log(logging.INFO if quiet else logging.WARNING, "request", extra={"fields": _fields(record)})

    def attempt_failed(self, call: Call, source: Source, error: GatewayError) -> None:
        fields = {"upstream": source.label, "error": type(error).__name__, "message": _told(call, error)}
        self._event(logging.INFO, "attempt_failed", call, fields)

    def fell_back(self, call: Call, from_model: str, to_model: str, error: GatewayError) -> None:
        fields = {
            "from_model": from_model,
            "to_model": to_model,
            "error": type(error).__name__,
            "message": _told(call, error),
        }
        self._event(logging.WARNING, "fell_back", call, fields)

    def hedged(self, call: Call, model: str, to: str, bet: Bet) -> None:
        self._event(logging.INFO, "hedged", call, {"from_model": model, "to_model": to, "result": bet})

    def queued(self, call: Call, seconds: float, left: Left) -> None:
        """The line of the request has it."""

    def fleet_moved(self, chain: Sequence[str], fleet: Fleet, *, is_open: bool, load: float) -> None:
        to = "open" if is_open else "closed"
        fields = {"fleet": fleet, "to": to, "load": round(load, 3), "models": list(chain)}
        events.warning("fleet_moved", extra={"fields": fields})

    def breaker_moved(self, source: Source, before: State, after: State, seconds: float) -> None:
        fields = {"upstream": source.label, "from": before, "to": after, "after_s": round(seconds, 3)}
        events.warning("breaker_moved", extra={"fields": fields})

    def canary_stopped(self, route: str, model: str, reason: str) -> None:
        fields = {"route": route, "model": model, "worse_by": reason}
        events.warning("canary_stopped", extra={"fields": fields})

    def _event(self, level: int, name: str, call: Call, fields: dict[str, Any]) -> None:
        if events.isEnabledFor(level):
            events.log(level, name, extra={"fields": {"request_id": call.request_id, **fields}})


def _fields(record: Record) -> dict[str, Any]:
    nano, usage = record.cost_nano, record.usage
    fields = {name: getattr(record, name) for name in _SHOWN}
    fields |= {
        name: _rounded(getattr(record, name)) for name in ("total_s", "queue_s", "first_byte_s", "upstream_s")
    }
    fields["cost_usd"] = None if nano is None else usd(nano)
    fields |= {name: shown(fields[name]) for name in _SAID if fields[name] is not None}
    fields["tokens"] = None if usage is None else msgspec.structs.asdict(usage)
    fields["shadow"] = fields["shadow"] or None
    return {name: value for name, value in fields.items() if value not in (None, ())}


def _told(call: Call, error: GatewayError) -> str | None:
    """An error's message, unless a provider may quote the request in it; nothing, where nothing is kept."""
    return error.message if call.caller.is_kept and not isinstance(error, UpstreamRejected) else None


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)

"""What an Ollama server's refusals mean (github.com/ollama/ollama, docs/errors.mdx and server/routes.go)."""

from __future__ import annotations

import msgspec

from headgate.core.chat import Failed
from headgate.core.errors import (
    KeyRejected,
    ModelMissing,
    Scope,
    UpstreamError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.ports.codec import Header
from headgate.providers.ollama.wire import LINE
from headgate.providers.retry_after import retry_after_s
from headgate.providers.scrub import scrub

_PASSING_STATUS = frozenset({408, 409, 425, 499})
_TOO_LONG = ("exceeds the context length", "context length exceeded")
_CAPABILITY = "does not support"


def failed(message: str) -> Failed:
    """An error inside an answer: the server had already said 200, and would have said 500."""
    return Failed(message=scrub(message or "The upstream reported an error."), status=500)


def refusal(status: int, header: Header, body: bytes, wall: float) -> UpstreamError:
    """What a status of 400 or more means. A body that is not the API's (a proxy's page) is not shown.

    A 404 is a missing model only where it says so: without a word about one it is a wrong address. A full
    queue is a 503; a 429 comes from a hosted model's limits. A 500 is as a rule one model's runner.
    """
    said = _message(body)
    message = scrub(said) if said else f"The upstream answered with status {status}."
    if status in (401, 402, 403):
        return KeyRejected(message, status=status, scope=Scope.KEY)
    if status == 404 and "model" in said:
        return ModelMissing(message, status=status, scope=Scope.MODEL)
    after_s = retry_after_s(header, wall)
    if status == 429:
        return UpstreamThrottled(message, status=status, scope=Scope.KEY, retry_after_s=after_s)
    if status >= 500 or status == 404 or status in _PASSING_STATUS:
        scope = Scope.MODEL if status == 500 else Scope.PROVIDER
        return UpstreamUnavailable(message, status=status, scope=scope, retry_after_s=after_s)
    code = "context_length_exceeded" if any(words in said for words in _TOO_LONG) else None
    scope = Scope.MODEL if _CAPABILITY in said else Scope.REQUEST
    return UpstreamRejected(message, status=status, scope=scope, code=code)


def _message(body: bytes) -> str:
    try:
        return LINE.decode(body).fault() or ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""

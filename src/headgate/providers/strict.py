"""JSON that others sent, decoded into a type, with an error that says whose fault it was."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from headgate.core.errors import InvalidRequest, UpstreamError, UpstreamInterrupted, UpstreamUnavailable

T = TypeVar("T")

MAX_DOCUMENT_BYTES = 128 * 1024 * 1024
"""The largest answer that is gathered whole: two thousand embeddings of 3,072 numbers stay well below."""

MAX_DEPTH = 128
"""Levels of nesting in a request; more is an attack on whoever encodes it again."""

INVALID_JSON = "INVALID_JSON"
"""The member that holds arguments which are no JSON object."""

_MISSING = re.compile(r"missing required field `([^`]+)`")
_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`$")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def request(body: bytes, kind: type[T]) -> tuple[dict[str, Any], T]:
    """A caller's body as plain values and as `kind`: members that `kind` does not know count too.

    Raises:
        InvalidRequest: for any bytes that are not such an object; `param` is the path of the member at fault.
    """
    try:
        plain = msgspec.json.decode(body, type=dict[str, Any])
        if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper(plain, MAX_DEPTH):
            raise RecursionError
        return plain, msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"Invalid request: {error}.", param=param_of(str(error))) from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidRequest("The body is not valid JSON.") from None


def param_of(message: str) -> str | None:
    """The path that a msgspec validation error speaks of, a missing member's name included: `a[0].x`."""
    place, missing = _PLACE.search(message), _MISSING.search(message)
    path = [place[1]] if place and place[1] else []
    return ".".join([*path, missing[1]] if missing else path) or None


def members(text: str) -> dict[str, msgspec.Raw] | None:
    """The members of a JSON object, undecoded; `None` for any other text."""
    try:
        return _OBJECT.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None


def arguments(text: str) -> msgspec.Raw | dict[str, str]:
    """A call's arguments for an API that takes only objects: what a model got wrong goes along, marked."""
    text = text.strip()
    if not text:
        return {}
    return {INVALID_JSON: text} if members(text) is None else msgspec.Raw(text)


def _deeper(value: Any, levels: int) -> bool:
    """Whether `value` has more than so many levels. Without recursion, for the sake of what it looks for."""
    level = [value]
    for _ in range(levels):
        level = [child for node in level for child in _children(node) if isinstance(child, dict | list)]
        if not level:
            return False
    return True


def _children(node: dict[str, Any] | list[Any]) -> Any:
    return node.values() if isinstance(node, dict) else node


def answer(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """A piece of an upstream's answer. Raises `UpstreamUnavailable` for what is not of the decoder's type."""
    try:
        return decoder.decode(data)
    except _FAULTS as error:
        raise UpstreamUnavailable("The upstream's answer is not in the format of its API.") from error


class Gathered:
    """A body that is read whole before it means anything."""

    __slots__ = ("_pieces", "_size")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """Raises `UpstreamUnavailable` for a body of more than `MAX_DOCUMENT_BYTES`."""
        self._size += len(chunk)
        if self._size > MAX_DOCUMENT_BYTES:
            raise UpstreamUnavailable(f"The upstream's answer is larger than {MAX_DOCUMENT_BYTES} bytes.")
        self._pieces.append(chunk)

    def read(self, decoder: msgspec.json.Decoder[T]) -> T:
        """The body as a value.

        Raises:
            UpstreamInterrupted: where it ends before its last brace.
            UpstreamUnavailable: where it is something else altogether.
        """
        body = b"".join(self._pieces)
        try:
            return decoder.decode(body)
        except _FAULTS as error:
            raise _broken(body, error) from error


def _broken(body: bytes, error: Exception) -> UpstreamError:
    begun = body.lstrip()[:1] in (b"", b"{", b"[")
    if begun and "truncated" in str(error):
        return UpstreamInterrupted("The upstream's answer broke off.")
    return UpstreamUnavailable("The upstream's answer is not in the format of its API.")

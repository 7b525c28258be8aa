"""Small surgery on JSON documents that are otherwise relayed as they came."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from headgate.core.errors import InvalidRequest
from headgate.providers.spec import Rules

METADATA = "x-routing-metadata"
_MEMBER = b'"x-routing-metadata":'

_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode
_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_sorted = msgspec.json.Encoder(order="deterministic").encode


def with_metadata(document: bytes, metadata: bytes | None) -> bytes:
    """The JSON object with `metadata`, itself a JSON object, as one more member at its end."""
    if metadata is None:
        return document
    end = document.rindex(b"}")
    comma = b"" if document[max(0, end - 16) : end].rstrip().endswith(b"{") else b","
    return b"".join((document[:end], comma, _MEMBER, metadata, b"}"))


def canonical(document: bytes, immaterial: frozenset[str]) -> bytes | None:
    """A JSON object in one form for all that say the same, whatever their order and white space, without the
    members that do not matter, the model's name among them. `None` for what is none, and for one that names a
    member twice, at whatever depth: we read the last, and an upstream that reads the first has been asked
    something else."""
    try:
        members = _object(document)
        if not _names_once(document, members):
            return None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    members.pop("model", None)  # nearly always the only one
    if not immaterial.isdisjoint(members):
        for name in immaterial.intersection(members):
            del members[name]
    return _sorted(members)


def _names_once(document: bytes, members: dict[str, Any]) -> bool:
    """Whether no object in the document names a member twice. What was decoded from it names none twice:
    where that is written as the document is, but for white space, neither does the document. Other ways to
    write numbers and letters have it read once more, which takes several times as long."""
    written = _encode(members)
    if written == document or written == msgspec.json.format(document, indent=-1):
        return True
    try:
        json.loads(document, object_pairs_hook=_unique)
    except ValueError:
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member is named twice")


class Rewrite:
    """A request's JSON object on its way to `model` at a provider of its own dialect.

    The model is replaced, `put` set where it is asked for, the provider's rules applied to the members they
    name; all others stay as they came, byte for byte.
    """

    def __init__(self, *, model: str, rules: Rules, put: Mapping[str, object] | None = None) -> None:
        self._model = _encode(model)
        self._rules = rules if rules.refuse or rules.ranges or rules.rename else None
        self._put = {name: _encode(value) for name, value in (put or {}).items()}
        self._names = [b'"%b"' % name.encode() for name in self._put]
        self._more = b"".join([b',"%b":%b' % (name.encode(), value) for name, value in self._put.items()])

    def __call__(self, document: bytes, *, put: bool) -> bytes:
        """Raises `Unsupported` for a member the provider does not take and nobody lets us drop."""
        if self._rules is None:
            quick = self._at_sight(document, put)
            if quick is not None:
                return quick
        members = _decoded(document)
        if self._rules is not None:
            members = _ruled(members, self._rules)
        members["model"] = msgspec.Raw(self._model)
        for name, value in self._put.items() if put else ():
            members[name] = _merged(members.get(name), value)
        return _encode(members)

    def _at_sight(self, document: bytes, put: bool) -> bytes | None:
        """The same without decoding; `None` where looking is not enough.

        A name in bare quotation marks that stands only once in the text of an object that has such a member
        is that member, or the end of a string, which the colon behind tells apart. A name may also be written
        with escapes: where there is one for any of its letters, looking is not enough.
        """
        if document.count(b'"model"') != 1 or b"\\u006" in document:
            return None
        found = _MODEL.search(document)
        if found is None:
            return None
        start, stop = found.span(1)
        if not put:
            return b"".join((document[:start], self._model, document[stop:]))
        if any(name in document for name in self._names):
            return None
        end = document.rindex(b"}")
        return b"".join((document[:start], self._model, document[stop:end], self._more, b"}"))


def _merged(given: msgspec.Raw | None, put: bytes) -> msgspec.Raw:
    """Our member in the place of the caller's; of an object, ours beside what else the caller said."""
    theirs, ours = _value(given) if given is not None else None, _value(put)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return msgspec.Raw(_encode({**theirs, **ours}))
    return msgspec.Raw(put)


def _decoded(document: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _members(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON.") from error


def _ruled(members: dict[str, msgspec.Raw], rules: Rules) -> dict[str, msgspec.Raw]:
    kept = {}
    for name, raw in members.items():
        is_ruled = name in rules.refuse or name in rules.ranges
        if not is_ruled or bytes(raw) == b"null" or rules.permits(name, _value(raw)):
            here = rules.rename.get(name, name)
            if here == name or here not in members:
                kept[here] = raw
    return kept

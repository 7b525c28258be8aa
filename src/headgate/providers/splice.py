"""Small surgery on JSON documents that are otherwise relayed as they came."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from headgate.core.errors import InvalidRequest
from headgate.providers.spec import Rules

METADATA = "x-routing-metadata"
_MEMBER = b'"x-routing-metadata":'

_MODEL = re.compile(rb'"model"\s*:\s*("(?:[^"\\]|\\.)*")')
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def with_metadata(document: bytes, metadata: bytes | None) -> bytes:
    """The JSON object with `metadata`, itself a JSON object, as one more member at its end."""
    if metadata is None:
        return document
    end = document.rindex(b"}")
    comma = b"" if document[max(0, end - 16) : end].rstrip().endswith(b"{") else b","
    return b"".join((document[:end], comma, _MEMBER, metadata, b"}"))


def rewritten(
    document: bytes, *, put: Mapping[str, object], rules: Rules, absent: Mapping[str, object] | None = None
) -> bytes:
    """A request's JSON object on its way to a provider of its own dialect.

    Members in `put` are set, those in `absent` set where the caller left them out; the provider's rules are
    applied to the others, which otherwise stay as they came, byte for byte.

    Raises:
        Unsupported: for a member the provider does not take and the operator does not let us drop.
    """
    if not absent and not (rules.refuse or rules.ranges or rules.rename):
        quick = _with_model(document, put)
        if quick is not None:
            return quick
    members = _decoded(document)
    if rules.refuse or rules.ranges or rules.rename:
        members = _ruled(members, rules)
    for name, value in (absent or {}).items():
        if name not in members:
            members[name] = msgspec.Raw(_encode(value))
    for name, value in put.items():
        members[name] = msgspec.Raw(_encode(value))
    return _encode(members)


def _with_model(document: bytes, put: Mapping[str, object]) -> bytes | None:
    """The document with its one `model` replaced and the other members of `put` added at its end; `None`
    where that cannot be done by looking alone.

    A name in bare quotation marks that stands only once in the text, and is a member of the object, is that
    member: inside a string its quotation marks would be escaped.
    """
    if document.count(b'"model"') != 1 or any(
        document.count(b'"%b"' % name.encode()) for name in put if name != "model"
    ):
        return None
    found = _MODEL.search(document)
    if found is None:
        return None
    start, stop = found.span(1)
    end = document.rindex(b"}")
    more = b"".join(
        [b',"%b":%b' % (name.encode(), _encode(value)) for name, value in put.items() if name != "model"]
    )
    return b"".join((document[:start], _encode(put["model"]), document[stop:end], more, b"}"))


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

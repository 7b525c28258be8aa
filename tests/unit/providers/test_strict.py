"""JSON of others: whose fault it is when it is not what it should be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.errors import InvalidRequest, UpstreamInterrupted, UpstreamUnavailable
from headgate.providers import strict


class Inner(msgspec.Struct):
    x: int


class Asked(msgspec.Struct):
    items: list[Inner]
    named: dict[str, Inner] = {}


ANSWER = msgspec.json.Decoder(Asked)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"{}", "items"),
        (b"[]", None),
        (b"5", None),
        (b'{"items": 5}', "items"),
        (b'{"items": [{"x": "a"}]}', "items[0].x"),
        (b'{"items": [{"x": 1}, {}]}', "items[1].x"),
        (b'{"items": [], "named": {"a": {"x": null}}}', "named[...].x"),
        (b"", None),
        (b'{"items": [', None),
        (b"\xff", None),
        (b'{"items": "\xff"}', None),
    ],
)
def test_a_request_that_is_none_names_the_member(body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as refused:
        strict.request(body, Asked)
    assert refused.value.param == param


def test_a_request_is_given_both_ways() -> None:
    plain, asked = strict.request(b'{"items": [{"x": 1, "y": 2}], "z": 3}', Asked)
    assert plain == {"items": [{"x": 1, "y": 2}], "z": 3}
    assert asked == Asked(items=[Inner(x=1)])


@pytest.mark.parametrize(("levels", "taken"), [(126, True), (128, False), (100_000, False)])
def test_nesting_has_an_end(levels: int, taken: bool) -> None:
    body = b'{"items": [], "z": ' + b"[" * levels + b"]" * levels + b"}"
    if taken:
        strict.request(body, Asked)
    else:
        with pytest.raises(InvalidRequest, match="too deeply"):
            strict.request(body, Asked)


def test_many_brackets_are_not_deep() -> None:
    body = msgspec.json.encode({"items": [{"x": 1}] * 1000})
    assert len(strict.request(body, Asked)[1].items) == 1000


@given(st.binary(max_size=100))
def test_any_bytes_as_a_request_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        strict.request(body, Asked)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("  ", {}),
        (' {"a": 1} ', {"a": 1}),
        ('{"a": ', {"INVALID_JSON": '{"a":'}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ("[" * 100_000, {"INVALID_JSON": "[" * 100_000}),
    ],
)
def test_arguments_are_always_an_object(text: str, arguments: dict[str, Any]) -> None:
    assert msgspec.json.decode(msgspec.json.encode(strict.arguments(text))) == arguments


@pytest.mark.parametrize("body", [b"", b'{"items"', b'{"items":[]', b" \n"])
def test_a_document_that_ends_too_soon_has_broken_off(body: bytes) -> None:
    gathered = strict.Gathered()
    gathered.feed(body)
    with pytest.raises(UpstreamInterrupted):
        gathered.read(ANSWER)


@pytest.mark.parametrize(
    "body", [b"<html>", b"nul", b'{"items": 5}', b"{} x", b'{"a": "\xff"}', b"[" * 100_000]
)
def test_a_document_of_another_kind_is_no_answer(body: bytes) -> None:
    gathered = strict.Gathered()
    gathered.feed(body)
    with pytest.raises(UpstreamUnavailable):
        gathered.read(ANSWER)
    with pytest.raises(UpstreamUnavailable):
        strict.answer(ANSWER, body)


def test_a_document_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict, "MAX_DOCUMENT_BYTES", 10)
    gathered = strict.Gathered()
    gathered.feed(b"0123456789")
    with pytest.raises(UpstreamUnavailable):
        gathered.feed(b"x")

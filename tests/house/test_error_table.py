"""The one table from errors to HTTP is total, and says nothing it should not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from headgate.core import errors
from headgate.core.errors import GatewayError, InternalError, UpstreamRejected
from headgate.server.errors import STATUS, retry_after, status_of


def leaves(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    below = kind.__subclasses__()
    if not below:
        yield kind
    for child in below:
        yield from leaves(child)


def everyone(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from everyone(child)


LEAVES = sorted(set(leaves(GatewayError)), key=lambda kind: kind.__name__)
NAMED = [kind for kind in everyone(GatewayError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", LEAVES)
def test_every_error_has_a_status_and_only_a_bug_of_ours_is_500(kind: type[GatewayError]) -> None:
    status = status_of(kind("It broke."))
    assert any(ancestor in STATUS for ancestor in kind.__mro__)
    assert 400 <= status <= 599
    assert (status == 500) is (kind is InternalError)


@pytest.mark.parametrize("kind", LEAVES)
def test_every_429_and_503_says_when_to_come_back_and_nothing_else_does(kind: type[GatewayError]) -> None:
    error = kind("It broke.")
    status = status_of(error)
    said = retry_after(error, status)
    assert (said is not None) is (status in (429, 503))
    assert said is None or int(said) >= 1


def test_a_providers_4xx_about_the_request_keeps_its_own_status() -> None:
    for status in (400, 404, 413, 422):
        assert status_of(UpstreamRejected("too long", status=status)) == status
    for odd in (200, 302, 500, None):
        assert status_of(UpstreamRejected("odd", status=odd)) == 400


def test_the_table_names_no_stranger() -> None:
    assert set(STATUS) <= set(everyone(GatewayError))


def test_every_error_is_in_the_picture_at_the_head_of_its_module() -> None:
    drawn = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)*\b", errors.__doc__ or ""))
    assert {kind.__name__ for kind in NAMED} <= drawn

"""When to come again: whole seconds, as far ahead as is known."""

from __future__ import annotations

from math import inf

import pytest

from headgate.core.errors import RateLimited, UnknownModel
from headgate.server.errors import NEVER_S, retry_after, status_of


@pytest.mark.parametrize(
    ("known_s", "said"),
    [(None, b"1"), (0.0, b"1"), (0.2, b"1"), (59.1, b"60"), (40_000.0, b"40000"), (inf, b"%d" % NEVER_S)],
)
def test_the_seconds_are_said_that_are_known(known_s: float | None, said: bytes) -> None:
    error = RateLimited("over", retry_after_s=known_s)
    assert retry_after(error, status_of(error)) == said


def test_where_it_does_not_matter_when_nothing_is_said() -> None:
    error = UnknownModel("no such model")
    assert retry_after(error, status_of(error)) is None

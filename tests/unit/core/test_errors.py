"""The family of errors: who is whose, and what each carries."""

from __future__ import annotations

import copy

import pytest

from headgate.core import errors as e

UPSTREAM = [
    e.UpstreamRejected,
    e.UpstreamUnavailable,
    e.UpstreamThrottled,
    e.KeyRejected,
    e.ModelMissing,
    e.UpstreamInterrupted,
    e.AllUpstreamsFailed,
]


def test_only_what_could_not_answer_may_be_asked_elsewhere() -> None:
    assert [kind for kind in UPSTREAM if issubclass(kind, e.UpstreamUnavailable)] == [
        e.UpstreamUnavailable,
        e.UpstreamThrottled,
        e.KeyRejected,
        e.ModelMissing,
    ]


@pytest.mark.parametrize("kind", UPSTREAM)
def test_an_upstream_error_counts_as_one_attempt_that_speaks_of_the_provider(
    kind: type[e.UpstreamError],
) -> None:
    error = kind("It broke.")
    assert (str(error), error.message, error.attempts, error.scope) == (
        "It broke.",
        "It broke.",
        1,
        e.Scope.PROVIDER,
    )
    assert not isinstance(error, e.Refused)


def test_a_copy_says_the_same() -> None:
    error = e.UpstreamThrottled("Slow down.", status=429, retry_after_s=7.0, scope=e.Scope.KEY)
    twin = copy.copy(error)
    assert vars(twin) == vars(error)
    assert type(twin) is type(error)


def test_a_refusal_is_never_an_upstreams_error() -> None:
    refusals = [kind for kind in vars(e).values() if isinstance(kind, type) and issubclass(kind, e.Refused)]
    assert len(refusals) > 8
    assert not any(issubclass(kind, e.UpstreamError) for kind in refusals)

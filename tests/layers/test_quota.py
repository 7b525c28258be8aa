"""Quota: a caller's limits, all of them or none, and back again when they have passed."""

from __future__ import annotations

from contextlib import AsyncExitStack
from math import ceil

import pytest

from headgate.core.allowance import Rates
from headgate.core.errors import GatewayError, Overloaded, RateLimited, UpstreamUnavailable
from headgate.core.expected import Usual
from headgate.core.quota import Limits, Quota, Several
from headgate.core.usage import Usage
from headgate.pipeline.quota import Quotas, Under
from scripted import Act, FakePayload, Scripted, answers, asked, fails
from virtual import clock, run


def quota(**rates: int) -> Quota:
    made = Quota()
    made.allow(Rates(**rates))
    return made


def layer(made: Limits, *acts: Act, name: str = "") -> Quotas:
    of = {name or asked().caller.key: Under(made, Usual())}
    return Quotas(Scripted(*acts), known=of, of=lambda call: None, clock=clock())


async def one(service: Quotas, payload: FakePayload | None = None) -> GatewayError | None:
    """One request to its end, and what it failed with."""
    try:
        async with service(asked(payload=payload)) as reply:
            reply.seen.usage = Usage(input=50, output=50)
            assert [piece async for piece in reply.body]
    except GatewayError as error:
        return error
    return None


def test_over_the_limit_is_refused_with_the_time_and_then_there_is_room() -> None:
    async def story() -> None:
        service = layer(quota(rpm=3), answers(b"a"))
        assert [await one(service) for _ in range(3)] == [None] * 3
        refused = await one(service)
        assert isinstance(refused, RateLimited)
        assert refused.allowed is not None
        assert (refused.allowed.requests, refused.allowed.requests_left) == (3, 0)
        assert 59 <= refused.allowed.reset_s <= 61
        assert refused.retry_after_s is not None
        assert 59 <= refused.retry_after_s <= 61
        await clock().sleep(ceil(refused.retry_after_s))
        assert await one(service) is None

    run(story())


def test_another_key_is_not_concerned() -> None:
    async def story() -> None:
        service = layer(quota(rpm=1), answers(b"a"), name="somebody else")
        assert [await one(service) for _ in range(3)] == [None] * 3

    run(story())


@pytest.mark.parametrize(
    ("act", "left"), [(fails(Overloaded("full")), 2), (fails(UpstreamUnavailable("down")), 1)]
)
def test_what_we_refuse_ourselves_does_not_count(act: Act, left: int) -> None:
    async def story() -> None:
        made = quota(rpm=2)
        assert await one(layer(made, act)) is not None
        assert made.allowed(clock().now()).requests_left == left

    run(story())


def test_tokens_are_settled_by_what_was_used() -> None:
    async def story() -> None:
        made = quota(tpm=100_000)
        service = layer(made, answers(b"a"))
        call = asked()
        async with service(call) as reply:
            during = made.allowed(clock().now()).tokens_left
            assert during < 100_000
            reply.seen.usage = Usage(input=50, output=50)
            assert call.line.allowed is not None
            assert call.line.allowed(clock().now()).tokens_left == during
        assert made.allowed(clock().now()).tokens_left == 99_900

    run(story())


def test_near_the_limit_as_many_tokens_are_reserved_as_the_request_can_take() -> None:
    async def story() -> None:
        service = layer(quota(tpm=1_100), answers(b"a"))
        capped = FakePayload("m", True, raw=b'{"model": "m", "max_tokens": 50}')
        async with service(asked()):  # nobody knows yet how long answers are
            assert isinstance(await one(service), RateLimited)
            assert await one(service, capped) is None

    run(story())


def test_of_tokens_so_many_are_reserved_as_are_usual() -> None:
    async def story() -> None:
        service = layer(quota(tpm=10_000), answers(b"a"))
        assert [await one(service) for _ in range(50)] == [None] * 50
        async with AsyncExitStack() as stack:
            for _ in range(40):  # of 100 tokens each
                await stack.enter_async_context(service(asked()))

    run(story())


def test_all_or_none() -> None:
    """What one limit refuses takes nothing from the others."""

    async def story() -> None:
        made = quota(rpm=10)
        service = layer(Several([made, quota(rpm=1)]), answers(b"a"))
        assert await one(service) is None
        for _ in range(3):
            assert isinstance(await one(service), RateLimited)
        assert made.allowed(clock().now()).requests_left == 9

    run(story())


def test_new_limits_hold_at_once_for_what_was_used_before() -> None:
    async def story() -> None:
        made = quota(rpm=10)
        service = layer(made, answers(b"a"))
        assert [await one(service) for _ in range(3)] == [None] * 3
        made.allow(Rates(rpm=3))
        assert isinstance(await one(service), RateLimited)

    run(story())


def test_of_several_limits_a_request_takes_its_part_of_all_or_of_none() -> None:
    async def story() -> None:
        key, tenant, route = quota(rpm=5, tpm=10_000), quota(rpm=2), quota(rpm=100)
        both = Several([key, tenant, route])
        service = layer(both, answers(b"a"))
        assert [await one(service) for _ in range(2)] == [None] * 2
        refused = await one(service)
        assert isinstance(refused, RateLimited)
        assert refused.retry_after_s is not None
        assert 59 <= refused.retry_after_s <= 61
        now = clock().now()
        assert [each.allowed(now).requests_left for each in (key, tenant, route)] == [3, 0, 98]
        told = both.allowed(now)
        assert (told.requests, told.requests_left, told.tokens, told.tokens_left) == (2, 0, 10_000, 9_800)

    run(story())


def test_each_says_what_it_limits_and_nothing_else() -> None:
    async def story() -> None:
        told = Several([quota(tpm=3), quota(rpm=2)]).allowed(clock().now())
        assert (told.requests, told.tokens) == (2, 3)
        assert quota(rpm=2).allowed(clock().now()).tokens is None

    run(story())

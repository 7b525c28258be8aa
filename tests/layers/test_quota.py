"""Quota: a caller's limits, all of them or none, and back again when they have passed."""

from __future__ import annotations

from math import ceil

import pytest

from headgate.core.allowance import Rates
from headgate.core.errors import GatewayError, Overloaded, RateLimited, UpstreamUnavailable
from headgate.core.quota import Quota, Several, lately
from headgate.core.usage import Usage
from headgate.core.window import Windows
from headgate.pipeline.quota import Quotas
from scripted import Act, Scripted, answers, asked, fails
from virtual import clock, run


def quota(*, per_day: int | None = None, processes: int = 1, **rates: int) -> Quota:
    made = Quota(Windows(Rates()), processes=lambda: processes)
    made.allow(Rates(**rates), per_day)
    return made


def layer(made: Quota, *acts: Act, name: str = "") -> Quotas:
    of = {name or asked().caller.key: made}
    return Quotas(Scripted(*acts), limits=lambda call: of.get(call.caller.key), clock=clock())


async def one(service: Quotas) -> GatewayError | None:
    """One request to its end, and what it failed with."""
    try:
        async with service(asked()) as reply:
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
        made = quota(rpm=2, per_day=2)
        assert await one(layer(made, act)) is not None
        assert made.allowed(clock().now()).requests_left == left

    run(story())


def test_tokens_are_settled_by_what_was_used() -> None:
    async def story() -> None:
        made = quota(tpm=100_000)
        service = layer(made, answers(b"a"))
        async with service(asked()) as reply:
            during = made.allowed(clock().now()).tokens_left
            assert during < 100_000
            reply.seen.usage = Usage(input=50, output=50)
            assert reply.allowed is not None
            assert reply.allowed.tokens == 100_000
        assert made.allowed(clock().now()).tokens_left == 99_900

    run(story())


def test_a_day_is_a_day_and_is_divided_among_processes() -> None:
    async def story() -> None:
        service = layer(quota(per_day=6, processes=2, rpm=1000), answers(b"a"))
        assert [await one(service) for _ in range(3)] == [None] * 3
        assert isinstance(await one(service), RateLimited)
        await clock().sleep(80_000)
        assert isinstance(await one(service), RateLimited)
        await clock().sleep(6_500)
        assert await one(service) is None

    run(story())


def test_what_the_books_know_of_the_day_is_remembered() -> None:
    noon = 20_000 * 86_400.0 + 43_200.0
    assert lately({19_999: 10, 20_000: 4}, noon) == [(43_200.0, 5), (21_600.0, 4)]
    assert lately({19_998: 99}, noon) == []

    async def story() -> None:
        made = quota(per_day=10, rpm=1000)
        made.remember(lately({19_999: 10, 20_000: 4}, noon), clock().now())
        service = layer(made, answers(b"a"))
        assert await one(service) is None
        assert isinstance(await one(service), RateLimited)
        await clock().sleep(43_300)  # yesterday's have left
        found = [await one(service) for _ in range(6)]
        assert found[:5] == [None] * 5
        assert isinstance(found[5], RateLimited)

    run(story())


def test_all_or_none() -> None:
    """What one limit refuses takes nothing from the others."""

    async def story() -> None:
        made = quota(per_day=1, rpm=10)
        service = layer(made, answers(b"a"))
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
        made.allow(Rates(rpm=3), None)
        assert isinstance(await one(service), RateLimited)

    run(story())


def test_of_several_limits_a_request_takes_its_part_of_all_or_of_none() -> None:
    async def story() -> None:
        key, tenant, route = quota(rpm=5, tpm=10_000), quota(rpm=2), quota(rpm=100, per_day=50)
        both = Several([key, tenant, route])
        service = Quotas(Scripted(answers(b"a")), limits=lambda call: both, clock=clock())
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


def test_what_has_no_limit_of_a_kind_says_so() -> None:
    async def story() -> None:
        told = Several([quota(per_day=3), quota(rpm=2)]).allowed(clock().now())
        assert (told.requests, told.tokens) == (2, None)

    run(story())

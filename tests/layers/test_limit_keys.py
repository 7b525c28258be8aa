"""Limit, and the limits of a key: reserved before a call, settled by how it ended."""

from __future__ import annotations

import asyncio
import json
from math import inf

import pytest

from headgate.core.allowance import FREE, Levels, Rates
from headgate.core.call import Operation
from headgate.core.errors import (
    KeyRejected,
    Overloaded,
    Scope,
    Unsupported,
    UpstreamInterrupted,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from headgate.core.keylimits import KeyLimits
from headgate.core.permits import Permits
from headgate.core.standing import Quota, Standing
from headgate.core.tokens import FIRST_OUTPUT, Estimator
from headgate.core.usage import Usage
from headgate.core.window import GUARD_MAX_S, MINUTE_S, Windows
from headgate.pipeline.limit import Limit
from scripted import (
    Act,
    FakePayload,
    Scripted,
    TurningLoop,
    answers,
    asked,
    cancelled_at_every_turn,
    drain,
    fails,
    fate,
)
from virtual import clock, run

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Tell me about bridges"}]}).encode()
PAYLOAD = FakePayload(raw=BODY)


def limited(up: Scripted, key: KeyLimits | None = None, **rates: int) -> Limit:
    """An upstream under a key of its own, or one that it shares."""
    if key is None:
        key = KeyLimits(Windows(FREE))
        key.configure(Rates(**rates))
    return Limit(up, permits=Permits(100), clock=clock(), key=key, estimator=Estimator())


async def served(limit: Limit, usage: Usage) -> None:
    """A call whose answer says what it took."""
    async with limit(asked(payload=PAYLOAD)) as reply:
        async for _ in reply.body:
            pass
        reply.seen.usage = usage


def levels(limit: Limit) -> Levels:
    return limit.key.allowance.levels(clock().now())


def test_requests_over_the_limit_are_refused_now_and_told_when_there_will_be_room() -> None:
    async def story() -> None:
        up = Scripted(answers(after_s=0.2))
        limit = limited(up, rpm=2)
        for _ in range(2):
            await drain(limit, asked())
        assert (limit.ready(), limit.headroom()) == (False, 0.0)
        refusal = await fate(limit, asked())
        assert isinstance(refusal, Overloaded)
        assert refusal.retry_after_s == pytest.approx(limit.ready_at() - clock().now())
        assert limit.ready_at() == pytest.approx(MINUTE_S + 0.2)
        assert (limit.refill(1), limit.room(59.0), limit.room(61.0)) == (limit.ready_at(), 0.0, 2.0)
        await clock().sleep(60.0)
        assert await drain(limit, asked()) == [b"ok"]
        assert (up.calls, limit.in_flight) == (3, 0)

    run(story())


def test_upstreams_of_one_key_share_its_limits() -> None:
    async def story() -> None:
        one = limited(Scripted(), rpm=2)
        other = limited(Scripted(), one.key)
        told: list[bool] = []
        end = other.watch(lambda: told.append(other.ready()))
        await drain(one, asked())
        await drain(other, asked())
        assert not one.ready()
        assert not other.ready()
        one.key.configure(Rates(rpm=3))
        assert told[-1]
        assert other.condition()["limits"]["requests"] == {"limit": 3, "used": 2}
        end()

    run(story())


def test_tokens_are_reserved_by_estimate_and_settled_by_what_the_answer_says() -> None:
    async def story() -> None:
        usage = Usage(input=12, output=34)
        limit = limited(Scripted(answers(b"a", 1.0, b"b")), tpm=100_000)
        serving = asyncio.ensure_future(served(limit, usage))
        await clock().sleep(0.5)
        assert FIRST_OUTPUT < levels(limit).tokens < FIRST_OUTPUT + 100
        await serving
        assert levels(limit) == Levels(1, 46)
        for _ in range(20):
            await served(limit, usage)
        before = levels(limit).tokens
        serving = asyncio.ensure_future(served(limit, usage))
        await clock().sleep(0.5)
        assert levels(limit).tokens - before == pytest.approx(46, abs=25), "by now it knows"
        await serving

    run(story())


def test_only_a_caller_near_the_limit_is_counted_by_characters() -> None:
    async def story() -> None:
        limit = limited(Scripted(), tpm=10 * FIRST_OUTPUT)
        calls = [asked(payload=PAYLOAD) for _ in range(9)]
        for call in calls:
            await drain(limit, call)
        counted = [call.line.measured is not None for call in calls]
        assert counted[0] is False
        assert counted[-1] is True

    run(story())


NEVER = UpstreamUnavailable("refused", reached=False)


@pytest.mark.parametrize(
    ("act", "calls", "tokens"),
    [
        (fails(NEVER), 0, 0),
        (fails(KeyRejected("no", scope=Scope.KEY)), 0, 0),
        (fails(Unsupported("no words")), 0, 0),
        (fails(UpstreamRejected("too long", status=400)), 1, 0),
        (fails(UpstreamThrottled("slow down", status=429)), 1, 0),
        (fails(UpstreamUnavailable("down", status=503)), 1, FIRST_OUTPUT),
        (answers(b"a", UpstreamInterrupted("cut")), 1, FIRST_OUTPUT),
        (answers(b"a"), 1, 1),
    ],
    ids=lambda value: str(value.before[-1]) if isinstance(value, Act) else None,
)
def test_a_call_is_settled_by_how_it_ended(act: Act, calls: int, tokens: int) -> None:
    """One that broke off took what was reserved, as far as anybody knows; one that said nothing of what it
    took, no less than that."""

    async def story() -> None:
        limit = limited(Scripted(act), tpm=100_000)
        await fate(limit, asked(payload=PAYLOAD))
        found = levels(limit)
        assert found.calls == calls
        assert (found.tokens > 0) is (tokens > 0)
        assert found.tokens >= tokens
        assert limit.key.allowance.pending == 0

    run(story())


def test_cancelled_at_any_turn_nothing_stays_reserved_for_ever() -> None:
    async def scene(loop: TurningLoop) -> None:
        limit = limited(Scripted(answers(b"a", 1.0, b"b", after_s=1.0)), rpm=1, tpm=2000)
        await loop.on_the_block(drain(limit, asked(payload=PAYLOAD)))
        assert (limit.in_flight, limit.key.allowance.pending) == (0, 0)
        await clock().sleep(MINUTE_S + GUARD_MAX_S)
        assert levels(limit) == Levels(0, 0)
        assert limit.ready()

    cancelled_at_every_turn(scene)


def test_an_embedding_is_not_expected_to_answer_in_words() -> None:
    async def story() -> None:
        limit = limited(Scripted(answers(b"a", 1.0, b"b")), tpm=100_000)
        payload = FakePayload(raw=BODY, operation=Operation.EMBEDDINGS)
        async with limit(asked(payload=payload)):
            assert levels(limit).tokens < 100

    run(story())


def test_what_a_refusal_says_of_the_key_counts_for_its_other_models_at_once() -> None:
    async def story() -> None:
        refusal = UpstreamThrottled("slow down", status=429, scope=Scope.KEY, retry_after_s=5.0)
        refusal.standing = Standing(Quota(2, 0, 60.0))
        one = limited(Scripted(fails(refusal), answers()), rpm=10)
        other = limited(Scripted(), one.key)
        await fate(one, asked())
        assert other.key.rates.rpm == 2
        assert not other.ready()
        assert other.ready_at() == pytest.approx(MINUTE_S, abs=1.0)

    run(story())


def test_a_refusal_that_says_nothing_of_the_limits_rests_the_whole_key_for_as_long_as_it_says() -> None:
    async def story() -> None:
        refusal = UpstreamThrottled("slow down", status=429, scope=Scope.KEY, retry_after_s=5.0)
        one = limited(Scripted(fails(refusal), answers()), rpm=10)
        other = limited(Scripted(), one.key)
        await fate(one, asked())
        assert (other.ready(), other.ready_at(), other.refill(1)) == (False, 5.0, 5.0)
        await clock().sleep(5.0)
        assert other.ready()

    run(story())


def test_a_key_without_limits_costs_nothing_and_knows_nothing() -> None:
    async def story() -> None:
        limit = limited(Scripted())
        await drain(limit, asked())
        assert (limit.ready(), limit.ready_at(), limit.headroom()) == (True, 0.0, 1.0)
        assert (limit.key.room(0.0, 1.0), "limits" in limit.condition()) == (inf, False)
        assert levels(limit) == Levels(0, 0)

    run(story())

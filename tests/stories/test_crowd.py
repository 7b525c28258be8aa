"""A thousand who ask the same, streamed, at once: one upstream call, and little memory for each."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from zlib import crc32

import pytest

from asgi import HI, gateway
from headgate.assemble import Gateway
from headgate.core.call import Call, Caller, Operation
from headgate.core.reuse import Reuse
from virtual import clock, run

FOLLOWERS = 1000
PER_FOLLOWER = 4096
CALLER = Caller(key="me", tenant="me")
SIMULATED = {"dialect": "simulated", "simulated": {"latency_s": 1.0, "tokens_per_s": 20, "output_tokens": 40}}


def question(served: Gateway, number: int) -> Call:
    body = json.dumps({"model": "m", "messages": HI, "stream": True}).encode()
    return Call(
        payload=served.surface.parse(Operation.CHAT, body),
        caller=CALLER,
        request_id=f"req-{number}",
        started_at=clock().now(),
        deadline_at=clock().now() + 600.0,
    )


async def follow(served: Gateway, call: Call) -> tuple[int, int, Reuse]:
    """What one hears, as a checksum: a thousand answers would be memory too."""
    checksum, length = 0, 0
    async with served.service(call) as reply:
        async for piece in reply.body:
            checksum = crc32(piece, checksum)
            length += len(piece)
        checksum = crc32(reply.tail(b"{}"), checksum)
        return checksum, length, reply.reuse


@pytest.mark.parametrize("kept", [True, False], ids=["cached", "coalesced alone"])
def test_a_thousand_streams_are_one_call_and_four_kilobytes_each(kept: bool) -> None:
    async def story() -> None:
        served = gateway(providers={"p": SIMULATED}, **({} if kept else {"cache": {"exact": {"ttl_s": 0}}}))
        await follow(served, question(served, 0))  # what is made once
        await clock().sleep(4000.0 if kept else 10.0)
        calls = [question(served, number) for number in range(1, FOLLOWERS + 1)]
        gc.collect()
        tracemalloc.start()
        crowd = [asyncio.ensure_future(follow(served, call)) for call in calls]
        await clock().sleep(2.5)  # three quarters of it are told
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
        told = await asyncio.gather(*crowd)
        tracemalloc.stop()
        [(_, length)] = {(checksum, length) for checksum, length, _ in told}
        print(f"an answer of {length} bytes, {(held - length) / FOLLOWERS:.0f} bytes a follower")
        assert [reuse for *_, reuse in told].count(Reuse.COALESCED) == FOLLOWERS - 1
        counted = served.tally.snapshot().counters
        assert sum(count for key, count in counted if key[0] == "model_requests_total") == 2
        assert held <= length + FOLLOWERS * PER_FOLLOWER

    run(story())

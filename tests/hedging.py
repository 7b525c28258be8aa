"""A hedged fallback over scripted upstreams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec

from falling import queueing
from headgate.core.call import Call, Reply
from headgate.core.hedging import Bet, Terms, Times
from headgate.core.price import Price
from headgate.core.retry import RetryBudget
from headgate.pipeline.balance import Balance
from headgate.pipeline.fallback import Fallback, Retry
from headgate.pipeline.hedge import Hedge, Parting, Stake, Stakes, Table
from headgate.pipeline.service import Pool, Service
from headgate.ports.clock import Clock
from scripted import Notes, Scripted, answers, asked
from virtual import clock

SLOW, QUICK = answers(b"slow", after_s=10.0), answers(b"quick", after_s=0.5)
PRICE = Price(input=1_000_000, output=2_000_000)
TERMS = Terms(after_s=1.0, max_share=1.0)


def hedged(pools: Mapping[str, Pool], *, clock: Clock, recorder: Notes) -> dict[str, Hedge]:
    """The same pools, of which each may have company at every call."""
    stake = Stake(TERMS, RetryBudget(ratio=1.0, reserve=0.0, ceiling=10.0))
    table = Table(
        pools,
        stakes=Stakes({}, stake),
        attempts=3,
        times=defaultdict(Times),
        taken=lambda _: False,
        calm=lambda: True,
        clock=clock,
        recorder=recorder,
    )
    return {model: Hedge(table, model) for model in pools}


class House:
    """Keys of model `a`, and other models with one each, under a hedged fallback."""

    def __init__(
        self,
        *keys: Scripted,
        others: Mapping[str, Scripted] | None = None,
        terms: Terms = TERMS,
        attempts: int = 3,
    ) -> None:
        self.notes, self.ups = Notes(), {"a": list(keys), **{n: [u] for n, u in (others or {}).items()}}
        for model, ups in self.ups.items():
            for number, up in enumerate(ups):
                up.source = msgspec.structs.replace(up.source, model_id=model, key=str(number), price=PRICE)
        self.pools = {
            model: Balance(ups, chance=Random(7), sources=[up.source for up in ups], pick="round_robin")
            for model, ups in self.ups.items()
        }
        self.queue = queueing(self.pools)
        self.share = RetryBudget(ratio=terms.max_share, reserve=0.0, ceiling=10.0)
        self.times: defaultdict[tuple[str, bool], Times] = defaultdict(Times)
        self.is_calm, self.attempts = True, attempts
        self.stakes = Stakes({"auto": Stake(terms, self.share), "off": None}, None)
        self.table = Table(
            self.pools,
            stakes=self.stakes,
            attempts=attempts,
            times=self.times,
            taken=lambda model: model in self.crowded,
            calm=lambda: self.is_calm,
            clock=clock(),
            recorder=self.notes,
        )
        self.crowded: set[str] = set()
        hedged = self.falling({model: Hedge(self.table, model) for model in self.pools})
        self.service: Service = Parting(self.falling(self.pools), hedged, stakes=self.stakes)

    def falling(self, pools: Mapping[str, Any]) -> Fallback:
        return Fallback(
            pools,
            retry=Retry(attempts=self.attempts),
            budget=RetryBudget(reserve=1000.0),
            queue=self.queue,
            clock=clock(),
            chance=Random(7),
            recorder=self.notes,
        )

    def call(self, name: str = "auto", **more: Any) -> Call:
        return asked(name, chain=tuple(self.ups), **more)

    async def reply(self, name: str = "auto", **more: Any) -> Reply:
        async with self.service(self.call(name, **more)) as reply:
            reply.seen.tape = None
            self.told = [piece async for piece in reply.body]
            return reply

    @property
    def bets(self) -> list[tuple[str, str, Bet]]:
        return self.notes.hedges

    @property
    def calls(self) -> list[int]:
        return [up.calls for ups in self.ups.values() for up in ups]

    @property
    def open(self) -> int:
        return sum(up.open for ups in self.ups.values() for up in ups)

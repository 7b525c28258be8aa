"""Who is told that so much of a budget is spent: the log, the metrics, and a webhook where there is one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from headgate.adapters.webhook import post
from headgate.core.budget import Budget
from headgate.core.price import usd
from headgate.core.secret import Secret
from headgate.core.tally import Tally
from headgate.ports.clock import Clock

log = logging.getLogger("headgate")


class Alerts:
    """`assemble.bank.Alert`. `webhook` says where, at present, or nothing."""

    def __init__(self, tally: Tally, webhook: Callable[[], Secret | None], clock: Clock) -> None:
        self._tally = tally
        self._webhook = webhook
        self._clock = clock
        self._posting: set[asyncio.Task[bool]] = set()

    def __call__(self, budget: Budget, percent: int, spent: int) -> None:
        self._tally.counters["budget_alerts_total", budget.account, str(percent)] += 1
        spent_usd, budget_usd = usd(spent), usd(budget.nano)
        log.warning("budget %s: %d %% spent ($%g of $%g)", budget.account, percent, spent_usd, budget_usd)
        if not (url := self._webhook()):
            return
        kind, _, rest = budget.account.partition("/")
        document = {
            "event": "budget_alert",
            "at": datetime.fromtimestamp(self._clock.wall(), UTC).isoformat(timespec="seconds"),
            "kind": kind,
            "name": rest.rpartition("/")[0],
            "per": budget.per,
            "percent": percent,
            "spent_usd": spent_usd,
            "budget_usd": budget_usd,
        }
        task = asyncio.get_running_loop().create_task(post(url.reveal(), document, self._clock))
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

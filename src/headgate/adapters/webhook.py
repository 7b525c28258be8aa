"""Says something to somebody else's address, once, as JSON.

Known weakness: what is not taken after three attempts is lost; the log has it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from pyreqwest.client import ClientBuilder
from pyreqwest.exceptions import PyreqwestError

from headgate.ports.clock import Clock

PATIENCE_S = 5.0
PAUSES_S = (1.0, 5.0, 0.0)
"""After each attempt."""

log = logging.getLogger("headgate")


async def post(url: str, document: Mapping[str, Any], clock: Clock) -> bool:
    """Whether it was taken: answered with 2xx."""
    headers, body = {"content-type": "application/json"}, msgspec.json.encode(document)
    patience, failure = timedelta(seconds=PATIENCE_S), ""
    async with ClientBuilder().timeout(patience).build() as client:
        for pause_s in PAUSES_S:
            try:
                answer = await client.post(url).headers(headers).body_bytes(body).build().send()
                if 200 <= answer.status < 300:
                    return True
                failure = f"status {answer.status}"
            except PyreqwestError as error:
                failure = type(error).__name__
            await clock.sleep(pause_s)
    log.error("the webhook has not taken an alert (%s)", failure)
    return False

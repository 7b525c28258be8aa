"""Jobs for tests."""

from __future__ import annotations

from typing import Any

from headgate.core.call import Operation
from headgate.core.job import Deposit, Job

NOW_US = 1_793_016_000_000_000
S = 1_000_000
"""A second."""


def deposit(body: bytes = b'{"model":"m"}', **members: Any) -> Deposit:
    usual: dict[str, Any] = {
        "dialect": "openai",
        "operation": Operation.CHAT,
        "model": "m",
        "body": body,
        "request_id": "req_1",
        "headers": ((b"x", b"y"),),
        "tags": ("a", "b"),
        "session": "s",
    }
    return Deposit(**{**usual, **members})


def job(id_: str = "job_1", **members: Any) -> Job:
    usual: dict[str, Any] = {
        "id": id_,
        "tenant": "acme",
        "key": "k",
        "deposit": deposit(),
        "created_us": NOW_US,
        "expires_us": NOW_US + 3600 * S,
        "due_us": NOW_US,
    }
    return Job(**{**usual, **members})

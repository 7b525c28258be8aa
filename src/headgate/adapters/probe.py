"""Asks an Ollama server what it has, without waiting long for one that is not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError

PATIENCE_S = 0.25
"""A server on this machine or its network answers within a few milliseconds, or is busy starting."""


def ollama_models(base_url: str) -> Sequence[str] | None:
    """The names of the models at `base_url`; `None` where no Ollama answers there."""
    try:
        with SyncClientBuilder().timeout(timedelta(seconds=PATIENCE_S)).build() as client:
            answer = client.get(base_url.rstrip("/") + "/api/tags").build().send()
            listed = json.loads(answer.bytes().to_bytes())["models"]
            return [model["name"] for model in listed]
    except (PyreqwestError, ValueError, KeyError, TypeError):
        return None

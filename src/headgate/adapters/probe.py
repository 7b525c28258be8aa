"""Asks an Ollama server what it has, without waiting long for one that is not there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from pyreqwest.client import SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError

CONNECT_S = 0.25
"""A server on this machine or its network takes a connection within a few milliseconds."""
PATIENCE_S = 3.0
"""One that has taken it is there, and may be busy: a model is loaded, a machine has just been started."""


def ollama_models(base_url: str) -> Sequence[str] | None:
    """The names of the models at `base_url`; `None` where no Ollama answers there."""
    try:
        builder = SyncClientBuilder().connect_timeout(timedelta(seconds=CONNECT_S))
        with builder.timeout(timedelta(seconds=PATIENCE_S)).build() as client:
            answer = client.get(base_url.rstrip("/") + "/api/tags").build().send()
            listed = json.loads(answer.bytes().to_bytes())["models"]
            return [model["name"] for model in listed]
    except (PyreqwestError, ValueError, KeyError, TypeError):
        return None

"""Which parameters of a request an upstream can be sent at all, decided in one place for every dialect."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec

from headgate.core.chat import Chat
from headgate.providers.spec import Rules

_PARAMS = tuple(
    field for field in Chat.__struct_fields__ if field not in ("model", "messages", "stream", "extra")
)
_NAMES = {"reasoning": "reasoning_effort"}
"""Where callers, and so the rules, call a parameter otherwise than the hub."""

_NEUTRAL: dict[str, Any] = {
    "n": 1,
    "parallel_tool_calls": True,
    "logprobs": False,
    "top_logprobs": 0,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logit_bias": {},
}
"""Values that ask for what every model does unasked: leaving them out changes nothing."""


def fit(chat: Chat, rules: Rules, *, lacks: Collection[str]) -> Chat:
    """`chat` without the parameters that may be left out: neutral ones, and those the operator lets us drop.

    `lacks` names the hub's parameters that the dialect has no words for; `rules` adds what this provider
    refuses. Members the hub itself has no word for (`extra`) count as lacking.

    Raises:
        Unsupported: naming the first parameter that may neither be sent nor dropped.
    """
    gone: dict[str, Any] = {}
    for name in _PARAMS:
        value = getattr(chat, name)
        if value is None or value == ():
            continue
        if name in lacks:
            if value != _NEUTRAL.get(name):
                rules.lacks(name)
        elif rules.permits(_NAMES.get(name, name), value):
            continue
        gone[name] = () if isinstance(value, tuple) else None
    for name in chat.extra:
        rules.lacks(name)
    return msgspec.structs.replace(chat, **gone) if gone else chat

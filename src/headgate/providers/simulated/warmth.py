"""A provider's prompt cache: which beginnings of prompts it has seen lately."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

from headgate.core.chat import Chat
from headgate.providers.simulated import words

MAX_PREFIXES = 4096
GRAIN = 128
"""Cached tokens come in steps of this, as OpenAI's do."""


class Warmth:
    """Prefixes by whole messages, each key's and model's its own; the least recently used go first."""

    def __init__(self, *, ttl_s: float, min_tokens: int) -> None:
        self._ttl_s = ttl_s
        self._min_tokens = min_tokens
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def read(self, chat: Chat, *, key: str, now: float) -> tuple[int, int]:
        """(tokens of the prompt, those of them that were cached); the prompt is cached from now on."""
        digest = blake2b(f"{key}\x1f{chat.model}\x1f{chat.tools!r}".encode(errors="replace"), digest_size=16)
        total, cached, prefixes = words.tools_tokens(chat), 0, []
        for message in chat.messages:
            total += words.message_tokens(message.parts)
            digest.update(repr(message).encode(errors="replace"))
            if total >= self._min_tokens:
                prefixes.append(digest.digest())
                if self._until.get(prefixes[-1], 0.0) > now:
                    cached = total
        self._remember(prefixes, now)
        return total, min(cached - cached % GRAIN, total)

    def _remember(self, prefixes: list[bytes], now: float) -> None:
        for prefix in prefixes:
            self._until[prefix] = now + self._ttl_s
            self._until.move_to_end(prefix)
        while len(self._until) > MAX_PREFIXES:
            self._until.popitem(last=False)

    def clear(self) -> None:
        self._until.clear()

"""A provider's prompt cache: which beginnings of prompts it has seen lately."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from itertools import accumulate

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
        sizes = list(
            accumulate(
                (words.message_tokens(message.parts) for message in chat.messages),
                initial=words.tools_tokens(chat),
            )
        )
        if sizes[-1] < self._min_tokens:
            return sizes[-1], 0
        prefixes = self._prefixes(chat, key, sizes[1:])
        cached = max((size for prefix, size in prefixes if self._until.get(prefix, 0.0) > now), default=0)
        self._remember([prefix for prefix, _ in prefixes], now)
        return sizes[-1], cached - cached % GRAIN

    def _prefixes(self, chat: Chat, key: str, sizes: list[int]) -> list[tuple[bytes, int]]:
        """(what names it, its tokens) of every prefix that is long enough to be kept."""
        named = []
        digest = blake2b(f"{key}\x1f{chat.model}\x1f{chat.tools!r}".encode(errors="replace"), digest_size=16)
        for message, size in zip(chat.messages, sizes, strict=True):
            digest.update(repr(message).encode(errors="replace"))
            if size >= self._min_tokens:
                named.append((digest.digest(), size))
        return named

    def _remember(self, prefixes: list[bytes], now: float) -> None:
        for prefix in prefixes:
            self._until[prefix] = now + self._ttl_s
            self._until.move_to_end(prefix)
        while len(self._until) > MAX_PREFIXES:
            self._until.popitem(last=False)

    def clear(self) -> None:
        self._until.clear()

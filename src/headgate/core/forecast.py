"""What an answer will probably cost: how long such answers are, and how much of the prompt is cached already.

Everything here is learned from the usage of answers, in memory that is bounded.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from headgate.core.asked import Asked
from headgate.core.constraints import tokens
from headgate.core.price import Price
from headgate.core.usage import Usage

UNKNOWN_OUTPUT = 400.0
"""Tokens of an answer nobody has seen the like of."""

SMOOTHING = 0.05
"""How much one answer counts, once there have been twenty."""

PROMPT_CACHE_S = 300.0
"""Seconds without use after which a provider's prompt cache is taken for cold: Anthropic keeps it for five
minutes, OpenAI for five to ten (their pages on prompt caching)."""

_PER_MILLION = 1_000_000


class Lengths:
    """The usual length of answers in tokens, by model and intent: the mean of those seen, lately weighed
    more.

    As many numbers as models times intents, both of which the configuration bounds.
    """

    def __init__(self) -> None:
        self._seen: dict[str, dict[str | None, _Mean]] = {}

    def observe(self, model: str, intent: str | None, tokens: int) -> None:
        seen = self._seen.get(model)
        if seen is None:
            seen = self._seen[model] = {None: _Mean()}
        _observed(seen[None], tokens)
        if intent is not None:
            if intent not in seen:
                seen[intent] = _Mean()
            _observed(seen[intent], tokens)

    def expected(self, model: str, intent: str | None) -> float:
        """For this intent; where none was seen, for the model altogether."""
        seen = self._seen.get(model)
        return UNKNOWN_OUTPUT if seen is None else (seen.get(intent) or seen[None]).value

    def cost_nano(self, price: Price, model: str, intent: str | None, asked: Asked, cached: float) -> int:
        """What an answer will probably cost, where so large a share of the prompt is `cached`."""
        output = self.expected(model, intent)
        if asked.max_tokens:
            output = min(output, float(asked.max_tokens))
        return expected_nano(price, prompt=tokens(asked), cached=cached, output=output)


class _Mean(msgspec.Struct):
    """Of numbers, lately weighed more; of the first few, all alike."""

    value: float = 0.0
    weight: float = 1.0
    """Of the next."""


def _observed(mean: _Mean, one: float) -> None:
    weight = mean.weight
    mean.value += weight * (one - mean.value)
    if weight > SMOOTHING:
        mean.weight = max(weight / (1.0 + weight), SMOOTHING)  # 1, 1/2, 1/3 …


class Warm(msgspec.Struct, frozen=True):
    """What a provider's prompt cache holds of a session: `share` of the prompt, by our `key` there, as of
    `at`."""

    share: float
    key: str
    at: float


class Sessions:
    """What is known of the sessions that were used last: who served them, and where their prompts are cached.

    Known weakness: a worker knows only the sessions that it has served itself.
    """

    def __init__(self, *, most: int = 10_000) -> None:
        """`most` sessions are remembered, and of each the last eight models."""
        self._most = most
        self._known: OrderedDict[str, OrderedDict[str, Warm]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def observe(self, session: str, model: str, key: str, usage: Usage, now: float) -> None:
        """An answer has ended. What was read from the cache or written to it will be read next time."""
        models = self._known.setdefault(session, OrderedDict())
        cached = usage.cache_read + usage.cache_write
        models[model] = Warm(cached / usage.prompt if usage.prompt else 0.0, key, now)
        models.move_to_end(model)
        self._known.move_to_end(session)
        if len(models) > 8:
            models.popitem(last=False)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def last(self, session: str) -> str | None:
        """The model that served it last."""
        models = self._known.get(session)
        return next(reversed(models)) if models else None

    def warm(self, session: str, model: str, now: float) -> Warm | None:
        """What of this session is cached for `model`, unless that was too long ago."""
        models = self._known.get(session)
        found = models.get(model) if models else None
        return found if found and found.share > 0.0 and now - found.at <= PROMPT_CACHE_S else None


def expected_nano(price: Price, *, prompt: int, cached: float, output: float) -> int:
    """Nano-dollars for `prompt` tokens, of which a share is `cached`, and so many tokens of answer."""
    fresh: float = prompt * price.input
    if cached:
        read = price.input if price.cache_read is None else price.cache_read
        fresh = prompt * ((1.0 - cached) * price.input + cached * read)
    return round((fresh + output * price.output) / _PER_MILLION)

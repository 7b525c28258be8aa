"""What a simulated provider is like: speed, limits, faults by the hour. Plain values, JSON in and out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from headgate.providers.simulated.faults import parse


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one key may do. `None` is no limit.

    `rpm` requests and `tpm` tokens in any 60 seconds, `burst` requests in any one second. All three are
    sliding windows: there is no minute that begins anew. Tokens are those of the whole answer, prompt
    included, and count from the moment the request is admitted.
    """

    rpm: int | None = None
    tpm: int | None = None
    burst: int | None = None

    def __post_init__(self) -> None:
        for name in ("rpm", "tpm", "burst"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative, not {value}")


class Scheduled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A fault on a timetable: from `from_s` to `to_s` (`None`: for ever), in seconds since the timetable
    was set, it befalls `share` (0..1) of the requests, of `key` and of `model` alone where they are named.

    Raises `ValueError` for a fault that is not in the table.
    """

    fault: str
    from_s: float = 0.0
    to_s: float | None = None
    share: float = 1.0
    key: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        parse(self.fault)
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be from 0 to 1, not {self.share}")

    def covers(self, elapsed_s: float, *, key: str, model: str) -> bool:
        """Whether it may befall this request now; `share` is left to chance, elsewhere."""
        if self.key not in (None, key) or self.model not in (None, model):
            return False
        return self.from_s <= elapsed_s and (self.to_s is None or elapsed_s < self.to_s)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One simulated provider.

    `latency_s`: to the first token, give or take `jitter` (a share of it). `tokens_per_s`: 0 means without
    any waiting. `output_tokens`: the exact length of every prose answer; `None` leaves it to the prompt.
    With `brief`, an answer is one short piece that counts for all its tokens: of the words at the end of the
    prompt, `(320 tokens)`, as many; else of `output_tokens`; else of the usual prose.
    `limits` hold for every key that `keys` does not name. `dimensions` of an embedding nobody sized.
    A prompt's beginning that was seen in the last `cache_ttl_s` and has at least `cache_min_tokens`
    counts as read from the prompt cache. `models` are those that are listed; any other is served too.
    """

    models: tuple[str, ...] = ("simulated-small", "simulated-large")
    latency_s: float = 0.0
    jitter: float = 0.0
    tokens_per_s: float = 0.0
    output_tokens: int | None = None
    brief: bool = False
    limits: Limits = Limits()
    keys: Mapping[str, Limits] = {}
    faults: tuple[Scheduled, ...] = ()
    dimensions: int = 256
    cache_min_tokens: int = 1024
    cache_ttl_s: float = 300.0
    seed: int = 0

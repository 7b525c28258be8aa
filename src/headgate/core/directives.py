"""`Cache-Control`, of requests and of answers (RFC 9111 § 5.2, RFC 5861).

What is not ours, or is malformed, is ignored, as the RFC asks.
"""

from __future__ import annotations

from functools import lru_cache
from math import inf

from headgate.core.reuse import Freshness, Said

MAX_DIGITS = 18


def wanted(cache_control: str) -> Freshness:
    """What a request allows."""
    said = _directives(cache_control)
    return Freshness(
        no_cache="no-cache" in said,
        no_store="no-store" in said,
        only_if_cached="only-if-cached" in said,
        max_age_s=_seconds(said, "max-age"),
        min_fresh_s=_seconds(said, "min-fresh") or 0.0,
        max_stale_s=inf if said.get("max-stale") == "" else _seconds(said, "max-stale"),
        stale_if_error_s=_seconds(said, "stale-if-error"),
    )


@lru_cache(maxsize=256)
def said_of(cache_control: str) -> tuple[bool, Said | None]:
    """Whether an answer may be kept, and what it says of that.

    `private`, which Google's API puts on every answer, and `no-cache` and `max-age=0`, usual on streams, mean
    caches of many people's answers: they are not heeded.
    """
    said = _directives(cache_control)
    found = Said(
        fresh_s=_seconds(said, "max-age") or None,
        revalidate_s=_seconds(said, "stale-while-revalidate"),
        if_error_s=_seconds(said, "stale-if-error"),
        strict="must-revalidate" in said and "no-cache" not in said,
    )
    return "no-store" not in said, None if found == Said() else found


def _directives(cache_control: str) -> dict[str, str]:
    return dict(directive.strip().partition("=")[::2] for directive in cache_control.lower().split(","))


def _seconds(said: dict[str, str], name: str) -> float | None:
    text = said.get(name, "").strip('"')
    return float(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else None

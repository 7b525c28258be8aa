"""An upstream call whose answer nobody was told, as it is written down: it failed, or was put aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from headgate.core.errors import GatewayError, UpstreamError

if TYPE_CHECKING:
    from headgate.core.call import Source


class Attempt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`model` by the configuration's name, `upstream_model` by the provider's, `provider_key` by the label of
    our key there; `status` is what the provider answered with, if it did. `error` is empty where there was an
    answer, or might have been one, and it was put aside: from `input` on, what that took and cost, as in the
    request's own row."""

    provider: str
    model: str
    upstream_model: str
    provider_key: str
    region: str
    error: str
    status: int | None
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    cost_nano: int = 0
    price: str = ""
    flags: int = 0


def failed(source: Source, error: GatewayError, flags: int = 0) -> Attempt:
    """The row of a call there that failed before its first byte."""
    return Attempt(
        source.provider,
        source.model_id,
        source.model_name,
        source.key,
        source.region,
        type(error).__name__,
        error.status if isinstance(error, UpstreamError) else None,
        flags=flags,
    )

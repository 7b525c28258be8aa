"""Headgate: a self-hosted AI gateway. One endpoint in front of every model, cloud or local.

from headgate import HybridRouter
router = HybridRouter.from_env()
text = await router.route_request("Why is the sky blue?")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headgate.core.version import VERSION as __version__  # noqa: N811 - the name Python looks for

if TYPE_CHECKING:
    from headgate.library import HybridRouter

__all__ = ["HybridRouter", "__version__"]


def __getattr__(name: str) -> Any:
    """Loads the library on first use: most who import the package only want a part of it."""
    if name == "HybridRouter":
        from headgate.library import HybridRouter

        return HybridRouter
    raise AttributeError(f"module 'headgate' has no attribute {name!r}")

"""Headgate: a self-hosted AI gateway. One endpoint in front of every model, cloud or local.

    from headgate import HybridRouter
    router = HybridRouter.from_env()
    text = await router.route_request("Why is the sky blue?")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.library import HybridRouter

__version__ = "0.1.0"
__all__ = ["HybridRouter", "__version__"]


def __getattr__(name: str) -> Any:
    """Loads the library on first use: most who import the package only want a part of it."""
    if name == "HybridRouter":
        from headgate.library import HybridRouter

        return HybridRouter
    raise AttributeError(f"module 'headgate' has no attribute {name!r}")

"""`ports.Transport` towards upstreams: the only package that opens connections to them.

Directly, over connections of our own; through a proxy of the environment, over pyreqwest
(`docs/decisions/005-our-own-http-client.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from headgate.adapters.http.direct import DirectTransport
from headgate.ports.transport import Transport

__all__ = ["http_transport"]


def http_transport(
    base_url: str, *, headers: Mapping[str, str], connect_s: float, total_s: float
) -> Transport:
    """The transport to `base_url`. Build it inside the loop it serves.

    `connect_s` is how long a connection may take, TLS included; `total_s` how long a request may live that
    its caller cannot take back.
    """
    if _is_proxied(base_url):
        from headgate.adapters.http.proxied import ProxiedTransport  # heavy, and rarely needed

        return ProxiedTransport(base_url, headers=headers, connect_s=connect_s, total_s=total_s)
    return DirectTransport(base_url, headers=headers, connect_s=connect_s)


def _is_proxied(base_url: str) -> bool:
    """Whether `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` speaks of this address, and `NO_PROXY` does not."""
    parts, proxies = urlsplit(base_url), getproxies()
    return (parts.scheme in proxies or "all" in proxies) and not proxy_bypass(parts.netloc)

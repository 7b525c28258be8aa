"""Identify: what makes this request the same as another, for the layers below that answer one for another.

Stands below route, because who may serve a caller is part of the partition. Gives the call its `identity`; a
request that no two of are the same gets none, nor one of whose content nothing may be kept, and the layers
below let it pass. Holds what begins the identities of partitions it has seen, a bounded number.

Known weakness: requests in different dialects are never the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from msgspec.structs import replace

from headgate.core.call import Call, Operation, Reply
from headgate.core.reuse import FORMS, Partition, identities
from headgate.pipeline.service import Service

PARTITIONS = 4096
"""So many are remembered; then all are forgotten, and computed anew."""


About = tuple[str, str, str, Operation, tuple[str, ...]]
"""Of a request, what its partition follows from."""


class Identify:
    def __init__(self, inner: Service, *, shared: bool, form: str, region: str = "") -> None:
        """`shared`: tenants share answers. `form`: what of the configuration shows in an answer's bytes.
        `region`: where answers are kept, if that is known; callers bound to others have none kept."""
        self._inner = inner
        self._shared = shared
        self._form = form
        self._region = region
        self._known: dict[About, Callable[[bytes], bytes]] = {}

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        payload, caller = call.payload, call.caller
        kept = caller.privacy == "standard" and not call.wants.no_store
        if caller.regions is not None and self._region and self._region not in caller.regions:
            kept = False
        canonical = payload.canonical() if kept else None
        if canonical is None:
            return self._inner(call)
        about = (caller.tenant, payload.model, payload.dialect, payload.operation, call.chain)
        identity = self._known.get(about) or self._begun(about, call)
        return self._inner(replace(call, identity=identity(canonical) + FORMS[payload.form]))

    def _begun(self, about: About, call: Call) -> Callable[[bytes], bytes]:
        """What gives identities in a partition that is new here."""
        found = identities(self._partition(call).seed())
        if len(self._known) >= PARTITIONS:
            self._known.clear()
        self._known[about] = found
        return found

    def _partition(self, call: Call) -> Partition:
        payload = call.payload
        form = f"{self._form}/{payload.dialect}/{payload.operation}"
        scope = None if self._shared else call.caller.tenant
        return Partition(scope, payload.model, frozenset(call.chain), form)

"""Identify: what makes this request the same as another, for the layers below that answer one for another.

Stands below route, because who may serve a caller is part of the partition. Gives the call its `identity`; a
request that no two of are the same gets none, nor one of whose content nothing may be kept, and the layers
below let it pass. Holds what begins the identities of partitions it has seen, a bounded number.

Known weakness: requests in different dialects are never the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import msgspec

from headgate.core.call import Call, Operation, Reply
from headgate.core.reuse import FORMS, Partition, identities
from headgate.pipeline.service import Service

PARTITIONS = 4096
"""So many are remembered; then all are forgotten, and computed anew."""


class Identify:
    def __init__(self, inner: Service, *, shared: bool, form: str) -> None:
        """`shared`: tenants share answers. `form`: what of the configuration shows in an answer's bytes."""
        self._inner = inner
        self._shared = shared
        self._form = form
        self._known: dict[tuple[str, str, str, Operation, tuple[str, ...]], Callable[[bytes], bytes]] = {}

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        kept = not call.wants.no_store and call.caller.privacy == "standard"
        canonical = call.payload.canonical() if kept else None
        if canonical is None:
            return self._inner(call)
        identity = self._identities(call)(canonical) + FORMS[call.payload.form]
        return self._inner(msgspec.structs.replace(call, identity=identity))

    def _identities(self, call: Call) -> Callable[[bytes], bytes]:
        """Those of the call's partition."""
        payload = call.payload
        about = (call.caller.tenant, payload.model, payload.dialect, payload.operation, call.chain)
        found = self._known.get(about)
        if found is None:
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

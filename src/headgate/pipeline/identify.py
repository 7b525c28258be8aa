"""Identify: what makes this request the same as another, for the layers below that answer one for another.

Stands below route, because who may serve a caller is part of the partition. Gives the call its `identity`; a
request that no two of are the same gets none, nor one of whose content nothing may be kept, and the layers
below let it pass. Holds how requests are named in the partitions it has seen, a bounded number.

Known weakness: requests in different dialects are never the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from msgspec.structs import replace

from headgate.core.call import Call, Reply
from headgate.core.identity import Naming
from headgate.core.reuse import Partition
from headgate.pipeline.service import Service

PARTITIONS = 4096
"""So many are remembered; then all are forgotten, and computed anew."""


About = tuple[str, str, frozenset[str] | None, str, str, tuple[str, ...]]
"""Of a request, what its partition follows from, and whether its answer may be kept."""


class Identify:
    def __init__(
        self,
        inner: Service,
        *,
        shared: bool,
        form: str,
        serving: Mapping[str, str],
        region: str = "",
        lazy: bool = False,
    ) -> None:
        """`shared`: tenants share answers. `form`: what of the configuration shows in an answer's bytes.
        `serving`: what stands behind each model's name. `region`: where answers are kept, if that is known;
        callers bound to others have none kept. `lazy`: nobody below wants the key of a request that nobody
        else has asked."""
        self._inner = inner
        self._shared = shared
        self._form = form
        self._serving = serving
        self._region = region
        self._lazy = lazy
        self._known: dict[About, Naming | None] = {}

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        payload, caller = call.payload, call.caller
        about = (
            caller.tenant,
            caller.privacy,
            caller.regions,
            payload.model,
            payload.kind,
            call.chain,
        )
        try:
            naming = self._known[about]
        except KeyError:
            naming = self._begun(about, call)
        if naming is None or call.wants.no_store:
            return self._inner(call)
        return self._inner(replace(call, identity=naming.name(payload.raw, payload.glance(), payload.form)))

    def _begun(self, about: About, call: Call) -> Naming | None:
        """How requests are named in a partition that is new here; `None` where nothing may be kept."""
        caller, read, found = call.caller, call.payload.reading, None
        abroad = caller.regions is not None and self._region and self._region not in caller.regions
        if read is not None and caller.privacy == "standard" and not abroad:
            found = Naming(self._partition(call).seed(), read, lazy=self._lazy)
        if len(self._known) >= PARTITIONS:
            self._known.clear()
        self._known[about] = found
        return found

    def _partition(self, call: Call) -> Partition:
        scope, form = None if self._shared else call.caller.tenant, f"{self._form}/{call.payload.kind}"
        serving = frozenset(self._serving.get(model, model) for model in call.chain)
        return Partition(scope, call.payload.model, serving, form)

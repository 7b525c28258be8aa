"""What may serve a request at all. Constraints are filters, never preferences: what one takes out is gone.

They are asked in the order of `Filter`: first who asks, then what is asked, then how well it must be done.
Health and headroom are not among them: they pass, and a request may wait for them; whoever orders candidates
puts those that are not ready last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from headgate.core.asked import Asked
from headgate.core.call import Caller, Operation
from headgate.core.decision import Candidate, Filter, Verdict
from headgate.core.errors import Forbidden, InvalidRequest, Overloaded, Refused, Unsupported
from headgate.core.usage import CHARS_PER_TOKEN

LOCAL_ONLY = "local_only"

Check = Callable[[Candidate], str | None]
"""Why a candidate is out, or `None`."""


class Rights(msgspec.Struct, frozen=True):
    """What a caller may be served by; `None` means all. Equal for callers with equal rights."""

    models: frozenset[str] | None = None
    providers: frozenset[str] | None = None
    regions: frozenset[str] | None = None
    local_only: bool = False


def rights_of(caller: Caller) -> Rights:
    return Rights(caller.models, caller.tier.providers, caller.regions, caller.privacy == LOCAL_ONLY)


def unbound(caller: Caller) -> bool:
    """Whether anything may serve this caller."""
    return (
        caller.models is None
        and caller.regions is None
        and caller.tier.providers is None
        and caller.privacy != LOCAL_ONLY
    )


class Sieved(msgspec.Struct, frozen=True):
    """What is left, what is not, and the filter that took the last one out, where nothing is left."""

    kept: tuple[Candidate, ...]
    removed: tuple[Verdict, ...] = ()
    emptied_by: Filter | None = None

    def then(self, filter_: Filter, check: Check) -> Sieved:
        """One filter more."""
        reasons = [(one, check(one)) for one in self.kept]
        out = tuple(
            Verdict(model_id=one.model_id, removed_by=filter_, reason=reason)
            for one, reason in reasons
            if reason
        )
        if not out:
            return self
        kept = tuple(one for one, reason in reasons if not reason)
        return Sieved(kept, (*self.removed, *out), self.emptied_by if kept else filter_)


def lawful(
    candidates: Iterable[Candidate], rights: Rights, *, named: Iterable[str] = (), written: str = ""
) -> Sieved:
    """Those that `rights` allow. Who may use one of the names the caller `named` may use all it stands
    for. `written`: the region in which it is written down what becomes of a request, if that is known."""
    found = Sieved(tuple(candidates))
    models, providers, regions = rights.models, rights.providers, rights.regions
    if models is not None and models.isdisjoint(named):
        found = found.then(
            Filter.MODELS, lambda one: None if one.model_id in models else "the key may not use this model"
        )
    if providers is not None:
        found = found.then(
            Filter.PROVIDERS,
            lambda one: None if one.provider in providers else f"the tier is not served by '{one.provider}'",
        )
    if regions is not None:
        found = found.then(
            Filter.REGIONS,
            lambda one: None if one.region in regions else f"its region is {one.region or 'not known'}",
        )
    if regions is not None and written and written not in regions:
        found = found.then(Filter.REGIONS, lambda one: f"it would be written down in {written}")
    if rights.local_only:
        found = found.then(Filter.PRIVACY, lambda one: None if one.local else "it would leave the house")
    return found


CAPABILITIES = frozenset({"chat", "embeddings", "tools", "vision", "json"})


def lacking(one: Candidate) -> frozenset[str]:
    """What it is known not to be able to do. Whatever supports anything but embeddings chats."""
    if one.supports is None:
        return frozenset()
    able_to = one.supports if one.supports == {"embeddings"} else one.supports | {"chat"}
    return CAPABILITIES - able_to


def needs(asked: Asked | None, operation: Operation) -> frozenset[str]:
    """What a model must be able to do, in the words of `models.NAME.supports`; `chat` besides."""
    if operation is Operation.EMBEDDINGS:
        return frozenset({"embeddings"})
    if asked is None:
        return frozenset({"chat"})
    wanted = (("chat", True), ("tools", asked.tools), ("vision", asked.images), ("json", asked.json))
    return frozenset(name for name, is_wanted in wanted if is_wanted)


def tokens(asked: Asked) -> int:
    """About how many tokens the prompt has."""
    return asked.chars // CHARS_PER_TOKEN


def able(found: Sieved, asked: Asked | None, operation: Operation) -> Sieved:
    """Those that can do what is asked, as far as it is known what they can do."""
    wanted = needs(asked, operation)

    def unable(one: Candidate) -> str | None:
        missing = sorted(wanted & lacking(one))
        return f"it does not support {' and '.join(missing)}" if missing else None

    found = found.then(Filter.CAPABILITIES, unable)
    size = tokens(asked) if asked is not None else 0
    return found.then(
        Filter.CONTEXT,
        lambda one: (
            f"some {size} tokens are more than the {one.context} it reads"
            if one.context is not None and size > one.context
            else None
        ),
    )


def good_enough(found: Sieved, intent: str | None, least: float | None) -> Sieved:
    """Those of at least so much quality for this kind of request; who has none does not pass."""
    if least is None:
        return found

    def poor(one: Candidate) -> str | None:
        quality = one.quality_at(intent)
        if quality is None:
            return "nobody has said how good it is"
        return f"its quality is {quality:g}, below {least:g}" if quality < least else None

    return found.then(Filter.MIN_QUALITY, poor)


def refusal(name: str, found: Sieved) -> Refused:
    """What the caller is told where nothing is left: the filter that took the last one, and why."""
    last = found.emptied_by
    reasons = dict.fromkeys(one.reason for one in found.removed if one.removed_by is last)
    why = "; ".join(reasons) or "there is none"
    if last is Filter.CAPABILITIES:
        return Unsupported(f"No model of '{name}' can do this: {why}.", param="model", code="unsupported")
    if last is Filter.CONTEXT:
        return InvalidRequest(
            f"The prompt is too long for every model of '{name}': {why}.",
            param="messages",
            code="context_length_exceeded",
        )
    if last is Filter.MIN_QUALITY:
        return Overloaded(f"No model of '{name}' is good enough for this: {why}.", code="no_model_left")
    if last is Filter.MODELS:
        return Forbidden(f"This key may not use the model '{name}'.", param="model", code="models")
    return Forbidden(
        f"No model of '{name}' may serve this key: {why} (filter: {last}).", param="model", code=last
    )

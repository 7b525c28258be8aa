"""Chains of models put in order, and what keeps requests together: the conversation, the side of an
experiment."""

from __future__ import annotations

from hashlib import blake2b

from headgate.core.asked import Asked
from headgate.core.call import Call
from headgate.core.decision import Cascade, Verdict


def cascaded(cascade: Cascade | None, chain: tuple[str, ...]) -> Cascade | None:
    """The cascade, where its weak model goes first and its strong one may follow."""
    if cascade is None or chain[0] != cascade.weak or cascade.strong not in chain:
        return None
    return cascade


def led_by(model: str, chain: tuple[str, ...]) -> tuple[str, ...]:
    return chain if chain[0] == model else (model, *(one for one in chain if one != model))


def by_chain(chain: tuple[str, ...], verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """The verdicts in the order of the chain, then those of who was taken out."""
    if tuple(one.model_id for one in verdicts[: len(chain)]) == chain:
        return verdicts
    standing = {one.model_id: one for one in verdicts if one.removed_by is None}
    ordered = (standing.get(model) or Verdict(model_id=model) for model in chain)
    return (*ordered, *(one for one in verdicts if one.removed_by is not None))


def conversation(call: Call, asked: Asked | None) -> str | None:
    """The conversation a request belongs to, by the caller's word for it, else by how it began; apart for
    each tenant."""
    if call.session is not None:
        return f"{call.caller.tenant}/{call.session}"
    if asked is None or not asked.opening:
        return None
    text = f"{asked.system}\0{asked.opening}".encode("utf-8", "surrogatepass")
    return f"{call.caller.tenant}/~{blake2b(text, digest_size=8).hexdigest()}"


def unit_of(by: str, call: Call, asked: Asked | None, session: str | None) -> str:
    """What stays on one side of an experiment."""
    if by == "session":
        return session or call.request_id
    user = asked.user if by == "user" and asked else None
    return f"{call.caller.key}/{user}" if user else call.caller.key

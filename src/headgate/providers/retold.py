"""A kept answer in another form: as a stream where it was told whole, and the other way round.

It is read as an upstream's answer would be, and written as a translated one is. What the hub has no word for
(spoken words, quoted places) would be lost on the way, so such answers stay in the form they came in.

Known weakness: a system fingerprint and the like are lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from headgate.core.call import Operation, Payload
from headgate.core.chat import Spent
from headgate.core.errors import GatewayError
from headgate.core.reuse import Ending, Stored, told
from headgate.ports.codec import Decoder
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.openai import OpenAICodec
from headgate.providers.spec import STANDARD

LOST = re.compile(
    rb'"(?:audio|container)"\s*:\s*\{|"(?:annotations|citations)"\s*:\s*\[\s*\{|"(?:citations_delta|server_tool_use)"'
)
"""Members that have no place in the hub, where there is something in them."""

_DECODERS: dict[str, Callable[..., Decoder]] = {
    OpenAICodec.dialect: OpenAICodec(STANDARD).decoder,
    AnthropicCodec.dialect: AnthropicCodec(STANDARD).decoder,
}


def retold(answer: Stored, payload: Payload, *, marked: bool) -> Stored | None:
    """`marked`: see `core.reuse.Ending`. `None` where that form cannot be had."""
    decoders = _DECODERS.get(payload.dialect)
    whole = answer.body + told(answer.end, None)
    if decoders is None or payload.operation is not Operation.CHAT or LOST.search(whole):
        return None
    decoder = decoders(payload.operation, stream=answer.stream)
    try:
        events = [*decoder.feed(whole), *decoder.close()]
    except GatewayError:
        return None
    emitter = payload.emitter()
    body = emitter.feed([Spent(answer.usage), *(event for event in events if not isinstance(event, Spent))])
    end = Ending(emitter.tail, marked).known()
    return msgspec.structs.replace(answer, stream=payload.stream, body=body, end=end)

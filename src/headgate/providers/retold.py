"""A kept answer in another form: as a stream where it was told whole, and the other way round.

It is read as an upstream's answer would be, and written as a translated one is. An answer that has more in it
than the hub has words for (pictures, quoted places, calls of tools that are no functions) stays as it came.

Known weakness: a system fingerprint and the like are lost.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from headgate.core.call import Operation, Payload
from headgate.core.chat import Spent
from headgate.core.errors import GatewayError
from headgate.core.reuse import Ending, Stored, told
from headgate.ports.codec import Decoder
from headgate.providers.anthropic import AnthropicCodec
from headgate.providers.lossless import lossless
from headgate.providers.openai import OpenAICodec
from headgate.providers.spec import STANDARD

_DECODERS: dict[str, Callable[..., Decoder]] = {
    OpenAICodec.dialect: OpenAICodec(STANDARD).decoder,
    AnthropicCodec.dialect: AnthropicCodec(STANDARD).decoder,
}


def retold(answer: Stored, payload: Payload, *, marked: bool) -> Stored | None:
    """`marked`: see `core.reuse.Ending`. `None` where that form cannot be had."""
    decoders = _DECODERS.get(payload.dialect)
    if decoders is None or payload.operation is not Operation.CHAT:
        return None
    whole = answer.body + told(answer.end, None)
    if not lossless(payload.dialect, whole, stream=answer.stream):
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

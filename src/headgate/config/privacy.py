"""What is kept of what is said."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from headgate.config.kinds import Count, Name, OneOrMore, Share
from headgate.config.section import Section


class Capture(Section):
    """What a route keeps of requests and answers, once it has been redacted."""

    days: Count = Field(default=30, description="Days for which it is kept.")
    share: Share = Field(default=1.0, description="Share of requests of which it is kept.")
    max_bytes: Annotated[int, Field(ge=1, le=4_194_304)] = Field(
        default=65_536, description="Of a longer request or answer nothing is kept."
    )


class Redaction(Section):
    """What is taken out before anything of content is kept."""

    finders: Annotated[tuple[Name, ...], OneOrMore] = Field(
        default=(),
        description="What looks for more than keys, e-mail addresses, phone numbers, cards, IBANs, IP"
        " addresses and national ids: `presidio`, or the name of an entry point `headgate.finders`.",
    )

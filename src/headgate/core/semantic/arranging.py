"""One order for what may stand in two: a phrase or a clause in front of its question, or behind.

Known weakness: it is known by its first word and by the comma behind it.
"""

from __future__ import annotations

import re

from headgate.core.semantic.rewriting import Rule

_OPENS = (
    "if|when|while|after|before|because of|for|in|on|at|with|without|from|to|during|as|under|by|of|since"
    "|until|between|sous|pour|à|en|dans|si|quand|für|wenn|bei|im|nach|vor|para|con|sin|cuando|se|quando|em"
)
_ASKS = (
    "how|what|which|who|whom|whose|where|when|why|can|could|do|does|did|is|are|was|were|should|must|will|would"
    "|has|have|compare|write|give|list|explain|show|name|convert|draft|suggest|find|describe|make|create|tell"
    "|recommend|comment|quelle?s?|combien|est-ce|puis-je|wie|was|wann|wo|welche[rsmn]?|warum|kann|darf|muss"
    "|soll|qué|cómo|cuánt[oa]s?|cuándo|dónde|puedo|qual|quais|como|quant[oa]s?|posso"
)
FRONTED = re.compile(
    rf"^((?:{_OPENS}) [^?!.;:\n]{{2,100}}), ¿?((?:{_ASKS})\b[^!;:\n?]{{3,}}?)(\s*[?.!]*\s*)$", re.I
)


def _behind(found: re.Match[str]) -> str:
    front = found[1]
    return f"{found[2]} {front[0].lower()}{front[1:]}{found[3]}"


RULES: tuple[Rule, ...] = (((rf"^(?i:because|{_OPENS})$", ",$"), FRONTED, _behind),)
"""The question first."""

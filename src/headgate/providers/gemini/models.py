"""What a generation of models takes, read off its name.

Sources: ai.google.dev/gemini-api/docs/thinking, …/thought-signatures, …/openai. From Gemini 3 on, thinking is
set by level instead of by a budget of tokens, and a tool call of an earlier turn without its thought
signature is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

_GENERATION = re.compile(r"\bgemini-(\d{1,2})")


@lru_cache(maxsize=1024)
def thinks_by_level(model: str) -> bool:
    """A Gemini without a number (`gemini-flash-latest`) counts as the latest; other makers' names do not."""
    found = _GENERATION.search(model)
    return int(found[1]) >= 3 if found else "gemini-" in model


BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576}
"""Tokens of thinking by effort, for models that take a budget: those of the API's own OpenAI endpoint."""

LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH"}
EFFORTS = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}

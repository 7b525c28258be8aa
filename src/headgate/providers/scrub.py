"""Takes out of a provider's words what no client may see: keys, stack traces, file paths."""

from __future__ import annotations

import re

REDACTED = "[redacted]"

MAX_CHARS = 4000
"""A provider's message longer than this is cut: it is a page or a dump, not a message."""

_KEY = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|r8|nvapi|csk|pplx|tgp|ghp)[-_][A-Za-z0-9_\-*.…]{6,}"
    r"|\bAKIA[A-Z0-9]{12,}"
    r"|\bAIza[A-Za-z0-9_\-*.…]{6,}"
    r"|\bya29\.[A-Za-z0-9_\-.]{6,}"
    r"|\beyJ[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-]+){0,4}"
)
_LABELLED = re.compile(
    r"(\b(?:Bearer|Basic)\s+|\b(?:api[-_ ]?key|authorization)\b\W{1,4}|[?&](?:key|token)=)"
    r"(?=\S*[0-9*])[A-Za-z0-9_\-*.…+/=]{8,}",
    re.IGNORECASE,
)
_TRACE = re.compile(r"\s*Traceback \(most recent call last\).*", re.DOTALL)
_FRAME = re.compile(r'File "[^"\n]{1,400}"(?:, line \d+)?')
_PATH = re.compile(
    r"(?<![\w:/.\-])/(?:app|bin|data|etc|home|lib|mnt|opt|private|proc|root|run|srv|tmp|usr|var|workspace|Users)"
    r"/[\w.+\-/]+"
    r"|\b[A-Za-z]:\\[\w.+\-\\]+"
)


def scrub(text: str) -> str:
    """`text` without anything that looks like a key, a Python traceback or an absolute file path.

    Errs on the side of taking out too much. Linear in the length of `text`, which is cut at `MAX_CHARS`.
    """
    text = text[: MAX_CHARS + 1]
    text = _TRACE.sub("", text)
    text = _FRAME.sub(REDACTED, text)
    text = _PATH.sub(REDACTED, text)
    text = _KEY.sub(REDACTED, text)
    text = _LABELLED.sub(lambda found: found[1] + REDACTED, text)
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS] + "…"

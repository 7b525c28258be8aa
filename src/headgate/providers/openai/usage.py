"""OpenAI's token counts, which contain one another, as the hub's, which do not; and back."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from headgate.core.usage import Usage
from headgate.providers.openai import wire


def read(report: wire.UsageReport | None) -> Usage | None:
    """The report in disjoint classes; `None` where it reports nothing.

    Cached tokens are part of the prompt's, reasoning tokens of the completion's, except at providers
    whose total shows that reasoning comes on top (xAI).
    """
    if report is None or (report.prompt_tokens is None and report.completion_tokens is None):
        return None
    prompt, completion = report.prompt_tokens or 0, report.completion_tokens or 0
    if prompt < 0 or completion < 0:
        return None
    if report.prompt_tokens_details is None and report.completion_tokens_details is None:
        cached, written = report.prompt_cache_hit_tokens or 0, 0
    else:
        cached, written = _prompt_parts(report)
    details = report.completion_tokens_details
    reasoning = (details.reasoning_tokens or 0) if details else 0
    if not reasoning or report.total_tokens != prompt + completion + reasoning:
        completion = max(0, completion - reasoning)
    return Usage(
        input=max(0, prompt - cached - written),
        cache_read=cached,
        cache_write=written,
        output=completion,
        reasoning=reasoning,
        reported_total=report.total_tokens,
        estimated=bool(report.estimated or _guessed(report)),
    )


def unfit(error: msgspec.ValidationError) -> bool:
    """Whether it is the report that is not of the dialect, such as `7.0` tokens or a word: the answer is good
    all the same, and has not been counted."""
    return "at `$.usage" in str(error)


def _guessed(report: wire.UsageReport) -> bool:
    """Whether what was read is not told, or some of it is sound, whose price is not that of text."""
    heard, said = report.prompt_tokens_details, report.completion_tokens_details
    sound = (heard and heard.audio_tokens) or (said and said.audio_tokens)
    return report.prompt_tokens is None or bool(sound)


def _prompt_parts(report: wire.UsageReport) -> tuple[int, int]:
    """Tokens read from and written to the prompt cache."""
    details = report.prompt_tokens_details
    cached = details.cached_tokens if details else None
    if cached is None:
        cached = report.prompt_cache_hit_tokens
    return cached or 0, (details.cache_write_tokens or 0) if details else 0


class _PromptDetails(msgspec.Struct):
    cached_tokens: int
    cache_write_tokens: int | UnsetType = UNSET


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int


class Report(msgspec.Struct):
    """`usage` of an answer, as OpenAI writes it."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails
    completion_tokens_details: _CompletionDetails
    estimated: bool | UnsetType = UNSET


class EmbeddingsReport(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int
    estimated: bool | UnsetType = UNSET


def write(usage: Usage) -> Report:
    return Report(
        usage.prompt,
        usage.completion,
        usage.total,
        _PromptDetails(usage.cache_read, usage.cache_write or UNSET),
        _CompletionDetails(usage.reasoning),
        usage.estimated or UNSET,
    )


def write_embeddings(usage: Usage) -> EmbeddingsReport:
    return EmbeddingsReport(usage.prompt, usage.total, usage.estimated or UNSET)

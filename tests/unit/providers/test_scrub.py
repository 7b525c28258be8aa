from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.scrub import MAX_CHARS, scrub


@pytest.mark.parametrize(
    "key",
    [
        "sk-0123456789abcdef0123",
        "sk-proj-Ab_c-0123456789",
        "sk-ant-api03-AbCdEfGh-0123_456",
        "sk-or-v1-0123456789abcdef",
        "sk-abc***************wxyz",
        "gsk_0123456789abcdef",
        "xai-0123456789abcdef",
        "hf_abcdefghijkl",
        "AIzaSyA-0123456789_abcdefghij",
        "AKIAIOSFODNN7EXAMPLE",
        "ya29.a0AfH6SMB0123",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    ],
)
@pytest.mark.parametrize(
    "text", ["{}", "Incorrect API key provided: {}. See https://x.y/z.", '{{"key":"{}"}}', "({})"]
)
def test_a_key_is_taken_out_wherever_it_stands(key: str, text: str) -> None:
    shown = scrub(text.format(key))
    assert "[redacted]" in shown
    assert not any(key[i : i + 6] in shown for i in range(len(key) - 5))


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcd1234efgh5678",
        "bearer abcd1234efgh5678 is not valid",
        "x-api-key: abcd1234efgh5678",
        "api_key=abcd1234efgh5678",
        "https://host/path?key=abcd1234efgh5678&alt=sse",
        "Basic YWxhZGRpbjpvcGVu1234efgh5678",
    ],
)
def test_what_stands_where_a_key_stands_is_taken_out(text: str) -> None:
    assert "efgh5678" not in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "Rate limit reached for gpt-4.1 in organization org-AbC on tokens per min (TPM): Limit 30000.",
        "risk-management and task-specific wording, desk-bound",
        "See https://platform.openai.com/docs/guides/error-codes/api-errors for details.",
        "Bearer token is missing",
        "You didn't provide an API key.",
        "and/or, 1/2, a/b/c, /v1/chat/completions",
        "The model `qwen/qwen3-8b` does not exist",
        "",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see /home/ann/app/main.py for it", "see [redacted] for it"),
        ("in /usr/lib/python3.11/site-packages/vllm/engine.py", "in [redacted]"),
        (r"C:\models\a.gguf not found", "[redacted] not found"),
        ('boom\nTraceback (most recent call last):\n  File "x.py", line 3\nKeyError', "boom"),
        ('File "/opt/x.py", line 3, in f', "[redacted], in f"),
    ],
)
def test_paths_and_traces_are_taken_out(text: str, shown: str) -> None:
    assert scrub(text) == shown


def test_a_dump_is_cut() -> None:
    assert len(scrub("a" * 1_000_000)) == MAX_CHARS + 1


@given(st.text(st.sampled_from("sk-_/AIzaBearer .*01:\\\"'=?&\n"), max_size=300))
def test_what_is_scrubbed_stays_scrubbed(text: str) -> None:
    once = scrub(text)
    assert len(once) <= max(len(text) * 11, MAX_CHARS + 1)

"""Lines for programs and lines for people."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.adapters.logs import JsonFormatter, TextFormatter, configure


def record(message: str = "event", **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("headgate.test", logging.WARNING, "x.py", 1, message, (), None)
    made.created, made.msecs = 1_760_000_000.25, 250.0
    made.fields = fields
    return made


def test_json_is_one_object_a_line() -> None:
    line = json.loads(JsonFormatter().format(record(requested="auto", tags=("a",), cost_usd=0.5)))
    assert line == {
        "at": "2025-10-09T08:53:20.250Z",
        "level": "warning",
        "logger": "headgate.test",
        "event": "event",
        "requested": "auto",
        "tags": ["a"],
        "cost_usd": 0.5,
    }


def test_text_has_the_fields_too() -> None:
    line = TextFormatter().format(record(upstream="p/m#2", reason="is down", attempts=3, stream=False))
    assert line.endswith('WARNING event upstream=p/m#2 reason="is down" attempts=3 stream=false')


@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_said_stays_on_its_line(event: str, value: str) -> None:
    """No caller can write a line of its own into the log."""
    assert "\n" not in JsonFormatter().format(record("e", value=value))
    assert JsonFormatter().format(record(event.replace("%", ""), value=value)).count("\n") == 0
    line = TextFormatter().format(record("e", value=value))
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_an_exception_is_written_with_its_trace(formatter: logging.Formatter) -> None:
    made = record("broke", request_id="req-1")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        made.exc_info = sys.exc_info()
    line = formatter.format(made)
    assert "ZeroDivisionError" in line
    assert "req-1" in line.partition("Traceback")[0] or "req-1" in json.loads(line)["request_id"]


def test_configuring_again_replaces(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure(level="info", as_json=True)
        configure(level="warning", as_json=False)
        logging.getLogger("headgate").info("quiet")
        logging.getLogger("headgate").warning("loud")
    finally:
        root.handlers[:], root.level = before
    said = capsys.readouterr().err
    assert "quiet" not in said
    assert said.count("loud") == 1

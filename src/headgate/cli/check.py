"""`headgate check`: is this file right, and if not, where?"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import typer

from headgate.config.check import ConfigError, report
from headgate.config.load import load
from headgate.config.load import schema as settings_schema


def check(file: Path, *, as_json: bool) -> int:
    """Prints every problem, or a line that says what the file holds. The exit code: 0 right, 2 wrong."""
    try:
        settings = load(file)
    except ConfigError as error:
        problems = [msgspec.structs.asdict(problem) for problem in error.problems]
        typer.echo(json.dumps({"problems": problems}) if as_json else report(error.problems), err=not as_json)
        return 2
    if as_json:
        typer.echo(json.dumps({"problems": []}))
    else:
        sections = ("providers", "models", "routes", "keys")
        held = ", ".join(_counted(len(getattr(settings, name)), name) for name in sections)
        typer.echo(f"{file}: {held}. No problem found.")
    return 0


def _counted(number: int, things: str) -> str:
    return f"{number} {things[:-1] if number == 1 else things}"


def schema() -> str:
    """The JSON Schema of a configuration file."""
    return json.dumps(settings_schema(), indent=2)

"""The table for people and the file for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import machine
from bench.measures import Rig
from bench.processes import ROOT
from bench.rows import Row


def _number(value: float | None, unit: str = "") -> str:
    """Three significant digits or whole numbers, with the unit."""
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return f"{text} {unit}" if unit not in ("", "×") else text + unit


def _verdict(row: Row) -> str:
    if row.ok is None:
        return ""
    return "[green]ok[/]" if row.ok else "[bold red]over[/]"


def _value(row: Row) -> str:
    text = _number(row.value, row.value_unit)
    if row.spread is None:
        return text
    low, high = (_number(edge) for edge in row.spread)
    return f"{text} [dim]({low} to {high})[/]"


def table(rig: Rig, title: str) -> Table:
    """One line a row; the value in brackets' company is its lower to upper quartile over the rounds."""
    shown = Table(title=title, title_justify="left", caption_justify="left")
    shown.add_column("what")
    shown.add_column("bare", justify="right")
    shown.add_column("gateway", justify="right")
    shown.add_column("ratio or value (quartiles)", justify="right")
    shown.add_column("target", justify="right")
    shown.add_column("")
    for row in rig.found.rows:
        target = "" if row.target is None else f"≤ {row.target:g}"
        shown.add_row(
            row.what,
            _number(row.bare, row.unit),
            _number(row.gateway, row.unit),
            _value(row),
            target,
            _verdict(row),
        )
    shown.caption = f"{rig.cores}. {_speed(rig)}"
    return shown


def _speed(rig: Rig) -> str:
    if not rig.speeds:
        return ""
    ratio = max(rig.speeds) / min(rig.speeds)
    return f"The gateway's core ran at speeds that differed by a factor of {ratio:.1f}."


def document(rig: Rig, *, command: str, quick: bool, took_s: float) -> dict[str, Any]:
    """Everything: the machine, the effort, the rows and the raw numbers they came from."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "revision": machine.revision(ROOT),
        "gateway": command,
        "quick": quick,
        "took_s": round(took_s, 1),
        "machine": machine.facts() | {"placement": str(rig.cores), "spin_ns": rig.speeds},
        "upstreams": {"documents": rig.documents.name, "streams": rig.streams.name},
        "effort": asdict(rig.effort),
        "rows": [row.as_dict() for row in rig.found.rows],
        "raw": rig.found.raw,
        "problems": rig.found.problems,
    }


def save(found: dict[str, Any], folder: Path) -> Path:
    """Writes `<date>-<hash>.json`; a second run on the same day of the same tree gets a number."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{found['when'][:10]}-{found['revision'].replace('+', '-dirty')}"
    path = folder / f"{stem}.json"
    number = 2
    while path.exists():
        path = folder / f"{stem}-{number}.json"
        number += 1
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return path


def print_problems(console: Console, problems: list[str]) -> None:
    console.print(f"[bold red]{len(problems)} wrong answers: no number above may be believed.[/]")
    for problem in problems[:5]:
        console.print(problem, markup=False, highlight=False)

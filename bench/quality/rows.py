"""What a measurement says, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One number. `reach` is what was promised, `published` the best that others have told, both as text."""

    what: str
    value: float
    digits: int = 3
    reach: str = ""
    published: str = ""
    note: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A section of the report. `missing` says what could not be measured, and why."""

    title: str
    rows: tuple[Row, ...] = ()
    missing: str = ""


def show(sections: Sequence[Measured], console: Console) -> None:
    for section in sections:
        if section.missing:
            console.print(f"{section.title}: not measured, {section.missing}", highlight=False)
            continue
        console.print(_table(section))


def _table(section: Measured) -> Table:
    table = Table(title=section.title, title_justify="left", box=None, pad_edge=False)
    for name in ("what", "measured", "reach", "published", ""):
        table.add_column(name, justify="right" if name == "measured" else "left", overflow="fold")
    for row in section.rows:
        table.add_row(row.what, f"{row.value:.{row.digits}f}", row.reach, row.published, row.note)
    return table

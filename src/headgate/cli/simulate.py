"""`headgate simulate`: what would this gateway do with that traffic? A day in a minute, in virtual time.

Reading the scenario is `config`'s (scenario, stage), its arithmetic `core`'s (arrivals, draws, prompts,
spread). Playing it needs the settings, the assembled gateway and the virtual loop together, which only
commands may have: so `playing`, `notes`, `played`, `tables` and `plot` stand beside this module, and no room
was built for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from headgate.cli import plot as picture
from headgate.cli.playing import Tick, play
from headgate.cli.tables import show
from headgate.config.check import ConfigError, Problem, report
from headgate.config.load import process_environment
from headgate.config.stage import Stage, load

SHIPPED = files("headgate") / "scenarios"
SUFFIX = ".yaml"
FILE_WIDTH = 120
"""Characters in a line, where nobody watches."""


def simulate(scenario: str, *, as_json: bool, plot: Path | None, seed: int | None) -> int:
    """Plays the scenario: a file, or the name of one that comes with Headgate. The exit code: 0 it was
    played, 2 it is not right."""
    try:
        if plot is not None:
            picture.check(plot)
        stage = _stage(scenario)
    except ConfigError as error:
        return _wrong(error, as_json=as_json)
    except picture.NoPlot as error:
        typer.echo(str(error), err=True)
        return 2
    started = time.process_time()
    with _progress(stage) as tick:
        result = play(stage, seed=seed, tick=tick)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
    else:
        console = Console()
        if not console.is_terminal:
            console.width = FILE_WIDTH
        show(console, result, took_s=time.process_time() - started)
    if plot is not None:
        picture.plot(result, plot)
        typer.echo(f"The picture is in {plot}", err=True)
    return 0


def shipped() -> list[str]:
    """Names of the scenarios that come with Headgate."""
    return sorted(one.name.removesuffix(SUFFIX) for one in SHIPPED.iterdir() if one.name.endswith(SUFFIX))


def _stage(scenario: str) -> Stage:
    """The scenario in the file of that name, or of those that come with Headgate. Raises `ConfigError`."""
    file = Path(scenario)
    if not file.exists() and scenario in shipped():
        with as_file(SHIPPED / f"{scenario}{SUFFIX}") as own:
            return load(own, process_environment())
    if not file.exists():
        message, hint = "there is no such file", f"by name there are: {', '.join(shipped())}"
        raise ConfigError([Problem(path="", message=message, hint=hint, file=scenario)])
    return load(file, process_environment())


def _wrong(error: ConfigError, *, as_json: bool) -> int:
    if as_json:
        problems = [msgspec.structs.asdict(problem) for problem in error.problems]
        typer.echo(msgspec.json.encode({"problems": problems}).decode())
    else:
        typer.echo(report(error.problems), err=True)
    return 2


@contextmanager
def _progress(stage: Stage) -> Iterator[Tick | None]:
    """A bar on a terminal: how much of the virtual time has passed."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        bar = progress.add_task(stage.scenario.title or "simulating", total=stage.scenario.duration_s)
        yield lambda gone_s: progress.update(bar, completed=gone_s)

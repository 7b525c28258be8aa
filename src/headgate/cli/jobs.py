"""`headgate jobs`: requests that are answered later, as their store has them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from headgate.assemble.jobs import jobs as kept_at
from headgate.cli.noted import noted
from headgate.config.check import ConfigError
from headgate.config.load import load
from headgate.config.tree import Settings
from headgate.core.job import Job, document
from headgate.ports.jobs import Jobs, JobsGone

DEFAULT_FILE = Path("headgate.yaml")
FAR_US = 1 << 62

T = TypeVar("T")

jobs = typer.Typer(help="Requests that are answered later: look at them, try again.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--config", help="The configuration file.")]
Id = Annotated[str, typer.Argument(help="The job's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write for programs.")]


@jobs.command("list")
def list_(
    config: File = DEFAULT_FILE,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the youngest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """What there is, of everybody. Neither prompts nor answers are shown."""

    async def work(store: Jobs) -> tuple[list[Job], dict[str, int]]:
        return await store.of(None, "", limit), await store.counts()

    found, counts = _asked(_settings(config), config, work)
    rows = [_row(job) for job in found]
    if as_json:
        typer.echo(json.dumps({"data": rows, "counts": counts}))
    else:
        _show(rows, counts)


@jobs.command()
def show(job_id: Id, config: File = DEFAULT_FILE) -> None:
    """One of them as its caller sees it, with its answer."""
    job = _asked(_settings(config), config, lambda store: store.find(job_id))
    if job is None:
        _stop(f"there is no job {job_id}", 1)
    told = {"tenant": job.tenant, "key": job.key} | document(job, _now_us())
    typer.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())


@jobs.command()
def retry(job_id: Id, config: File = DEFAULT_FILE) -> None:
    """Begin one anew that failed or expired. Whichever gateway is running takes it."""
    settings, now_us = _settings(config), _now_us()
    until_us = now_us + int(settings.jobs.expires_s * 1e6)
    if not _asked(settings, config, lambda store: store.again(job_id, now_us, until_us)):
        _stop(f"there is no job {job_id} that failed or expired", 1)
    noted(settings, config, "job.retry", job_id)
    typer.echo(f"{job_id} is queued again")


@jobs.command()
def purge(config: File = DEFAULT_FILE) -> None:
    """Forget all that are over, with their answers."""
    settings = _settings(config)
    count = _asked(settings, config, lambda store: store.sweep(_now_us(), FAR_US))
    noted(settings, config, "job.purge", "jobs", f"jobs={count}")
    typer.echo(f"{count} jobs forgotten")


def _settings(config: Path) -> Settings:
    try:
        return load(config)
    except ConfigError as error:
        _stop(str(error), 2)


def _asked(settings: Settings, config: Path, work: Callable[[Jobs], Awaitable[T]]) -> T:
    async def whole(store: Jobs) -> T:
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        store = kept_at(settings, config)
        if not store.durable:
            _stop("jobs are in the gateway's memory alone: store.url is off", 1)
        return asyncio.run(whole(store))
    except ImportError:
        _stop("store.url is set, but the client is not installed (pip install 'headgate[postgres]')", 1)
    except JobsGone as error:
        _stop(f"jobs cannot be read: {error}", 1)


def _row(job: Job) -> dict[str, Any]:
    return {"tenant": job.tenant, "key": job.key, **document(job, _now_us(), brief=True)}


def _show(rows: list[dict[str, Any]], counts: dict[str, int]) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("id", "status", "tenant", "key", "model", "attempts", "created"):
        table.add_column(name, overflow="fold")
    for row in rows:
        created = datetime.fromtimestamp(row["created_at"], UTC).isoformat(timespec="seconds")
        cells = [row[name] for name in ("id", "status", "tenant", "key", "model", "attempts")]
        table.add_row(*map(str, cells), created)
    console = Console()
    console.print(table)
    console.print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "no jobs")


def _now_us() -> int:
    return int(datetime.now(UTC).timestamp() * 1e6)  # noqa: TID251 - a command is its own clock


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)

"""The `headgate` command. Each command imports what it needs when it is called: starting must be quick."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from headgate import __version__

app = typer.Typer(
    name="headgate",
    help="A self-hosted AI gateway: one endpoint in front of every model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DEFAULT_FILE = Path("headgate.yaml")

File = Annotated[
    Path | None,
    typer.Option("--config", help=f"Configuration file; without it {DEFAULT_FILE}, if there is one."),
]
Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.")]


@app.callback(invoke_without_command=True)
def version(
    context: typer.Context,
    shown: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if shown:
        typer.echo(f"headgate {__version__}")
        raise typer.Exit


@app.command()
def serve(
    config: File = None,
    host: Host = None,
    port: Port = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that share the port.")] = None,
) -> None:
    """Run the gateway. Without a file it serves every provider it finds in the environment."""
    from headgate.cli import serve as command
    from headgate.config.check import ConfigError

    try:
        raise typer.Exit(command.serve(_file(config), host=host, port=port, workers=workers))
    except ConfigError as error:
        _wrong(error)


@app.command()
def check(
    config: File = None,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write for programs.")] = False,
) -> None:
    """Check a configuration file: every problem with its place. Exit code 2 if there is one."""
    from headgate.cli import check as command

    if schema:
        typer.echo(command.schema())
        return
    raise typer.Exit(command.check(_file(config) or DEFAULT_FILE, as_json=as_json))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop when the workload is done.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8080,
) -> None:
    """Start the gateway with simulated providers, send it a small workload and show what it decided."""
    from headgate.cli import demo as command

    raise typer.Exit(command.demo(once=once, port=port))


@app.command()
def route(
    prompt: Annotated[str, typer.Argument(help="What would be asked.")],
    model: Annotated[str, typer.Option(help="Route, model or agent that would be asked.")] = "auto",
    key: Annotated[
        str | None, typer.Option(help="Name of the key that would ask; without it one that may all.")
    ] = None,
    config: File = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write for programs.")] = False,
) -> None:
    """Explain which model a prompt would go to, and why. Asks nobody."""
    from headgate.cli import route as command
    from headgate.config.check import ConfigError

    try:
        raise typer.Exit(command.route(_file(config), prompt, model=model, key=key, as_json=as_json))
    except ConfigError as error:
        _wrong(error)


@app.command()
def simulate(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of one that comes along.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write for programs.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw a picture too: a file .svg or .png.")] = None,
    seed: Annotated[int | None, typer.Option(help="Luck of another kind than the scenario's.")] = None,
) -> None:
    """Play a scenario in virtual time: capacity, waits by tier, refusals, cost. A day takes a minute."""
    from headgate.cli import simulate as command

    raise typer.Exit(command.simulate(scenario, as_json=as_json, plot=plot, seed=seed))


def _file(given: Path | None) -> Path | None:
    return given or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)


def _wrong(error: Exception) -> None:
    typer.echo(str(error), err=True)
    raise typer.Exit(2)


def main() -> None:
    """The console script. Some commands bring their own options along, which only those wait for who ask."""
    if sys.argv[1:2] not in (["serve"], ["check"], ["demo"], ["route"], ["simulate"], ["router"]):
        from headgate.cli.audit import app as audit
        from headgate.cli.keys import keys
        from headgate.cli.sim_providers import sim_providers
        from headgate.cli.usage import usage

        app.command("sim-providers")(sim_providers)
        app.command("usage")(usage)
        app.add_typer(audit, name="audit")
        app.add_typer(keys, name="keys")
    if sys.argv[1:2] in (["cache"], ["--help"], []):
        from headgate.cli.cache import cache

        app.add_typer(cache, name="cache")
    if sys.argv[1:2] in (["jobs"], ["--help"], []):
        from headgate.cli.jobs import jobs

        app.add_typer(jobs, name="jobs")
    if sys.argv[1:2] in (["router"], ["--help"], []):
        from headgate.cli.router import app as router

        app.add_typer(router, name="router")
    try:
        app()
    finally:
        _flush()


def _flush() -> None:
    """What is left to print; nothing where nobody reads any more, as behind `| head`. The interpreter would
    complain about that when it ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

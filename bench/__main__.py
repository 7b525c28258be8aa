"""`python -m bench`: measures the gateway beside a bare pass-through and prints the table."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import uvloop
from rich.console import Console

from bench import config, machine, report
from bench.measures import MEASURES, QUICK, Effort, Rig
from bench.processes import ROOT, BenchError, bare, document_upstream, end_with_us, python_upstream, running


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute, and rougher")
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="may be repeated")
    parser.add_argument("--rounds", type=int, metavar="N", help="pairs of slices per measure")
    parser.add_argument("--strict", action="store_true", help="exit 1 where a target is missed")
    parser.add_argument("--gateway-cmd", default=config.GATEWAY, metavar="CMD", help="see README.md")
    parser.add_argument(
        "--gateway-config", type=Path, metavar="FILE", help="a configuration for that command"
    )
    parser.add_argument("--null", action="store_true", help="the bare pass-through against itself")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results", metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print the result file instead of the table")
    return parser.parse_args(argv)


def _effort(options: argparse.Namespace) -> Effort:
    effort = QUICK if options.quick else Effort()
    return replace(effort, rounds=max(5, options.rounds)) if options.rounds else effort


@contextmanager
def rigged(at: Path, effort: Effort, recipe: config.Recipe) -> Iterator[Rig]:
    """Both upstreams, the bare pass-through and the gateway, all listening."""
    cores = machine.cores()
    machine.raise_file_limit()
    os.sched_setaffinity(0, cores.others)
    with ExitStack() as stack:
        documents = stack.enter_context(running(document_upstream(at, cores=cores.others)))
        streams = stack.enter_context(running(python_upstream(at, cores=cores.others)))
        plain = bare(at, json_port=documents.port, sse_port=streams.port, cores=cores.gateway)
        rig = Rig(at, cores, effort, recipe, documents, streams, plain, plain)
        rig.gateway = rig.new_gateway()
        stack.enter_context(running(rig.bare))
        stack.enter_context(running(rig.gateway))
        machine.wait_until_idle(rig.gateway.pid)
        yield rig


async def _measure(rig: Rig, names: list[str], notes: Console) -> None:
    for name in names:
        began = time.perf_counter()
        with notes.status(f"measuring {name} …"):
            await MEASURES[name](rig)
        notes.print(f"[dim]{name}: {time.perf_counter() - began:.0f} s[/]")


def main(argv: list[str] | None = None) -> int:
    options = _options(argv)
    notes = Console(stderr=True)
    console = Console() if sys.stdout.isatty() else Console(width=130)
    recipe = config.Recipe(config.BARE if options.null else options.gateway_cmd, options.gateway_config)
    effort, names = _effort(options), options.only or list(MEASURES)
    gc.disable()
    end_with_us()
    began = time.perf_counter()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-") as at,
            rigged(Path(at), effort, recipe) as rig,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(_measure(rig, names, notes))
            took_s = time.perf_counter() - began
            found = report.document(rig, command=recipe.command, quick=options.quick, took_s=took_s)
    except BenchError as error:
        notes.print(f"bench: {error}", style="red", markup=False, highlight=False)
        return 1
    path = report.save(found, options.out)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        title = f"Headgate bench, {found['when'][:10]}, {found['revision']}" + (
            ", quick" if options.quick else ""
        )
        console.print(report.table(rig, title))
    notes.print(f"[dim]everything: {path}[/]", highlight=False)
    if rig.found.problems:
        report.print_problems(notes, rig.found.problems)
        return 1
    missed = [row.what for row in rig.found.rows if row.ok is False]
    return 1 if missed and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())

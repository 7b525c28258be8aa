"""`headgate router`: trains a router on outcomes of two models, and measures one."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from headgate.core.learned.gain import Measured
    from headgate.core.learned.router import Trained
    from headgate.core.learned.train import Outcome
    from headgate.ports.embedder import Embedder

app = typer.Typer(help="Train and measure a router that learns from outcomes.", no_args_is_help=True)

Data = Annotated[
    Path, typer.Argument(help="JSON lines, plain or .gz: {prompt, topic?, correct: {model: 0..1}, answer?}.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write for programs.")]


@app.command()
def train(
    data: Data,
    weak: Annotated[str, typer.Option(help="The cheaper model, as the data calls it.")],
    strong: Annotated[str, typer.Option(help="The better model, as the data calls it.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Where to write the router.")],
    embedder: Annotated[str, typer.Option(help="auto, wordllama, hashed, or sentence:MODEL.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="The same seed and data give the same file.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Learn when a weak model is good enough, and when a strong one is worth its price."""
    with _reported():
        from headgate.core.learned import form
        from headgate.core.learned.train import stages
        from headgate.core.learned.train import train as fitted

        rows = _rows(data, weak, strong)
        local = _embedder(embedder)
        with _progress(stages(rows)) as step:
            trained = fitted(rows, local, weak=weak, strong=strong, seed=seed, step=step)
        _write(out, form.dumped(trained))
    _say(_summary(out, trained), as_json, _told)


@app.command("eval")
def evaluate(
    data: Data,
    router: Annotated[Path, typer.Option(help="What training wrote.")],
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Measure the judge of the weak model's answers instead.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap interval.")] = 0,
    as_json: AsJson = False,
) -> None:
    """How much of the gap between the models a router closes: APGR and CPT, as RouteLLM defines them."""
    with _reported():
        from headgate.core.learned.gain import measure
        from headgate.core.learned.train import outcomes

        trained = _router(router)
        rows = _rows(data, trained.weak, trained.strong)
        if cascade:
            rows = [row for row in rows if trained.weak in row.answer]
        if not rows:
            raise ValueError(f"{data}: no row has an answer of '{trained.weak}' to judge")
        scores = _answers_judged(trained, rows) if cascade else _questions_scored(trained, rows)
        weak, strong = outcomes(rows, trained.weak), outcomes(rows, trained.strong)
        if weak.mean() == strong.mean():
            raise ValueError(f"{data}: both models are right equally often here: there is no gap to close")
        found = measure(scores, weak, strong, seed=seed)
    _say(_measured(found, trained), as_json, _told)


def _questions_scored(trained: Trained, rows: Sequence[Outcome]) -> Any:
    local = _embedder_of(trained.embedder)
    return trained.scores([row.prompt for row in rows], local)


def _answers_judged(trained: Trained, rows: Sequence[Outcome]) -> Any:
    from headgate.core.learned.router import by_rules, judged

    features = judged([(row.prompt, row.answer[trained.weak]) for row in rows])
    return trained.answers.doubts(features) if trained.answers else by_rules(features)


def _rows(file: Path, weak: str, strong: str) -> list[Outcome]:
    """Those that know both models. Raises `ValueError` where there is none, with the names there are."""
    from headgate.adapters.outcomes import read

    rows = read(file)
    both = [row for row in rows if weak in row.correct and strong in row.correct]
    if weak == strong:
        raise ValueError("--weak and --strong are the same model")
    if not both:
        known = sorted({model for row in rows for model in row.correct})
        missing = next((one for one in (weak, strong) if one not in known), weak)
        near = get_close_matches(missing, known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"it knows {', '.join(known[:10]) or 'no model'}"
        raise ValueError(f"{file}: no row knows both '{weak}' and '{strong}'; of '{missing}': {hint}")
    if len(both) < len(rows):
        typer.echo(f"{len(rows) - len(both)} rows without both models are left out.", err=True)
    return both


def _router(file: Path) -> Trained:
    from headgate.core.learned.form import Unusable, loaded

    try:
        return loaded(file.read_bytes())
    except Unusable as error:
        raise ValueError(f"{file}: {error}") from None


def _embedder(name: str) -> Embedder:
    from headgate.adapters.embed import local

    return local(name)


def _embedder_of(identity: str) -> Embedder:
    """The embedder of this id. Raises `ValueError` where this installation has another."""
    family = identity.partition("-")[0].partition("/")[0]
    found = _embedder(family if family in ("wordllama", "hashed") else "auto")
    if found.id != identity:
        raise ValueError(f"the router was trained with the embedder {identity}, and this is {found.id}")
    return found


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all: a gateway may be about to read it."""
    beside = file.with_name(file.name + ".new")
    beside.write_bytes(data)
    beside.replace(file)


def _summary(file: Path, trained: Trained) -> dict[str, Any]:
    ladder = trained.question_ladder
    bar = ladder.threshold(0.95)
    return {
        "router": str(file),
        "rows": trained.rows,
        "weak": trained.weak,
        "strong": trained.strong,
        "embedder": trained.embedder,
        "judges_answers": trained.answers is not None,
        "weak_accuracy": round(ladder.weak, 4),
        "strong_accuracy": round(ladder.strong, 4),
        "strong_share_at_95": round(1 - ladder.rank(bar), 4) if bar > float("-inf") else 1.0,
    }


def _measured(found: Measured, trained: Trained) -> dict[str, Any]:
    return {
        "apgr": round(found.apgr, 4),
        "interval": [round(one, 4) for one in found.interval],
        "cpt50": round(100 * found.cpt50, 2),
        "cpt80": round(100 * found.cpt80, 2),
        "rows": found.rows,
        "weak": trained.weak,
        "strong": trained.strong,
        "weak_accuracy": round(found.weak, 4),
        "strong_accuracy": round(found.strong, 4),
    }


def _told(document: dict[str, Any]) -> str:
    width = max(map(len, document))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in document.items())


def _say(document: dict[str, Any], as_json: bool, people: Callable[[dict[str, Any]], str]) -> None:
    typer.echo(json.dumps(document) if as_json else people(document))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal; nothing anywhere else."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=total)
        yield lambda: bar.advance(task)


@contextmanager
def _reported() -> Iterator[None]:
    """What is wrong with the data, the file or the options is told, with exit code 2; what cannot be read,
    written or found installed, with 1."""
    try:
        from headgate.adapters.outcomes import BadData

        try:
            yield
        except (BadData, ValueError) as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
    except ImportError as error:
        typer.echo(f"{error}; this needs: pip install 'headgate[embed]'", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"{error.filename}: {error.strerror}", err=True)
        raise typer.Exit(1) from None

"""`headgate cache`: what is kept, how often it served, and what should be known before anybody asks."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from headgate.assemble.likeness import register
from headgate.assemble.stores import shelf
from headgate.cli.noted import noted
from headgate.config.check import ConfigError
from headgate.config.load import load
from headgate.config.tree import Settings
from headgate.ports.cache import Extent, Shelf, ShelfGone
from headgate.ports.neighbours import Register, RegisterGone

DEFAULT_FILE = Path("headgate.yaml")
PATIENCE_S = 2.0
ANSWERED_WITHIN_S = 600.0
SHOWN_PROBLEMS = 5

cache = typer.Typer(help="What is kept: count it, forget it, have it ready.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--config", help="The configuration file.")]
Url = Annotated[str | None, typer.Option(help="A running gateway; default: where `server` listens.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write for programs.")]


@cache.command()
def stats(config: File = DEFAULT_FILE, url: Url = None, as_json: AsJson = False) -> None:
    """How often answers were used again, by kind and by tenant, and what that saved."""
    settings = _settings(config)
    page = _page(_address(settings, url))
    behind = shelf(settings)
    extent = asyncio.run(_asked(behind, "extent")) if behind else None
    if page is None and extent is None:
        _stop("no gateway answers, and nothing is kept outside of one", 1)
    told = _told(page or "", extent)
    typer.echo(json.dumps(told)) if as_json else _show(told)


@cache.command()
def clear(config: File = DEFAULT_FILE) -> None:
    """Forget all that is kept in the stores, answers and questions; running gateways do too, within two
    seconds."""
    settings = _settings(config)
    behind = shelf(settings)
    if behind is None:
        _stop("cache.store is memory: what is kept is in each process alone, until it is restarted", 1)
    try:
        questions = register(settings)
    except ImportError as error:
        _stop(f"cache.semantic.store needs a client that is not installed: {error}", 1)
    count = asyncio.run(_asked(behind, "clear"))
    told = f"{count} answers forgotten"
    if questions is not None:
        known = asyncio.run(_asked(questions[1], "clear"))
        told += f", {known} questions forgotten"
    noted(settings, config, "cache.clear", settings.cache.store, told)
    typer.echo(told)


@cache.command()
def warm(
    file: Annotated[Path, typer.Argument(help="A question a line: text, or a request's JSON body.")],
    config: File = DEFAULT_FILE,
    url: Url = None,
    model: Annotated[str, typer.Option(help="Whom to ask, where a line does not say.")] = "auto",
    key: Annotated[str | None, typer.Option(help="Name of the key to ask by; default: the first.")] = None,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Questions under way at once.")] = 4,
) -> None:
    """Ask a running gateway everything in FILE, so that it knows the answers: for the tenant of the key."""
    settings = _settings(config)
    try:
        bodies = list(_bodies(file.read_text(encoding="utf-8"), model))
    except (OSError, ValueError) as error:
        _stop(f"{file}: {error}", 2)
    found = [one.key.reveal() for one in settings.keys if key in (None, one.name)]
    if key is not None and not found:
        _stop(f"there is no key {key!r}: one of {', '.join(one.name for one in settings.keys)}", 2)
    results: Counter[str] = Counter()
    address, shown = _address(settings, url), found[0] if found else ""
    console = Console(stderr=True)
    with ThreadPoolExecutor(at_once) as pool:
        answers = pool.map(lambda body: _ask(address, shown, body), bodies)
        bar = track(answers, "warming", len(bodies), console=console, transient=True)
        results.update(bar if console.is_terminal else answers)
    known, asked = results.pop("HIT", 0), results.pop("MISS", 0)
    typer.echo(f"{asked} asked, {known} known already, {results.total()} not kept")
    for problem, count in results.most_common(SHOWN_PROBLEMS):
        typer.echo(f"  {count} × {problem}", err=True)
    raise typer.Exit(1 if results else 0)


def _bodies(text: str, model: str) -> Iterator[bytes]:
    """What to ask, line by line. Raises `ValueError` with the line."""
    for number, line in enumerate(text.splitlines(), 1):
        if not (said := line.strip()):
            continue
        try:
            asked = json.loads(said) if said.startswith("{") else said
        except ValueError as error:
            raise ValueError(f"line {number} is not JSON: {error}") from None
        if isinstance(asked, str):
            asked = {"messages": [{"role": "user", "content": asked}]}
        if "messages" not in asked:
            raise ValueError(f"line {number} has no messages")
        yield json.dumps({"model": model, **asked}).encode()


def _ask(address: str, key: str, body: bytes) -> str:
    """`HIT` or `MISS`; else what went wrong."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"{address}/v1/chat/completions", body, headers)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=ANSWERED_WITHIN_S) as answer:  # noqa: S310 - the operator's own
            answer.read()
            kept: str = answer.headers.get("x-cache", "BYPASS")
            return kept if kept != "BYPASS" else "answered, but nothing is kept for this key"
    except urllib.error.HTTPError as error:
        with error:
            return f"{error.code} {error.reason}"
    except OSError as error:
        return f"{error}"


async def _asked(behind: Shelf | Register, verb: str) -> Any:
    try:
        return await getattr(behind, verb)()
    except (ShelfGone, RegisterGone) as error:
        _stop(f"the store does not answer: {error}", 1)
    finally:
        await behind.close()


# ── what is shown ──


def _page(address: str) -> str | None:
    """The metrics of a running gateway; nothing where none answers."""
    try:
        with urllib.request.urlopen(f"{address}/metrics", timeout=PATIENCE_S) as answer:  # noqa: S310 - the operator's own
            page: str = answer.read().decode()
            return page
    except (OSError, ValueError):
        return None


_COUNTS = "cache_requests|coalesced|saved_usd"
_LINE = re.compile(rf"^(?!\w*_tenant_)\w+?_((?:{_COUNTS})_total)(?:\{{(.*)\}})? (\S+)$", re.MULTILINE)
_WRONG = re.compile(r'^\w+?_cache_wrong_ratio\{route="([^"]*)"\} (\S+)$', re.MULTILINE)
_TENANT = re.compile(
    r"^\w+?_tenant_(cache_requests_total|saved_usd_total|cache_wrong_ratio)\{([^}]*)\} (\S+)$", re.MULTILINE
)


def _told(page: str, extent: Extent | None) -> dict[str, Any]:
    """The numbers of a page, and how much the store holds."""
    hits: dict[str, int] = {}
    saved: dict[str, float] = {}
    misses = 0
    for metric, labels, value in _LINE.findall(page):
        named, amount = dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)
        match metric:
            case "coalesced_total":
                hits["coalesced"] = int(amount)
            case "cache_requests_total" if named["result"] == "hit":
                hits[named["kind"]] = int(amount)
            case "cache_requests_total":
                misses += int(amount)
            case "saved_usd_total":
                saved[named["kind"]] = amount
    used = sum(hits.values())
    return {
        "hits": {kind: count for kind, count in hits.items() if count},
        "misses": misses,
        "hit_ratio": round(used / (used + misses), 4) if used + misses else None,
        "saved_usd": {kind: round(amount, 6) for kind, amount in saved.items()},
        "wrong_ratio": {route: round(float(share), 6) for route, share in _WRONG.findall(page)},
        "tenants": _tenants(page),
        "store": None if extent is None else {"answers": extent.answers, "bytes": extent.bytes},
    }


def _tenants(page: str) -> dict[str, dict[str, float]]:
    """Requests by what became of them, what was saved, and what is believed to be wrong."""
    found: dict[str, dict[str, float]] = {}
    for metric, labels, value in _TENANT.findall(page):
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        row, amount = found.setdefault(named["tenant"], {}), float(value)
        if metric == "cache_requests_total":
            row[named["result"]] = int(amount)
        else:
            row[metric.removesuffix("_total").removeprefix("cache_")] = round(amount, 6)
    return found


def _show(told: dict[str, Any]) -> None:
    console, ratio, store = Console(highlight=False), told["hit_ratio"], told["store"]
    table = Table("", "requests", "saved", box=None)
    for kind, count in told["hits"].items():
        table.add_row(kind, f"{count:,}", f"${told['saved_usd'].get(kind, 0.0):,.4f}")
    table.add_row("asked upstream", f"{told['misses']:,}", "")
    console.print(table)
    if ratio is not None:
        console.print(f"Used again: {ratio:.1%}")
    for route, share in sorted(told["wrong_ratio"].items()):
        console.print(
            f"Believed to be wrong, {f'of {route}' if route else 'of all other routes'}: {share:.2%}"
        )
    for tenant, row in sorted(told["tenants"].items()):
        parts = [
            f"{name} {amount:,g}" for name, amount in row.items() if not name.endswith(("_usd", "_ratio"))
        ]
        parts.append(f"saved ${row.get('saved_usd', 0.0):,.4f}")
        if "wrong_ratio" in row:
            parts.append(f"believed to be wrong {row['wrong_ratio']:.2%}")
        console.print(f"  {tenant}: {', '.join(parts)}", highlight=False)
    if store is not None:
        console.print(
            f"In the store: {store['answers']:,} answers, {store['bytes']:,} bytes", highlight=False
        )


def _settings(config: Path) -> Settings:
    try:
        return load(config)
    except ConfigError as error:
        _stop(str(error), 2)


def _address(settings: Settings, url: str | None) -> str:
    return url or f"http://{settings.server.host}:{settings.server.port}"


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)

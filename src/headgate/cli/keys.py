"""`headgate keys`: the keys we have at providers, and those that callers show to us. What is said here every
running worker and replica knows within a second: of providers' keys by the folder beside the configuration
file and by `store.redis`, of callers' by the store of the books."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from headgate.assemble.ring import KeyRing
from headgate.assemble.stores import places
from headgate.cli import issue
from headgate.cli.noted import noted
from headgate.config.check import ConfigError
from headgate.config.load import load, process_environment
from headgate.config.tree import ProviderKey, Settings
from headgate.core.keyring import NONCE_BYTES, Held, Notice, sealed
from headgate.core.secret import Secret, fingerprint
from headgate.ports.notices import Notices, NoticesGone

DEFAULT_FILE = Path("headgate.yaml")
PATIENCE_S = 2.0

keys = typer.Typer(
    help="Keys of callers, and, with --provider, those we have at providers.", no_args_is_help=True
)

File = Annotated[Path, typer.Option("--config", help="The configuration file.")]
ProviderName = Annotated[
    str | None,
    typer.Option("--provider", help="Whose key it is; without it a caller's that was made at run time."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Write for programs.")]


class Privacy(StrEnum):
    STANDARD = "standard"
    NO_CONTENT = "no_content"
    LOCAL_ONLY = "local_only"


class _Wall:
    """The time of day, as a clock for the ring."""

    def wall(self) -> float:
        return time.time()  # noqa: TID251 - a command is its own clock


class Desk:
    """A configuration, and all that has been said of its keys."""

    def __init__(self, file: Path) -> None:
        try:
            self.settings: Settings = load(file)
        except ConfigError as error:
            _stop(str(error), 2)
        self.places: list[Notices] = places(self.settings, file)
        self.ring = KeyRing(_Wall(), self.places)  # type: ignore[arg-type]  # of a clock it asks the time of day alone

    def run(self, work: Callable[[], Awaitable[None]]) -> None:
        async def whole() -> None:
            try:
                await self.ring.look()
                await work()
            except NoticesGone as error:
                _stop(f"{error}: not every gateway has been told", 1)
            finally:
                await self.ring.close()

        asyncio.run(whole())

    def all(self) -> Iterator[tuple[str, ProviderKey, Held]]:
        for name, provider in self.settings.providers.items():
            for key, one in self.ring.of(provider.keys):
                yield name, key, one

    def find(self, provider: str, name: str) -> Held:
        if provider not in self.settings.providers:
            _stop(f"no provider {provider!r}: one of {', '.join(self.settings.providers)}", 2)
        held = [one for owner, _, one in self.all() if owner == provider]
        found = next((one for one in held if one.name == name), None)
        if found is None:
            _stop(
                f"{provider} has no key {name!r}: one of {', '.join(one.name for one in held) or 'none'}", 2
            )
        return found

    async def post(self, secret: Secret, notice: Notice) -> None:
        """In every place, or it is an error."""
        for place in self.places:
            await place.post(fingerprint(secret), notice)


@keys.command()
def create(
    name: Annotated[str | None, typer.Argument(help="What it is called; default: by the tenant.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    tier: Annotated[str | None, typer.Option(help="What is promised to it: one of `tiers`.")] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests in any 60 seconds.")] = None,
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens in any 60 seconds.")] = None,
    budget_usd: Annotated[
        str | None, typer.Option(help="What it may spend: 100/month, 5/day, or several with commas.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Models and routes it may use, with commas; default: all.")
    ] = None,
    regions: Annotated[
        str | None, typer.Option(help="Regions that may serve it, with commas; default: all.")
    ] = None,
    privacy: Annotated[Privacy, typer.Option(help="What may become of what it says.")] = Privacy.STANDARD,
    expires: Annotated[str | None, typer.Option(help="12h, 30d, or a day such as 2027-01-31.")] = None,
    config: File = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Make a key for a caller. It is shown once, and known to every gateway within a second."""
    _none_is_empty(
        tenant=tenant, tier=tier, budget_usd=budget_usd, models=models, regions=regions, expires=expires
    )
    if not (name or tenant):
        _stop("say whose it is: --tenant", 2)
    name = name or f"{tenant}-{secrets.token_hex(3)}"
    text = issue.Desk(config).create(
        name,
        tenant=tenant or name,
        tier=tier or "",
        rpm=rpm,
        tpm=tpm,
        budgets=issue.budgets(budget_usd or ""),
        models=_listed(models),
        regions=_listed(regions),
        privacy=str(privacy),
        expires_at=issue.until(expires) if expires else None,
    )
    if as_json:
        typer.echo(json.dumps({"name": name, "key": text}))
    else:
        typer.echo(f"key {name}, shown this once:", err=True)
        typer.echo(text)


def _none_is_empty(**options: str | None) -> None:
    """An empty variable of a shell's must not make a key that may do everything."""
    for name, text in options.items():
        if text is not None and not text.strip(", "):
            _stop(f"--{name.replace('_', '-')} is empty: leave it out where it is to be without", 2)


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(filter(None, text.split(",")))


@keys.command("list")
def list_(
    config: File = DEFAULT_FILE,
    url: Annotated[
        str | None,
        typer.Option(help="A running gateway, for use and health; default: where `server` listens."),
    ] = None,
    callers: Annotated[
        bool, typer.Option("--callers", help="Those of callers that were made at run time.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Keys at providers: their state, when to rotate them, what they served. Of a key the end at most."""
    if callers:
        issue.show(issue.Desk(config).all(), as_json=as_json)
        return
    desk = Desk(config)

    async def work() -> None:
        server = desk.settings.server
        page = await asyncio.to_thread(_metrics, url or f"http://{server.host}:{server.port}")
        rows = [_row(provider, key, one, page) for provider, key, one in desk.all()]
        typer.echo(json.dumps(rows)) if as_json else _show(rows)

    desk.run(work)


@keys.command()
def rotate(
    name: Annotated[str, typer.Argument(help="The key to replace, as `keys list` names it.")],
    provider: ProviderName = None,
    new_from_env: Annotated[str | None, typer.Option(help="The variable that holds the new key.")] = None,
    new_from_file: Annotated[Path | None, typer.Option(help="The file that holds the new key.")] = None,
    overlap: Annotated[float, typer.Option(min=0, help="Seconds until the old key is revoked.")] = 300.0,
    config: File = DEFAULT_FILE,
) -> None:
    """Replace a key in all running gateways: new calls use the new key at once, those under way may end.

    A new key for a caller is made and shown once; the old one is good until the overlap has passed.
    """
    if provider is None:
        typer.echo(issue.Desk(config).rotate(name, overlap))
        return
    desk = Desk(config)
    new = _new(new_from_env, new_from_file)
    done: list[str] = []

    async def work() -> None:
        old = desk.find(provider, name)
        if not old.usable():
            _stop(f"key {name} of {provider} is {old.notice.state(_Wall().wall())} already", 1)
        if fingerprint(new) in {fingerprint(one.secret) for _, _, one in desk.all()}:
            _stop("the new key is one of the configured keys already", 1)
        now = _Wall().wall()
        await desk.post(new, Notice(seen_at=now))
        box = sealed(new, old.secret, os.urandom(NONCE_BYTES))
        await desk.post(old.secret, Notice(revoked_at=now + overlap, successor=box))
        typer.echo(f"key {name} of {provider} ({old.secret.hint}) is replaced by {new.hint};")
        done.append(f"old={old.secret.hint} new={new.hint} overlap_s={overlap:g}")
        typer.echo(
            f"it is revoked in {overlap:g} s. Put the new key into the configuration when it suits you."
        )

    desk.run(work)
    noted(desk.settings, config, "provider_key.rotate", f"{provider}/{name}", *done)


@keys.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The key, as `keys list` names it.")],
    provider: ProviderName = None,
    config: File = DEFAULT_FILE,
) -> None:
    """Use a key no more, anywhere, from now on. It cannot be taken back: configure another key."""
    if provider is None:
        gone = issue.Desk(config).revoke(name)
        typer.echo(f"key {name} of {gone.tenant} ({gone.hint}) is revoked")
        return
    desk = Desk(config)

    async def work() -> None:
        old = desk.find(provider, name)
        await desk.post(old.secret, Notice(revoked_at=_Wall().wall()))
        typer.echo(f"key {name} of {provider} ({old.secret.hint}) is revoked")

    desk.run(work)
    noted(desk.settings, config, "provider_key.revoke", f"{provider}/{name}")


def _new(variable: str | None, file: Path | None) -> Secret:
    if (variable is None) == (file is None):
        _stop("say where the new key is: --new-from-env NAME or --new-from-file FILE", 2)
    if variable is not None:
        text = process_environment().get(variable, "")
    else:
        assert file is not None
        try:
            text = file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            text = ""
    if not re.fullmatch(r"[!-~]+", text):
        _stop("there is no key: it must be one line of visible ASCII characters", 2)
    return Secret(text)


# ── what is shown ──


def _metrics(url: str) -> dict[tuple[str, str], dict[str, Any]] | None:
    """What a running gateway tells of each key; nothing where none answers."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=PATIENCE_S) as answer:  # noqa: S310 - the operator's own
            page: str = answer.read().decode()
    except (OSError, ValueError):
        return None
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for metric, labels, value in re.findall(r"^\w+?_key_(\w+)\{(.*)\} (\S+)$", page, flags=re.MULTILINE):
        named = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        row = found.setdefault((named.get("provider", ""), named.get("key", "")), {})
        if metric == "state" and float(value):
            row["state"] = named["state"]
        elif metric in ("requests_total", "tokens_total", "cost_usd_total"):
            row[metric.removesuffix("_total")] = float(value)
    return found


def _row(
    provider: str, key: ProviderKey, one: Held, page: Mapping[tuple[str, str], Mapping[str, Any]] | None
) -> dict[str, Any]:
    now = _Wall().wall()
    due_at = one.rotation_due_at(key.rotate_every_days)
    told = (page or {}).get((provider, one.name), {})
    state = str(one.notice.state(now))
    return {
        "provider": provider,
        "name": one.name,
        "key": one.secret.hint,
        "state": told.get("state", state) if state == "active" else state,
        "rotation_due_s": None if due_at is None else round(due_at - now),
        "requests": None if page is None else int(told.get("requests", 0)),
        "tokens": None if page is None else int(told.get("tokens", 0)),
        "cost_usd": None if page is None else round(told.get("cost_usd", 0.0), 6),
    }


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table(*(word.replace("_", " ") for word in (rows[0] if rows else ())), box=None)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


def _stop(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)

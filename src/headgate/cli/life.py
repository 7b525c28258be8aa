"""A gateway process from start to stop: what the server opens when it starts and closes when it stops."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from headgate.adapters import logs
from headgate.adapters.prices import Pair, catalogue_prices
from headgate.adapters.probe import ollama_models
from headgate.adapters.shared import EVERY_S, Folder
from headgate.adapters.system import SystemClock
from headgate.adapters.watch import changes
from headgate.assemble import Gateway, Machine
from headgate.assemble.stores import Stores
from headgate.assemble.upkeep import Upkeep
from headgate.config.check import ConfigError, report
from headgate.config.discover import discover
from headgate.config.load import load, process_environment
from headgate.config.tree import Settings
from headgate.config.validate import overridden
from headgate.providers import catalog
from headgate.server.app import App, AsgiApp, Paths

GC_THRESHOLD = 3_000
"""Objects made before the collector looks for cycles among them. A request makes some 150 and leaves no cycle
behind: at the usual 700 it would look every fifth request, and find nothing."""

NOTHING_TO_RELOAD = "SIGHUP: there is no configuration file to read again"

log = logging.getLogger("headgate")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings come from: a file, or (`None`) the environment; and what the command line says of the
    server, which wins over both every time they are read. Small enough to hand to workers."""

    file: Path | None
    host: str | None = None
    port: int | None = None
    workers: int | None = None

    def read(self) -> tuple[Settings, tuple[str, ...]]:
        """The settings, and what to tell people about them. Raises `ConfigError`."""
        banner: tuple[str, ...] = (f"Configuration: {self.file}",)
        if self.file is not None:
            settings = load(self.file)
        else:
            found = discover(process_environment(), ollama_models)
            settings, banner = found.settings, found.banner
        return overridden(settings, host=self.host, port=self.port, workers=self.workers), banner

    def bound(self, settings: Settings) -> Origin:
        """The same for a server that runs: it stays where it listens, and is checked against that."""
        server = settings.server
        return Origin(self.file, host=server.host, port=server.port, workers=server.workers)


@dataclass(frozen=True, slots=True)
class Application:
    """Makes the ASGI application of one worker. It can be pickled: that is how workers get theirs."""

    origin: Origin
    shared: Path | None = None

    def __call__(self) -> App:
        return App(partial(life, self.origin, Folder(self.shared) if self.shared else None))


@asynccontextmanager
async def life(
    origin: Origin, folder: Folder | None = None
) -> AsyncIterator[tuple[Paths, Callable[[], AsgiApp]]]:
    """Runs a gateway: serves, looks prices up, follows its file, shares its counts with other workers."""
    gc.set_threshold(GC_THRESHOLD)
    settings, _ = origin.read()
    _log_as(settings)
    clock = SystemClock()
    stores = Stores(settings, clock, folder, origin.file)
    await stores.start()
    machine = Machine(
        clock=clock,
        chance=Random(),
        pepper=os.urandom(32),
        sharing=stores.sharing,
        ring=stores.ring,
        books=stores.books,
        journal=stores.journal,
        issued=stores.issued,
        answers=stores.answers,
        questions=stores.questions,
        bank=stores.bank,
        jobs=stores.jobs,
        upkeep=(upkeep := Upkeep(clock)),
    )
    gateway = Gateway(settings, machine, folder=folder)
    gateway.feel()
    _open_metrics(gateway, settings, shared=folder is not None)
    tasks = [pricing := asyncio.create_task(_price(gateway, settings))]
    beside = await stores.run(gateway)
    if folder is not None:
        beside["counts"] = partial(_share, gateway, folder)
    if origin.file is not None:
        beside["settings"] = partial(_follow, gateway, origin.bound(settings), origin.file, pricing)
    else:
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, log.warning, NOTHING_TO_RELOAD)
    tasks += [asyncio.create_task(upkeep.keep(name, work)) for name, work in beside.items()]
    try:
        yield gateway.endpoints(), partial(_cold, gateway)
    finally:
        for task in tasks:
            task.cancel()
        await stores.close()


def _log_as(settings: Settings) -> None:
    logs.configure(level=settings.server.log_level, as_json=settings.server.log != "text")


def _cold(gateway: Gateway) -> AsgiApp:
    """FastAPI is imported here: it takes longer than all the rest together. What is there after that stays
    for good, so the garbage collector need not look at it again."""
    from headgate.server import cold

    app = cold.create(gateway.house, gateway.surface)
    gc.collect()
    gc.freeze()
    return app


def _open_metrics(gateway: Gateway, settings: Settings, *, shared: bool) -> None:
    """The port for metrics alone. Among several workers the first to come serves it, for all of them."""
    server = settings.server
    if server.metrics_port is None:
        return
    try:
        gateway.page.serve(server.host, server.metrics_port)
    except OSError as error:
        if not shared:
            log.error("metrics_port %d: %s", server.metrics_port, error.strerror)


async def _share(gateway: Gateway, folder: Folder) -> None:
    """A worker's side of being one of several. One whose supervisor has died stops too: nobody else would
    ever tell it to, and it holds the port."""
    supervisor = os.getppid()
    while os.getppid() == supervisor:
        gateway.show_health()
        folder.write(gateway.tally)
        await gateway.clock.sleep(EVERY_S)
    log.error("the process that supervises the workers is gone: stopping")
    os.kill(os.getpid(), signal.SIGTERM)


async def _price(gateway: Gateway, settings: Settings) -> None:
    """Prices that the configuration leaves to the catalogue: until they are read, such costs are unknown."""
    wanted = dict(_unpriced(settings))
    if not wanted:
        return
    found = await asyncio.to_thread(catalogue_prices, wanted.values())
    if found.warning:
        log.warning(found.warning)
    known = {model: found.known[pair] for model, pair in wanted.items() if pair in found.known}
    if known:
        gateway.reload(settings, prices=known)


def _unpriced(settings: Settings) -> Iterator[tuple[str, Pair]]:
    """Models without a price of their own whose provider the catalogue knows."""
    for id_, model in settings.models.items():
        provider = settings.providers[model.provider]
        row = catalog.row_of(model.provider, provider.dialect, provider.base_url)
        if model.price is None and row.prices:
            yield id_, (row.prices, model.name or id_)


async def _follow(gateway: Gateway, origin: Origin, file: Path, pricing: asyncio.Task[None]) -> None:
    """Reloads on every change. A file that is wrong is reported and changes nothing.

    Prices that are still being looked up for the file as it was are not waited for: they would bring it back.
    """
    try:
        async for _ in changes(file):
            settings = await _read(origin)
            if settings is not None and _swapped(gateway, settings):
                pricing.cancel()
                pricing = asyncio.create_task(_price(gateway, settings))
    finally:
        pricing.cancel()


def _swapped(gateway: Gateway, settings: Settings) -> bool:
    """Whether there is a new generation. What is only seen to be wrong when it is built changes nothing."""
    try:
        number = gateway.reload(settings)
    except ConfigError as error:
        log.error("configuration not reloaded\n%s", report(error.problems))
        return False
    _log_as(settings)
    gateway.reloaded(number)
    log.warning("configuration reloaded as generation %d", number)
    return True


async def _read(origin: Origin) -> Settings | None:
    try:
        return (await asyncio.to_thread(origin.read))[0]
    except ConfigError as error:
        log.error("configuration not reloaded\n%s", report(error.problems))
    return None

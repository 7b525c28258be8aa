"""What layers are made of: the order of a stack, and a passage's promises."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest

from headgate.core.call import Call, Reply
from headgate.core.errors import Overloaded, UpstreamUnavailable
from headgate.pipeline.service import Passage, Service, stack
from scripted import Scripted, TurningLoop, answers, asked, cancelled_at_every_turn, drain, fails, fate
from virtual import clock, run


@dataclass
class Log:
    """A layer that writes down what it is told."""

    inner: Service
    name: str
    lines: list[str]
    refuses: bool = False
    makes: dict[type[BaseException], BaseException] = field(default_factory=dict)

    def __call__(self, call: Call) -> Logged:
        return Logged(self.inner, call, log=self)


class Logged(Passage, eq=False, kw_only=True):
    log: Log

    def begin(self) -> None:
        if self.log.refuses:
            raise Overloaded("no")
        self.log.lines.append(f"{self.log.name} begins")

    def opened(self, reply: Reply) -> None:
        self.log.lines.append(f"{self.log.name} opens")

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        self.log.lines.append(f"{self.log.name} ends {type(error).__name__ if error else 'well'}")
        return self.log.makes.get(type(error), error) if error else None


class Opaque:
    """A layer that is no passage: a run of passages ends before it and another begins after."""

    def __init__(self, inner: Service) -> None:
        self._inner = inner

    def __call__(self, call: Call) -> Opaque.Context:
        return Opaque.Context(self._inner(call))

    class Context:
        def __init__(self, inner: object) -> None:
            self._inner = inner

        async def __aenter__(self) -> Reply:
            reply: Reply = await self._inner.__aenter__()  # type: ignore[attr-defined]  # any context
            return reply

        async def __aexit__(self, *error: object) -> bool | None:
            swallowed: bool | None = await self._inner.__aexit__(*error)  # type: ignore[attr-defined]  # any context
            return swallowed


def three(up: Scripted, lines: list[str], *, opaque: bool) -> Service:
    layers = [partial(Log, name=name, lines=lines) for name in "abc"]
    return stack(layers[0], layers[1], *([Opaque] if opaque else []), layers[2], leaf=up)


@pytest.mark.parametrize("opaque", [False, True])
def test_the_first_layer_is_outermost(opaque: bool) -> None:
    async def story() -> None:
        lines: list[str] = []
        await drain(three(Scripted(), lines, opaque=opaque), asked())
        assert lines == [
            *("a begins", "b begins", "c begins"),
            *("c opens", "b opens", "a opens"),
            *("c ends well", "b ends well", "a ends well"),
        ]

    run(story())


@pytest.mark.parametrize("opaque", [False, True])
def test_what_never_opened_ends_all_the_same(opaque: bool) -> None:
    async def story() -> None:
        lines: list[str] = []
        service = three(Scripted(fails(UpstreamUnavailable("down"))), lines, opaque=opaque)
        assert isinstance(await fate(service, asked()), UpstreamUnavailable)
        assert lines[3:] == [f"{name} ends UpstreamUnavailable" for name in "cba"]

    run(story())


def test_who_refused_did_not_begin_and_does_not_end() -> None:
    async def story() -> None:
        lines: list[str] = []
        up = Scripted()
        inner = Log(up, "b", lines, refuses=True)
        assert isinstance(await fate(Log(inner, "a", lines), asked()), Overloaded)
        assert lines == ["a begins", "a ends Overloaded"]
        assert up.calls == 0

    run(story())


def test_a_service_that_cannot_even_be_called_ends_who_began() -> None:
    def broken(call: Call) -> Passage:
        raise KeyError("a bug")

    async def story() -> None:
        lines: list[str] = []
        assert isinstance(await fate(Log(broken, "a", lines), asked()), KeyError)
        assert lines == ["a begins", "a ends KeyError"]

    run(story())


@pytest.mark.parametrize("midway", [False, True])
def test_what_a_layer_makes_of_an_error_is_what_those_above_are_told(midway: bool) -> None:
    async def story() -> None:
        lines: list[str] = []
        error = UpstreamUnavailable("down")
        up = Scripted(answers(b"a", error) if midway else fails(error))
        middle = Log(up, "b", lines, makes={UpstreamUnavailable: Overloaded("made of it")})
        made = await fate(Log(middle, "a", lines), asked())
        assert isinstance(made, Overloaded)
        assert made.__suppress_context__
        assert lines[-2:] == ["b ends UpstreamUnavailable", "a ends Overloaded"]

    run(story())


@pytest.mark.parametrize("opaque", [False, True])
@pytest.mark.parametrize("stream", [True, False])
def test_cancelled_at_any_turn_whoever_began_ends_once(opaque: bool, stream: bool) -> None:
    async def scene(loop: TurningLoop) -> None:
        lines: list[str] = []
        up = Scripted(answers(b"a", 1.0, b"b", after_s=1.0))
        await loop.on_the_block(drain(three(up, lines, opaque=opaque), asked(stream=stream), pause_s=1.0))
        for name in "abc":
            begun = lines.count(f"{name} begins")
            assert sum(line.startswith(f"{name} ends") for line in lines) == begun <= 1
        assert up.open == 0
        await clock().sleep(10.0)

    cancelled_at_every_turn(scene)

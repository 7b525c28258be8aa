"""A way to cancel a scene at every turn of the loop, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from virtual import VirtualLoop

T = TypeVar("T")


def ended(task: asyncio.Task[Any] | asyncio.Future[Any]) -> BaseException | None:
    """How a finished task failed, a cancellation included; `None` if it did not."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()


class TurningLoop(VirtualLoop):
    """Counts its turns while somebody is on the block, and strikes at one of them: the one who has been
    there longest is cancelled.

    A turn is one pass over what is ready: finer than an instant of virtual time, at which many may pass.
    """

    def __init__(self, strike_at: int | None = None) -> None:
        super().__init__()
        self._strike_at = strike_at
        self._block: list[asyncio.Task[Any]] = []
        self.turns = 0
        self.struck: asyncio.Task[Any] | None = None

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._block = [task for task in self._block if not task.done()]
        if not self._block:
            return
        self.turns += 1
        if self.turns == self._strike_at:
            self.strike()

    def strike(self) -> None:
        """Cancels who has been on the block longest, if anybody is."""
        waiting = [task for task in self._block if not task.done()]
        if waiting:
            self.struck = waiting[0]
            self.struck.cancel()

    async def on_the_block(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs `work`, which may be struck, to its end. Does not raise what it raised."""
        task = asyncio.ensure_future(work)
        self._block.append(task)
        await asyncio.wait({task})
        ended(task)
        return task


Scene = Callable[[TurningLoop], Coroutine[Any, Any, None]]


def cancelled_at_every_turn(scene: Scene, *, at_most: int = 1000) -> int:
    """Plays `scene` once undisturbed, then once for each turn of it, cancelled there. How many turns.

    The scene puts work on the block and then asserts what must hold however that ended. It must leave no
    task behind. Of more than `at_most` turns so many are struck, evenly spread.
    """
    turns = _play(scene, None).turns
    assert turns > 0, "nothing was ever waited for"
    for turn in range(1, turns + 1, -(-turns // at_most)):
        assert _play(scene, turn).struck, f"turn {turn} of {turns} did not come"
    return turns


def _play(scene: Scene, strike_at: int | None) -> TurningLoop:
    loop = TurningLoop(strike_at)

    async def main() -> None:
        await scene(loop)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left behind: {left}"

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
    return loop

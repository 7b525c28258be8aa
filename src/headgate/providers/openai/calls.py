"""Tool calls put together from the pieces servers send.

OpenAI numbers the calls of a choice by `index`, gives `id` and `name` with the first piece and arguments
with the following. Others give arguments with the first piece or the last, leave the index out, repeat id
and name in every piece, or number all calls 0 and tell them apart by id. Nothing of this loses a byte.
"""

from __future__ import annotations

from headgate.core.chat import Event, ToolCallDelta, ToolCallStart
from headgate.providers.openai import wire
from headgate.providers.openai.turns import arguments_of, signature_of


class _Call:
    """One call so far. It starts with its name; arguments that came before wait for it."""

    __slots__ = ("id", "index", "name", "started", "waiting")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id: str | None = None
        self.name: str | None = None
        self.started = False
        self.waiting = ""


class ToolCalls:
    """The calls of one choice. `seed` makes the ids of calls that have none: unique per answer."""

    __slots__ = ("_by_id", "_by_index", "_calls", "_choice", "_seed")

    def __init__(self, choice: int, seed: str) -> None:
        self._choice = choice
        self._seed = seed
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}

    def feed(self, piece: wire.ToolCall, index: int | None, out: list[Event]) -> None:
        """Adds a piece; `index` is the server's number of the call, or its place in a document."""
        function = piece.function or wire.Function()
        call = self._find(index, piece.id or None, function.name or None)
        if piece.id and call.id is None:
            call.id = piece.id
            self._by_id[piece.id] = call
        call.name = call.name or function.name or None
        if not call.started and call.name:
            self._start(call, piece, out)
        if arguments := arguments_of(function):
            if call.started:
                out.append(ToolCallDelta(index=call.index, arguments=arguments, choice=self._choice))
            else:
                call.waiting += arguments

    def close(self, out: list[Event]) -> bool:
        """Starts what never got a name, lest its arguments be lost. Whether there were any calls."""
        for call in self._calls:
            if not call.started:
                self._start(call, wire.ToolCall(), out)
        return bool(self._calls)

    def _start(self, call: _Call, piece: wire.ToolCall, out: list[Event]) -> None:
        call.started = True
        call.id = call.id or f"call_{self._seed}_{self._choice}_{call.index}"
        out.append(
            ToolCallStart(
                index=call.index,
                id=call.id,
                name=call.name or "",
                choice=self._choice,
                signature=signature_of(piece),
            )
        )
        if call.waiting:
            out.append(ToolCallDelta(index=call.index, arguments=call.waiting, choice=self._choice))
            call.waiting = ""

    def _find(self, index: int | None, call_id: str | None, name: str | None) -> _Call:
        if index is not None:
            return self._numbered(index, call_id, name)
        if call_id is not None:
            return self._by_id.get(call_id) or self._new()
        if name is not None or not self._calls:
            return self._new()
        return self._calls[-1]

    def _numbered(self, index: int, call_id: str | None, name: str | None) -> _Call:
        """The call of that number, unless the piece is plainly the head of another one."""
        call = self._by_index.get(index)
        another = call is not None and name and call_id and call.id and call.id != call_id
        if call is None or another:
            call = self._by_index[index] = self._new()
        return call

    def _new(self) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        return call

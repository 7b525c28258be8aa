"""In which state each provider key is: by the operator, by the provider, by what its upstreams show."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from headgate.core.breaker import State
from headgate.core.keylimits import KeyLimits
from headgate.core.keyring import KeyState
from headgate.pipeline.breaker import CircuitBreaker

Key = tuple[str, str]
"""Provider, and the name of the key there."""


def states(
    upstreams: Mapping[Key, Iterable[CircuitBreaker]],
    limits: Mapping[Key, KeyLimits],
    said: Mapping[Key, KeyState],
    dead: Collection[Key],
    now: float,
) -> dict[Key, KeyState]:
    """What the operator says goes first, then what the provider says. A key that has used up its limits is
    active: it is full, not unwell."""

    def state(key: Key, of_it: Iterable[CircuitBreaker]) -> KeyState:
        word = said.get(key, KeyState.ACTIVE)
        if word is not KeyState.ACTIVE:
            return word
        if key in dead:
            return KeyState.DEAD
        open_ones = all(one.breaker.state is not State.CLOSED for one in of_it)
        return KeyState.COOLING if open_ones or limits[key].paused(now) else KeyState.ACTIVE

    return {key: state(key, of_it) for key, of_it in upstreams.items()}

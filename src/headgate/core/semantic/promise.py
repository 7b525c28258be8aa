"""A promise of how many may be told wrongly, held for each of those who share no answers.

What the questions of one tenant have taught opens no gate to another's: their questions are other questions,
and a promise that is held by the many who ask is broken to the few.

Known weakness: who asks little teaches little, and his gate stays as strict as it began. Of more than `MOST`
tenants the one who has not asked for longest begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headgate.core.semantic.gates import Gate

MOST = 1024
"""Gates of one promise, of some 6 KB each."""


class Promise:
    def __init__(self, share: float, start: float) -> None:
        """`share`: of all requests, so many may be told wrongly. `start`: see `Gate`."""
        self._share = share
        self._start = start
        self._gates: dict[str, Gate] = {}

    def gate(self, tenant: str) -> Gate:
        """Where all share, it is everybody's, by any one name."""
        gate = self._gates.pop(tenant, None) or Gate(self._share, self._start)
        self._gates[tenant] = gate
        if len(self._gates) > MOST:
            del self._gates[next(iter(self._gates))]
        return gate

    def gates(self) -> Iterator[tuple[str, Gate]]:
        return iter(self._gates.items())


def wrong_share(gates: Iterable[Gate]) -> float:
    """What is believed to be wrong, of all requests: while few were looked at, rather too much."""
    all_of_them = list(gates)
    seen = sum(gate.seen for gate in all_of_them)
    return min(1.0, sum(gate.wrong() for gate in all_of_them) / max(seen, 1))

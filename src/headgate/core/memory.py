"""What routing has learned and what it has decided lately: all that outlives a generation. Bounded
throughout."""

from __future__ import annotations

from collections import Counter, deque

from headgate.core.agents import Decisions
from headgate.core.decision import Decision
from headgate.core.experiment import Trial
from headgate.core.feedback import Feedback
from headgate.core.forecast import Lengths, Sessions
from headgate.core.rules import Canary

MOST_RECEIPTS = 2000


class Memory:
    """`turns` counts the round-robin turns of each route; `agents` which personas were asked;
    `feedback` what callers said of answers."""

    def __init__(self) -> None:
        self.lengths = Lengths()
        self.sessions = Sessions()
        self.turns: Counter[str] = Counter()
        self.agents = Decisions()
        self.feedback = Feedback()
        self._trials: dict[str, tuple[Canary, Trial]] = {}
        self._receipts: deque[tuple[str, str, Decision]] = deque(maxlen=MOST_RECEIPTS)

    def keep(self, key: str, request_id: str, decision: Decision) -> None:
        """The receipt of a request that was made with the key of that name."""
        self._receipts.append((key, request_id, decision))

    def receipt(self, key: str, request_id: str) -> Decision | None:
        """For the key that made the request, and nobody else."""
        for owner, known, decision in reversed(self._receipts):
            if known == request_id and owner == key:
                return decision
        return None

    def trial(self, route: str, canary: Canary) -> Trial:
        """How the canary of a route stands; begun anew where it is another than before."""
        known = self._trials.get(route)
        if known is None or known[0] != canary:
            known = canary, Trial(false_alarm=canary.false_alarm, slower=canary.slower)
            self._trials[route] = known
        return known[1]

    def tried(self, route: str, canary: Canary, trial: Trial) -> None:
        self._trials[route] = canary, trial

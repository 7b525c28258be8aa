"""What a call will probably take and cost: a quantile of what this model answered this key of late, or the
caller's own cap where that is less, and what its question has as tokens.

Lengths are counted in buckets a quarter of an octave wide, so that one costs an addition and nothing is
sorted; once there have been `MOST`, each counts for half.

Known weakness: a model that nobody has heard answer is taken to answer in `FIRST` tokens; what it does
beyond that is spent before it is reserved, unless it streams.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil, floor, log2

import msgspec

from headgate.core.price import Price
from headgate.core.tokens import PRICES, measure
from headgate.core.usage import Usage

QUANTILE = 0.97
DOUBT = 4.0
"""Of few answers it is not known yet: after n of them, this ÷ n is added to it, as a share."""
SURE = 40
"""So many are enough."""
MOST = 256
FIRST = 1000
"""Tokens of an answer of a model that has not answered yet."""
FEW = 32
PAIRS = 10_000
"""So many pairs of model and key are remembered."""
OF_A_PAIR = 8
"""So many answers to a key tell more than all that the model gave."""
PER_BYTE = 0.3
"""Tokens of a question, by its bytes, before anybody has said."""
SLACK = 1.1
"""How much more than usual a question may have."""
NEWEST = 0.05
PLAIN_BYTES = 16_384
"""A longer body is measured: it may hold pictures."""
_PER_MILLION = 1_000_000
_OCTAVE = 4


class _Of(msgspec.Struct, rename="camel"):
    """A model's settings in a dialect that has a section for them."""

    max_output_tokens: int | None = None
    candidate_count: int | None = None
    num_predict: int | None = msgspec.field(default=None, name="num_predict")


class _Bounds(msgspec.Struct):
    """What a caller says of how long an answer may be, and how many he wants, in every dialect."""

    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    n: int | None = None
    best_of: int | None = None
    generation_config: _Of | None = msgspec.field(default=None, name="generationConfig")
    options: _Of | None = None


_BOUNDS = msgspec.json.Decoder(_Bounds)


def cap_of(raw: bytes) -> int | None:
    """The most that all answers to it may have as tokens, where the caller has said so: where a provider
    looks for it, and nowhere else in the body, so that nobody says it who does not mean it."""
    try:
        said = _BOUNDS.decode(raw)
    except msgspec.MsgspecError:
        return None
    of = said.generation_config or said.options or _Of()
    caps = said.max_tokens, said.max_completion_tokens, said.max_output_tokens
    cap = max(one or 0 for one in (*caps, of.max_output_tokens, of.num_predict))
    times = max(one or 1 for one in (said.n, said.best_of, of.candidate_count))
    return cap * times if cap > 0 else None


class Lengths:
    """Answers by their length in tokens."""

    __slots__ = ("_counts", "count", "high", "mean", "seen")

    def __init__(self) -> None:
        self._counts = [0] * (20 * _OCTAVE)
        self.count = 0
        self.seen = 0
        self.mean = 0.0
        self.high = 0
        """Hardly any was longer."""

    def add(self, tokens: int) -> None:
        self.seen += 1
        self.count += 1
        self.mean += (tokens - self.mean) * max(1.0 / self.seen, NEWEST)
        place = min(int(log2(max(tokens, 1)) * _OCTAVE), len(self._counts) - 1)
        self._counts[place] += 1
        if tokens > self.high or self.seen < SURE or not self.seen & 7:
            self._renew()

    def _renew(self) -> None:
        if self.count >= MOST:
            self._counts = [one // 2 for one in self._counts]
            self.count = sum(self._counts)
        above, place = self.count * (1.0 - QUANTILE), len(self._counts)
        while above >= 0 and place:
            place -= 1
            above -= self._counts[place]
        edge = 2.0 ** ((place + 1) / _OCTAVE)
        self.high = ceil(edge * (1.0 + DOUBT / self.seen)) if self.seen < SURE else ceil(edge)


class Expected(msgspec.Struct, frozen=True, gc=False):
    """Nano-dollars that a call will hardly exceed. `usual`: such calls cost on average, 0 where nobody has
    heard that model answer; `asked`: for the question alone; `capped`: by the caller, so that it cannot cost
    more."""

    nano: int
    usual: int
    asked: int
    capped: bool


class Usual:
    """What requests usually take: those of one caller to one model, or of all callers, or to all models.
    `longest`: tokens that an answer hardly exceeds; `per_byte`: tokens of a byte of a question, with some to
    spare."""

    __slots__ = ("_answers", "_over", "_passed", "_seen", "longest", "per_byte")

    def __init__(self, over: Usual | None = None) -> None:
        """`over`: those of all callers, which stand in for this one's until there are some."""
        self._over = over
        self._answers = Lengths()
        self._seen = 0
        self._passed = 0
        self.longest: int = over.longest if over else FIRST
        self.per_byte: float = over.per_byte if over else PER_BYTE * SLACK

    def due(self) -> bool:
        """A request has been answered: whether it is to be learnt from. Of many one in `FEW` is enough."""
        self._passed -= 1
        return self._passed < 0

    def learn(self, size: int, usage: Usage, *, answers: bool = True) -> None:
        """It was of `size` bytes."""
        self._seen += 1
        self._passed = FEW - 1 if self._seen >= SURE else 0
        self._learn(size, usage, answers)

    def _learn(self, size: int, usage: Usage, answers: bool) -> None:
        over = self._over
        if over is not None:
            over._learn(size, usage, answers)
        if answers:
            self._answers.add(usage.completion)
        if over is not None and self._answers.seen < OF_A_PAIR:
            self.longest = over.longest
        elif answers:
            self.longest = max(self._answers.high, 1)
        if over is not None:
            self.per_byte = over.per_byte
        elif 0 < size <= PLAIN_BYTES:
            self.per_byte += (min(usage.prompt / size, 2.0) * SLACK - self.per_byte) * NEWEST

    # ── in tokens ──

    def tokens(self, size: int) -> int:
        """That a request of so many bytes and its answer hardly exceed, whatever its cap: for where there is
        room, and bodies that are not long."""
        return self.longest + floor(size * self.per_byte)

    def closer(self, raw: bytes, *, answers: bool) -> int:
        """The same, where there is not: by what the caller allows, and without pictures. `answers` is false
        for embeddings."""
        asked = int(self._asked(raw)) + 1
        if not answers:
            return asked
        cap = cap_of(raw)
        return asked + (self.longest if cap is None else min(self.longest, cap))

    def _asked(self, raw: bytes) -> float:
        if len(raw) <= PLAIN_BYTES:
            return len(raw) * self.per_byte
        return sum(count * each for count, each in zip(measure(raw).classes, PRICES, strict=True))

    # ── in nano-dollars ──

    def nano(self, price: Price, size: int) -> int:
        """That a request of so many bytes will hardly cost, as with `tokens`."""
        each = price.output if price.reasoning is None else _dearer(price)
        return (self.longest * each + floor(size * self.per_byte * price.input)) // _PER_MILLION + 2

    def asked(self, price: Price, raw: bytes) -> int:
        """For the question alone."""
        return int(self._asked(raw) * price.input / _PER_MILLION) + 1

    def expected(self, price: Price, raw: bytes, *, answers: bool = True) -> Expected:
        """Of that question. `answers` is false for embeddings."""
        asked = self.asked(price, raw)
        if not answers:
            return Expected(asked, asked, asked, True)
        longest, cap = self.longest, cap_of(raw)
        capped = cap is not None and cap <= longest
        each, said = _dearer(price), cap if capped and cap is not None else longest
        mean = self._mean
        usual = 0 if mean is None else asked + int(min(mean, said) * each) // _PER_MILLION
        return Expected(asked + said * each // _PER_MILLION, usual, asked, capped)

    @property
    def _mean(self) -> float | None:
        """Tokens of an answer; None where nobody has heard one."""
        if self._over is not None and self._answers.seen < OF_A_PAIR:
            return self._over._mean
        return self._answers.mean if self._answers.seen else None


class Expectations:
    """What requests usually take, by model and caller's key, in memory that is bounded."""

    def __init__(self) -> None:
        self._models: dict[str, Usual] = {}
        self._pairs: OrderedDict[tuple[str, str], Usual] = OrderedDict()

    def usual(self, model: str, key: str) -> Usual:
        return self._pairs.get((model, key)) or self._meet(model, key)

    def _meet(self, model: str, key: str) -> Usual:
        over = self._models.get(model)
        if over is None:
            over = self._models[model] = Usual()
        found = self._pairs[model, key] = Usual(over)
        if len(self._pairs) > PAIRS:
            self._pairs.popitem(last=False)
        return found


def _dearer(price: Price) -> int:
    """Of what is said and what is thought."""
    return price.output if price.reasoning is None else max(price.output, price.reasoning)

"""What a call will probably cost: a quantile of what this model answered this key of late, or the caller's
own cap where that is less, and what its question has as tokens.

Lengths are counted in buckets a quarter of an octave wide, so that one costs an addition and nothing is
sorted; once there have been `MOST`, each counts for half.

Known weakness: a model that nobody has heard answer is taken to answer in `FIRST` tokens; what it does
beyond that is spent before it is reserved, unless it streams.
"""

from __future__ import annotations

from collections import OrderedDict
from math import ceil, log2

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

    __slots__ = ("_counts", "count", "high", "mean", "passed", "seen")

    def __init__(self) -> None:
        self._counts = [0] * (20 * _OCTAVE)
        self.count = 0
        self.seen = 0
        self.passed = 0
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


class Expectations:
    """Learnt from the usage of answers, in memory that is bounded."""

    def __init__(self) -> None:
        self._models: dict[str, Lengths] = {}
        self._pairs: OrderedDict[tuple[str, str], Lengths] = OrderedDict()
        self._per_byte: dict[str, float] = {}
        self._rates: dict[tuple[str, str], tuple[Price, int, float]] = {}

    def roughly(self, model: str, key: str, price: Price, size: int) -> int:
        """Nano-dollars that a call of so many bytes will hardly cost, whatever its cap: for where there is
        room, and bodies that are not long."""
        rate = self._rates.get((model, key))
        if rate is None or rate[0] is not price:
            rate = self._rate(model, key, price)
        return rate[1] + int(size * rate[2])

    def _rate(self, model: str, key: str, price: Price) -> tuple[Price, int, float]:
        """For an answer, and for a byte of the question."""
        if len(self._rates) > PAIRS:
            self._rates.clear()
        lengths = self._of(model, key)
        answer = (lengths.high if lengths else FIRST) * _dearer(price) // _PER_MILLION + 1
        byte = self._per_byte.get(model, PER_BYTE) * SLACK * price.input / _PER_MILLION
        found = self._rates[model, key] = price, answer, byte
        return found

    def _of(self, model: str, key: str) -> Lengths | None:
        pair = self._pairs.get((model, key))
        return pair if pair is not None and pair.seen >= OF_A_PAIR else self._models.get(model)

    def of(self, model: str, key: str, price: Price, raw: bytes, *, answers: bool = True) -> Expected:
        """Of that question to that model. `answers` is false for embeddings."""
        asked = self.asked(model, price, raw)
        if not answers:
            return Expected(asked, asked, asked, True)
        lengths = self._of(model, key)
        longest, cap = lengths.high if lengths else FIRST, cap_of(raw)
        capped = cap is not None and cap <= longest
        each, said = _dearer(price), cap if capped and cap is not None else longest
        usual = asked + int(min(lengths.mean, said) * each) // _PER_MILLION if lengths else 0
        return Expected(asked + said * each // _PER_MILLION, usual, asked, capped)

    def asked(self, model: str, price: Price, raw: bytes) -> int:
        """For the question alone."""
        size = len(raw)
        if size > PLAIN_BYTES:
            tokens = sum(count * each for count, each in zip(measure(raw).classes, PRICES, strict=True))
        else:
            tokens = size * self._per_byte.get(model, PER_BYTE) * SLACK
        return int(tokens * price.input / _PER_MILLION) + 1

    def learn(self, model: str, key: str, size: int, usage: Usage) -> None:
        """An answer to a question of `size` bytes has ended. Of those of a key that is well known one in
        `FEW` is enough."""
        pair = self._pairs.get((model, key))
        if pair is None:
            pair = self._pairs[model, key] = Lengths()
            if len(self._pairs) > PAIRS:
                self._pairs.popitem(last=False)
        elif pair.seen >= SURE:
            pair.passed += 1
            if pair.passed % FEW:
                return
        tokens = usage.output + usage.reasoning
        lengths = self._models.get(model)
        if lengths is None:
            lengths = self._models[model] = Lengths()
        lengths.add(tokens)
        pair.add(tokens)
        self._rates.pop((model, key), None)
        if 0 < size <= PLAIN_BYTES:
            before = self._per_byte.get(model, PER_BYTE)
            self._per_byte[model] = before + (min(usage.prompt / size, 2.0) - before) * NEWEST


def _dearer(price: Price) -> int:
    """Of what is said and what is thought."""
    return price.output if price.reasoning is None else max(price.output, price.reasoning)

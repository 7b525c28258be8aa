"""How many tokens a request will take, without a tokenizer.

A request's characters are counted by class, once, from its body; each class has a price in tokens per
character, which every answer that reports its usage corrects a little, model by model (normalised least mean
squares: Widrow and Hoff, 1960; the price of a class moves as far as it had part in the error). What a model
will answer is a quantile of what it lately answered, or the caller's own cap where that is less.

Robust: a report counts for as much as the estimate itself at most, and no price leaves a factor of five.

Known weakness: an image is taken for one of `IMAGE_TOKENS`; text inside escapes other than `\\uXXXX` counts
as the letters that spell it; a cap in the middle of a long body is not seen.
"""

from __future__ import annotations

import re
import string
from bisect import bisect_left, insort
from collections import deque
from math import ceil

import msgspec

from headgate.core.usage import Usage

SAMPLES = 32
SAMPLE_BYTES = 256
"""A body longer than so many samples of so many bytes is judged by them, evenly spread."""
IMAGE_TOKENS = 1000

PRICES = (0.23, 0.4, 0.12, 0.85, 0.4, IMAGE_TOKENS)
"""Tokens per ASCII letter, digit, mark or space, CJK character, other character, and image. Rules of thumb
for the tokenizers in use; what a model's own reports say replaces them."""
SLACK_TOKENS = 10.0
"""What a request costs beside its characters, or less, for the JSON around them: the scale of that price."""
STEP = 0.2
"""How far a report moves the prices: of the error, this share would be gone for the same request."""
FACTOR = 5.0

QUANTILE = 0.97
DOUBT = 4.0
"""Of so few answers that is not known yet: after n of them, this ÷ n is added to it, as a share."""
OUTPUTS = 256
RATIOS = 64
"""How many answers of a model its quantiles are taken from: those of their length, and of our errors about
the request, which are fewer since we get better."""
FIRST_OUTPUT = 1000
"""Tokens of an answer of a model that has not answered yet."""
NEWEST = 0.05
"""Weight of the newest in a mean."""
FIRST = 32
LESSON_S = 0.1
"""Every one of a model's first reports is learnt from, and later one in so many seconds: each costs ten
microseconds."""
EDGE_BYTES = 2048
"""How far from either end of a body the caller's cap is looked for."""

_LETTERS = string.ascii_letters.encode()
_DIGITS = string.digits.encode()
_ASCII = bytes(range(128))
_TRAILING = bytes(range(0x80, 0xC0))
_CJK = bytes(range(0xE3, 0xEE))
"""First bytes of UTF-8 from U+3000 to U+DFFF: kana, ideographs, Hangul."""
_ESCAPE = re.compile(rb"\\u(?:([3-9a-cA-C])|[0-9a-fA-F])[0-9a-fA-F]{3}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{256,}={0,2}")
_CAP = re.compile(
    rb'"(?:max_(?:completion_|output_)?tokens|maxOutputTokens|num_predict)"\s*:\s*(\d{1,9})(?=[\s,}])'
)


class Measured(msgspec.Struct, frozen=True):
    """A request's body. `classes`: how many of each class of `PRICES`; `cap`: the most the caller wants to be
    answered, in tokens."""

    classes: tuple[float, ...]
    cap: int | None = None


def measure(raw: bytes) -> Measured:
    """Counts a body in JSON: about 3 µs for the first kilobyte, and no more than ten times that for any."""
    cap = cap_of(raw)
    images = 0
    if b"base64" in raw:
        raw, images = _BASE64.subn(b"", raw)
    share = 1.0
    if len(raw) > SAMPLES * SAMPLE_BYTES:
        share = len(raw) / (SAMPLES * SAMPLE_BYTES)
        raw = b"".join(raw[at : at + SAMPLE_BYTES] for at in range(0, len(raw), len(raw) // SAMPLES))
    escaped_cjk = escaped = 0
    if b"\\u" in raw:
        escapes = _ESCAPE.findall(raw)
        escaped, escaped_cjk = len(escapes), sum(map(bool, escapes))
        raw = _ESCAPE.sub(b"", raw)
    unlettered = raw.translate(None, _LETTERS)
    rest = unlettered.translate(None, _DIGITS)
    letters, digits = len(raw) - len(unlettered), len(unlettered) - len(rest)
    marks, cjk, other = len(rest), 0, 0
    if not raw.isascii():
        wide = rest.translate(None, _ASCII)
        first = wide.translate(None, _TRAILING)
        marks -= len(wide)
        other = len(first.translate(None, _CJK))
        cjk = len(first) - other
    counts = (letters, digits, marks, cjk + escaped_cjk, other + escaped - escaped_cjk)
    if share != 1.0:
        return Measured((*(count * share for count in counts), images), cap)
    return Measured((*counts, images), cap)


def cap_of(raw: bytes) -> int | None:
    """The most the caller wants to be answered, in tokens, where it says so."""
    if len(raw) > 2 * EDGE_BYTES:
        raw = raw[:EDGE_BYTES] + b" " + raw[-EDGE_BYTES:]
    if b'"max' not in raw and b'"num_p' not in raw:
        return None
    found = _CAP.findall(raw)
    return max(map(int, found)) if found else None


class Quantile:
    """A quantile of the last `size` values. O(1) to ask, a search and a short move of memory to add."""

    __slots__ = ("_latest", "_size", "_sorted")

    def __init__(self, size: int) -> None:
        self._size = size
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []

    def add(self, value: float) -> None:
        self._latest.append(value)
        insort(self._sorted, value)
        if len(self._latest) > self._size:
            del self._sorted[bisect_left(self._sorted, self._latest.popleft())]

    def of(self, share: float) -> float | None:
        """The least of them that so many are not above; `None` where there are none."""
        known = self._sorted
        return known[ceil(share * len(known)) - 1] if known else None


class Estimator:
    """One model's tokens, learnt from what it reports."""

    __slots__ = (
        "_factors",
        "_learns_at",
        "_long_answer",
        "_outputs",
        "_per_byte",
        "_ratios",
        "_reports",
        "_slack",
        "prompt_error",
        "total_error",
    )

    def __init__(self) -> None:
        self._factors = [1.0] * len(PRICES)
        self._slack = 0.0
        self._outputs = Quantile(OUTPUTS)
        self._ratios = Quantile(RATIOS)
        self._reports = 0
        self._learns_at = 0.0
        self._per_byte = 0.3
        self._long_answer = FIRST_OUTPUT
        self.prompt_error: float | None = None
        self.total_error: float | None = None

    def roughly(self, size: int, *, answers: bool = True) -> int:
        """Tokens for a body of so many bytes, whatever is in it: for where there is room in plenty."""
        return int(size * self._per_byte) + (self._long_answer if answers else 0)

    def curious(self, now: float) -> bool:
        """Whether a report is worth what it costs to learn from it: then it is to be learnt from."""
        if self._reports >= FIRST and now < self._learns_at:
            return False
        self._learns_at = now + LESSON_S
        return True

    def prompt(self, measured: Measured) -> float:
        """Tokens of the request itself: the best guess."""
        parts = map(_times3, measured.classes, PRICES, self._factors)
        return max(sum(parts) + self._slack * SLACK_TOKENS, 1.0)

    def reserve(self, measured: Measured, *, answers: bool = True) -> int:
        """Tokens that request and answer will hardly exceed (in 3 % of cases, each). `answers` is
        false for embeddings."""
        margin = self._ratios.of(QUANTILE) or 1.0
        tokens = self.prompt(measured) * min(max(margin, 1.0), FACTOR)
        if answers:
            longest = self._long_answer
            tokens += longest if measured.cap is None else min(longest, measured.cap)
        return ceil(tokens)

    def learn(self, measured: Measured, size: int, reserved: int, usage: Usage) -> None:
        """What a body of `size` bytes turned out to be."""
        self._reports += 1
        asked, total = usage.prompt, usage.total
        self._outputs.add(usage.completion)
        self._long_answer = ceil((self._outputs.of(QUANTILE) or 0) * (1.0 + DOUBT / self._reports))
        if total:
            self.total_error = _mean(self.total_error, abs(reserved - total) / total)
        if asked > 0:
            guess = self.prompt(measured)
            self.prompt_error = _mean(self.prompt_error, abs(guess - asked) / asked)
            self._ratios.add(asked / guess)
            self._correct(measured, min(asked - guess, guess))
            self._per_byte += (min(asked / max(size, 1), 1.0) - self._per_byte) * NEWEST

    def _correct(self, measured: Measured, error: float) -> None:
        parts = list(map(_times, measured.classes, PRICES))
        move = STEP * error / (sum(map(_times, parts, parts)) + SLACK_TOKENS**2)
        for place, part in enumerate(parts):
            if part:
                factor = self._factors[place] + move * part
                self._factors[place] = min(max(factor, 1.0 / FACTOR), FACTOR)
        self._slack = min(max(self._slack + move * SLACK_TOKENS, -FACTOR), FACTOR)


def _times(one: float, other: float) -> float:
    return one * other


def _times3(count: float, price: float, factor: float) -> float:
    return count * price * factor


def _mean(before: float | None, newest: float) -> float:
    return newest if before is None else before + (newest - before) * NEWEST

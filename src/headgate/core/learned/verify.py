"""What can be told of an answer without knowing the right one: does it end, hedge, compute correctly, and use
what the question gave? For the cascade: a weak model's answer that fails here goes to the strong model.

Arithmetic is checked by doing it: every `a + b = c` of the text is computed again. Nothing is evaluated but
numbers, the four operations, powers of ten that `%` means, and brackets.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise
from math import isfinite, log1p

MAX_EQUATIONS = 40
"""Of one answer; and characters of an expression at most 120. Both bound the time."""

NAMES = (
    "log_chars", "log_words", "log_lines", "empty", "ends", "concludes", "log_equations", "wrong_equations",
    "wrong_share", "last_agrees", "final_number", "final_whole", "final_negative", "final_log",
    "final_in_question", "given_used", "given_unused", "foreign_share", "hedges", "refuses", "repeats",
    "steps_per_given", "log_numbers", "unbalanced", "asked_log_words", "asked_log_numbers", "final_exceeds",
    "chained", "unit_agrees", "trailing_lines", "fractional_count", "unused_results", "log_added",
    "log_taken", "log_multiplied", "log_divided", "log_compared", "log_parts", "compared_taken",
    "compared_added", "log_foreign", "negative_steps", "fractional_steps",
)  # fmt: skip
"""The features in their order, as a file of a router names them."""

_NUMBER = re.compile(r"(?<![\w.])-?\$?\d[\d,]*(?:\.\d+)?|(?<![\w.])\.\d+")
_EQUATION = re.compile(r"([\d(][\d\s.,+\-*/x×÷()$%]{1,120}?)=\s*-?\$?\s*(-?[\d,]*\.?\d+)")
_TOKEN = re.compile(r"\d[\d,]*\.?\d*|\.\d+|[-+*/()%]")
_CONCLUDES = re.compile(
    r"####|\\boxed|\b(?:answer|therefore|thus|hence|in total|altogether|final(?:ly)?|so)\b", re.IGNORECASE
)
_HEDGES = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|might|unclear|approximately|assum\w+|not sure|i think|it seems|"
    r"appears?|cannot|can't|unknown|however|wait|mistake|incorrect|actually)\b",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\b(?:i (?:cannot|can't|am unable|don't know|do not know)|as an ai|not (?:enough|possible|provided)"
    r"|not given|impossible|insufficient)\b",
    re.IGNORECASE,
)
_COUNT = re.compile(r"\bhow many\b", re.IGNORECASE)
_COMPARED = re.compile(
    r"\b(?:less|more|fewer|older|younger|longer|shorter|taller|faster|slower|before|after|than)\b",
    re.IGNORECASE,
)
_PARTS = re.compile(
    r"\b(?:half|thirds?|quarters?|fifths?|twice|times|percent|double|triple)\b|%|\d/\d", re.IGNORECASE
)
_ENDS = re.compile(r"[.!?)\]}\"'`*%]\s*$|\d\s*$|####\s*\S+\s*$")


def numbers(text: str) -> list[float]:
    """The numbers of a text, as they stand in it."""
    return [_value(one) for one in _NUMBER.findall(text)]


def verify(question: str, answer: str) -> list[float]:
    """The features of `answer` as an answer to `question`, in the order of `NAMES`, all finite."""
    answer = answer.replace("\\*", "*").replace("**", "")
    given, found = numbers(question), numbers(answer)
    equations = list(islice(_equations(answer), MAX_EQUATIONS))
    wrong = sum(1 for claimed, right in equations if not _same(claimed, right))
    final = final_number(answer)
    known = set(given)
    used = known & set(found)
    results = {claimed for claimed, _ in equations}
    words = answer.split()
    return [
        log1p(len(answer)),
        log1p(len(words)),
        log1p(answer.count("\n")),
        float(not words),
        float(bool(_ENDS.search(answer))),
        float(bool(_CONCLUDES.search(answer))) + float("####" in answer or "\\boxed" in answer),
        log1p(len(equations)),
        log1p(wrong),
        wrong / len(equations) if equations else 0.0,
        float(bool(equations) and final is not None and _same(equations[-1][0], final)),
        *_final(final, known),
        len(used) / len(known) if known else 1.0,
        log1p(len(known - used)),
        _share(found, known | results),
        log1p(len(_HEDGES.findall(answer))),
        float(bool(_REFUSES.search(answer))),
        1 - len(set(words)) / len(words) if words else 0.0,
        len(equations) / (1 + len(known)),
        log1p(len(found)),
        float(answer.count("(") != answer.count(")") or answer.count("<<") != answer.count(">>")),
        log1p(len(question.split())),
        log1p(len(known)),
        float(final is not None and bool(known) and abs(final) > 100 * max(map(abs, known))),
        _chained(equations),
        _unit(question, answer),
        float(len(answer) - len(answer.rstrip())),
        float(final is not None and final != int(final) and bool(_COUNT.search(question))),
        _unused(answer, equations),
        *_operations(question, answer),
        log1p(len(set(found) - known - results)),
        log1p(sum(1 for claimed, _ in equations if claimed < 0)),
        log1p(sum(1 for claimed, _ in equations if claimed != int(claimed))),
    ]


def _unused(answer: str, equations: list[tuple[float, float]]) -> float:
    """How many results, the last apart, no later step computes with."""
    left = [set(numbers(one.group(1))) for one in islice(_EQUATION.finditer(answer), MAX_EQUATIONS)]
    steps = [claimed for claimed, _ in equations][:-1]
    return log1p(sum(1 for one in steps if not any(one in used for used in left)))


def _operations(question: str, answer: str) -> tuple[float, ...]:
    """What the answer computes with, and whether the question compares: "6 years before" invites a
    reversal."""
    steps = " ".join(one.group(1) for one in islice(_EQUATION.finditer(answer), MAX_EQUATIONS))
    added, taken, divided = steps.count("+"), steps.count("-"), steps.count("/")
    compared = len(_COMPARED.findall(question))
    return (
        log1p(added),
        log1p(taken),
        log1p(steps.count("*") + steps.count("x") + steps.count("×")),
        log1p(divided),
        log1p(compared),
        log1p(len(_PARTS.findall(question))),
        float(bool(compared and taken)),
        float(bool(compared and added)),
    )


def final_number(answer: str) -> float | None:
    """The number that an answer ends with, after `####` where there is one."""
    _, mark, tail = answer.rpartition("####")
    found = numbers(tail if mark else answer)
    return (found[0] if mark else found[-1]) if found else None


def _final(final: float | None, known: set[float]) -> tuple[float, float, float, float, float]:
    if final is None:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    size = abs(final)
    return 1.0, float(final == int(final)), float(final < 0), log1p(size), float(final in known)


def _share(found: list[float], known: set[float]) -> float:
    """What share of an answer's numbers stands neither in the question nor as the result of an equation."""
    return sum(1 for one in found if one not in known) / len(found) if found else 0.0


def _chained(equations: list[tuple[float, float]]) -> float:
    """What share of the steps has another result than the step before."""
    changed = sum(1 for before, after in pairwise(equations) if before[0] != after[0])
    return changed / (len(equations) - 1) if len(equations) > 1 else 0.0


def _unit(question: str, answer: str) -> float:
    """Whether the words of the question's last sentence come back at the end of the answer."""
    wanted = {word.lower() for word in re.findall(r"[A-Za-z]{4,}", question[-160:])}
    told = {word.lower() for word in re.findall(r"[A-Za-z]{4,}", answer[-240:])}
    return len(wanted & told) / len(wanted) if wanted else 0.0


def _equations(answer: str) -> list[tuple[float, float]]:
    """Each equation whose left side can be computed: what the text says it is, and what it is."""
    found: list[tuple[float, float]] = []
    for match in islice(_EQUATION.finditer(answer), MAX_EQUATIONS):
        right = compute(match.group(1))
        if right is not None:
            found.append((_value(match.group(2)), right))
    return found


def compute(expression: str) -> float | None:
    """The value of an expression of numbers, `+ - * / x × ÷ ( ) %`; `None` where it is none, or
    only a number."""
    text = expression.replace("×", "*").replace("x", "*").replace("÷", "/").replace("$", "")
    tokens = _TOKEN.findall(text)
    if not any(one in "+-*/%" for one in tokens) or len("".join(tokens)) != len(re.sub(r"\s", "", text)):
        return None
    try:
        reader = _Reader(tokens)
        value = reader.sum()
    except (ValueError, ZeroDivisionError, RecursionError, OverflowError):
        return None
    return value if reader.done and isfinite(value) else None


class _Reader:
    """Sums of products of brackets, by recursive descent. Raises `ValueError` where it is none."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at == len(self._tokens)

    def sum(self) -> float:
        value = self._product()
        while self._next() in ("+", "-"):
            value = value + self._product() if self._take() == "+" else value - self._product()
        return value

    def _product(self) -> float:
        value = self._atom()
        while self._next() in ("*", "/"):
            value = value * self._atom() if self._take() == "*" else value / self._atom()
        return value

    def _atom(self) -> float:
        part = self._take()
        if part == "-":
            return -self._atom()
        if part == "(":
            value = self.sum()
            if self._take() != ")":
                raise ValueError("a bracket that does not close")
        else:
            value = _value(part)
        if self._next() == "%":
            self._at += 1
            value /= 100
        return value

    def _next(self) -> str:
        return "" if self.done else self._tokens[self._at]

    def _take(self) -> str:
        if self.done:
            raise ValueError("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]


def _value(number: str) -> float:
    return float(number.replace(",", "").replace("$", "")[:20])


def _same(claimed: float, right: float) -> bool:
    """Equal, but for rounding: to a hundredth, or to one part in two hundred."""
    return abs(claimed - right) <= max(0.0101, abs(right) * 0.005)

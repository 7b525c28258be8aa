"""What can be told of a text from its surface: how long, how numeric, how it asks. For the learned router.

Numbers, none of which knows a topic by name; behind these stand those of `sums`. They tell a sum from an
essay and a choice among short options from a page of case law, which is half of what a learned router has
to know.
"""

from __future__ import annotations

import re
from math import log1p
from operator import itemgetter

from headgate.core.learned import sums
from headgate.core.learned.words import counted

MAX_WORDS = 600
"""Of a longer text the first so many words are looked at; whoever calls samples its head and tail before."""

NAMES = (
    "log_chars", "log_words", "log_stem_chars", "log_options", "log_option_chars", "option_spread",
    "numeric_options", "digit_share", "log_numbers", "log_largest", "punctuation_share", "capitals_share",
    "word_chars", "long_words_share", "variety", "log_sentences", "sentence_words", "lines", "asks", "blank",
    "formula", "statements", "which", "how", "quoted", "person",
    "second_person", "modal", *sums.NAMES,
)  # fmt: skip
"""The features in their order. A file of a router names them, so that one from another version is refused."""

_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_OPTION = re.compile(r"\n[ \t]*(?:[A-Ja-j]|\d{1,2})[.)][ \t]+([^\n]*)")


_first = itemgetter(0)
_AMOUNT = frozenset(["many", "much", "long", "far", "old", "often", "fast"])
_FORMULA = "=^*/<>\\$+"


def surface(text: str) -> list[float]:
    """The features of `text`, in the order of `NAMES`, all finite. About a microsecond a word."""
    size = len(text) or 1
    words = _WORD.findall(text)[:MAX_WORDS]
    lower = " ".join(words).lower().split()
    distinct = set(lower)
    count = len(words) or 1
    numbers = _NUMBER.findall(text)
    values = [_magnitude(number) for number in numbers[: sums.MAX_NUMBERS]]
    kinds = counted(lower)
    sentences = text.count(". ") + text.count(".\n") + text.count("? ") + text.count("?\n") + text.count("! ")
    first = _OPTION.search(text)
    stem = text[: first.start()] if first else text
    return [
        log1p(len(text)),
        log1p(len(words)),
        log1p(len(stem)),
        *_options(_OPTION.findall(text) if first else []),
        sum(map(len, numbers)) / size,
        log1p(len(numbers)),
        log1p(max(values, default=0.0)),
        *_letters(text, words, size),
        len(distinct) / count,
        log1p(sentences + 1),
        len(words) / (sentences + 1),
        log1p(text.count("\n")),
        float(stem.rstrip().endswith("?")),
        float("__" in text),
        log1p(sum(map(text.count, _FORMULA))),
        log1p(kinds["statements"] + text.count("|")),
        float("which" in distinct),
        float("how" in distinct and not distinct.isdisjoint(_AMOUNT)),
        log1p(text.count('"') + text.count("“")),
        kinds["named_persons"] / count,
        kinds["second_person"] / count,
        kinds["modal"] / count,
        *sums.sums(text, stem, distinct, kinds, values),
    ]


def _options(options: list[str]) -> tuple[float, float, float, float]:
    """How many answers are offered, how long, how unlike in length, and what share of them has a number."""
    if not options:
        return 0.0, 0.0, 0.0, 0.0
    sizes = [len(one) for one in options]
    mean = sum(sizes) / len(sizes)
    numeric = sum(1 for one in options if _NUMBER.search(one))
    return log1p(len(options)), log1p(mean), (max(sizes) - min(sizes)) / (1 + mean), numeric / len(options)


def _letters(text: str, words: list[str], size: int) -> tuple[float, float, float, float]:
    """Shares of punctuation and of capitalised words, the usual word's length, the share of long words."""
    count = len(words) or 1
    sizes = list(map(len, words))
    capitals = sum(map(str.isupper, map(_first, words)))
    letters = sum(sizes)
    punctuation = max(len(text) - text.count(" ") - text.count("\n") - letters, 0) / size
    return punctuation, capitals / count, letters / count, sum([one > 8 for one in sizes]) / count


def _magnitude(number: str) -> float:
    """The value of a number as written; of one with very many digits, a bound."""
    return float(number.replace(",", "")[:15])

"""Whether a word is another one, misspelled: a slip of the finger, not another word.

Known weakness: there is no dictionary here. A word that is one slip away from another is taken for it, unless
the list of words that are so easily taken for each other knows better.
"""

from __future__ import annotations

from functools import lru_cache

from headgate.core.semantic.lexicon.table import CONFUSABLE, FUNCTION_WORDS, REAL

VOWELS = frozenset("aeiouy")
SHORTEST = 4
LONG = 7
CONTRARY = (("macro", "micro"), ("inter", "intra"), ("hyper", "hypo"), ("ante", "anti"), ("per", "pro"))
"""Beginnings that make two words of one."""

TWICE = 6
"""Letters of a word in which two slips are forgiven."""


SPOKEN = 6
"""Letters of a word in which a vowel may stand for another: of shorter ones too many are words themselves."""

ENDING = 3
REDUCED = ("nt", "nc", "ry")
_SOUNDS = ("aeiou", "ckq", "cs", "sz", "fv", "mn", "td", "bp")


@lru_cache(maxsize=8192)
def misspelled(one: str, other: str, *, known: bool = False) -> bool:
    """Both in lower case. `known`: one of them is a word of the lists; then m may stand for n."""
    if known and one != other and one.replace("n", "m") == other.replace("n", "m"):
        return len(one) > TWICE
    if min(len(one), len(other)) < SHORTEST or one[0] != other[0] or not (one + other).isalpha():
        return False
    if one in CONFUSABLE and other in CONFUSABLE:
        return False
    one, other = one.replace("ph", "f"), other.replace("ph", "f")
    if any(_begin(one, other, *pair) for pair in CONTRARY):
        return False
    slips = 1 if min(len(one), len(other)) < TWICE else 2
    if _respelled(one, other, slips):
        return True
    return not _one_apart(one, other) and _close(one, other, slips)


def _one_apart(one: str, other: str) -> bool:
    """Whether they differ in one letter, and that is not one of a pair: butter, batter."""
    if len(one) != len(other):
        return False
    apart = [at for at in range(len(one)) if one[at] != other[at]]
    return len(apart) == 1 and not any(
        word[apart[0]] in (word[apart[0] - 1], *word[apart[0] + 1 : apart[0] + 2]) for word in (one, other)
    )


def _begin(one: str, other: str, this: str, that: str) -> bool:
    return (one.startswith(this) and other.startswith(that)) or (
        one.startswith(that) and other.startswith(this)
    )


@lru_cache(maxsize=8192)
def slip_of_grammar(word: str) -> bool:
    """Whether an unknown word is a misspelled word of grammar, as `teh` and `wich` are."""
    if not 2 < len(word) < 9 or not word.isascii() or word in REAL:
        return False
    known = _GRAMMAR if len(word) < LONG else _LONG_GRAMMAR
    return any(word[0] == one[0] and _close(word, one, 1) for one in known)


_GRAMMAR = sorted(
    word for word in FUNCTION_WORDS if 3 <= len(word) < 8 and word.isascii() and "_" not in word
)


_LONG_GRAMMAR = [word for word in _GRAMMAR if len(word) >= LONG]


def _close(one: str, other: str, slips: int) -> bool:
    """Whether so many slips lead from one to the other. Tried from the left; short words, few slips."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    if at == len(one) == len(other):
        return True
    if not slips or at == 0:
        return False
    if one[at : at + 2] == other[at : at + 2][::-1] and len(one[at : at + 2]) == 2:  # letters swapped
        swapped = one[at] + one[at + 2 :], one[at] + other[at + 2 :]
        if _close(*swapped, slips - 1):
            return True
    return _dropped(one, other, at, slips) or _dropped(other, one, at, slips)


def _respelled(one: str, other: str, slips: int) -> bool:
    """Whether the first letter in which they differ stands for one that is said alike; in an ending, which
    says much (lactase, lactose), only the vowel of `-ent`, `-ence` and `-ary`."""
    at = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), 0)
    if not at or not any(one[at] in group and other[at] in group for group in _SOUNDS):
        return False
    rest = one[at + 1 :]
    if len(one) < (SPOKEN if one[at] in VOWELS else TWICE) or not (len(rest) >= ENDING or rest in REDUCED):
        return False
    mended = one[:at] + other[at] + rest
    return mended == other or (len(one) > LONG and _close(mended, other, slips - 1))


def _dropped(long: str, short: str, at: int, slips: int) -> bool:
    """Whether `long` has a letter at `at` that `short` has lost: one of a pair, a vowel, or one of several
    consonants; never the last letter, which is an ending."""
    if at >= len(long) - 1 or len(long) <= len(short) - slips:
        return False
    letter, before, after = long[at], long[at - 1], long[at + 1]
    crowded = letter not in VOWELS and (before not in VOWELS or after not in VOWELS)
    if letter != before and letter != after and letter not in VOWELS and not crowded:
        return False
    return _close(before + long[at + 1 :], before + short[at:], slips - 1)

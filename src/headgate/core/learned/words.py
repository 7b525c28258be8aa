"""Kinds of words that tell how a question is asked, counted in one pass over its words."""

from __future__ import annotations

from collections.abc import Sequence

KINDS = {
    "more": "more older longer taller larger bigger greater higher heavier faster farther further later "
    "above exceed exceeds",
    "less": "less fewer younger shorter smaller lower lighter slower earlier below cheaper",
    "than": "than",
    "times": "twice thrice double doubles doubled triple triples tripled quadruple quadruples times",
    "parts": "half halves third thirds quarter quarters fourth fourths fifth fifths sixth sixths seventh "
    "eighth eighths ninth tenth tenths percent percentage",
    "ratio": "ratio proportion rate average mean median equal equally evenly same",
    "each": "each every per apiece",
    "remains": "remain remains remaining remainder left rest over",
    "total": "total altogether combined together sum all both overall",
    "money": "profit discount tax tip interest cost costs price sale save saves saved spend spends spent "
    "earn earns paid pay pays change budget loan fee",
    "time": "second seconds minute minutes hour hours day days week weeks month months year years am pm "
    "noon morning evening night",
    "calendar": "week weeks weekly weekend weekday weekdays month months year years monday mondays tuesday "
    "tuesdays wednesday wednesdays thursday thursdays friday fridays saturday saturdays sunday "
    "sundays",
    "ages": "age ages aged old older younger born birthday",
    "backwards": "original originally initial initially beginning begin began start started starts before "
    "would must need needs needed should",
    "conditions": "if unless when while except instead however but only already until assuming suppose",
    "sequence": "then after next first second third last finally later again another additional extra",
    "measures": "inch inches foot feet yard yards mile miles meter meters kilometer kilometers km cm "
    "centimeters gallon gallons liter liters ounce ounces pound pounds kg kgs kilograms gram "
    "grams ton tons square cubic area volume perimeter speed mph",
    "bounds": "least most minimum maximum enough round rounded whole nearest difference",
    "deeds": "buy buys bought sell sells sold give gives gave given receive receives get gets got take "
    "takes took lost lose loses eat eats ate use uses used make makes made collect collects "
    "collected",
    "not": "except without neither nor not never no",
    "persons": "he she they it his her their its him them",
    "relative": "who which that whose where",
    "and": "and",
    "negated": "not never except least false incorrect cannot without neither nor isn't doesn't",
    "statements": "statement statements scenario scenarios premise premises case passage assumption i ii iii "
    "iv",
    "named_persons": "he she his her him hers they their them mr mrs ms",
    "second_person": "i my me you your we our",
    "modal": "should would could may might must likely probably best most",
    "asks": "how what which when where who whose why calculate find determine compute",
    "spelled": "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen twenty thirty forty fifty sixty hundred thousand million dozen couple",
}  # fmt: skip
"""Kinds, and their words. A word may be of several kinds."""

_PLACES = {
    word: tuple(place for place, words in enumerate(KINDS.values()) if word in words.split())
    for word in " ".join(KINDS.values()).split()
}


def counted(words: Sequence[str]) -> dict[str, int]:
    """How many of the words, in small letters, are of each kind. A word may be of several."""
    counts = [0] * len(KINDS)
    places = _PLACES.get
    for found in filter(None, map(places, words)):
        for place in found:
            counts[place] += 1
    return dict(zip(KINDS, counts, strict=True))

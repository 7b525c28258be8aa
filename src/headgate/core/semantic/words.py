"""What a word says wherever it stands, as far as the lists and its endings tell."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from headgate.core.semantic.lexicon.stems import stem
from headgate.core.semantic.lexicon.table import (
    AUXILIARIES,
    CASED,
    ENGLISH,
    ENGLISH_AUXILIARIES,
    ENGLISH_PREPOSITIONS,
    FOREIGN,
    FUTURE,
    HINGES,
    IRREGULAR,
    OTHER,
    OWNERS,
    PAST,
    PAST_FORMS,
    PREPOSITIONS,
    RELATING,
    SELF,
    Kind,
    Sense,
    plain,
)

SHORTENED = frozenset(("what's", "who's", "where's", "when's", "how's", "why's", "it's", "that's", "there's"))
STRANDED = frozenset(
    ["by", "from", "to", "than", "before", "after", "against", "with", "without", "of", "about", "at", "for"]
)
"""At a clause's end, a preposition governs what is asked for: who is it by?"""
ABLE = ("able", "ible")
NO_ADVERBS = frozenset(
    ["hardly", "barely", "lately", "shortly", "early", "family", "supply", "reply", "likely", "daily"]
)


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a word says wherever it stands. `role`: it begins one; `who` is spoken of, and whether it `acts`;
    `tense`: `perhaps` the past, `going` with a `to` the future; `grammar`: any of these. `sense`: what the
    lists know of it; where they know nothing `base` is the word without its endings. `leads`: with others
    after it, it may say something else. `hinge`: what hangs on it is of one word and not of another;
    `relates`: a verb that matters for who stands before and behind it alone. `idle`: whatever stands around
    it, it says nothing. `owns`: with an `'s`; `strands`: see `STRANDED`."""

    bare: str
    base: str = ""
    capital: bool = False
    role: str | None = None
    helps: bool = False
    who: str = ""
    acts: bool = False
    tense: str = ""
    can: bool = False
    sense: Sense | None = None
    grammar: bool = False
    leads: bool = False
    hinge: str = ""
    relates: str = ""
    owns: bool = False
    strands: bool = False
    idle: bool = False


@lru_cache(maxsize=16_384)
def known(piece: str, *, english: bool) -> Word:
    """A piece of a text, in English or any other language. Pure, and remembered."""
    lower, table = plain(piece), ENGLISH if english else FOREIGN
    leads, senses = lower in table.phrases, table.senses
    if piece in CASED:
        return Word(bare=piece, sense=CASED[piece], leads=leads)
    bare = lower.partition("'")[0]
    prepositions = ENGLISH_PREPOSITIONS if english else PREPOSITIONS
    auxiliaries = ENGLISH_AUXILIARIES if english else AUXILIARIES
    helps = (bare in auxiliaries and bare not in prepositions) or lower in SHORTENED
    role = prepositions.get(bare, "" if helps else None)
    acts, quiet = bare in SELF or bare in OTHER, bare in OWNERS
    who = "self" if bare in SELF else "other" if acts or bare in ("his", "her") else ""
    base = IRREGULAR.get(bare) or stem(bare)
    sense = senses.get(piece.lower()) or senses.get(bare) or senses.get(base)
    if sense is None and english and bare.endswith("ly"):
        base, sense = _unadverbed(bare, base)
    if acts or quiet:
        base, sense = "", None
    tense = _tense_of(lower, bare, bare in senses)
    can = bool(sense and sense[1] is Kind.WORD and bare.endswith(ABLE) and bare.startswith(sense[0][:4]))
    hinge, relates = (HINGES.get(bare, ""), RELATING.get(bare, "")) if english else ("", "")
    owns = lower.endswith("'s") and not helps
    grammar = bool(who or tense or can or relates or owns)
    filler = bool(sense and sense[1] is Kind.FILLER)
    return Word(
        bare=bare,
        base=base,
        capital=piece[0].isupper(),
        role=role,
        helps=helps,
        who=who,
        acts=acts,
        tense=tense,
        can=can,
        sense=sense,
        grammar=grammar,
        leads=leads,
        hinge=hinge,
        relates=relates,
        owns=owns,
        strands=english and bare in STRANDED,
        idle=filler and role is None and not (helps or grammar or leads or hinge),
    )


def _unadverbed(bare: str, base: str) -> tuple[str, Sense | None]:
    """Quickly is quick, where the lists know that or both are unknown."""
    if len(bare) < 6 or bare in NO_ADVERBS:
        return base, None
    rest = bare[:-4] if bare.endswith("ically") else bare[:-3] + "y" if bare.endswith("ily") else bare[:-2]
    short = stem(rest)
    sense = ENGLISH.senses.get(rest) or ENGLISH.senses.get(short)
    return short, sense if sense and sense[1] is Kind.WORD else None


def _tense_of(lower: str, bare: str, listed: bool) -> str:
    if bare in FUTURE:
        return "future"
    if bare == "going":
        return "going"
    if bare == "being":
        return "ongoing"
    if bare in PAST or lower.endswith("'d"):
        return "past"
    ended = bare.endswith("ed") and len(bare) > 4 and not listed
    return "perhaps" if bare in PAST_FORMS or ended else ""

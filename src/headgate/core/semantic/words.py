"""What a word says wherever it stands, as far as the lists and its endings tell."""

from __future__ import annotations

import re
from functools import lru_cache, partial

import msgspec

from headgate.core.semantic.lexicon.stems import american, stem
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
    Phrases,
    Sense,
    Table,
    plain,
)

PIECES = re.compile(
    r"""
    (?P<number>\d+(?:[.,]\d+)*)(?![^\W_])
    | (?P<code>[^\W_]*\d[^\W_]*)
    | (?P<han>[\u3040-\u30ff\u3400-\u9fff])
    | (?P<word>(?:[^\W\d_\u3040-\u30ff\u3400-\u9fff]|[\u0900-\u0963])+(?:'[^\W\d_]+)?)
    | (?P<sign>[%$€£¥₹°+=^<>*/|&@\#\[\]{}\\-])
    | (?P<stop>[?!.,;:()\n"])
    """,
    re.VERBOSE,
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


TONGUES = {
    word: (word in ENGLISH.grammar) - (word in FOREIGN.grammar)
    for word in ENGLISH.grammar | FOREIGN.grammar - {"no"}  # it is as good English
}
"""Of words of grammar, for which language they speak: above 0 for English, below for the others."""

MARKED = frozenset({Kind.NEGATION, Kind.MODALITY, Kind.QUANTIFIER, Kind.COMPARATIVE, Kind.SCOPE, Kind.CHOICE})
NO_TOKENS = MARKED | {Kind.QUESTION, Kind.FILLER}

HELPS = frozenset({"help", "helps", "helped"})


class Token(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A word that matters. `role`: the preposition that governs it, `""` for none. `said`: as it was written,
    where the lists do not know it."""

    word: str
    kind: Kind
    role: str = ""
    said: str = ""


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """What a word says wherever it stands. `piece`: as it is written, and `lower` without accents; `group`:
    see `PIECES`; `tongue`: see `TONGUES`. `role`: it begins one; `who` is spoken of, and whether it `acts`;
    `tense`: `perhaps` the past, `going` with a `to` the future; `grammar`: any of these. `sense`: what the
    lists know of it; where they know nothing `base` is the word without its endings. `token`: what it is,
    where it is one; `simple`: that and nothing else. `leads`: with others after it, it may say something
    else. `hinge`: what hangs on it is of one word and not of another; `relates`: a verb that matters for who
    stands before and behind it alone. `idle`: whatever stands around it, it says nothing. `owns`: with an
    `'s`; `strands`: see `STRANDED`."""

    piece: str
    lower: str
    group: str = "word"
    tongue: int = 0
    token: Token | None = None
    simple: bool = False
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
    leads: Phrases | None = None
    hinge: str = ""
    relates: str = ""
    owns: bool = False
    strands: bool = False
    idle: bool = False


def _pieces(chunk: str, *, english: bool) -> tuple[Word, ...]:
    """Words, numbers and signs of what stands between spaces. Most words are words at sight."""
    if chunk.isalpha() and chunk.isascii():
        return (known(chunk, english=english),)
    return tuple(_piece(found.lastgroup or "", found[0], english=english) for found in PIECES.finditer(chunk))


def _piece(group: str, piece: str, *, english: bool) -> Word:
    if group in ("word", "han"):
        return known(piece, english=english)
    lower, senses = plain(piece), (ENGLISH if english else FOREIGN).senses
    token = Token(*senses.get(piece, (piece, Kind.SYMBOL))) if group == "sign" else None
    return Word(
        piece=piece,
        lower=lower,
        group=group,
        tongue=TONGUES.get(lower, 0),
        token=token,
        simple=token is not None,
        bare=lower,
    )


KEPT = 16_384
"""Words that are remembered, in either language."""

ENGLISH_PIECES = lru_cache(KEPT)(partial(_pieces, english=True))
FOREIGN_PIECES = lru_cache(KEPT)(partial(_pieces, english=False))


@lru_cache(KEPT)
def known(piece: str, *, english: bool) -> Word:
    """A piece of a text, in English or any other language. Pure, and remembered."""
    if piece in CASED:
        return _cased(piece, ENGLISH if english else FOREIGN)
    lower, table = plain(piece), ENGLISH if english else FOREIGN
    bare, leads = lower.partition("'")[0], table.phrases.get(lower)
    prepositions = ENGLISH_PREPOSITIONS if english else PREPOSITIONS
    auxiliaries = ENGLISH_AUXILIARIES if english else AUXILIARIES
    helps = (bare in auxiliaries and bare not in prepositions) or lower in SHORTENED
    role = prepositions.get(bare, "" if helps else None)
    acts = bare in SELF or bare in OTHER
    who = "self" if bare in SELF else "other" if acts or bare in ("his", "her") else ""
    base, sense = ("", None) if acts else _meaning(piece, bare, english=english)
    tense = _tense_of(lower, bare, bare in table.senses)
    can = bool(sense and sense[1] is Kind.WORD and bare.endswith(ABLE) and bare.startswith(sense[0][:4]))
    hinge, relates = (HINGES.get(bare, ""), RELATING.get(bare, "")) if english else ("", "")
    owns = lower.endswith("'s") and not helps
    grammar = bool(who or tense or can or relates or owns)
    filler = bool(sense and sense[1] is Kind.FILLER)
    token = _token_of(bare, base, sense)
    alone = role is None and not (helps or grammar or leads or hinge)
    return Word(
        piece=piece,
        lower=lower,
        tongue=TONGUES.get(lower, 0),
        token=token,
        simple=alone and bare != "am" and token is not None and (sense is not None or not piece[0].isupper()),
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
        idle=alone and filler and piece not in HELPS,
    )


def _cased(piece: str, table: Table) -> Word:
    """One that is another in lower case: US, Mb."""
    lower, sense = plain(piece), CASED[piece]
    leads, tongue = table.phrases.get(lower), TONGUES.get(lower, 0)
    return Word(
        piece=piece,
        lower=lower,
        tongue=tongue,
        bare=piece,
        sense=sense,
        token=Token(*sense),
        leads=leads,
        simple=not leads,
    )


def _meaning(piece: str, bare: str, *, english: bool) -> tuple[str, Sense | None]:
    """The word without its endings, and what the lists know of it. Whose a thing is says neither."""
    senses = (ENGLISH if english else FOREIGN).senses
    base = IRREGULAR.get(bare) or stem(bare)
    sense = senses.get(piece.lower()) or senses.get(bare) or senses.get(base)
    if sense is None and english:
        base, sense = _american(bare, base)
    if sense is None and english and bare.endswith("ly"):
        base, sense = _unadverbed(bare, base)
    owned = bare in OWNERS and not (sense and sense[1] is Kind.DATE)
    return ("", None) if owned else (base, sense)


def _token_of(bare: str, base: str, sense: Sense | None) -> Token | None:
    if sense:
        return None if sense[1] in NO_TOKENS else Token(*sense)
    return Token(base, Kind.WORD, "", bare) if base else None


def _american(bare: str, base: str) -> tuple[str, Sense | None]:
    """A word that is spelt otherwise in Britain: colour is color, organised is organized."""
    spelt = american(bare)
    if spelt == bare:
        return base, None
    short = stem(spelt)
    return short, ENGLISH.senses.get(spelt) or ENGLISH.senses.get(short)


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

"""Intent and complexity: how often right, on prompts with traps, and what it costs."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from bench.quality.rows import Measured, Row
from headgate.adapters.embed import HASHED, WORDLLAMA, local
from headgate.adapters.examples import examples, head
from headgate.core.asked import Asked
from headgate.core.asked import asked as of_chat
from headgate.core.chat import Chat, Message, Role, Text
from headgate.core.complexity import Complexity, weigh, weigh_text
from headgate.core.intent import reading
from headgate.core.intent.cascade import Cascade
from headgate.core.intent.found import BUILT_IN, Thresholds
from headgate.core.intent.head import Head
from headgate.core.intent.keywords import Evidence, Keywords
from headgate.core.intent.vectors import Vectors, fit
from headgate.ports.embedder import Embedder

LABELLED = Path("intent/intents_dev.jsonl")
ROUNDS = 15

# 46 words each: what is asked of a gateway all day, in prose.
PROMPTS = (
    "We run a shop on Rails 6.1 with 340 models and want to pull out billing as a service of its own. Give me"
    " a plan with boundaries, who owns which data, how to handle foreign keys into users, and how we could"
    " roll back, please.",
    "My daughter starts school in September and we would like to visit her grandparents in the south before"
    " that, by train if possible, for about two weeks in August. Could you suggest a route with three nice"
    " stops that are good for a child of six?",
    "A tank holds 900 litres and is filled by two pipes, one of which gives 12 litres a minute and the other"
    " twice as much, while a hole at the bottom loses 3 litres a minute. How long does it take until the tank"
    " is half full?",
)


class Labelled(msgspec.Struct, frozen=True):
    """A row of the data."""

    text: str
    intent: str
    complexity: str
    hard: bool
    lang: str


def labelled(data: Path) -> list[Labelled]:
    lines = (data / LABELLED).read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Labelled) for line in lines if line]


def measured(data: Path) -> list[Measured]:
    if not (data / LABELLED).exists():
        return [Measured(title="Intent and complexity", missing=f"{data / LABELLED} is not there")]
    rows = labelled(data)
    keywords = Keywords({})
    alone = Cascade(keywords, Thresholds())
    found = [_intents("keywords", alone, rows, reach="0.75")]
    for name, reach in ((WORDLLAMA, "0.90"), (HASHED, "")):
        cascade = _cascade(name, keywords)
        if cascade is None:
            found.append(Measured(title=f"Intent, cascade with {name}", missing="it is not installed"))
        else:
            found.append(_intents(f"cascade with {name}", cascade, rows, reach))
    return [*found, _complexity(rows), _costs(keywords)]


def _cascade(name: str, keywords: Keywords) -> Cascade | None:
    try:
        embedder = local(name)
    except ImportError:
        return None
    fitted = head(embedder.id)
    return Cascade(keywords, Thresholds(), Vectors(embedder, fitted)) if fitted else None


def _intents(name: str, classifier: Cascade, rows: Sequence[Labelled], reach: str) -> Measured:
    right = [classifier.classify(Asked(text=row.text)).name == row.intent for row in rows]

    kinds = [{"all", row.intent, "hard ones" if row.hard else "plain ones", language(row)} for row in rows]
    names = ("all", "hard ones", *BUILT_IN, "English", "other languages")
    reaches = {"all": reach, "hard ones": "0.80" if name != "keywords" and reach else ""}
    told = [_share(kind, right, [kind in one for one in kinds], reaches.get(kind, "")) for kind in names]
    return Measured(title=f"Intent: {name}, share right", rows=tuple(told))


def language(row: Labelled) -> str:
    return "English" if row.lang == "en" else "other languages"


def _share(what: str, right: Sequence[bool], chosen: Sequence[bool], reach: str = "") -> Row:
    some = [ok for ok, one in zip(right, chosen, strict=True) if one]
    return Row(what=what, value=sum(some) / max(len(some), 1), reach=reach, note=f"{len(some)} prompts")


def _complexity(rows: Sequence[Labelled]) -> Measured:
    right = [weigh_text(row.text).complexity == row.complexity for row in rows]
    told = [_share("all", right, [True] * len(rows))]
    told += [_share(level, right, [row.complexity == level for row in rows]) for level in Complexity]
    return Measured(title="Complexity, share right", rows=tuple(told))


def _costs(keywords: Keywords) -> Measured:
    asked = [Asked(text=text) for text in PROMPTS]
    alone = Cascade(keywords, Thresholds())
    told = [_cost("keywords", alone.classify, asked, "30"), _cost("complexity", weigh, asked, "20")]
    sure = Thresholds(high=1.0)
    for name in (WORDLLAMA, HASHED):
        try:
            embedder = local(name)
        except ImportError:
            continue
        fitted = head(embedder.id)
        if fitted:
            both = Cascade(keywords, sure, Vectors(embedder, fitted))
            told.append(_cost(f"keywords and vectors ({name})", both.classify, asked, "120"))
            told.append(_worst(name, partial(_both, keywords, embedder, fitted)))
    return Measured(title="CPU for a prompt of 46 words, µs (the least of 15 rounds)", rows=tuple(told))


_MIXED = "abc где 列車 עבר हिन्दी éß 12.,?!{}=\n"
BAD = ("", "word ", "x", "列", "{", "a.b(c) = 1; ", "'", "1.", "/a", "😀", "xerror ", "\n", _MIXED)
"""What a megabyte may be made of."""


def _both(keywords: Keywords, embedder: Embedder, fitted: Head) -> Cascade:
    """One that always asks the vectors, and has met no word yet."""
    return Cascade(keywords, Thresholds(high=1.0), Vectors(embedder, fitted))


def _worst(embedder: str, new: Callable[[], Cascade]) -> Row:
    """Intent and complexity of a megabyte of anything, said in five turns, none of its words met before: the
    slowest kind."""
    worst = 0.0
    for kind in BAD:
        text = kind * (1_000_000 // max(len(kind), 1))
        asked = of_chat(Chat(model="m", messages=tuple(_turns(text))))
        best = float("inf")
        for _ in range(ROUNDS):
            reading.read.cache_clear()
            cascade = new()
            began = time.process_time()
            cascade.classify(asked)
            weigh(asked)
            best = min(best, time.process_time() - began)
        worst = max(worst, best)
    what = f"intent and complexity of a megabyte, the slowest of {len(BAD)} kinds ({embedder})"
    return Row(what=what, value=worst * 1e6, digits=0, reach="at most 1000")


def _turns(text: str) -> Iterator[Message]:
    for role in (Role.USER, Role.ASSISTANT, Role.USER, Role.USER, Role.USER):
        yield Message(role=role, parts=(Text(text),))


def _cost(what: str, decide: Callable[[Asked], object], asked: Iterable[Asked], reach: str) -> Row:
    """Microseconds of CPU each, the least of some rounds: what is left is what the machine does besides."""
    prompts = list(asked)
    best = float("inf")
    gc.disable()
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(100):
            for one in prompts:
                reading.read.cache_clear()
                decide(one)
        best = min(best, time.process_time() - began)
    gc.enable()
    return Row(what=what, value=best / (100 * len(prompts)) * 1e6, digits=1, reach=f"at most {reach}")


def fitted() -> list[Head]:
    """Heads for the embedders that ship, from the examples that ship."""
    keywords = Keywords({})
    said = [(text, keywords.intents.index(intent)) for text, intent in examples()]
    evidence: list[Evidence] = [keywords.weigh(text) for text, _ in said]
    return [fit(said, evidence, keywords.intents, local(name)) for name in (WORDLLAMA, HASHED)]

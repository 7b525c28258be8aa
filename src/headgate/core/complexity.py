"""How much a request asks for: a fact or a line, one task, or several parts and a design.

A score of what makes an answer long to work out: the length of what is asked, how many things are wanted
(verbs of work, what they are joined with, questions), what has to be held (numbers, conditions), code that
came along, and words of design; against it the form of a plain question. Weights are rounded, and were set
on examples in which length alone misleads.

Known weakness: a hard question can be short ("Is P equal to NP?"), and nothing here knows that it is hard.
"""

from __future__ import annotations

from enum import StrEnum
from math import log2

import msgspec

from headgate.core.asked import Asked
from headgate.core.intent.reading import Reading, read


class Complexity(StrEnum):
    """How much work an answer is: a fact or a line; one task; several parts, or a design."""

    SIMPLE = "simple"
    MEDIUM = "medium"
    COMPLEX = "complex"


class Weighed(msgspec.Struct, frozen=True):
    """How complex a request is. `score` is 0..1, for receipts; `evidence` says what made it so."""

    complexity: Complexity
    score: float
    evidence: tuple[str, ...] = ()


MEDIUM_FROM, COMPLEX_FROM = 0.31, 0.8

SHORT_WORDS = 8
"""A text of so many words scores 0 for its length, and `LENGTH` more each time it doubles."""

BASE, LENGTH = 0.19, 0.155
TASK, CHORE, DESIGN, JOINT, CONDITION, FIGURE = 0.11, 0.05, 0.09, 0.022, 0.03, 0.012
MOST_TASKS, MOST_DESIGN, MOST_JOINTS, MOST_CONDITIONS, MOST_FIGURES = 3, 3, 8, 4, 8
PASTED = 0.08
FACT = 0.06
OWN_CASE = 0.06
"""Somebody tells of a case of their own: the answer has to fit it."""

HAN_CHARS_A_WORD = 1.8
"""Chinese and Japanese: characters that say as much as a word of English."""

_TASKS = """
write draft compose rewrite summarise summarize explain describe prove derive implement create develop make
plan propose compare analyse analyze evaluate review refactor migrate port fix debug optimize optimise
suggest recommend decide forecast verify justify show escribe explica demuestra crea compara implementa
schreib schreibe erkläre beweise vergleiche entwirf erstelle écris explique expliquer rédige crée démontre
montre scrivi spiega dimostra escreva explique schrijf bewijs напиши объясни докажи сравни 写 लिखो समझाओ اكتب
اشرح أثبت قارن
"""
_CHORES = """
translate solve compute find convert add include list give tell help choose estimate calculate simplify
round rename traduce traduis übersetze vertaal переведи resuelve löse résous
"""
_DESIGN = """
architecture architect strategy migration schema partitioning pipeline rollout rollback tests benchmark
tradeoff tradeoffs alternatives scalable concurrency constraints feasible schedule timetable itinerary
outline script monologue episode episodes chapter chapters novel essay character scene framework system
service workflow implementation detailed concrete comprehensive thorough lemma counterexample convergence
optimal assumptions causal hypotheses edge
"""
_BOTH = "design build"
_JOINTS = (
    "and then also plus with including after finally und dann mit et puis avec y luego con e poi и затем"
)
_CONDITIONS = """
if unless must never without only except least most exactly each every not than within until while whether
should cannot either both wenn ohne muss si sans sin debe ohne если без
"""
_FACTS = """
what whats who when where is are which does do can was qué quién cuál wie was wer wo wann quel quelle qui
quem qual что кто где
"""

_OWN = """
i my we our me us it its ich mein meine mir wir unser je j mon ma nous notre yo mi me nuestro io mio mia eu
meu minha ik mijn я мой моя у мне 我 我的 मेरा मेरी मेरे
"""

_NUMBER = {"task": 0, "chore": 1, "design": 2, "both": 3, "joint": 4, "condition": 5}
_LISTS = {
    "chore": _CHORES,
    "task": _TASKS,
    "design": _DESIGN,
    "both": _BOTH,
    "joint": _JOINTS,
    "condition": _CONDITIONS,
}
KINDS = {word: _NUMBER[name] for name, words in _LISTS.items() for word in words.split()}
FACTS = frozenset(_FACTS.split())
OWN = frozenset(_OWN.split())
CODE_SIGNS = frozenset("{}();=<>|$`")


def weigh(asked: Asked) -> Weighed:
    """How complex what is asked is. The turns before do not count: what is asked now does."""
    return weigh_text(asked.text)


def weigh_text(text: str) -> Weighed:
    """The same of a text. Any text; some 18 µs for 46 words, and no more for a megabyte than for a page."""
    reading = read(text)
    pasted = reading.lines > 1 or len(reading.marks) > 2
    prose = _prose(reading.text) if reading.lines > 1 else reading.text
    counts = [0, 0, 0, 0, 0, 0]
    for kind in map(KINDS.get, set(reading.tokens)):
        if kind is not None:
            counts[kind] += 1
    tasks, chores, design, both, joints, conditions = counts
    joints += prose.count(",") + prose.count(";") + prose.count("?") + prose.count(". ") + prose.count("、")
    length = LENGTH * max(0.0, log2((_words(reading, prose) + 1) / SHORT_WORDS))
    work = TASK * min(tasks + both, MOST_TASKS) + CHORE * min(chores, 2)
    designed = DESIGN * min(design + both, MOST_DESIGN)
    parts = JOINT * min(joints, MOST_JOINTS)
    bound = CONDITION * min(conditions, MOST_CONDITIONS) + FIGURE * min(len(reading.numbers), MOST_FIGURES)
    question = not pasted and bool(reading.tokens) and reading.tokens[0] in FACTS
    told_of = not question and not OWN.isdisjoint(reading.tokens)
    score = (
        BASE
        + length
        + work
        + designed
        + parts
        + bound
        + PASTED * pasted
        - FACT * question
        + OWN_CASE * told_of
    )
    score = min(1.0, max(0.0, score))
    weights = {"length": length, "work": work, "design": designed, "parts": parts, "conditions": bound}
    told = [name for name, weight in weights.items() if weight > TOLD_FROM]
    if pasted:
        told.append("pasted")
    return Weighed(_named(score), score, tuple(told))


TOLD_FROM = 0.05
"""What adds less is not worth telling."""


def _named(score: float) -> Complexity:
    if score >= COMPLEX_FROM:
        return Complexity.COMPLEX
    return Complexity.MEDIUM if score >= MEDIUM_FROM else Complexity.SIMPLE


def _prose(text: str) -> str:
    """The lines that somebody wrote, not pasted: neither indented nor full of signs."""
    lines = text.split("\n")
    return "\n".join(
        line for line in lines if line[:1] not in (" ", "\t") and not CODE_SIGNS.intersection(line)
    )


def _words(reading: Reading, prose: str) -> float:
    """Words, or what stands for them; of a text that was sampled, as many as the whole has."""
    found = len(prose) / HAN_CHARS_A_WORD if reading.han else prose.count(" ") + prose.count("\n") + 1.0
    return found * max(1.0, reading.length / max(len(reading.text), 1))

"""What a request is about: words, collocations, context, confidence."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.core.asked import Asked, Turn
from headgate.core.chat import Role
from headgate.core.intent.cascade import Cascade
from headgate.core.intent.found import BUILT_IN, Thresholds
from headgate.core.intent.keywords import Keywords, confidences
from headgate.core.intent.reading import MAX_TOKENS, Reading, read
from headgate.core.intent.vocabulary import LIKELY, SAID, STRENGTHS, SURE, Vocabulary

KEYWORDS = Keywords({})
ALONE = Cascade(KEYWORDS, Thresholds())


def intent(text: str, *earlier: tuple[Role, str]) -> str:
    turns = tuple(Turn(role, said) for role, said in earlier)
    return ALONE.classify(Asked(text=text, earlier=turns)).name


# ── words ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("write a python function that sorts a list", "code"),
        ("git says detached head", "code"),
        ("prove that the sum of two odd integers is even", "reasoning"),
        ("what is the probability of two sixes", "reasoning"),
        ("compose a poem about the sea", "general"),
        ("hello", "general"),
        ("cómo ordeno una lista en javascript", "code"),
        ("beweise, dass die Gleichung keine Lösung hat", "reasoning"),
        ("traduis cette lettre, s'il te plaît", "general"),
        ("scrivi una poesia sul mare", "general"),
        ("escreva uma função que valide um arquivo", "code"),
        ("bereken de kans op twee zessen", "reasoning"),
        ("напиши функцию сортировки массива", "code"),
        ("これは素数ですか、証明してください", "reasoning"),
        ("写一个函数,连接数据库", "code"),
        ("बारिश पर एक कविता लिखो", "general"),
        ("احسب نسبة الخصم", "reasoning"),
    ],
)
def test_words_of_many_languages(text: str, wanted: str) -> None:
    assert intent(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("what is the dress code", "general"),
        ("is this a proof of purchase", "general"),
        ("debug my love life", "general"),
        ("family tree of the Habsburgs", "general"),
        ("the code of conduct, in a friendly tone", "general"),
    ],
)
def test_a_collocation_outweighs_the_word_in_it(text: str, wanted: str) -> None:
    assert intent(text) == wanted


def test_words_are_whole_words() -> None:
    """`class` is not in `classical`, `api` not in `apiary`."""
    found = KEYWORDS.weigh("classical music in an apiary by a gitarist").words
    assert not set(found) & {"class", "api", "git"}


def test_the_longest_collocation_wins_and_its_words_say_nothing_else() -> None:
    vocabulary = Vocabulary({})
    assert vocabulary.find(["step", "by", "step"]) == {"step by step": STRENGTHS + LIKELY}
    assert vocabulary.find(["proof", "of", "purchase"]) == {"proof of purchase": 2 * STRENGTHS + SURE}


def test_a_collocation_never_says_less_of_the_same_than_its_first_word() -> None:
    """`probability of` is in a weaker list than `probability`."""
    assert KEYWORDS.weigh("the probability of it").logits[1] >= KEYWORDS.weigh("probability").logits[1]


def test_a_word_said_ten_times_counts_once() -> None:
    assert KEYWORDS.weigh("python " * 10).logits == KEYWORDS.weigh("python").logits


def test_a_text_without_accents_is_understood() -> None:
    assert KEYWORDS.weigh("ecuacion").words == {"ecuacion": STRENGTHS + LIKELY}


def test_stems_find_what_inflects() -> None:
    assert intent("программистам нужна отладка") == "code"


# ── what the configuration adds ──────────────────────────────────────────────────────────────────


def test_an_intent_of_the_configuration() -> None:
    keywords = Keywords({"legal": ["lease", "small claims court", "合同"], "code": ["frobnicate"]})
    assert keywords.intents == (*BUILT_IN, "legal")
    cascade = Cascade(keywords, Thresholds())
    found = cascade.classify(Asked(text="Can I go to small claims court over my lease?"))
    assert found.name == "legal"
    assert found.band == "high"
    assert found.evidence == ("small claims court", "lease")
    assert cascade.classify(Asked(text="这份合同")).name == "legal"
    assert cascade.classify(Asked(text="frobnicate it")).name == "code"
    assert cascade.classify(Asked(text="a poem about spring")).name == "general"


def test_a_keyword_of_the_configuration_overrides_what_is_built_in() -> None:
    keywords = Keywords({"baking": ["python"]})
    assert keywords.weigh("python").words == {"python": 3 * STRENGTHS + SAID}


# ── confidence ───────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(0.5, 5))
def test_confidences_add_up_and_keep_the_order(logits: list[float], temperature: float) -> None:
    found = confidences(logits, temperature)
    assert sum(found) == pytest.approx(1)
    assert found.index(max(found)) == logits.index(max(logits)) or max(found) == pytest.approx(
        found[logits.index(max(logits))]
    )


@pytest.mark.parametrize(
    ("confidence", "band"),
    [
        (1.0, "high"),
        (0.7, "high"),
        (0.69, "medium"),
        (0.4, "medium"),
        (0.2, "low"),
        (0.19, "none"),
        (0, "none"),
    ],
)
def test_bands(confidence: float, band: str) -> None:
    assert Thresholds().band(confidence) == band


def test_what_is_not_found_with_the_lowest_confidence_is_general() -> None:
    """With five intents and nothing to go by but one hint, no intent reaches 0.5."""
    keywords = Keywords({name: ["zzz"] for name in ("a", "b")})
    cascade = Cascade(keywords, Thresholds(low=0.5, medium=0.5))
    assert cascade.classify(Asked(text="button")).name == "general"


def test_more_evidence_gives_more_confidence() -> None:
    texts = ("a button", "a button in css", "a button in css, git and sql")
    found = [ALONE.classify(Asked(text=text)).scores["code"] for text in texts]
    assert found == sorted(found)
    assert len(set(found)) == 3


def test_evidence_is_told_the_surest_first() -> None:
    told = ALONE.classify(Asked(text="a button that calls `load()` in javascript")).evidence
    assert told[0] == "in javascript"
    assert {"button", "()"} <= set(told)


# ── what was said before ─────────────────────────────────────────────────────────────────────────

CODE_BEFORE = (
    (Role.USER, "write a python function that parses a csv file"),
    (Role.ASSISTANT, "def parse(): ..."),
)
SUMS_BEFORE = ((Role.USER, "what is the probability that two dice show the same number?"),)


@pytest.mark.parametrize("text", ["now shorter please", "and with a comment", "hm, why?", "again"])
def test_a_short_turn_leans_on_what_was_said_before(text: str) -> None:
    assert intent(text) == "general"
    assert intent(text, *CODE_BEFORE) == "code"
    assert intent(text, *SUMS_BEFORE) == "reasoning"


def test_a_follow_up_in_another_language_of_programming() -> None:
    assert intent("now do it in Rust", *CODE_BEFORE) == "code"


def test_the_last_turn_weighs_most() -> None:
    assert intent("thanks! now a birthday poem for my mum", *CODE_BEFORE * 2) == "general"
    assert intent("solve the equation x^2 = 9", *CODE_BEFORE) == "reasoning"


def test_a_long_turn_stands_by_itself() -> None:
    text = " ".join(["I would like a quiet place where we could sit"] * 5)
    assert (
        ALONE.classify(Asked(text=text)).scores
        == ALONE.classify(Asked(text=text, earlier=(Turn(Role.USER, "python"),))).scores
    )


def test_a_turn_further_back_says_less() -> None:
    near = (Turn(Role.USER, "hello"), Turn(Role.USER, "python"))
    scores = [
        ALONE.classify(Asked(text="and?", earlier=turns)).scores["code"] for turns in (near, near[::-1])
    ]
    assert scores[0] > scores[1]


# ── anything whatever ────────────────────────────────────────────────────────────────────────────


@given(st.text(st.characters(), max_size=400), st.lists(st.text(st.characters(), max_size=80), max_size=3))
@example("", [])
@example("\ud800\udfff", ["\ud800"])
@example("{}();=<>" * 50, [])
@example("１２３ ٣ ² ½", [])
@example("a" * 5_000, [])
def test_any_text_is_classified_the_same_way_twice(text: str, earlier: list[str]) -> None:
    asked = Asked(text=text, earlier=tuple(Turn(Role.USER, said) for said in earlier))
    first, second = ALONE.classify(asked), ALONE.classify(asked)
    assert first == second
    assert first.name in BUILT_IN
    assert first.scores == {} or sum(first.scores.values()) == pytest.approx(1)


@pytest.mark.parametrize("asked", [Asked(text=""), Asked(text=" \n", images=True)])
def test_silence_and_images_are_nothing_to_go_by(asked: Asked) -> None:
    found = ALONE.classify(asked)
    assert (found.name, found.confidence, found.band, found.by) == ("general", 0.0, "none", "nothing")


@pytest.mark.parametrize(
    "text", ["word " * 200_000, "x" * 1_000_000, "列" * 1_000_000, "{" * 1_000_000, "a.b(c) = 1; " * 80_000]
)
def test_of_a_megabyte_the_head_and_the_tail_are_read(text: str) -> None:
    reading = Reading(text)
    assert len(reading.text) <= 1_501
    assert len(reading.tokens) <= MAX_TOKENS
    assert reading.length == len(text)


def test_in_a_script_without_spaces_the_longest_word_is_found_and_only_so_many() -> None:
    assert list(KEYWORDS.weigh("请写一首诗").words) == ["诗"]
    found = KEYWORDS.weigh("数据库 函数").words
    assert set(found) >= {"数据库", "函数"}
    assert "数据" not in found
    assert "函数" in KEYWORDS.weigh("列" * 100_000 + "函数").words, "the end is read too"


def test_what_is_wanted_is_found_at_the_end_of_what_was_pasted() -> None:
    pasted = "The council voted on the bridge and the ferry. " * 500
    assert "probability" in KEYWORDS.weigh(f"{pasted}\nWhat is the probability?").words
    assert "probability" in KEYWORDS.weigh(f"What is the probability?\n{pasted}").words


def test_a_text_is_read_once_for_all_who_ask() -> None:
    assert read("some text") is read("some text")


def test_hints_say_less_than_likely_words_and_those_less_than_sure_ones() -> None:
    hint, likely, sure = (KEYWORDS.weigh(word).logits[0] for word in ("button", "database", "kubectl"))
    assert 0 < hint < likely < sure

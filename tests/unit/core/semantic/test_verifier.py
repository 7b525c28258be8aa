"""The verifier: what is refused and on what grounds, what is proven, and that it is fair to both sides."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headgate.core.semantic.lexicon.table import Kind
from headgate.core.semantic.signature import may_match, sign
from headgate.core.semantic.spelling import misspelled
from headgate.core.semantic.verifier import Proof, verify

DIFFERENT = [
    ("How far is 5 miles?", "How far is 50 miles?", Kind.NUMBER),
    ("Is 70 kg in pounds a lot?", "Is 70 pounds in kg a lot?", Kind.UNIT),
    ("Is 100 MB/s fast?", "Is 100 Mb/s fast?", Kind.UNIT),
    ("Which shops open on Monday?", "Which shops open on Sunday?", Kind.DATE),
    ("Which plants are poisonous?", "Which plants are not poisonous?", Kind.NEGATION),
    ("Which plants are poisonous?", "Which plants aren't poisonous?", Kind.NEGATION),
    ("How do I increase the contrast?", "How do I decrease the contrast?", Kind.ANTONYM),
    ("How do I mount a disk?", "How do I unmount a disk?", Kind.ANTONYM),
    ("How old is Madonna now?", "Tell me, how old is Prince now?", Kind.NAME),
    ("How long from Paris to London?", "How long from London to Paris?", Kind.ORDER),
    ("Replace tabs with spaces", "Replace spaces with tabs", Kind.ORDER),
    ("With milk but without sugar", "With sugar but without milk", Kind.ORDER),
    ("Translate this to French", "Translate this from French", Kind.ORDER),
    ("Who taught Plato?", "Who did Plato teach?", Kind.ORDER),
    ("Who owns Google?", "What does Google own?", Kind.ORDER),
    ("What eats mice?", "What do mice eat?", Kind.ORDER),
    ("Can the cat chase the dog?", "Can the dog chase the cat?", Kind.ORDER),
    ("Must all members vote?", "Must some members vote?", Kind.QUANTIFIER),
    ("Phones with more memory", "Phones with less memory", Kind.COMPARATIVE),
    ("Say hello in Greek", "Say hello in Turkish", Kind.LANGUAGE),
    ("Rivers of Asia as JSON", "Rivers of Asia as CSV", Kind.FORMAT),
    ("A gift for my wife", "A gift for my boss", Kind.PERSON),
    ("Is it legal in France?", "Is it legal in Spain?", Kind.PLACE),
    ("Does the iPhone X15 float?", "Does the iPhone X14 float?", Kind.VERSION),
    ("Can I open the window?", "Should I open the window?", Kind.MODALITY),
    ("Is the bridge closed?", "Was the bridge closed?", Kind.TENSE),
    ("How do I mend a bike?", "How do I mend this bike?", Kind.SCOPE),
    ("When is it closed?", "Why is it closed?", Kind.QUESTION),
]
ROLES = [
    ("Recipes for dogs, not cats", "Recipes for cats, not dogs"),
    ("Can I park here on Sundays but not on Saturdays?", "Can I park here on Saturdays but not on Sundays?"),
    ("Why take the bus instead of the train?", "Why take the train instead of the bus?"),
    ("All cats except tigers", "Tigers except all cats"),
    ("Should I eat before I swim?", "Should I swim before I eat?"),
    ("Which company owns Google?", "Which company does Google own?"),
    ("Who is Google owned by?", "Who does Google own?"),
    ("Who was taught by Plato?", "Who taught Plato?"),
    ("Is the cat chased by the dog?", "Does the cat chase the dog?"),
    ("Who is Plato's teacher?", "Who is Plato the teacher of?"),
    ("Who is Ann in love with?", "Who is in love with Ann?"),
    ("A country bigger than France", "A country France is bigger than"),
    ("Who had the knife in the play?", "Who did the knife have in the play?"),
    ("Who killed the man who had the knife?", "Who had the knife that killed the man?"),
    ("Did Tom, who had the knife, attack Ann?", "Did Tom attack Ann, who had the knife?"),
    ("What did the boy give the girl?", "What did the girl give the boy?"),
    ("Tell me what eats spiders", "Tell me what spiders eat"),
    ("If it rains do I stay?", "If I stay does it rain?"),
    ("Wash then dry the car", "Dry then wash the car"),
    ("Only dogs may eat this", "Dogs may only eat this"),
    ("Black cats with white paws", "White cats with black paws"),
    ("How many euros is a dollar?", "How many dollars is a euro?"),
    ("How does the big dog scare the cat?", "How does the cat scare the dog?"),
]
"""The same words in other roles."""

KEPT_ROLES = [
    ("Was the letter written by Tom?", "Did Tom write the letter?"),
    ("Books written by Orwell", "Books Orwell wrote"),
    ("Who painted the ceiling?", "By whom was the ceiling painted?"),
    ("Who is Mary's father?", "Who is the father of Mary?"),
    ("If it rains, is the match cancelled?", "Is the match cancelled if it rains?"),
    ("Can I use milk instead of cream?", "Instead of cream, can I use milk?"),
    ("Why don't cats bark?", "Why do cats not bark?"),
    ("How many km are 5 miles?", "5 miles are how many km?"),
    ("How do I fix my own bike?", "How do I fix my bike?"),
    ("Is a hat warm?", "Is a warm hat warm?"),
]
"""Other forms of the same."""

SAME = [
    ("How do I centre a div in CSS?", "In CSS, how do I center a div?"),
    ("what is the capitol of peru", "What is the capitol of Peru?"),
    ("Who discovered penicillin?", "Penicillin was discovered by whom?"),
    ("How many minutes are in 2 hours?", "How many minutes are there in two hours?"),
    ("How do I convert 200,000 yen?", "how to convert 200000 yen please"),
    ("Symptoms of appendicitis", "symptons of apendicitis"),
    ("Can't I deduct it?", "Can I deduct it?"),
    ("What do mice eat?", "Tell me what mice eat"),
    ("The train between Rome and Milan", "The train between Milan and Rome"),
    ("How do I cancel my subscription?", "Could you please tell me how to cancel my subscription?"),
]


FRAMES = [
    "how to {}", "How should I {}?", "What is the best way to {}?", "What do I have to do to {}?",
    "What steps should I follow to {}?", "I was wondering how to {}.", "Can anyone tell me how to {}?",
    "Does anyone know how to {}?", "Any tips on how to {}?", "Quick question: how do I {}?",
    "I need to know how to {}", "I'd like to {}. How?", "Please explain how to {}.",
    "Instructions on how to {}", "Give me instructions to {}", "Need help: how to {}?",
    "I don't know how to {}.", "I have no idea how to {}", "Not sure how to {}", "How exactly do I {}?",
    "Hi, remind me how to {} pls", "Is there any way to {}?",
]  # fmt: skip
ALSO_SAME = [
    ("Why is the sky blue?", "What is the reason the sky is blue?"),
    ("Can I freeze cooked rice?", "Am I able to freeze cooked rice?"),
    ("Can I freeze cooked rice?", "Is it ok to freeze cooked rice?"),
    ("why don't cats bark", "why dont cats bark"),
    ("How much does a passport cost?", "How much is a passport?"),
    ("How much does a passport cost?", "How expensive is a passport?"),
    ("Who wrote Emma?", "Who is the author of Emma?"),
    ("Is seven rational?", "Is seven not irrational?"),
    ("Can cooked rice be frozen?", "Can I freeze cooked rice?"),
    ("How do I safely lift a piano?", "How do I lift a piano safe?"),
    ("What happened in 1984?", "What happened in nineteen eighty-four?"),
    ("Subscription cancellation: how?", "How do I cancel a subscription?"),
]
ALSO_DIFFERENT = [
    ("What is the best way to cook rice?", "What is the worst way to cook rice?"),
    ("What is the cheapest way to get to Rome?", "How do I get to Rome?"),
    ("Who is president of Peru?", "Who was president of Peru?"),
    ("What can I eat before it?", "What should I eat before it?"),
    ("How do I get her back?", "How do I get him back?"),
    ("why dont cats bark", "why do cats bark"),
    ("Is seven rational?", "Is seven irrational?"),
    ("Do you know when the bank opens?", "Do you know when the bank closes?"),
    ("How do I hardly notice it?", "How do I notice it hard?"),
    ("How should I treat a burn?", "How should I not treat a burn?"),
    ("What are the reasons for it?", "What are the reasons against it?"),
    ("I need help to move", "I need help to remove"),
    ("Who composed Aida?", "Who designed Aida?"),
]
TURNED = [
    ("What has been built in Oslo since 2015?", "What has been built in Oslo until 2015?"),
    ("Is the pool open until noon?", "Is the pool open by noon?"),
    ("Do I have to enrol by June?", "Do I have to enrol after June?"),
    ("May only I open the safe?", "May only you open the safe?"),
    ("May only I open the safe?", "May I only open the safe?"),
    ("How long can I live in Oslo on a visa?", "How long could I have lived in Oslo on a visa?"),
    ("Is Python 3.10 faster?", "Is Python 3.1 faster?"),
    ("Write a haiku about cats", "Write a sonnet about cats"),
    ("Do I copy A to B?", "Do I copy B to A?"),
    ("Is vitamin A good for eyes?", "Is vitamin good for eyes?"),
    ("Do I turn left at the church?", "Do I turn right at the church?"),
    ("Should I go up a size?", "Should I go down a size?"),
    ("Did he put on weight?", "Did he put off weight?"),
    ("How do I get into a car?", "How do I get out of a car?"),
    ("Is Rome above sea level?", "Is Rome below sea level?"),
    ("One tablet every day?", "One tablet every other day?"),
    ("Add half a cup of sugar", "Add a cup of sugar"),
    ("What do I wear at minus 5 degrees?", "What do I wear at 5 degrees?"),
    ("Is it open at 3 am?", "Is it open at 3 pm?"),
    ("Does honey help a cough?", "Does honey cause a cough?"),
    ("Are all squares rectangles?", "Are all rectangles squares?"),
    ("What is macroeconomics?", "What is microeconomics?"),
]
"""One small word turns them round."""

REAL_WORDS = [
    ("How do I clean a fish tank?", "How do I clean a fish?"),
    ("What is the dose of ibuprofen?", "What is ibuprofen?"),
    ("How do I treat the head injury?", "How do I treat the injury?"),
    ("Where do I send the tax form?", "Where do I send the tax?"),
]
"""Words that look like misspelled words of grammar are words."""


@pytest.mark.parametrize("frame", FRAMES)
def test_how_it_is_asked_makes_no_difference(frame: str) -> None:
    for what, not_that in (("lift a piano", "tune a piano"), ("change a tyre", "patch a tyre")):
        assert verify(frame.format(what), f"How do I {what}?").proof is Proof.PROVEN
        assert verify(frame.format(what), f"How do I {not_that}?").proof is not Proof.PROVEN


@pytest.mark.parametrize(("one", "other"), ALSO_SAME)
def test_the_same_in_other_forms_of_the_words(one: str, other: str) -> None:
    assert verify(one, other).proof is verify(other, one).proof is Proof.PROVEN


@pytest.mark.parametrize(("one", "other"), ALSO_DIFFERENT)
def test_frames_and_forms_hide_no_difference(one: str, other: str) -> None:
    assert verify(one, other).proof is not Proof.PROVEN
    assert verify(other, one).proof is not Proof.PROVEN


@pytest.mark.parametrize(
    ("one", "other", "why"), DIFFERENT, ids=[f"{why}-{one}" for one, _, why in DIFFERENT]
)
def test_refuses_and_says_why(one: str, other: str, why: Kind) -> None:
    verdict = verify(one, other)
    assert (verdict.proof, verdict.why) == (Proof.REFUSED, why)


@pytest.mark.parametrize(("one", "other"), ROLES)
def test_who_does_what_to_whom_is_not_told_by_words_alone(one: str, other: str) -> None:
    verdict = verify(one, other)
    assert (verdict.proof, verdict.why) == (Proof.REFUSED, Kind.ORDER)
    assert verify(other, one) == verdict


@pytest.mark.parametrize(("one", "other"), TURNED)
def test_one_small_word_is_enough(one: str, other: str) -> None:
    assert verify(one, other).proof is verify(other, one).proof is Proof.REFUSED


@pytest.mark.parametrize(("one", "other"), REAL_WORDS)
def test_what_is_a_word_is_no_slip_of_grammar(one: str, other: str) -> None:
    assert verify(one, other).proof is verify(other, one).proof is Proof.OPEN
    assert verify(one, one.lower().replace("the", "teh")).proof is Proof.PROVEN, "what is none still is"


@pytest.mark.parametrize(("one", "other"), KEPT_ROLES)
def test_who_does_what_to_whom_may_be_said_in_many_ways(one: str, other: str) -> None:
    assert verify(one, other).proof is verify(other, one).proof is Proof.PROVEN


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Can I pay by card or cash?", "Can I pay by card and cash?"),
        ("Must I sign and date it?", "Must I sign or date it?"),
    ],
)
def test_one_of_them_is_not_both(one: str, other: str) -> None:
    assert verify(one, other).why is verify(other, one).why is Kind.CHOICE


@pytest.mark.parametrize(("one", "other"), SAME)
def test_proves_what_says_the_same(one: str, other: str) -> None:
    assert verify(one, other).proof is Proof.PROVEN


@pytest.mark.parametrize(
    ("one", "other"), [("trial", "trail"), ("prednisone", "prednisolone"), ("iran", "iraq")]
)
def test_another_word_is_no_slip(one: str, other: str) -> None:
    assert not misspelled(one, other)


def test_what_is_left_unread_proves_nothing() -> None:
    long = "word " * 1000
    assert verify(long + "one", long + "two").proof is not Proof.PROVEN


SAID = "how do I not mount a disk in 5 miles Paris to London the cat and dog more all can why"
WORDS = st.sampled_from(sorted(SAID.split()))


@example("Paris London", "I London Paris")
@given(st.lists(WORDS, max_size=12).map(" ".join), st.lists(WORDS, max_size=12).map(" ".join))
def test_both_sides_are_judged_alike(one: str, other: str) -> None:
    assert (verify(one, other).proof is Proof.PROVEN) == (verify(other, one).proof is Proof.PROVEN)


@given(st.text(max_size=200), st.text(max_size=200))
def test_takes_any_text(one: str, other: str) -> None:
    assert verify(one, one).proof is Proof.PROVEN
    verify(one, other)


BROKEN_OFF = st.lists(st.one_of(WORDS, st.sampled_from([",", ".", "?", "who", "that", "whose"])), max_size=6)


@example(["who", ","])
@example(["that"])
@given(BROKEN_OFF)
def test_takes_questions_that_break_off(words: list[str]) -> None:
    text = "".join(word if word in ",.?" else f" {word}" for word in words)
    assert verify(text, f"{text} ").proof is not Proof.REFUSED


@given(st.lists(WORDS, max_size=8), st.randoms(use_true_random=False))
def test_what_is_proven_is_looked_at(words: list[str], chance: Random) -> None:
    one, other = " ".join(words), " ".join(chance.sample(words, len(words)))
    proven = verify(one, other).proof is Proof.PROVEN
    assert not proven or one == other or may_match(sign(one), sign(other))


@given(st.lists(st.integers(2, 99_999), min_size=1, max_size=3), st.lists(st.integers(2, 99_999), min_size=1))
def test_other_numbers_are_never_proven(mine: list[int], theirs: list[int]) -> None:
    def said(numbers: list[int]) -> str:
        return "What is the sum of " + " and ".join(map(str, numbers)) + "?"

    assert (verify(said(mine), said(theirs)).proof is Proof.PROVEN) <= (sorted(mine) == sorted(theirs))

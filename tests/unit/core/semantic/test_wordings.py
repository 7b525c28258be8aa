"""What may be said in other words, or written otherwise, and what only looks as if it might."""

from __future__ import annotations

import pytest

from headgate.core.semantic import writing
from headgate.core.semantic.rewriting import Rewriting
from headgate.core.semantic.signature import may_match, sign
from headgate.core.semantic.verifier import Proof, verify

WRITTEN = [
    ("Is 40 °C hot?", "Is 40 degrees Celsius hot?", "Is 40 °F hot?"),
    ("What is ½ cup in ml?", "What is half a cup in ml?", "What is ¼ cup in ml?"),
    ("How heavy is 1½ gallons?", "How heavy is 1 1/2 gallons?", "How heavy is 2 1/2 gallons?"),
    ("Is $5,000 taxed?", "Is 5000 dollars taxed?", "Is £5,000 taxed?"),
    ("Can I fly w/ a cat?", "Can I fly with a cat?", "Can I fly w/o a cat?"),
    ("Cost per month of a gym", "Cost/month of a gym", "Cost per week of a gym"),
    ("A 30-year mortgage", "A thirty year mortgage", "A 20-year mortgage"),
    ("Who was the 18th king?", "Who was the eighteenth king?", "Who was the 19th king?"),
    ("Laws of the U.K. on bees", "Laws of the UK on bees", "Laws of the U.S. on bees"),
    ("Primes above 100", "Primes greater than 100", "Primes below 100"),
    ("Does a 401(k) pay?", "Does a 401k pay?", "Does a 403(b) pay?"),
    ("Renew an F-1 visa", "Renew an F1 visa", "Renew an F-2 visa"),
    ("Ships - who owns them?", "Ships: who owns them?", "Ships - who sinks them?"),
    ("Is a 2 wk trip long?", "Is a two week trip long?", "Is a 2 mo trip long?"),
]
"""What is written in two ways, and what says another thing."""

SPOKEN = [
    ("Hi there, what is a monad? Many thanks!", "What is a monad?", "What is a comonad?"),
    ("Quick one: is tin magnetic?", "Is tin magnetic?", "Is zinc magnetic?"),
    ("Would you mind explaining osmosis?", "Explain osmosis", "Explain reverse osmosis"),
    ("What is meant by entropy?", "Meaning of entropy", "What causes entropy?"),
    ("What does NATO stand for?", "What's the meaning of NATO?", "What did NATO do?"),
    ("List the organs of a frog", "What are the organs of a frog?", "How many organs has a frog?"),
    ("When is the best time to sow peas?", "When should I sow peas?", "When is the worst time to sow peas?"),
    (
        "What should I do if a wasp stings me?",
        "What do I do if a wasp stings me?",
        "What if a bee stings me?",
    ),
    ("How long should an egg boil?", "How long must an egg boil?", "How long can an egg boil?"),
    ("Where can I find my quota?", "Where do I find my quota?", "Where should I find my quota?"),
    ("Where is Mount Fuji located?", "Where is Mount Fuji?", "Where is Mount Etna located?"),
    ("Don't open the box in any case", "Do not open the box in any case", "Open the box in any case"),
    ("Why has my vase cracked?", "Why did my vase crack?", "Why will my vase crack?"),
    ("Is a cat or a dog smarter?", "Which is smarter, a cat or a dog?", "Why is a cat or a dog smarter?"),
    ("What composer wrote Aida?", "Which composer wrote Aida?", "Which composer hated Aida?"),
]

SYNONYMS = [
    ("What are the benefits of tea?", "What are the advantages of tea?", "What are the risks of tea?"),
    ("How do I resolve a conflict?", "How do I fix a conflict?", "How do I cause a conflict?"),
    ("Cheapest tyres in Leeds", "Least expensive tires in Leeds", "Most expensive tyres in Leeds"),
    ("How do I evict a tenant?", "How do I throw out a tenant?", "How do I find a tenant?"),
    ("Can stress lead to cramps?", "Can stress cause cramps?", "Can stress cure cramps?"),
    ("Retrieve a deleted photo", "Recover a deleted picture", "Retrieve a blurred photo"),
    ("Is it poisonous to hens?", "Is it toxic to hens?", "Is it harmless to hens?"),
    ("Postgres or MySQL for logs?", "PostgreSQL or MySQL for logs?", "SQLite or MySQL for logs?"),
]

STRICT = [
    ("Swap tea for coffee in it", "Swap coffee for tea in it"),
    ("Is it right to add salt to oil?", "Is it right to add oil to salt?"),
    ("How much flour replaces 50 g of rice?", "How much rice replaces 50 g of flour?"),
    ("Is the road being repaired now?", "Has the road been repaired now?"),
    ("What is tested in a blood test?", "How long is a blood test?"),
    ("Can the tenant keep the key?", "Can the landlord keep the key?"),
    ("Write a haiku on rain", "Write a limerick on rain"),
    ("What can I eat before it?", "What should I eat before it?"),
    ("Which coins can I mint?", "How do I mint coins?"),
    ("Where is my desk?", "Where can I use my desk?"),
    ("Is it closed at 3 a.m. there?", "Is it closed at 3 p.m. there?"),
]


@pytest.mark.parametrize(("one", "other", "another"), [*WRITTEN, *SPOKEN, *SYNONYMS])
def test_other_wordings_are_proven_and_other_questions_are_not(one: str, other: str, another: str) -> None:
    assert verify(one, other).proof is verify(other, one).proof is Proof.PROVEN
    assert may_match(sign(one), sign(other))
    for said in (one, other):
        assert verify(said, another).proof is not Proof.PROVEN
        assert verify(another, said).proof is not Proof.PROVEN


LISTS = [
    ("Compare Bach and Handel as teachers", "Compare Handel and Bach as teachers"),
    ("Did Ann and Tom dance?", "Did Tom and Ann dance?"),
    ("How deep do I plant tulips and garlic?", "How deep should garlic and tulips be planted?"),
    ("Stew of beans, leeks and olive oil", "Stew of olive oil, leeks and beans"),
    ("Tin or zinc: which is heavier?", "Which is heavier, zinc or tin?"),
    ("Black, red and white cables: what do they carry?", "What do white, red and black cables carry?"),
]
"""Words that stand side by side in any order."""

NO_LISTS = [
    ("Do dogs bite and cats scratch?", "Do cats bite and dogs scratch?"),
    ("Did Tom and Ann beat Bob?", "Did Bob beat Tom and Ann?"),
    ("Can Tom and Ann sue Bob?", "Can Ann and Bob sue Tom?"),
    ("Tubes 7 mm wide and 9 mm long", "Tubes 9 mm wide and 7 mm long"),
    ("If they sue, can I appeal?", "If they sue, can they appeal?"),
]

SLIPS = [
    ("Who advises the presidant?", "Who advises the president?"),
    ("Write a referance for a nurse", "Write a reference for a nurse"),
    ("Explian polymorfism with a simpel exmaple", "Explain polymorphism with a simple example"),
    ("Where is the elefant resevre?", "Where is the elephant reserve?"),
]

NO_SLIPS = [
    ("Is lactase a sugar?", "Is lactose a sugar?"),
    ("Is it a chloride bath?", "Is it a chlorine bath?"),
    ("Can the judge prescribe it?", "Can the judge proscribe it?"),
    ("Where is a vocation needed?", "Where is a vacation needed?"),
    ("Is there batter in it?", "Is there butter in it?"),
    ("Flights to Slovakia", "Flights to Slovenia"),
    ("Jobs in Austria", "Jobs in Australia"),
]


@pytest.mark.parametrize(("one", "other"), [*LISTS, *SLIPS])
def test_lists_have_no_order_and_slips_say_nothing(one: str, other: str) -> None:
    assert verify(one, other).proof is verify(other, one).proof is Proof.PROVEN
    assert may_match(sign(one), sign(other))


@pytest.mark.parametrize(("one", "other"), [*STRICT, *NO_LISTS, *NO_SLIPS])
def test_what_sounds_alike_is_not_proven(one: str, other: str) -> None:
    assert verify(one, other).proof is not Proof.PROVEN
    assert verify(other, one).proof is not Proof.PROVEN


@pytest.mark.parametrize("text", ["x/y", "24/7", "a 1/0 b", "1 1/0", "C. S. Lewis", "and/or", "http://a.b/c"])
def test_what_is_no_abbreviation_stays(text: str) -> None:
    assert Rewriting(writing.RULES)(text) == text

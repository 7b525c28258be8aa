"""The judgement: which neighbour answers, and whether two answers say the same."""

from __future__ import annotations

from headgate.core.reuse import Life, Stored
from headgate.core.semantic.gates import Gate
from headgate.core.semantic.judge import at_sight, judge
from headgate.core.semantic.packing import packed, unpacked
from headgate.core.semantic.reading import read
from headgate.core.semantic.said import agree, said
from headgate.core.semantic.signature import sign
from headgate.core.usage import Usage
from headgate.ports.neighbours import Kept, Near

TEXT = "How do I boil an egg for 5 minutes?"


def near(text: str, likeness: float, alike: bytes = b"1") -> Near:
    return Near(Kept(packed(text), b"", alike, sign(text), 0.0), likeness)


def test_alike_is_enough_only_where_no_other_answer_is_as_near() -> None:
    text = "Why do cats knead?"
    one, twin = (
        near("Why do cats knead blankets?", 0.96),
        near("Why do cats knead soft blankets?", 0.955, b"2"),
    )
    alone = judge(text, [one], 0.95)
    assert alone
    assert alone.hit
    assert alone.confidence == 0.96
    doubtful = judge(text, [one, twin], 0.95)
    assert doubtful
    assert not doubtful.hit
    far = judge(text, [near("Why do cats knead blankets?", 0.94)], 0.95)
    assert far
    assert not far.hit


def test_a_gate_decides_where_there_is_one() -> None:
    gate = Gate(0.01, 0.9)
    found = judge(TEXT, [near(TEXT, 1.0)], 0.95, gate)
    assert found
    assert not found.hit, "nothing is clear enough for that gate"


def test_what_has_the_same_signature_is_proven_at_sight_or_not_at_all() -> None:
    other = "please tell me how to boil an egg for five minutes"
    assert sign(other) == sign(TEXT)
    found = at_sight(other, packed(TEXT))
    assert found
    assert found.hit
    turned = "Which train goes from Paris to London?", "Which train goes from London to Paris?"
    assert sign(turned[0]) == sign(turned[1])
    assert at_sight(turned[0], packed(turned[1])) is None
    assert at_sight("???", packed("???")), "word for word the same"
    assert at_sight("???", packed("?!")) is None


def test_a_reading_is_the_same_after_it_was_kept() -> None:
    for text in (TEXT, "", "Ist 3 kg zu viel?", "x" * 5000, "I can't, he must not \ud800 2nd"):
        assert unpacked(packed(text)) == read(text)


def stored(body: bytes) -> Stored:
    return Stored(
        provider="p", model_id="m", model_name="m", served_model=None, finish=None, usage=Usage(),
        cost_nano=None, stream=True, body=body, end=(b"", None), stored_at=0.0, life=Life(1.0),
    )  # fmt: skip


def test_what_an_answer_says_is_read_off_its_bytes() -> None:
    streamed = b'data: {"delta":{"content":"It\\u0027s "}}\n\ndata: {"delta":{"text":"5."}}\n\n'
    assert said(stored(streamed)) == "It's 5."
    assert said(stored(b'{"content": "broken \\uZZ"}')) == ""


def test_answers_agree_by_their_letters_or_by_figures_and_vectors() -> None:
    long = "The distance between the two is about 50 kilometres by road."
    assert agree("Yes ", "yes", 0.0)
    assert not agree("Yes", "No", 0.99), "short answers must be the same"
    assert agree(long, long.replace("about", "roughly"), 0.97)
    assert not agree(long, long.replace("50", "60"), 0.99)

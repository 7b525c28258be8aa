"""Learning from outcomes: on made data in which the weak model fails where numbers stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from headgate.core.asked import Asked
from headgate.core.learned.form import Unusable, dumped, loaded
from headgate.core.learned.gain import curve
from headgate.core.learned.machine import Quick
from headgate.core.learned.router import Chooser, Trained, Verifier, described
from headgate.core.learned.train import Outcome, TooLittle, stages, train


class Letters:
    """An embedder small enough for tests: how often each of 16 letters stands in a text."""

    dimension = 16

    def __init__(self, identity: str = "letters/1:16") -> None:
        self.id = identity

    def embed(self, texts: Sequence[str], /) -> NDArray[np.float32]:
        rows = np.array([[text.count(letter) for letter in "etaoinshrdlucmfw"] for text in texts], np.float32)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        found: NDArray[np.float32] = (rows / np.where(length > 0, length, 1)).astype(np.float32)
        return found


WORDS = ("river", "stone", "friend", "paper", "window", "garden", "winter", "music", "table", "letter")


def made(count: int, seed: int, *, answers: bool = False) -> list[Outcome]:
    """Sums, which the weak model gets wrong four times in five; and tales, which it gets right."""
    chance = Random(seed)
    return [_row(chance, answers) for _ in range(count)]


def _row(chance: Random, answers: bool) -> Outcome:
    sums = chance.random() < 0.4
    wrong = chance.random() < (0.8 if sums else 0.1)
    left, right = chance.randrange(10, 90), chance.randrange(10, 90)
    words = " ".join(chance.choices(WORDS, k=8))
    prompt = f"What is {left} plus {right} plus 17?" if sums else f"Tell a tale of {words}."
    said = f"{left} + {right} = {left + right + wrong}.\n#### {left + right + wrong}"
    return Outcome(
        prompt=prompt,
        correct={"small": float(not wrong), "large": float(chance.random() < 0.95)},
        topic="sums" if sums else "tales",
        answer={"small": said} if answers else {},
    )


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(made(300, 1, answers=True), Letters(), weak="small", strong="large")


def test_it_learns_what_gains(trained: Trained) -> None:
    unseen = made(400, 2)
    scores = trained.scores([row.prompt for row in unseen], Letters())
    weak = np.array([row.correct["small"] for row in unseen])
    strong = np.array([row.correct["large"] for row in unseen])
    assert curve(scores, weak, strong).apgr() > 0.7


def test_the_same_data_give_the_same_file(trained: Trained) -> None:
    again = train(made(300, 1, answers=True), Letters(), weak="small", strong="large")
    assert dumped(again) == dumped(trained)


def test_a_file_is_read_as_it_was_written(trained: Trained) -> None:
    read = loaded(dumped(trained))
    prompts = ["What is 3 plus 4?", "", "Tell a tale."]
    assert read.scores(prompts, Letters()) == pytest.approx(trained.scores(prompts, Letters()), abs=1e-5)
    assert dumped(read) == dumped(trained)
    assert read.answer_ladder == trained.answer_ladder


def test_one_row_at_a_time_is_the_same_arithmetic(trained: Trained) -> None:
    features, vectors = described(["What is 31 plus 4?", "", "Tell a tale of winter."], Letters())
    quick = Quick(trained.questions)
    alone = [quick.score(one.tolist(), vector) for one, vector in zip(features, vectors, strict=True)]
    assert alone == pytest.approx(trained.questions.scores(features, vectors).tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: b"", "no router"),
        (lambda data: b"\x80\x04pickle" + data, "no router"),
        (lambda data: data[:-1], "checksum"),
        (lambda data: data + b"x", "checksum"),
        (lambda data: data[:900] + bytes([data[900] ^ 1]) + data[901:], "checksum"),
        (lambda data: data.replace(b"router 2 ", b"router 1 ", 1), "format is 1"),
        (lambda data: data.split(b"\n")[0], "checksum"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(
    trained: Trained, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    with pytest.raises(Unusable, match=reason):
        loaded(spoil(dumped(trained)))


def astray(trained: Trained, **changes: Any) -> bytes:
    """A file with a right checksum, of a forest that was changed."""
    machine = trained.questions
    forest = msgspec.structs.replace(machine.forest, **changes)
    return dumped(msgspec.structs.replace(trained, questions=msgspec.structs.replace(machine, forest=forest)))


def test_trees_that_lead_nowhere_are_refused(trained: Trained) -> None:
    """Whoever can write a checksum can write trees too: none may hang a decision or read behind an array."""
    forest = trained.questions.forest
    back, out, far = forest.child.copy(), forest.child.copy(), forest.feature.copy()
    back[-1], out[0], far[0] = 0, len(out), 9999
    for changes in (
        {"child": back}, {"child": out}, {"feature": far}, {"roots": -1 - forest.roots},
        {"depth": 10_000_000}, {"roots": forest.roots[:0]},
    ):  # fmt: skip
        with pytest.raises(Unusable, match="lead nowhere"):
            loaded(astray(trained, **changes))
    with pytest.raises(Unusable, match="no number"):
        loaded(astray(trained, value=forest.value * np.float32("nan")))
    with pytest.raises(Unusable, match="another shape"):
        loaded(astray(trained, value=forest.value[:-1]))


def test_another_embedder_is_refused(trained: Trained) -> None:
    other = Letters("other/1:8")
    with pytest.raises(ValueError, match=r"trained with the embedder .* and this is other/1:8"):
        Chooser(trained, other, weak="a", strong="b", target=0.9)


def test_the_target_sets_how_often_the_strong_model_is_asked(trained: Trained) -> None:
    asked = [Asked(text=row.prompt) for row in made(200, 3)]

    def share(target: float) -> float:
        chooser = Chooser(trained, Letters(), weak="a", strong="b", target=target)
        return sum(chooser.prefers(one).models[0] == "b" for one in asked) / len(asked)

    shares = [share(target) for target in (0.1, 0.7, 0.8, 0.9, 0.95, 1.0)]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.2 < shares[4] < 0.8


def test_quality_as_promised_on_rows_not_seen(trained: Trained) -> None:
    unseen = made(2000, 4)
    chooser = Chooser(trained, Letters(), weak="small", strong="large", target=0.9)
    kept = sum(row.correct[chooser.prefers(Asked(text=row.prompt)).models[0]] for row in unseen)
    strong = sum(row.correct["large"] for row in unseen)
    assert kept / strong > 0.85


def test_a_preference_explains_itself(trained: Trained) -> None:
    found = Chooser(trained, Letters(), weak="a", strong="b", target=0.9).prefers(Asked(text="x" * 100_000))
    assert set(found.models) == {"a", "b"}
    assert 0 <= found.confidence <= 1
    assert "rank" in found.evidence[0]


def test_answers_are_judged_by_what_was_learned_of_them(trained: Trained) -> None:
    verifier = Verifier(trained, target=0.95)
    question = "What is 20 plus 30 plus 17?"
    assert verifier.doubts(question, "20 + 30 = 51.\n#### 51") > verifier.doubts(
        question, "20 + 30 = 50.\n#### 50"
    )


def test_without_answers_rules_judge() -> None:
    verifier = Verifier()
    question = "What is 20 plus 30?"
    assert not verifier.doubtful(question, "20 + 30 = 50.\n#### 50")
    assert verifier.doubtful(question, "20 + 30 = 61.\n#### 61")
    assert verifier.doubtful(question, "")
    assert verifier.doubtful("Who was it?", "I cannot say: there is not enough information")


def test_too_little_to_learn_from() -> None:
    with pytest.raises(TooLittle, match="19 rows"):
        train(made(19, 1), Letters(), weak="small", strong="large")
    same = [Outcome(prompt=str(n), correct={"small": 1.0, "large": 1.0}) for n in range(50)]
    with pytest.raises(TooLittle, match="nothing to choose"):
        train(same, Letters(), weak="small", strong="large")


def test_progress_is_told_as_often_as_announced() -> None:
    told: list[None] = []
    data = made(120, 5, answers=True)
    train(data, Letters(), weak="small", strong="large", step=lambda: told.append(None))
    assert len(told) == stages(data)

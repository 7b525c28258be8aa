"""What was found is found again without looking, and only for the same words after the same words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.asked import Asked, Turn
from headgate.core.chat import Role
from headgate.core.complexity import weigh
from headgate.core.intent.cascade import Cascade
from headgate.core.intent.found import Intent, Thresholds
from headgate.core.intent.keywords import Keywords
from headgate.core.recent import RECENT, Recent, weigher

KEYWORDS = Cascade(Keywords({}), Thresholds())


class Counting:
    intents = KEYWORDS.intents

    def __init__(self) -> None:
        self.times = 0

    def classify(self, asked: Asked, /) -> Intent:
        self.times += 1
        return KEYWORDS.classify(asked)


def test_an_agents_next_step_is_not_classified_again() -> None:
    counting = Counting()
    recent = Recent(counting)
    first = recent.classify(Asked(text="Write a function", chars=16))
    assert recent.classify(Asked(text="Write a function", chars=90_000, tools=True)) is first
    assert counting.times == 1


def test_the_turns_before_make_it_another() -> None:
    counting = Counting()
    recent = Recent(counting)
    follow = "now shorter, please"
    alone = recent.classify(Asked(text=follow))
    after = recent.classify(Asked(text=follow, earlier=(Turn(Role.USER, "Fix this Python function"),)))
    answered = recent.classify(
        Asked(text=follow, earlier=(Turn(Role.ASSISTANT, "Fix this Python function"),))
    )
    assert counting.times == 3
    assert after.scores["code"] > answered.scores["code"] > alone.scores["code"]


def test_bounded() -> None:
    counting = Counting()
    recent = Recent(counting)
    for number in range(RECENT + 1):
        recent.classify(Asked(text=f"text {number}"))
    recent.classify(Asked(text=f"text {RECENT}"))
    assert counting.times == RECENT + 1
    recent.classify(Asked(text="text 0"))
    assert counting.times == RECENT + 2


@given(st.lists(st.sampled_from(["Prove it.", "fix the bug in foo()", "hello", "列車", ""]), max_size=20))
def test_the_same_as_without(texts: list[str]) -> None:
    recent, weighed = Recent(KEYWORDS), weigher()
    for text in texts:
        asked = Asked(text=text)
        assert recent.classify(asked) == KEYWORDS.classify(asked)
        assert weighed(asked) == weigh(asked)

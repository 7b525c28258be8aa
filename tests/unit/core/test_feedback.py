"""What scores teach: who goes first, and where a bar lies."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.asked import Asked
from headgate.core.call import Call
from headgate.core.feedback import LEAST, MOST_AWAITED, STEP, Arms, Bar, Feedback, Policy, Served
from headgate.core.router import Router
from headgate.core.rules import Preference, Rules
from routed import Still, model, router
from scripted import FakePayload, asked
from virtual import run

CODE = Served("auto", "code", "a")


def test_who_is_scored_best_is_drawn_most_and_each_intent_is_apart() -> None:
    arms, chance = Arms(), Random(1)
    for _ in range(50):
        arms.observe(CODE, 0.2)
        arms.observe(Served("auto", "code", "b"), 0.9)
    drawn = Counter(arms.drawn("auto", "code", ["a", "b"], chance) for _ in range(200))
    assert drawn["b"] > 190
    elsewhere = Counter(arms.drawn("auto", "general", ["a", "b"], chance) for _ in range(200))
    assert min(elsewhere.values()) > 60
    assert arms.mean("auto", "general", "a") == 0.5


def test_a_model_that_changes_is_noticed() -> None:
    arms = Arms()
    for score in (1.0, 0.0):
        for _ in range(1000):
            arms.observe(CODE, score)
    assert arms.mean("auto", "code", "a") < 0.05


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=300))
def test_a_bar_stays_within_all_requests(scores: list[tuple[float, bool]]) -> None:
    bar = Bar()
    for score, weak in scores:
        bar = bar.after(score, weak=weak, target=0.9)
    assert -1.0 <= bar.shift <= 1.0
    assert 0.0 <= bar.weak <= 1.0


def test_a_bar_moves_towards_what_was_promised_once_both_are_known() -> None:
    bar = Bar()
    for _ in range(LEAST - 1):
        bar = bar.after(0.9, weak=False, target=0.95).after(0.2, weak=True, target=0.95)
    assert bar.shift == 0.0
    bar = bar.after(0.9, weak=False, target=0.95).after(0.2, weak=True, target=0.95)
    assert bar.shift == -STEP
    for _ in range(200):
        bar = bar.after(1.0, weak=True, target=0.95)
    assert bar.shift > 0.0


def test_an_answer_is_scored_once_and_by_who_got_it() -> None:
    feedback = Feedback()
    feedback.await_("alice", "r", CODE)
    assert feedback.take("bob", "r") is None
    assert feedback.take("alice", "r") == CODE
    assert feedback.take("alice", "r") is None
    for number in range(MOST_AWAITED + 1):
        feedback.await_("alice", str(number), CODE)
    assert feedback.take("alice", "0") is None


# ── in a router ──────────────────────────────────────────────────────────────────────────────────────


def rules(policy: Policy) -> Rules:
    return Rules(name="auto", use=("a", "b"), feedback=policy)


def first(decides: Router, text: str = "[code] sort") -> str:
    call = asked(payload=FakePayload("auto", gist=Asked(text=text, chars=9)))
    return decides.decide(call).chain[0]


def say(decides: Router, name: str, score: float, intent: str | None = "code") -> None:
    decides.memory.feedback.await_("k", "r", Served("auto", intent, name))
    assert decides.scored("k", "r", score) == Served("auto", intent, name)


def test_a_bandit_prefers_who_is_praised_and_its_floor_forgets_nobody() -> None:
    async def story() -> None:
        decides = router([model("a"), model("b")], rules(Policy(bandit=True, floor=0.1)))
        for _ in range(60):
            say(decides, "a", 0.0)
            say(decides, "b", 1.0)
        drawn = Counter(first(decides) for _ in range(400))
        assert 4 < drawn["a"] < 60
        assert decides.memory.feedback.arms.told()[1]["model"] == "b"
        assert decides.memory.feedback.arms.mean("auto", "code", "b") > 0.9

    run(story())


def test_who_is_not_ready_is_not_put_first() -> None:
    async def story() -> None:
        pools = {"a": Still(is_ready=False), "b": Still()}
        decides = router([model("a"), model("b")], rules(Policy(bandit=True, floor=1.0)), pools=pools)
        assert {first(decides) for _ in range(20)} == {"b"}

    run(story())


def test_without_a_policy_nothing_is_awaited() -> None:
    async def story() -> None:
        decides = router([model("a")], Rules(name="auto", use=("a",), by="intent"))
        call = asked("auto")
        decides.answered(call, "r", decides.decide(call), "a")
        assert decides.scored(call.caller.key, "r", 1.0) is None

    run(story())


class Leaning:
    """A trained router (`core.rules.Learned`) that tells how far its bar was moved."""

    weak, target = "a", 0.9

    def __init__(self) -> None:
        self.seen: list[float] = []

    def prefers(self, asked: Asked, shift: float = 0.0, /) -> Preference:
        self.seen.append(shift)
        return Preference(("a", "b"), 1.0)


def test_scores_move_the_bar_of_a_trained_router() -> None:
    async def story() -> None:
        learned = Leaning()
        route = Rules(name="auto", use=("a", "b"), by="learned", learned=learned, feedback=Policy(bar=True))
        decides = router([model("a"), model("b")], route)
        for _ in range(LEAST + 10):
            say(decides, "b", 1.0, None)
            say(decides, "a", 0.1, None)
        first(decides)
        assert learned.seen[-1] < 0.0

    run(story())


def test_scores_teach_a_trained_router_which_requests_the_strong_model_is_worth() -> None:
    async def story() -> None:
        learned = Leaning()
        policy = Policy(predictor=True)
        route = Rules(name="auto", use=("a", "b"), by="learned", learned=learned, feedback=policy)
        decides = router([model("a"), model("b")], route)

        def request(text: str) -> Call:
            return asked(payload=FakePayload("auto", gist=Asked(text=text, last_chars=len(text))))

        sums, words = request("Add 17, 4, 33 and 902."), request("Who wrote Emma")
        for _ in range(150):
            for call, good in ((sums, 0.0), (words, 1.0)):
                decision = decides.decide(call)
                for name, score in (("a", good), ("b", 1.0)):
                    decides.answered(call, "r", decision, name)
                    assert decides.scored(call.caller.key, "r", score) is not None
        decides.decide(sums)
        decides.decide(words)
        assert learned.seen[-2] < -0.1 < 0.0 < learned.seen[-1]
        assert decides.memory.feedback.told()["predictors"] == {
            "auto": {"weak_scores": 300, "strong_scores": 300}
        }

    run(story())

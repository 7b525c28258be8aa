"""The assembled stack: short chats that are asked at the same time are one numbered call; any doubt sends one
alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi import CHAT, KEY, Heard, ask, gateway
from headgate.assemble import Gateway
from headgate.core.errors import Unsupported
from headgate.core.usage import Usage, shared_out
from headgate.providers.openai.numbered import is_doubtful, texts
from scripted import Notes
from virtual import clock, run

OTHER = "other-key-0123456789abcdef"
HOUSE: dict[str, Any] = {
    "keys": [{"name": "me", "key": KEY, "tenant": "acme"}, {"name": "other", "key": OTHER}],
    "providers": {"p": {"dialect": "simulated", "simulated": {"latency_s": 0.1, "tokens_per_s": 100}}},
    "models": {
        "a": {"provider": "p", "price": {"input": 1, "output": 2}},
        "plain": {"provider": "p", "supports": ["tools"]},
    },
    "routes": {
        "auto": {"use": ["a"], "batch": {"size": 4}},
        "each": {"use": ["a"]},
        "plain-route": {"use": ["plain"], "batch": {}},
    },
    "cache": {"exact": {"ttl_s": 0}},
    "coalesce": {"window_s": 0},
}
WORDS = ["suspension", "gravity", "sourdough", "lighthouses"]
SYSTEM = {"role": "system", "content": "Be kind."}


def body(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "auto", "messages": [SYSTEM, {"role": "user", "content": text}], **more}


async def many(served: Gateway, bodies: list[dict[str, Any]], keys: list[str] | None = None) -> list[Heard]:
    """All at once, behind one that is under way."""
    app = served.endpoints()[CHAT]
    first = asyncio.ensure_future(ask(app, CHAT, {**bodies[0], **body("the first of all")}))
    await clock().sleep(0.001)
    shown = keys or [KEY] * len(bodies)
    found = await asyncio.gather(
        *(ask(app, CHAT, one, key=key) for one, key in zip(bodies, shown, strict=True))
    )
    await first
    return list(found)


def metadata(heard: Heard) -> Any:
    return json.loads(heard.headers["x-routing-metadata"])


def visits(served: Gateway) -> int:
    return sum(one.report().requests for one in served.simulations().values())


def test_four_questions_are_one_call_and_each_has_its_own_answer_and_bill() -> None:
    async def story() -> None:
        served, notes = gateway(**HOUSE), Notes()
        served._recorder.add(notes)
        heard = await many(served, [body(f"what is {word}", max_tokens=50) for word in WORDS])
        assert visits(served) == 2
        for one in heard:
            assert one.status == 200
            document = one.document
            assert document["choices"][0]["finish_reason"] == "stop"
            assert document["usage"]["total_tokens"] > 0
            assert metadata(one)["batched"] == 4
        assert [one.document["choices"][0]["message"]["content"] for one in heard] == WORDS
        assert len({one.document["id"] for one in heard}) == 4
        assert [metadata(one)["attempts"] for one in heard] == [1, 0, 0, 0]
        told = sum(one.document["usage"]["total_tokens"] for one in heard)
        records = [one for one in notes.records if one.reply and one.reply.batched == 4]
        assert len(records) == 4
        assert sum(one.usage.total for one in records if one.usage) == told
        assert all(one.cost_nano for one in records)

    run(story())


@pytest.mark.parametrize(
    "more",
    [
        {"stream": True},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"response_format": {"type": "json_object"}},
        {"n": 2},
        {"logprobs": True},
        {"seed": 1},
        {"stop": ["x"]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        {
            "messages": [
                *body("x")["messages"],
                {"role": "assistant", "content": "y"},
                {"role": "user", "content": "z"},
            ]
        },
        {"messages": [{"role": "user", "content": "long " * 400}]},
        {"model": "each"},
        {"model": "a"},
        {"model": "plain-route"},
    ],
)
def test_what_could_not_be_joined_without_a_doubt_goes_alone(more: dict[str, Any]) -> None:
    async def story() -> None:
        served = gateway(**HOUSE)
        await many(served, [{**body(f"what is {number}"), **more} for number in range(4)])
        assert visits(served) == 5

    run(story())


@pytest.mark.parametrize(
    "differs",
    [
        {"temperature": 0.5},
        {"max_tokens": 10},
        {"messages": [{"role": "user", "content": "no system"}]},
        {"messages": [{"role": "system", "content": "Be rude."}, {"role": "user", "content": "hi"}]},
    ],
)
def test_only_what_is_asked_alike_goes_together(differs: dict[str, Any]) -> None:
    async def story() -> None:
        served = gateway(**HOUSE)
        other = [{**body(text), **differs} for text in ("three", "four")]
        heard = await many(served, [body("one"), body("two"), *other])
        assert [metadata(one).get("batched", 1) for one in heard] == [2, 2, 1, 1]
        assert visits(served) == 4

    run(story())


def test_two_tenants_never_share_a_call() -> None:
    async def story() -> None:
        served = gateway(**HOUSE)
        heard = await many(served, [body(str(number)) for number in range(4)], [KEY, OTHER, KEY, OTHER])
        assert [metadata(one).get("batched", 1) for one in heard].count(2) >= 2
        assert 3 <= visits(served) <= 4

    run(story())


def test_who_comes_alone_is_not_joined_and_does_not_wait() -> None:
    async def story() -> None:
        served = gateway(**HOUSE)
        app = served.endpoints()[CHAT]
        alone, apart = await ask(app, CHAT, body("a")), await ask(app, CHAT, body("a", model="each"))
        assert "batched" not in metadata(alone)
        assert alone.at[-1] == 0.0 + apart.at[-1] - alone.at[-1]
        assert alone.document["choices"] == apart.document["choices"]

    run(story())


def faulty(change: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the answer to several questions is another."""
    from headgate.providers.openai import numbered

    real = numbered.texts
    monkeypatch.setattr(numbered, "texts", lambda document, names: real(change(document), names))


def content(document: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    found = json.loads(document)
    message = found["choices"][0]["message"]
    message["content"] = json.dumps(change(json.loads(message["content"])))
    return json.dumps(found).encode()


DOUBTS: dict[str, tuple[Callable[[bytes], bytes], int]] = {
    "one lacks": (lambda whole: content(whole, lambda it: {n: t for n, t in it.items() if n != "q3"}), 4),
    "one more": (lambda whole: content(whole, lambda it: it | {"q9": "?"}), 4),
    "no text": (lambda whole: content(whole, lambda it: it | {"q2": 7}), 4),
    "cut": (lambda whole: whole.replace(b'"finish_reason":"stop"', b'"finish_reason":"length"'), 4),
    "filtered": (lambda whole: whole.replace(b'"stop"', b'"content_filter"'), 4),
    "no JSON": (lambda whole: whole.replace(b'{\\"q1', b"<q1"), 4),
    "one is empty": (lambda whole: content(whole, lambda it: it | {"q2": " "}), 1),
    "one speaks of another": (lambda whole: content(whole, lambda it: it | {"q2": "See question 1."}), 1),
    "one is too long": (lambda whole: content(whole, lambda it: it | {"q2": "x" * 9000}), 1),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_any_doubt_sends_that_one_alone_and_what_was_paid_is_on_its_bill(
    doubt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, alone = DOUBTS[doubt]
    faulty(change, monkeypatch)

    async def story() -> None:
        served, notes = gateway(**HOUSE), Notes()
        served._recorder.add(notes)
        heard = await many(served, [body(f"what is {word}", max_tokens=50) for word in ("a", "b", "c", "d")])
        assert all(one.status == 200 for one in heard)
        assert visits(served) == 2 + alone
        assert [metadata(one).get("batched", 1) for one in heard].count(4) == 4 - alone
        put_aside = [found for one in notes.records for found in one.discarded]
        assert len(put_aside) == alone
        paid = sum(one.usage.total for one in put_aside) + sum(
            one.usage.total for one in notes.records if one.usage
        )
        [provider] = served.simulations().values()
        assert paid == sum(key.granted_tokens for key in provider.report().keys.values())

    run(story())


@pytest.mark.parametrize("leaves", [[0], [2], [1, 3], [0, 1, 2]])
@pytest.mark.parametrize("doubted", [False, True])
def test_who_hangs_up_leaves_his_part_of_the_bill_to_who_stays(
    leaves: list[int], doubted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if doubted:
        faulty(lambda whole: content(whole, lambda it: it | {"q4": " "}), monkeypatch)

    async def story() -> None:
        served, notes = gateway(**HOUSE), Notes()
        served._recorder.add(notes)
        app = served.endpoints()[CHAT]
        texts = ["the first of all", *(f"what is {word}" for word in WORDS)]
        asked = []
        for text in texts:
            asked.append(asyncio.ensure_future(ask(app, CHAT, body(text, max_tokens=50))))
            await clock().sleep(0.001)
        await clock().sleep(0.05)
        for number in leaves:
            asked[number + 1].cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        paid = sum(one.usage.total for one in notes.records if one.usage)
        paid += sum(found.usage.total for one in notes.records for found in one.discarded)
        [provider] = served.simulations().values()
        assert paid == sum(key.granted_tokens for key in provider.report().keys.values())

    run(story())


def test_a_model_that_makes_nothing_of_it_is_not_asked_so_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faulty(lambda whole: b"{}", monkeypatch)

    async def story() -> None:
        served = gateway(**HOUSE)
        await many(served, [body(word) for word in ("a", "b", "c", "d")])
        before = visits(served)
        await many(served, [body(word) for word in ("e", "f", "g", "h")])
        assert visits(served) - before == 5

    run(story())


def test_a_name_that_stands_twice_is_a_doubt() -> None:
    twice = {"choices": [{"message": {"content": '{"q1":"a","q1":"b"}'}, "finish_reason": "stop"}]}
    for names in (["q1"], ["q1", "q2"]):
        with pytest.raises(Unsupported):
            texts(json.dumps(twice).encode(), names)


@given(st.binary(max_size=300))
def test_no_answer_breaks_the_reader(document: bytes) -> None:
    with pytest.raises(Unsupported):
        texts(document, ["q1"])


@given(st.text(max_size=300), st.one_of(st.none(), st.integers(1, 100)))
def test_doubt_is_decided(text: str, limit: int | None) -> None:
    assert is_doubtful(text, limit) in (True, False)


@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), min_size=1, max_size=50),
    st.tuples(*[st.integers(0, 10**6)] * 5),
)
def test_shares_add_up_in_every_class(weights: list[tuple[int, int]], counts: tuple[int, ...]) -> None:
    names = ("input", "cache_read", "cache_write", "output", "reasoning")
    values: dict[str, Any] = dict(zip(names, counts, strict=True))
    whole = Usage(**values)
    shares = shared_out(whole, [one for one, _ in weights], [other for _, other in weights])
    for name in names:
        assert sum(getattr(one, name) for one in shares) == getattr(whole, name)
        assert all(getattr(one, name) >= 0 for one in shares)

"""The assembled stack: embeddings asked for at the same time are one upstream call, and nobody can tell."""

from __future__ import annotations

import asyncio
import json
from statistics import median
from typing import Any

import pytest

from asgi import KEY, Heard, ask, gateway
from headgate.assemble import Gateway
from headgate.core.call import Operation
from headgate.core.errors import Unsupported
from headgate.core.usage import Usage, apportioned
from headgate.providers.openai import OpenAISurface, TextBatching
from headgate.providers.openai.batching import completions_split, split
from scripted import FakePayload, asked
from virtual import clock, run

PATH = "/v1/embeddings"
ALONE: dict[str, Any] = {"batch": {"size": 1}}
CLIENTS, LASTS_S = 200, 1.0


async def embedded(served: Gateway, text: object, **more: Any) -> Heard:
    return await ask(served.endpoints()[PATH], PATH, {"model": "m", "input": text, **more})


def vectors(heard: Heard) -> list[Any]:
    return [row["embedding"] for row in json.loads(heard.body)["data"]]


def tokens(heard: Heard) -> int:
    return int(json.loads(heard.body)["usage"]["prompt_tokens"])


def test_many_at_once_hear_what_each_would_have_heard_alone() -> None:
    texts = [f"text number {number} " + "word " * (number % 7) for number in range(120)]

    async def heard(settings: dict[str, Any]) -> list[Heard]:
        served = gateway(**settings, cache={"exact": {"ttl_s": 0}})
        return await asyncio.gather(*(embedded(served, text) for text in texts))

    async def story() -> None:
        together, apart = await heard({}), await heard(ALONE)
        assert [vectors(one) for one in together] == [vectors(one) for one in apart]
        assert sum(map(tokens, together)) == sum(map(tokens, apart))
        assert all(json.loads(one.body)["data"][0]["index"] == 0 for one in together)

    run(story())


@pytest.mark.parametrize("form", ["float", "base64"])
def test_forms_and_dimensions_are_kept_apart(form: str) -> None:
    async def story() -> None:
        served = gateway(cache={"exact": {"ttl_s": 0}})
        jobs = [embedded(served, f"t{n}", encoding_format=form, dimensions=8 + n % 2) for n in range(20)]
        for number, one in enumerate(await asyncio.gather(*jobs)):
            alone = await embedded(
                gateway(**ALONE), f"t{number}", encoding_format=form, dimensions=8 + number % 2
            )
            assert vectors(one) == vectors(alone)

    run(story())


def test_who_comes_alone_does_not_wait() -> None:
    async def story() -> None:
        took = []
        for settings in ({}, ALONE):
            served, began = gateway(**settings), clock().now()
            await embedded(served, "alone")
            took.append(clock().now() - began)
        assert took[0] == took[1]

    run(story())


def test_two_hundred_clients_make_a_twentieth_of_the_calls() -> None:
    """Waits and calls of a second of 200 clients, one text each, over and over."""

    async def client(served: Gateway, name: int, waits: list[float], calls: list[int]) -> None:
        until, number = clock().now() + LASTS_S, 0
        while clock().now() < until:
            began = clock().now()
            heard = await embedded(served, f"{name} {number}")
            assert heard.status == 200
            waits.append(clock().now() - began)
            calls.append(json.loads(heard.headers["x-routing-metadata"])["attempts"])
            number += 1

    async def played(settings: dict[str, Any]) -> tuple[float, int, int]:
        """The median wait, requests, upstream calls."""
        served = gateway(**settings, cache={"exact": {"ttl_s": 0}})
        waits, calls = list[float](), list[int]()
        await asyncio.gather(*(client(served, name, waits, calls) for name in range(CLIENTS)))
        return median(waits), len(waits), sum(calls)

    async def story() -> None:
        batched_s, requests, calls = await played({})
        apart_s, others, as_many = await played(ALONE)
        assert as_many == others
        assert calls * 20 <= requests
        assert batched_s - apart_s <= 0.015

    run(story())


def test_a_hang_up_leaves_the_others_alone() -> None:
    async def story() -> None:
        served = gateway(cache={"exact": {"ttl_s": 0}})
        jobs = [asyncio.ensure_future(embedded(served, f"t{n}")) for n in range(30)]
        await clock().sleep(0.011)
        for job in jobs[::3]:
            job.cancel()
        done = await asyncio.gather(*jobs, return_exceptions=True)
        answered = [one for one in done if isinstance(one, Heard)]
        assert sum(one.status == 200 for one in answered) == 20

    run(story())


def test_a_provider_that_fails_fails_for_each() -> None:
    async def story() -> None:
        served = gateway()
        app = served.endpoints()[PATH]
        jobs = [ask(app, PATH, {"model": "down", "input": f"t{n}"}) for n in range(10)]
        assert {one.status for one in await asyncio.gather(*jobs)} == {502}

    run(story())


COMPLETIONS = "/v1/completions"


async def completed(served: Gateway, prompt: str, key: str = KEY, **more: Any) -> Heard:
    app = served.endpoints()[COMPLETIONS]
    return await ask(app, COMPLETIONS, {"model": "m", "prompt": prompt, **more}, key=key)


async def all_completed(served: Gateway, count: int, **more: Any) -> tuple[list[Heard], int]:
    """So many at once, and how many upstream calls that took."""
    asked = [completed(served, f"Tell me about bridge {number}", **more) for number in range(count)]
    found = await asyncio.gather(*asked)
    return found, sum(one.report().requests for one in served.simulations().values())


def test_text_completions_go_together_and_say_what_each_would_have_said_alone() -> None:
    async def story() -> None:
        together, calls = await all_completed(gateway(cache={"exact": {"ttl_s": 0}}), 40, max_tokens=30)
        apart, as_many = await all_completed(
            gateway(**ALONE, cache={"exact": {"ttl_s": 0}}), 40, max_tokens=30
        )
        assert (calls, as_many) == (2, 40)
        for one, other in zip(together, apart, strict=True):
            assert one.status == 200
            assert one.document["choices"] == other.document["choices"]
        counts = [sum(one.document["usage"]["total_tokens"] for one in each) for each in (together, apart)]
        assert counts[0] == counts[1]
        assert len({one.document["id"] for one in together}) == 40

    run(story())


@pytest.mark.parametrize("more", [{"stream": True}, {"n": 2}, {"seed": 1}])
def test_completions_that_are_more_than_one_text_go_alone(more: dict[str, Any]) -> None:
    async def story() -> None:
        found, calls = await all_completed(gateway(), 8, **more)
        assert calls == 8
        assert all(one.status == 200 for one in found)

    run(story())


def test_a_model_that_takes_one_prompt_is_asked_one_at_a_time() -> None:
    payload = FakePayload(dialect="openai", operation=Operation.COMPLETION, raw=b'{"model":"m","prompt":"x"}')

    async def story() -> None:
        surface = OpenAISurface(clock().wall, lambda: "")
        for chain, together in ((("takes",), True), (("takes", "not"), False), (("not",), False)):
            call = asked(payload=payload, chain=chain)
            batching = TextBatching(surface, lambda model: model == "takes")
            assert (batching.common(call) is not None) == together

    run(story())


@pytest.mark.parametrize("document", [b"{}", b"x", b'{"choices":[{"text":"a","index":0}]}'])
def test_completions_that_do_not_fit_are_no_answer(document: bytes) -> None:
    payloads = [FakePayload(raw=b'{"prompt":"one"}'), FakePayload(raw=b'{"prompt":"two"}')]
    with pytest.raises(Unsupported):
        completions_split(document, payloads, Usage(input=5))


@pytest.mark.parametrize(("scope", "least"), [("tenant", 4), ("shared", 2)])
def test_tenants_share_a_call_only_where_they_share_answers(scope: str, least: int) -> None:
    async def story() -> None:
        served = gateway(cache={"exact": {"ttl_s": 0}, "scope": scope})
        app = served.endpoints()[PATH]
        asked = [
            ask(app, PATH, {"model": "m", "input": f"t{number}"}, key=key)
            for number in range(20)
            for key in (KEY, "guest-key")
        ]
        assert {one.status for one in await asyncio.gather(*asked)} == {200}
        assert sum(one.report().requests for one in served.simulations().values()) == least

    run(story())


def test_tokens_are_shared_out_to_the_last() -> None:
    assert apportioned(10, [1, 1, 1]) == [4, 3, 3]
    assert apportioned(0, [5, 1]) == [0, 0]


@pytest.mark.parametrize("document", [b"{}", b"nonsense", b'{"data":[{"embedding":[1],"index":0}]}'])
def test_an_answer_that_does_not_fit_is_no_answer(document: bytes) -> None:
    asked = [FakePayload(raw=b'{"input":"one"}'), FakePayload(raw=b'{"input":"two"}')]
    with pytest.raises(Unsupported):
        split(document, asked)

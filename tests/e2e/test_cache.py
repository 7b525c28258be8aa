"""`headgate cache` and a gateway of two workers that runs: warmed, counted, cleared, and started again."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gateway import CHAT, HOST, KEY, Gateway, ran, running
from redises import private
from vectors import served

pytestmark = pytest.mark.e2e

QUESTIONS = """\
What is a bridge?

What is a ferry?
{"model": "m", "messages": [{"role": "user", "content": "What is a tunnel?"}], "max_tokens": 5}
{"model": "unknown", "messages": []}
"""
NUMBERS = range(2, 60)
QUESTION = "How do I boil an egg for {} minutes?"
PARAPHRASE = "please tell me how to boil an egg for {} minutes"


def config(folder: Path) -> str:
    return f"""
server: {{host: {HOST}, drain_s: 1}}
keys: [{{name: me, key: {KEY}, tenant: acme}}]
cache: {{store: file, file: '{folder}/answers.db'}}
providers: {{sim: {{dialect: simulated, simulated: {{latency_s: 0, tokens_per_s: 0}}}}}}
models: {{m: {{provider: sim, price: {{input: 1, output: 2}}}}}}
"""


def cache(gateway: Gateway, *words: str, code: int = 0) -> str:
    done = ran("cache", *words, "--config", str(gateway.file))
    assert done.returncode == code, done.stderr
    assert KEY not in done.stdout + done.stderr
    return done.stdout


def stats(gateway: Gateway) -> Any:
    return json.loads(cache(gateway, "stats", "--json", "--url", gateway.url))


def kept(gateway: Gateway, text: str) -> str:
    answer = gateway.ask(CHAT, {"model": "auto", "messages": [{"role": "user", "content": text}]})
    return str(answer.headers["x-cache"])


def test_warmed_counted_cleared_and_found_after_a_restart(tmp_path: Path) -> None:
    questions = tmp_path / "questions"
    questions.write_text(QUESTIONS)
    with running(config(tmp_path)) as gateway:
        told = cache(gateway, "warm", str(questions), "--url", gateway.url, code=1)
        assert told == "3 asked, 0 known already, 1 not kept\n", (
            "one question was for a model that is not there"
        )
        assert kept(gateway, "What is a ferry?") == "HIT"
        found = stats(gateway)
        assert (found["hits"], found["misses"], found["hit_ratio"]) == ({"exact": 1}, 3, 0.25)
        assert found["tenants"]["acme"] | {"saved_usd": 0} == {"miss": 3, "exact": 1, "saved_usd": 0}
        assert found["saved_usd"]["exact"] > 0
    with running(config(tmp_path)) as gateway:
        assert stats(gateway)["store"]["answers"] == 3
        assert kept(gateway, "What is a ferry?") == "HIT", "the file knows"
        assert cache(gateway, "clear") == "3 answers forgotten\n"
        gateway.until(lambda _: kept(gateway, "What is a ferry?") == "MISS")
        questions.write_text("{not json")
        cache(gateway, "warm", str(questions), "--url", gateway.url, code=2)


def told(gateway: Gateway, text: str, key: str = KEY, *, stream: bool = False) -> tuple[str, str]:
    """Whether it was kept, and the words of the answer."""
    body = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": stream}
    answer = gateway.ask(CHAT, body, key=key)
    assert answer.status == 200
    words = re.findall(r'"content":("(?:[^"\\]|\\.)*")', answer.body.decode())
    return str(answer.headers["x-cache"]), "".join(map(json.loads, words))


def on_the_shelf(gateway: Gateway, count: int) -> None:
    """Waits until so many answers are."""
    gateway.until(lambda _: stats(gateway)["store"]["answers"] == count)


def test_replicas_share_answers_through_redis_and_forget_them_together(tmp_path: Path) -> None:
    """What one has answered the other tells, to the same tenant; without Redis each goes on with its own."""
    guest = "key-of-somebody-else"
    with private() as redis:
        shared = config(tmp_path).replace(f"store: file, file: '{tmp_path}/answers.db'", "store: redis")
        shared = shared.replace("tenant: acme}]", f"tenant: acme}}, {{name: guest, key: {guest}}}]")
        shared += f"store: {{redis: '{redis.url}', url: off}}\n"
        with running(shared) as one, running(shared) as two:
            for kept, asked, teller, stream in ((1, one, two, False), (3, two, one, True)):
                question = f"What is a bridge, as {asked.port} was asked?"
                first = told(asked, question, stream=stream)
                assert first[0] == "MISS"
                on_the_shelf(asked, kept)
                assert told(teller, question, guest, stream=stream)[0] == "MISS", "another tenant's"
                assert told(teller, question, stream=stream) == ("HIT", first[1])
            on_the_shelf(one, 4)
            assert cache(two, "clear") == "4 answers forgotten\n"
            for gateway in (one, two):
                question = f"What is a bridge, as {gateway.port} was asked?"

                def is_forgotten(_: object, it: Gateway = gateway, question: str = question) -> bool:
                    return told(it, question)[0] == "MISS" and told(it, question)[0] == "HIT"

                gateway.until(is_forgotten)
            redis.kill()
            assert [told(one, "What is a quay?")[0] for _ in range(2)] == ["MISS", "HIT"]
            assert told(two, "What is a quay?")[0] == "MISS"


def other_words(gateway: Gateway, text: str) -> str:
    answer = gateway.ask(CHAT, {"model": "auto", "messages": [{"role": "user", "content": text}]})
    return str(answer.headers["cache-status"])


@pytest.fixture(scope="module")
def pgvector() -> Iterator[str]:
    yield from served()


def test_replicas_find_each_other_s_questions_in_postgres(tmp_path: Path, pgvector: str) -> None:
    """Each paraphrase is asked once: what was learned from it is of another number."""
    told = f"store: {{url: '{pgvector}', namespace: test_{uuid4().hex[:12]}}}\n" + config(tmp_path).replace(
        "cache: {store: file,", "cache: {semantic: {store: postgres}, store: file,"
    )
    with running(told) as one, running(told) as two:
        for number in NUMBERS:  # so that there are many as near as the one that is meant
            other_words(one, QUESTION.format(20_000 + number))
        for asked, other, many in ((one, two, 0), (two, one, 10_000)):
            numbers = count(4)

            def is_known(_: object, it: Any = (asked, other, many, numbers)) -> bool:
                asked, other, many, numbers = it
                number = next(numbers)
                assert "miss" in other_words(asked, QUESTION.format(many + number))
                said = PARAPHRASE.format(many + number // 2)
                return number % 2 == 0 and number > 6 and "semantic" in other_words(other, said)

            other.until(is_known)
        forgotten = cache(one, "clear")
        assert re.fullmatch(r"[1-9]\d* answers forgotten, [1-9]\d* questions forgotten\n", forgotten)
        one.until(lambda _: "miss" in other_words(one, QUESTION.format(4)))
        two.until(lambda _: "miss" in other_words(two, QUESTION.format(10_004)))
        assert "questions cannot be looked up" not in one.log + two.log


@pytest.mark.parametrize("damage", [None, b"no database at all"])
def test_questions_are_found_after_a_restart(tmp_path: Path, damage: bytes | None) -> None:
    semantic = f"{tmp_path}/questions.db"
    told = config(tmp_path).replace(
        "cache: {store: file,", f"cache: {{semantic: {{store: file, file: '{semantic}'}}, store: file,"
    )
    with running(told) as gateway:
        for number in NUMBERS:
            assert other_words(gateway, QUESTION.format(number)).endswith("miss")
        assert gateway.stop() == 0
    if damage:
        Path(semantic).write_bytes(damage)
    with running(told) as gateway:
        if damage is None:
            paraphrases = map(PARAPHRASE.format, NUMBERS)  # each once: what is learned is of another number

            def is_known(_: object) -> bool:
                with suppress(subprocess.TimeoutExpired):
                    gateway.process.wait(0.1)  # there are not so many of them
                return "detail=semantic" in other_words(gateway, next(paraphrases))

            gateway.until(is_known)
            found = re.fullmatch(
                r"(\d+) answers forgotten, (\d+) questions forgotten\n", cache(gateway, "clear")
            )
            assert found
            assert min(map(int, found.groups())) >= len(NUMBERS)
            gateway.until(lambda _: other_words(gateway, PARAPHRASE.format(NUMBERS[-1])).endswith("miss"))
        else:
            assert other_words(gateway, PARAPHRASE.format(NUMBERS[0])).endswith("miss")
            assert "detail=semantic" in other_words(gateway, f"{QUESTION.format(NUMBERS[0])} please")
            assert Path(f"{semantic}.corrupt").read_bytes() == damage
            assert "set aside, begun anew" in gateway.log

"""Identities: two are the same where the requests say the same in one partition, however little was read."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.call import Operation, Payload
from headgate.core.identity import LONGEST, Glance, Identity, Naming, known, told_as
from headgate.core.reuse import Form
from headgate.providers.anthropic import AnthropicSurface
from headgate.providers.openai import OpenAISurface

ONE, TWO = b"1" * 16, b"2" * 16
WORDS = st.sampled_from([b"a", b"A", b"b", b"?", b"??", b"a" * LONGEST + b"a", b"a" * LONGEST + b"A"])


def read(words: bytes) -> bytes | None:
    """What says the same in capitals; of question marks nobody can make anything."""
    return None if b"?" in words else words.lower()


def glance(words: bytes) -> Glance:
    return len(words) % 2, ""


def named(seed: bytes, lazy: bool, words: bytes, form: Form = Form.WHOLE) -> Identity:
    return Naming(seed, read, lazy=lazy).name(words, glance(words), form)


@given(st.booleans(), st.sampled_from([ONE, TWO]), st.sampled_from([ONE, TWO]), WORDS, WORDS)
def test_two_are_the_same_that_say_the_same_in_one_partition(
    lazy: bool, here: bytes, there: bytes, words: bytes, others: bytes
) -> None:
    one, other = named(here, lazy, words), named(there, lazy, others)
    same = here == there and (words == others or (read(words) or words) == (read(others) or others))
    assert one.means(other) == other.means(one) == same
    assert (one.key() == other.key()) == same
    assert (one == other) == same
    assert not same or (one.name == other.name and hash(one) == hash(other))


@given(st.booleans(), WORDS, st.sampled_from(Form))
def test_the_form_is_apart_from_what_is_meant(lazy: bool, words: bytes, form: Form) -> None:
    whole, told = named(ONE, lazy, words), named(ONE, lazy, words, form)
    assert whole.means(told)
    assert (whole == told) == (form is Form.WHOLE)
    again = told_as(told.told())
    assert (again.key(), again.form) == (told.key(), form)


def test_what_nobody_else_has_asked_is_not_read() -> None:
    seen: list[bytes] = []

    def noted(words: bytes) -> bytes:
        seen.append(words)
        return words

    naming = Naming(ONE, noted, lazy=True)
    one = naming.name(b"a", glance(b"a"), Form.WHOLE)
    assert one.means(naming.name(b"a", glance(b"a"), Form.STREAM)), "to the byte the same"
    assert seen == []
    assert not one.means(naming.name(b"b", glance(b"b"), Form.WHOLE))
    assert seen == [b"a", b"b"]
    assert one.key() == known(one.key(), Form.WHOLE).key()
    assert seen == [b"a", b"b"], "once"


# ── what the dialects read ───────────────────────────────────────────────────────────────────────────

Parse = Callable[[bytes], Payload]
OPENAI, ANTHROPIC = OpenAISurface(lambda: 0.0, lambda: "1"), AnthropicSurface(lambda: "1")
TEXTS = st.text(max_size=80)
PARTS = st.lists(st.builds(lambda text: {"type": "text", "text": text}, TEXTS), max_size=3)
MESSAGES = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["user", "assistant"]),
        TEXTS | PARTS,
    ),
    min_size=1,
    max_size=4,
)


def chat(body: bytes) -> Payload:
    return OPENAI.parse(Operation.CHAT, body)


def completion(body: bytes) -> Payload:
    return OPENAI.parse(Operation.COMPLETION, body)


def embeddings(body: bytes) -> Payload:
    return OPENAI.parse(Operation.EMBEDDINGS, body)


def anthropic(body: bytes) -> Payload:
    return ANTHROPIC.parse(Operation.CHAT, body)


def otherwise(value: Any, chance: Random) -> Any:
    """The same members in another order."""
    if isinstance(value, dict):
        members = [(name, otherwise(one, chance)) for name, one in value.items()]
        return dict(chance.sample(members, len(members)))
    return [otherwise(one, chance) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("parse", "said"),
    [
        (chat, st.fixed_dictionaries({"messages": MESSAGES})),
        (anthropic, st.fixed_dictionaries({"messages": MESSAGES, "max_tokens": st.just(5)})),
        (completion, st.fixed_dictionaries({"prompt": TEXTS | st.lists(TEXTS, min_size=1, max_size=3)})),
        (embeddings, st.fixed_dictionaries({"input": TEXTS | st.lists(TEXTS, min_size=1, max_size=3)})),
        (embeddings, st.fixed_dictionaries({"input": st.lists(st.integers(0, 9), min_size=1, max_size=3)})),
    ],
    ids=["chat", "anthropic", "completion", "texts", "tokens"],
)
@given(data=st.data(), chance=st.randoms(use_true_random=False))
def test_order_and_white_space_do_not_matter_at_a_glance_either(
    parse: Callable[[bytes], Payload],
    said: st.SearchStrategy[dict[str, Any]],
    data: st.DataObject,
    chance: Random,
) -> None:
    request = {"model": "m", "temperature": 0.5, **data.draw(said)}
    one = parse(msgspec.json.encode(request))
    again = json.dumps(
        otherwise(request, chance), indent=chance.choice([None, 1]), ensure_ascii=chance.random() < 0.5
    )
    other = parse(again.encode())
    assert one.glance() == other.glance()
    assert one.reading is not None
    assert one.reading(one.raw) == one.reading(other.raw)
    names = [Naming(ONE, one.reading, lazy=True).name(p.raw, p.glance(), p.form) for p in (one, other)]
    assert names[0].name == names[1].name
    assert names[0] == names[1]


def test_what_a_header_opts_into_is_another_kind() -> None:
    body = b'{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"a"}]}'
    plain = ANTHROPIC.parse(Operation.CHAT, body)
    opted = ANTHROPIC.parse(Operation.CHAT, body, {b"anthropic-beta": b"x"})
    assert plain.kind != opted.kind

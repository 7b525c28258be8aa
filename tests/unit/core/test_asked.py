"""What a request asks: the last turn of the user, some before it, all of it bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.asked import (
    MAX_EARLIER_CHARS,
    MAX_EARLIER_TURNS,
    MAX_TURN_CHARS,
    Asked,
    Turn,
    asked,
    sampled,
)
from headgate.core.chat import Chat, Image, Message, Part, Role, Text, Tool, ToolResult

TEXTS = st.text(st.characters(), max_size=20)
PARTS = st.one_of(
    TEXTS.map(Text),
    st.just(Image(url="https://x.test/i.png")),
    TEXTS.map(lambda text: ToolResult(id="1", parts=(Text(text),))),
)
MESSAGES = st.builds(Message, role=st.sampled_from(Role), parts=st.lists(PARTS, max_size=3).map(tuple))


def chat(*messages: Message, **members: object) -> Chat:
    return Chat(model="m", messages=messages, **members)  # type: ignore[arg-type]  # members are the test's own


def said(role: Role, *parts: str | Part) -> Message:
    return Message(role=role, parts=tuple(Text(part) if isinstance(part, str) else part for part in parts))


def test_the_last_turn_of_the_user_and_those_before() -> None:
    found = asked(
        chat(
            said(Role.SYSTEM, "be brief"),
            said(Role.USER, "one"),
            said(Role.ASSISTANT, "two"),
            said(Role.USER, "three", "four", Image(url="u")),
        )
    )
    assert found == Asked(
        text="three\nfour",
        earlier=(Turn(Role.USER, "one"), Turn(Role.ASSISTANT, "two")),
        system="be brief",
        chars=23,
        last_chars=9,
        images=True,
    )


def test_results_of_tools_are_no_words_of_the_users() -> None:
    result = ToolResult(id="1", parts=(Text("42 files"),))
    found = asked(chat(said(Role.USER, "count them"), said(Role.USER, result), tools=(Tool(name="count"),)))
    assert (found.text, found.chars, found.tools) == ("count them", 18, True)


def test_nobody_has_said_anything() -> None:
    assert asked(chat()) == Asked(text="")
    assert asked(chat(said(Role.ASSISTANT, "hello"))).text == ""


@given(st.lists(MESSAGES, max_size=9))
def test_everything_is_bounded(messages: list[Message]) -> None:
    found = asked(chat(*messages))
    assert len(found.earlier) <= MAX_EARLIER_TURNS
    assert all(turn.text and turn.role is not Role.SYSTEM for turn in found.earlier)


def test_long_turns_are_read_at_head_and_tail() -> None:
    long = "a" * 1_000_000 + "z"
    found = asked(chat(said(Role.USER, long), said(Role.USER, long)))
    assert len(found.text) <= MAX_TURN_CHARS + 1
    assert len(found.earlier[0].text) <= MAX_EARLIER_CHARS + 1
    assert found.text.endswith("z")
    assert found.last_chars == len(long)
    assert found.chars == 2 * len(long)


@given(st.text(st.characters(), max_size=300), st.integers(3, 100))
def test_a_sample_is_the_text_or_its_head_and_tail(text: str, limit: int) -> None:
    found = sampled(text, limit)
    if len(text) <= limit:
        assert found == text
    else:
        assert len(found) == limit + 1
        assert text.startswith(found[: limit - limit // 3])
        assert text.endswith(found[-(limit // 3) :])

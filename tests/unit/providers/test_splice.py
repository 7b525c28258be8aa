"""Requests in one form for all that say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.splice import canonical

MATTERS = frozenset({"user"})
NAMES = st.text(max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text(max_size=4),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(NAMES, inside, max_size=3),
    max_leaves=8,
)


@given(members=st.dictionaries(NAMES, VALUES, max_size=4), spaced=st.booleans(), escaped=st.booleans())
def test_however_a_request_is_written_it_is_read_the_same(
    members: dict[str, Any], spaced: bool, escaped: bool
) -> None:
    written = json.dumps(members, indent=1 if spaced else None, ensure_ascii=escaped).encode()
    reverse = json.dumps(dict(reversed(members.items())), separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical(written, MATTERS) == canonical(reverse, MATTERS) is not None


@pytest.mark.parametrize(
    "document",
    [
        b'{"model":"m","messages":[1],"messages":[2]}',
        b'{"model":"m","messages":[1],"messages":[1]}',
        b'{"messages":[1],"mess\\u0061ges":[2]}',
        b'{"messages":[{"role":"user","content":"a","content":"b"}]}',
        b'{"tools":[{"function":{"parameters":{"properties":{"a":{},"a":{}}}}}]}',
        b'{ "n" : 1.0e0, "messages" : [ {"content" : "\\u00e9", "content" : "e"} ] }',
        b'{"user":"a","user":"b","messages":[1]}',
    ],
)
def test_what_names_a_member_twice_is_not_read(document: bytes) -> None:
    assert canonical(document, MATTERS) is None


@pytest.mark.parametrize(
    "document",
    [
        b'{"messages":[{"content":"a"},{"content":"a"}],"content":"a"}',
        b'{"messages":[{"content":"\\"content\\":1,\\"content\\":2"}], "temperature" : 1e-5}',
        b'{"a":{"a":{"a":1}},"\\u0041":1E2}',
    ],
)
def test_the_same_name_in_several_objects_is_no_harm(document: bytes) -> None:
    assert canonical(document, MATTERS) is not None

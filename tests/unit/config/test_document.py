import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.config.document import MAX_CHARS, MAX_DEPTH, Document
from headgate.config.environment import References, Unresolved


def no_file(path: str) -> str:
    raise Unresolved("no file")


def read(text: str, **environ: str) -> Document:
    return Document(text, References(environ, no_file))


def said(document: Document) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.message) for problem in document.problems]


def test_scalars_stay_text_so_that_nothing_is_taken_for_something_else() -> None:
    document = read("a: off\nb: 0123\nc: 1.0\nd: no\ne: 2024-01-01\nf: 'null'\n")
    assert document.data == {"a": "off", "b": "0123", "c": "1.0", "d": "no", "e": "2024-01-01", "f": "null"}
    assert document.problems == []


def test_only_a_plain_null_is_nothing() -> None:
    assert read("a:\nb: null\nc: ~\nd: ''").data == {"a": None, "b": None, "c": None, "d": ""}


def test_every_value_knows_its_line_and_column() -> None:
    document = read("server:\n  port: 80\nkeys:\n  - name: a\n  - name: b\n")
    assert document.place(("server", "port")) == (2, 9)
    assert document.place(("server", "port"), key=True) == (2, 3)
    assert document.place(("keys", 1, "name")) == (5, 11)
    assert document.place(("keys", 1, "key")) == (5, 5), "what is not there is looked for where it should be"
    assert document.place(("nothing", "here")) == (1, 1)


def test_a_key_given_twice_is_told_with_the_second_place() -> None:
    document = read("a: 1\nb:\n  x: 1\n  x: 2\na: 3\n")
    assert said(document) == [(4, 3, "the key 'x' is given twice"), (5, 1, "the key 'a' is given twice")]
    assert document.data == {"a": "1", "b": {"x": "1"}}


def test_references_are_expanded_after_parsing_and_never_parsed_again() -> None:
    document = read('a: ${X}\nb: "${X}"\nc: ["pre-${X}"]\n', X="{evil: [1, 2]}\nd: 1")
    assert document.data["a"] == document.data["b"] == "{evil: [1, 2]}\nd: 1"
    assert document.data["c"] == ["pre-{evil: [1, 2]}\nd: 1"]
    assert "d" not in document.data


def test_a_plain_reference_that_expands_to_nothing_is_nothing() -> None:
    assert read("a: ${X:-}\nb: '${X:-}'\nc: ${N}", N="null").data == {"a": None, "b": "", "c": None}


def test_each_missing_variable_is_a_problem_with_its_line() -> None:
    document = read("a: ${ONE}\nb: [x, '${TWO}']\n")
    assert said(document) == [
        (1, 4, "the environment variable ONE is not set"),
        (2, 8, "the environment variable TWO is not set"),
    ]
    assert document.broken == {("a",), ("b", 1)}


def test_aliases_work_and_cannot_fill_the_memory() -> None:
    assert read("a: &t {x: 1}\nb: *t\n").data == {"a": {"x": "1"}, "b": {"x": "1"}}
    levels = "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(12)
    )
    assert [problem.message for problem in read(f"a: &a [x]\n{levels}").problems] == [
        "more values than a configuration can have"
    ]
    assert [problem.message for problem in read("a: &a [*a]").problems] == [
        "more values than a configuration can have"
    ]


@pytest.mark.parametrize(
    ("text", "place", "part"),
    [
        ("a: [1", (1, 6), "closing bracket"),
        ("a: {b: ${X}}", (1, 9), "belongs in quotes"),
        ("a: 'x", (1, 6), "quote"),
        ("a:\n\tb: 1", (2, 1), "tab"),
        ("a: b: c", (1, 5), "':'"),
        ("a: *nobody", (1, 4), "begins with '*'"),
        ("a: !secret x", (1, 4), "tag"),
        ("a: !x!y z", (1, 4), "begins with '!'"),
        ("a: @x", (1, 4), "in quotes"),
        ("a: 1\n---\nb: 2", (2, 1), "second document"),
        ("a: 1\n  b: 2", (2, 4), "':'"),
        ("a: \x07", (1, 4), "control character"),
        ('a: "\\q"', (1, 6), "escape"),
        ("? [1, 2]\n: 3", (1, 3), "not text"),
        ("- " * (MAX_DEPTH + 5) + "x", (1, 41), "nested"),
        ("#" * (MAX_CHARS + 1), (1, 1), "characters"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, place: tuple[int, int], part: str) -> None:
    (problem,) = read(text, X="x").problems
    assert (problem.line, problem.column) == place
    assert part in problem.message


@given(st.text(max_size=60))
def test_any_text_is_read_or_complained_of(text: str) -> None:
    document = read(text)
    assert document.problems or isinstance(document.data, dict | list | str | None)


@given(st.text(alphabet="ab:-[]{},'\"*&!|>%@`#\n\t ?$~", max_size=40))
def test_no_complaint_quotes_what_the_text_says(text: str) -> None:
    document = read(text.replace("a", "secretsauce"))
    assert not any(
        "secretsauce" in problem.message + str(problem.hint)
        for problem in document.problems
        if "twice" not in problem.message
    )

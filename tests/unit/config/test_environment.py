from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.config.environment import References, Unresolved, apply_defaults, ollama_url


def expand(text: str, **environ: str) -> str:
    return References(environ, lambda path: f"<{path}>").expand(text)


def test_a_variable_takes_the_place_of_its_reference() -> None:
    assert expand("Bearer ${KEY}!", KEY="abc") == "Bearer abc!"
    assert expand("${A}${B}", A="1", B="2") == "12"


def test_the_default_serves_where_a_variable_is_not_set_or_empty() -> None:
    assert expand("${X:-d}") == expand("${X:-d}", X="") == "d"
    assert expand("${X:-d}", X="v") == "v"
    assert expand("${X}", X="") == ""
    assert expand("${X:-a:-b c}") == "a:-b c"


def test_a_file_is_read_by_its_path() -> None:
    assert expand("${file:/run/secrets/x}") == "</run/secrets/x>"


def test_a_double_dollar_stands_for_the_braces_themselves() -> None:
    assert expand("$${X}") == "${X}"
    assert expand("$X $ $$ {X}") == "$X $ $$ {X}"


@pytest.mark.parametrize("text", ["${", "${}", "${X", "${1X}", "${X-Y}", "${X:=y}", "${ X }", "${a b}"])
def test_what_is_not_a_reference_is_an_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(Unresolved) as caught:
        expand(text)
    assert "X" not in caught.value.message


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(Unresolved, match="the environment variable NOPE is not set") as caught:
        expand("${NOPE}")
    assert caught.value.hint == "set it, or write ${NOPE:-default}"


@given(st.text())
def test_what_a_variable_holds_is_not_looked_into(value: str) -> None:
    assert expand("${X}", X=value) == value
    assert expand("a${X}b", X="${Y}", Y="no") == "a${Y}b"


@given(st.text())
def test_any_text_is_expanded_or_refused(text: str) -> None:
    if "${" not in text:
        assert expand(text) == text
        return
    with suppress(Unresolved):
        assert isinstance(expand(text), str)


def test_a_variable_fills_a_default_and_never_what_the_file_says() -> None:
    raw = {"breaker": {"failures": "7"}}
    origins = apply_defaults(
        raw,
        {
            "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "9",
            "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "12.5",
            "PORT": " 9000 ",
            "LOG_LEVEL": "WARN",
            "HEADGATE_ADMIN_KEY": "",
        },
    )
    assert raw == {
        "breaker": {"failures": "7", "recovery_s": "12.5"},
        "server": {"port": "9000", "log_level": "warning"},
    }
    assert origins[("breaker", "recovery_s")] == "CIRCUIT_BREAKER_RECOVERY_TIMEOUT"
    assert ("breaker", "failures") not in origins


def test_a_section_of_the_wrong_shape_is_left_for_others_to_complain_of() -> None:
    raw = {"breaker": ["x"], "server": "y"}
    assert apply_defaults(raw, {"PORT": "1", "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "2"}) == {}
    assert raw == {"breaker": ["x"], "server": "y"}


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":56789", "http://127.0.0.1:56789"),
        ("1.2.3.4:56789", "http://1.2.3.4:56789"),
        ("https://1.2.3.4:56789", "https://1.2.3.4:56789"),
        ("example.com", "http://example.com:11434"),
        ("example.com/", "http://example.com:11434"),
        ("example.com/path", "http://example.com:11434/path"),
        ("https://example.com:56789/path", "https://example.com:56789/path"),
        ("[1::1]", "http://[1::1]:11434"),
        ("[1::1]:56789", "http://[1::1]:56789"),
        ("http://[1::1]:56789/path", "http://[1::1]:56789/path"),
        ("http://example.com", "http://example.com:80"),
        ("https://example.com", "https://example.com:443"),
        ("'1.2.3.4'", "http://1.2.3.4:11434"),
    ],
)
def test_an_ollama_host_means_what_it_means_to_ollamas_own_clients(host: str, url: str) -> None:
    assert ollama_url(host) == url


def test_a_host_to_listen_on_everywhere_is_connected_to_on_this_machine() -> None:
    assert ollama_url("0.0.0.0") == ollama_url("[::]") == "http://127.0.0.1:11434"
    assert ollama_url("0.0.0.0:1234") == "http://127.0.0.1:1234"

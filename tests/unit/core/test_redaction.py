"""The redactor: what was planted is gone, what only looks like it stays, and no text takes long."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.redaction import IBAN_LENGTHS, Redactor, luhn, mod_97

REDACTOR = Redactor()


def redacted(text: str) -> tuple[str, dict[str, int]]:
    found: Counter[str] = Counter()
    return REDACTOR.text(text, found), dict(found)


# ── what is planted ──────────────────────────────────────────────────────────────────────────────


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


@st.composite
def cards(draw: st.DrawFn) -> str:
    """As they are printed: four by four, or in one piece; the check digit reckoned here anew."""
    prefix, length = draw(st.sampled_from([("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16)]))
    body = prefix + draw(digits(length - len(prefix) - 1))
    check = next(one for one in "0123456789" if _sum(body + one) % 10 == 0)
    number = body + check
    separator = draw(st.sampled_from(["", " ", "-", ".", "\u00a0"]))
    return separator.join(number[place : place + 4] for place in range(0, length, 4))


def _sum(number: str) -> int:
    """Luhn, by its table of doubled digits."""
    doubled = dict(zip("0123456789", (0, 2, 4, 6, 8, 1, 3, 5, 7, 9), strict=True))
    return sum(doubled[one] if place % 2 else int(one) for place, one in enumerate(reversed(number)))


@st.composite
def ibans(draw: st.DrawFn) -> str:
    country = draw(st.sampled_from(sorted(IBAN_LENGTHS)))
    body = draw(
        st.text("0123456789ABCXYZ", min_size=IBAN_LENGTHS[country] - 4, max_size=IBAN_LENGTHS[country] - 4)
    )
    rest = int("".join(str(int(one, 36)) for one in f"{body}{country}00")) % 97
    number = f"{country}{98 - rest:02d}{body}"
    if draw(st.booleans()):
        number = " ".join(number[place : place + 4] for place in range(0, len(number), 4))
    return number.lower() if draw(st.booleans()) else number


WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=20)
EMAILS = st.builds(
    lambda who, where: f"{who}@{where}.example.org", WORD, st.text("abcdefgh", min_size=1, max_size=9)
)
IPV4 = st.ip_addresses(v=4).map(str)
IPV6 = st.ip_addresses(v=6).map(str).filter(lambda text: len(text) > 4)
KEYS = st.builds(
    lambda prefix, rest: prefix + rest,
    st.sampled_from(["sk-", "sk-proj-", "hg_", "ghp_", "gsk_", "xai-", "hf_"]),
    st.text("abcdefghijklmnopqrstuvwxyzABCDEF0123456789", min_size=16, max_size=48),
)
PHONES = st.builds(lambda country, rest: f"+{country} {rest}", st.integers(1, 99), digits(9))
SSNS = st.builds(
    lambda a, b, c: f"{a:03d}-{b:02d}-{c:04d}",
    st.integers(1, 899).filter(lambda n: n != 666),
    st.integers(1, 99),
    st.integers(1, 9999),
)
AROUND = st.sampled_from(["", " ", "\n", '"', "(", ": ", "<b>", ", und ", " 12 ", "=", " | "])
PLANTED = st.one_of(
    *(
        st.tuples(st.just(kind), found)
        for kind, found in (
            ("card", cards()),
            ("iban", ibans()),
            ("email", EMAILS),
            ("ip", IPV4),
            ("ip", IPV6),
            ("key", KEYS),
            ("phone", PHONES),
            ("national_id", SSNS),
        )
    )
)


@given(PLANTED, AROUND, AROUND)
def test_what_is_planted_is_gone(planted: tuple[str, str], before: str, after: str) -> None:
    kind, secret = planted
    text = f"pay{before or ' '}{secret}{after or '.'} soon"
    told, found = redacted(text)
    assert secret not in told
    assert found, kind
    assert told.startswith("pay")
    assert told.endswith("soon")


@given(PLANTED)
def test_what_is_told_holds_nothing_that_would_be_found(planted: tuple[str, str]) -> None:
    told, _ = redacted(f"x {planted[1]} y")
    assert redacted(told) == (told, {})


@given(st.lists(PLANTED, min_size=1, max_size=6), st.sampled_from([" ", "\n", ", ", " and "]))
def test_several_are_all_gone(planted: list[tuple[str, str]], between: str) -> None:
    told, _ = redacted(between.join(secret for _, secret in planted))
    assert not any(secret in told for _, secret in planted)


@given(
    st.recursive(
        PLANTED.map(lambda one: one[1]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3),
        max_leaves=6,
    ),
    PLANTED,
)
def test_nothing_is_left_in_a_value_its_names_or_text_that_is_json(
    value: object, name: tuple[str, str]
) -> None:
    whole = {name[1]: value, "inner": json.dumps({"a": value})}
    planted = list(_leaves(whole))
    told = json.dumps(REDACTOR.value(whole, Counter()), ensure_ascii=False)
    assert not any(secret in told for secret in planted if secret not in ("inner", "a"))


def _leaves(value: object) -> list[str]:
    if isinstance(value, dict):
        return [name for name in value if "@" in name or len(name) > 20] + [
            leaf for one in value.values() for leaf in _leaves(one)
        ]
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [value] if isinstance(value, str) and not value.startswith("{") else []


# ── what is not ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890123456",
        "4111 1111 1111 1112",
        "GB82 WEST 1234 5698 7654 33",
        "version 1.2.3.4.5 at 12:30:45 on 2026-11-21",
        "std::vector, time::now",
        "it costs 1,234,567.89 or 3.14159",
        "978-3-16-148410-0",
        "def f(x: int) -> None: return x @ y",
        "the sk-learn library, an ip of 300.1.1.1",
        "000-12-3456",
        "12345678A",
        "the password is required, tokens: 1500, token: 1500, max_tokens=100000",
        "secret: null, password: [key]",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redacted(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AB123456C", "national_id"),
        ("12345678Z", "national_id"),
        ("X1234567L", "national_id"),
        ("RSSMRA85T10A562S", "national_id"),
        ("1 85 05 78 006 084 91", "national_id"),
        ("756.9217.0769.85", "national_id"),
        ("86095742719", "national_id"),
        ("44051401359", "national_id"),
        ("529.982.247-25", "national_id"),
        ("2346 5678 9012", "national_id"),
        ("(555) 123-4567", "phone"),
        ("030/901820", "phone"),
        ("0041 44 668 18 00", "phone"),
        ("password=hunter22", "key"),
        ("Authorization: Bearer abcdef.123456", "key"),
        ("postgres://u:secretpw@host/db", "key"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "key"),
        ("AKIAIOSFODNN7EXAMPLE", "key"),
        ("OPENAI_API_KEY=abcd1234efgh", "key"),
        ("client_secret: Zx81kkQwop12", "key"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "key"),
        ('"refresh_token":"8f3a9c0b1d2e"', "key"),
        ("DB_PASSWORD='pa55'", "key"),
        ("dbPassword: hunter22", "key"),
        ("AccountKey=Eby8vdM02xNOcqFlqUwJPLlm==", "key"),
        ("the password is hunter22", "key"),
        ("contraseña: hunter", "key"),
        ("mot de passe : hunter", "key"),
        ("Kennwort lautet hunter22", "key"),
        ("пароль: hunter", "key"),
        ("密码：hunter", "key"),
        ("パスワード: hunter", "key"),
        ("Authorization: token 0123456789abcdef", "key"),
        ("redis://:secretpw@host:6379", "key"),
        ("ghu_16C7e42F292c6912E7710c838347", "key"),
        ("npm_16C7e42F292c6912E7710c838347", "key"),
        ("SG.ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzr", "key"),
        ("123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_", "key"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIE\n-----END RSA PRIVATE KEY-----",
            "key",
        ),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY\n-----END PGP PRIVATE KEY BLOCK-----", "key"),
        ("1-800-555-0199", "phone"),
        ("06 12 34 56 78", "phone"),
        ("06.12.34.56.78", "phone"),
        ("(11) 91234-5678", "phone"),
        ("13812345678", "phone"),
        ("98765 43210", "phone"),
        ("+１ ４１５ ５５５ ２６７１", "phone"),
        ("4111\u200b1111\u200b1111\u200b1111", "card"),
        ("4111_1111_1111_1111", "card"),
        ("4111  1111  1111  1111", "card"),
        ("DE89.3704.0044.0532.0130.00", "iban"),
        ("bob＠example.com", "email"),
    ],
)
def test_these_are_found(text: str, kind: str) -> None:
    assert redacted(f"so: {text}!")[1] == {kind: 1}


def test_what_is_found_takes_all_of_it_out() -> None:
    for text in (
        "x_api_key=s3cr3t-s3cr3t",
        "-----BEGIN PRIVATE KEY-----\nA-s3cr3t\n-----END PRIVATE KEY-----",
    ):
        assert "s3cr3t" not in redacted(text)[0]


@pytest.mark.parametrize(
    "name", ["password", "apiKey", "client_secret", "DB_PASSWORD", "x-api-key", "Пароль"]
)
@pytest.mark.parametrize("value", ["hunter", "a b c", 123456, ["one", "two"]])
def test_what_is_called_a_secret_is_one(name: str, value: object) -> None:
    found: Counter[str] = Counter()
    told = REDACTOR.value({"arguments": json.dumps({name: value}), "n": {name: value}}, found)
    hidden = ["[key]", "[key]"] if isinstance(value, list) else "[key]"
    assert told == {
        "arguments": json.dumps({name: hidden}, separators=(",", ":"), ensure_ascii=False),
        "n": {name: hidden},
    }
    assert found == {"key": 4 if isinstance(value, list) else 2}


def test_what_a_document_says_of_secrets_is_none() -> None:
    schema = {"properties": {"password": {"type": "string"}}, "required": ["password"], "max_tokens": 100}
    words = {"token": "hello", "logprob": -0.1, "prompt_tokens": 12, "secret": None, "has_password": True}
    found: Counter[str] = Counter()
    assert REDACTOR.value([schema, words], found) == [schema, words]
    assert not found


def test_numbers_and_names_of_a_document_are_looked_through_too() -> None:
    found: Counter[str] = Counter()
    told = REDACTOR.value(
        {"a@b.example.org": 4111111111111111, "n": 7, "ok": True, "x": None, "f": 1.5}, found
    )
    assert told == {"[email]": "[card]", "n": 7, "ok": True, "x": None, "f": 1.5}
    assert found == {"email": 1, "card": 1}


def test_what_nobody_can_look_into_is_left_out() -> None:
    assert redacted("data:image/png;base64," + "A" * 50)[1] == {"data": 1}
    assert redacted("QUJD" * 200)[1] == {"data": 1}


@given(cards())
def test_the_checks_are_those_of_the_standards(card: str) -> None:
    number = "".join(one for one in card if one.isdigit())
    assert luhn(number)
    assert not luhn(number[:-1] + str((int(number[-1]) + 1) % 10))
    assert mod_97("GB82WEST12345698765432")
    assert not mod_97("GB82WEST12345698765433")


PIECES = ["1 ", "a@", "a.b", "DE89 ", ":", "abcd:", "+1 ", "0123 ", "4111 ", "eyJaaaaaaaaa.", "@a.", "w."]
PIECES += ["token_", "secret is ", "1_ ", "password: ", "mot de passe ", "-----END ", "\u200b1"]
PIECES += ["(0123) ", "-----BEGIN PRIVATE KEY-----", "pass: ", "x://", "[", "1.1.1.", "::1"]


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_takes_long(piece: str) -> None:
    """Twice as much takes about twice as long."""

    def seconds(count: int) -> float:
        begun = time.process_time()
        redacted(piece * count + "!")
        return time.process_time() - begun

    short = min(seconds(3_000) for _ in range(2))
    long = min(seconds(12_000) for _ in range(2))
    assert long < 10 * short + 0.05

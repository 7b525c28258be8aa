"""Finds keys and passwords in a text: by their own form, or by what they are called.

Known weakness: a password that nobody calls one, or is told in a language that is not here, is a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_FORM = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|pk|rk|gsk|xai|hf|hg|r8|nvapi|csk|pplx|tgp|gh[opsru]|github_pat|gl(?:pat|ptt|rt|dt)"
    r"|xox[abeprs]|xapp|dop_v1|shp(?:at|ss|ca|pa)|whsec)[-_][A-Za-z0-9_\-.]{12,}"
    r"|(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|(?<![A-Za-z0-9])AIza[A-Za-z0-9_\-]{20,}"
    r"|(?<![A-Za-z0-9])npm_[A-Za-z0-9]{20,}"
    r"|(?<![A-Za-z0-9])pypi-Ag[A-Za-z0-9_\-]{12,}"
    r"|(?<![A-Za-z0-9])SG\.[A-Za-z0-9_\-]{16,64}\.[A-Za-z0-9_\-]{16,64}"
    r"|(?<!\d)\d{8,10}:[A-Za-z0-9_\-]{32,64}(?![\w-])"
    r"|(?<![A-Za-z0-9])ya29\.[A-Za-z0-9_\-.]{10,}"
    r"|(?<![A-Za-z0-9])eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*)?"
)
_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----(?:BEGIN|END))[\s\S]){0,20000}"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
)
_URL_WORD = re.compile(r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s/:@]{0,200}:([^\s/@]{1,200})@")
_HEADER = re.compile(
    r"(?i:\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:[a-z]{3,15}\s{1,3})?|\b(?:bearer|basic)\s+)([^\s\"',;]{6,})"
)

_CALLED = (
    r"(?:api|access|account|private|secret|signing|encryption|shared|master|service|licen[sc]e|auth)[-_ ]?key"
    r"|secret|token"
)
_WORD = (
    r"passw(?:or)?d|passphrase|passcode|passwort|\bpwd|kennwort|contrase[ñn]a|mot de passe|\bsenha"
    r"|wachtwoord|lösenord|\bhas[łl]o|\bparola|пароль|密[码碼]|パスワード|비밀번호|كلمة المرور"
)
_SUFFIX = r"(?:[-_][^\W_]{1,20}){0,3}"
_NO_VALUE = r"(?!(?:null|none|true|false)\b|\[[a-z_]+\])"
_IS = r"[\"'`]?\s{0,3}(?:[:=：＝]|=>|:=)\s{0,3}[\"'`]?"
_LABELLED = (
    re.compile(rf"(?i:{_CALLED}){_SUFFIX}{_IS}{_NO_VALUE}(?!\d{{1,12}}(?!\w))([^\s\"'`,;]{{6,}})"),
    re.compile(rf"(?i:{_WORD}){_SUFFIX}{_IS}{_NO_VALUE}([^\s\"'`,;]{{4,}})"),
    re.compile(  # in a sentence only what has a digit in it: "the password is wrong"
        rf"(?i:(?:{_WORD}|{_CALLED})\s{{1,3}}(?:is|ist|lautet|est|es|é)\s{{1,3}})[\"'`]?"
        r"(?=[^\s\"'`,;]{0,60}\d)([^\s\"'`,;]{6,})"
    ),
)
_NAME = re.compile(rf"(?i:{_CALLED}|{_WORD}){_SUFFIX}")


def credentials(text: str) -> Iterator[Span]:
    """Where they are."""
    for pattern in (_FORM, _BLOCK):
        yield from (found.span() for found in pattern.finditer(text))
    for pattern in (_HEADER, _URL_WORD, *_LABELLED):
        yield from (found.span(1) for found in pattern.finditer(text))


def names_one(name: str) -> bool:
    """Whether what a member of that name holds is a key or a password: `client_secret`, `dbPassword`."""
    return any(found.end() == len(name) for found in _NAME.finditer(name))

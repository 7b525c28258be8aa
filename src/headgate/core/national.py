"""National ids, by their form and, where they have one, their check digits.

The United States (SSN), the United Kingdom (NINO), France (NIR), Spain (DNI, NIE), Italy (codice fiscale),
Germany (Steuer-ID), Switzerland (AHV), Poland (PESEL), Brazil (CPF), India (Aadhaar).

Known weakness: others are not known; and where nine or more digits happen to check, they are taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def _digits(text: str) -> list[int]:
    return [int(one) for one in text if one.isdigit()]


def _weighted(digits: list[int], weights: tuple[int, ...]) -> int:
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def _dni(text: str) -> bool:
    number = re.sub(r"[ -]", "", text.upper()).translate(str.maketrans("XYZ", "012", ""))
    return number[:-1].isdigit() and _LETTERS[int(number[:-1]) % 23] == text[-1].upper()


def _nir(text: str) -> bool:
    digits = re.sub(r"[ .]", "", text.upper())
    number = digits[:-2].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(digits[-2:])


def _steuer(text: str) -> bool:
    """ISO 7064, MOD 11,10; one of the first ten digits is there twice or three times."""
    digits = _digits(text)
    if not 8 <= len(set(digits[:10])) <= 9 or not digits[0]:
        return False
    product = 10
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == digits[10]


def _ahv(text: str) -> bool:
    digits = _digits(text)
    return (10 - _weighted(digits[:12], (1, 3) * 6) % 10) % 10 == digits[12]


def _pesel(text: str) -> bool:
    digits = _digits(text)
    month, day = digits[2] * 10 + digits[3], digits[4] * 10 + digits[5]
    born = 1 <= month % 20 <= 12 and 1 <= day <= 31
    return born and (10 - _weighted(digits[:10], (1, 3, 7, 9) * 3) % 10) % 10 == digits[10]


def _cpf(text: str) -> bool:
    digits = _digits(text)
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        total = sum(digit * (length + 1 - place) for place, digit in enumerate(digits[:length]))
        if total * 10 % 11 % 10 != digits[length]:
            return False
    return True


_ALONE = r"(?<![\w-])", r"(?![\w-])"
_KINDS: list[tuple[str, Callable[[str], bool] | None]] = [
    (r"(?!000|666|9\d\d)\d{3}[- ](?!00)\d\d[- ](?!0000)\d{4}", None),  # SSN
    (r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]", None),  # NINO
    (r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[ABab]) ?\d{3} ?\d{3} ?\d\d", _nir),
    (r"(?:\d{8}|[XYZxyz][ -]?\d{7})[ -]?[A-Za-z]", _dni),
    (r"[A-Za-z]{6}\d\d[A-EHLMPRSTa-ehlmprst]\d\d[A-Za-z]\d{3}[A-Za-z]", None),  # codice fiscale
    (r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _steuer),
    (r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d", _ahv),
    (r"\d{11}", _pesel),
    (r"\d{3}\.?\d{3}\.?\d{3}-?\d\d", _cpf),
    (r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}(?![ -]\d{4})", None),  # Aadhaar
]
_PATTERNS = [(re.compile(_ALONE[0] + form + _ALONE[1]), check) for form, check in _KINDS]


def national_ids(text: str) -> Iterator[tuple[int, int]]:
    """Where they are."""
    for pattern, check in _PATTERNS:
        for found in pattern.finditer(text):
            if check is None or check(found[0]):
                yield found.span()

import sys
from collections.abc import Iterator
from decimal import Decimal
from types import SimpleNamespace

import pytest

from headgate.adapters import prices
from headgate.adapters.prices import Prices, catalogue_prices, row_of
from headgate.core.price import Price


@pytest.fixture(autouse=True)
def nothing_asked_yet() -> Iterator[None]:
    prices._seen.clear()
    yield
    prices._seen.clear()


def child(code: str) -> list[str]:
    """A command that runs `code` instead of the module."""
    return [sys.executable, "-c", code]


ANSWER = 'print(\'{"source": "test", "prices": [{"input": 1, "output": 2}]}\')'


def test_the_list_is_asked_in_a_child_once_for_what_is_not_known_yet() -> None:
    wanted = [
        ("openai", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5"),
        ("openai", "no-such-model"),
        ("nobody", "x"),
    ]
    found = catalogue_prices(wanted)
    assert found.warning is None
    assert found.known.keys() == set(wanted[:2])
    gpt = found.known["openai", "gpt-4o"]
    assert (gpt.input, gpt.output) == (2_500_000_000, 10_000_000_000), "USD 2.50 and 10 per million"
    assert gpt.source.startswith("genai-prices ")
    sonnet = found.known["anthropic", "claude-sonnet-4-5"]
    assert sonnet.input == 3_000_000_000, "the lowest tier"
    assert sonnet.cache_read == 300_000_000
    assert "genai_prices" not in sys.modules, "which is the point of the child"


def test_what_was_asked_is_not_asked_again() -> None:
    assert catalogue_prices([("a", "m"), ("a", "m")], command=child(ANSWER)).known == {
        ("a", "m"): Price(input=1, output=2, source="test")
    }
    nothing = child('print(\'{"source": "test", "prices": [null]}\')')
    assert catalogue_prices([("a", "n")], command=nothing) == Prices({}, None)
    never = child("import sys; sys.exit(1)")
    again = catalogue_prices([("a", "m"), ("a", "n")], command=never)
    assert again.warning is None
    assert again.known.keys() == {("a", "m")}
    assert catalogue_prices([], command=never) == Prices({}, None)


def test_the_child_is_told_what_is_wanted_and_nothing_else() -> None:
    code = (
        "import json, sys; print(json.dumps({'source': 't', 'prices': [None for _ in json.load(sys.stdin)]}))"
    )
    assert catalogue_prices([("a", "m"), ("b", "n; rm -rf /")], command=child(code)).warning is None


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit(3)",
        "print('not json')",
        "print('[1, 2]')",
        'print(\'{"source": "x", "prices": []}\')',
        'print(\'{"source": "x", "prices": [{"input": 1, "outputs": 2}]}\')',
        'print(\'{"source": "x", "prices": [{"input": "1", "output": 2}]}\')',
        "raise MemoryError",
    ],
)
def test_a_child_that_fails_is_a_warning_and_is_asked_again_later(code: str) -> None:
    found = catalogue_prices([("a", "m")], command=child(code))
    assert found.known == {}
    assert found.warning is not None
    assert "costs are unknown" in found.warning
    assert catalogue_prices([("a", "m")], command=child(ANSWER)).known


def test_a_child_that_hangs_is_left() -> None:
    found = catalogue_prices([("a", "m")], command=child("import time; time.sleep(60)"), timeout_s=0.2)
    assert found.warning == "the price catalogue did not answer within 0.2 s: costs are unknown"


def test_no_interpreter_is_a_warning() -> None:
    assert "FileNotFoundError" in str(catalogue_prices([("a", "m")], command=["/nonexistent/python"]).warning)


def test_dollars_become_nano_dollars_by_class() -> None:
    tiered = SimpleNamespace(base=Decimal("1.25"), tiers=[])
    price = SimpleNamespace(
        input_mtok=tiered,
        output_mtok=Decimal(10),
        cache_read_mtok=Decimal("0.125"),
        output_reasoning_mtok=None,
    )
    assert row_of(price) == {"input": 1_250_000_000, "output": 10_000_000_000, "cache_read": 125_000_000}


def test_an_embedding_is_free_to_read_back_and_what_is_not_priced_by_tokens_has_no_price() -> None:
    assert row_of(SimpleNamespace(input_mtok=Decimal("0.02"))) == {"input": 20_000_000, "output": 0}
    assert row_of(SimpleNamespace(requests_kcount=Decimal(10), output_mtok=Decimal(1))) is None

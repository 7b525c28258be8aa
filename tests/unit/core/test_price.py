from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.price import NANO, Price, nano, usd
from headgate.core.usage import Usage

counts = st.integers(0, 10_000_000)
amounts = st.integers(0, 100 * NANO)
usages = st.builds(
    Usage, input=counts, cache_read=counts, cache_write=counts, output=counts, reasoning=counts
)


@given(usages, st.builds(Price, input=amounts, output=amounts, cache_read=amounts, cache_write=amounts))
def test_the_cost_is_the_exact_sum_rounded_half_up_once(usage: Usage, price: Price) -> None:
    assert price.cache_read is not None
    assert price.cache_write is not None
    exact = Fraction(
        usage.input * price.input
        + usage.cache_read * price.cache_read
        + usage.cache_write * price.cache_write
        + (usage.output + usage.reasoning) * price.output,
        1_000_000,
    )
    assert price.cost_nano(usage) == int(exact + Fraction(1, 2))


@given(usages, amounts, amounts)
def test_a_class_without_a_price_costs_what_its_parent_does(usage: Usage, into: int, out: int) -> None:
    bare = Price(input=into, output=out)
    full = Price(input=into, output=out, cache_read=into, cache_write=into, reasoning=out)
    assert bare.cost_nano(usage) == full.cost_nano(usage)


def test_a_free_class_is_not_the_same_as_one_without_a_price() -> None:
    usage = Usage(cache_read=1_000_000)
    assert Price(input=NANO, output=0, cache_read=0).cost_nano(usage) == 0
    assert Price(input=NANO, output=0).cost_nano(usage) == NANO


def test_a_known_bill() -> None:
    price = Price(input=nano(Decimal(3)), output=nano(Decimal(15)), cache_read=nano(Decimal("0.3")))
    usage = Usage(input=1_000, cache_read=10_000, output=500)
    assert price.cost_nano(usage) == 3_000_000 + 3_000_000 + 7_500_000
    assert usd(price.cost_nano(usage)) == 0.0135


@given(st.decimals(0, 10_000, allow_nan=False, allow_infinity=False, places=9))
def test_dollars_of_nine_decimals_are_exact(amount: Decimal) -> None:
    assert Decimal(nano(amount)) / NANO == amount


def test_half_a_nano_dollar_is_rounded_up() -> None:
    assert nano(Decimal("0.0000000005")) == 1
    assert nano(Decimal("0.00000000049")) == 0

"""The row of a request, and sums of rows."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from booked import ASIDE, FAILED, NOON_US, shown
from booked import entry as row
from headgate.core.attempt import failed
from headgate.core.call import Caller, Discarded, Operation, Outcome, Reply, Seen, Source, outrun
from headgate.core.entry import HEDGE, Entry, Flag, entry, price_name
from headgate.core.errors import InvalidRequest, Overloaded, UpstreamUnavailable
from headgate.core.price import Price
from headgate.core.record import Record
from headgate.core.report import asked, day, shown_day
from headgate.core.reuse import Reuse
from headgate.core.rollup import SUMS, rolled
from headgate.core.usage import Usage

PRICE = Price(input=3_000_000_000, output=15_000_000_000, cache_read=300_000_000, source="list")
SOURCE = Source(provider="p", model_id="m", model_name="m-1", key="2", price=PRICE, region="eu")
CALLER = Caller(key="k", tenant="acme")
WALL = NOON_US / 1e6


async def _nothing() -> Any:
    yield b""


def reply(usage: Usage | None, **members: Any) -> Reply:
    return Reply(
        **{"source": SOURCE, "stream": False, **members},
        seen=Seen(usage=usage, model="m-1-2026", finish="stop", prompt_chars=40, output_chars=8),
        body=_nothing(),
        tail=lambda metadata: b"",
        asked_at=10.5,
        opened_at=11.0,
    )


def record(found: Reply | None, **members: Any) -> Record:
    usual: dict[str, Any] = {
        "request_id": "r",
        "outcome": Outcome.FINISHED,
        "operation": Operation.CHAT,
        "stream": False,
        "requested": "auto",
        "caller": CALLER,
        "started_at": 10.0,
        "ended_at": 12.0,
    }
    return Record(**{**usual, **members}, reply=found)


CLASSES = st.integers(0, 10**7)
USAGES = st.builds(Usage, input=CLASSES, cache_read=CLASSES, cache_write=CLASSES, output=CLASSES)


@given(USAGES, st.none() | st.integers(0, 10**8))
def test_a_row_has_the_disjoint_classes_and_their_price(usage: Usage, total: int | None) -> None:
    usage = msgspec.structs.replace(usage, reported_total=total)
    found = shown(entry(record(reply(usage)), WALL))
    assert (found.input, found.cache_read, found.cache_write, found.output) == (
        usage.input,
        usage.cache_read,
        usage.cache_write,
        usage.output,
    )
    exact = usage.input * 3000 + usage.cache_read * 300 + usage.cache_write * 3000 + usage.output * 15000
    assert found.cost_nano == exact
    assert bool(found.flags & Flag.UNRECONCILED) == (total is not None and total != usage.total)


def test_times_are_microseconds_and_names_the_three_models() -> None:
    found = shown(entry(record(reply(Usage(input=1)), tags=("a", "b")), WALL))
    assert (found.at_us, found.total_us) == (NOON_US - 2_000_000, 2_000_000)
    assert (found.first_byte_us, found.upstream_us) == (1_000_000, 500_000)
    assert (found.requested, found.upstream_model, found.served_model) == ("auto", "m-1", "m-1-2026")
    assert (found.provider_key, found.region, found.tags) == ("2", "eu", "a,b")
    assert found.price == "list 3000000000/15000000000/300000000/-/-" == price_name(PRICE)


def test_what_nobody_counted_is_estimated_and_what_has_no_price_is_told() -> None:
    unpriced = msgspec.structs.replace(SOURCE, price=None)
    found = shown(entry(record(reply(None, source=unpriced)), WALL))
    assert found.flags == Flag.ESTIMATED | Flag.UNPRICED
    assert (found.input, found.output, found.cost_nano) == (10, 2, 0)


def test_an_answer_that_was_kept_used_nothing_and_saved_something() -> None:
    found = shown(entry(record(reply(Usage(input=5), reuse=Reuse.EXACT, saved_nano=9)), WALL))
    assert (found.input, found.cost_nano, found.saved_nano, found.reuse) == (0, 0, 9, "exact")


def test_a_refusal_has_a_row_too() -> None:
    refused = record(None, caller=None, cause=Overloaded("full"), outcome=Outcome.REFUSED, shadow=True)
    found = shown(entry(refused, WALL))
    assert (found.tenant, found.key, found.error, found.model) == ("", "", "Overloaded", "")
    assert found.flags == Flag.SHADOW


@pytest.mark.parametrize("text", ["x" * 5000, "\0", "a\0b", "\ud800", "é\ud800", "a\r\n"])
def test_words_of_others_are_bounded_and_text_for_any_store(text: str) -> None:
    made = entry(record(None, requested=text, tags=(text,) * 20), WALL)
    found = shown(made)
    assert len(found.requested) <= 2_000
    for word in (found.requested, found.tags):
        word.encode()
        assert "\0" not in word
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Entry) == made


def test_each_call_of_a_request_has_its_own_cost() -> None:
    """An answer that was put aside is priced by its own model; the other's is known in any case."""
    weak = msgspec.structs.replace(SOURCE, model_id="w", price=Price(input=1_000_000_000, output=0))
    nameless = msgspec.structs.replace(weak, price=None)
    usage, own = Usage(input=7, output=2, reported_total=9), Usage(input=10, output=3)
    put_aside = (Discarded(weak, usage, 7_000), Discarded(nameless, usage, None))
    found = shown(entry(record(reply(own), discarded=put_aside, failed=(FAILED,)), WALL))
    assert (found.input, found.output, found.cost_nano) == (10, 3, 75_000)
    failure, known, unknown = found.others
    assert failure is FAILED
    assert (known.model, known.error, known.input, known.output) == ("w", "", 7, 2)
    assert (known.cost_nano, known.price, known.flags) == (7_000, "config 1000000000/0/-/-/-", 0)
    assert (unknown.cost_nano, unknown.price, unknown.flags) == (0, "", Flag.UNPRICED)
    lost = shown(entry(record(None, discarded=put_aside, outcome=Outcome.FAILED), WALL))
    assert (lost.model, lost.input, lost.others) == ("", 0, (known, unknown))


def test_of_two_calls_at_once_the_one_that_did_not_serve_is_marked() -> None:
    usage = Usage(input=7, output=2, cache_read=3, reasoning=1)
    slow = outrun(SOURCE, usage)
    assert (slow.usage.input, slow.usage.output, slow.usage.reasoning, slow.usage.cache_read) == (10, 2, 1, 0)
    [other] = shown(entry(record(reply(usage), discarded=(slow,)), WALL)).others
    assert (other.error, other.flags) == ("", Flag.HEDGE | Flag.ESTIMATED)
    assert SOURCE.price is not None
    assert other.cost_nano == SOURCE.price.cost_nano(slow.usage)
    free = outrun(msgspec.structs.replace(SOURCE, price=None), usage)
    [other] = shown(entry(record(reply(usage), discarded=(free,)), WALL)).others
    assert other.flags == Flag.HEDGE | Flag.ESTIMATED | Flag.UNPRICED
    assert failed(SOURCE, UpstreamUnavailable("down"), HEDGE).flags == Flag.HEDGE


def test_an_attempt_says_who_and_what() -> None:
    found = failed(SOURCE, UpstreamUnavailable("down", status=503))
    assert (found.provider, found.model, found.error, found.status) == ("p", "m", "UpstreamUnavailable", 503)
    assert failed(SOURCE, Overloaded("no")).status is None


BOTH = (("m", "p"), (ASIDE.model, ASIDE.provider))
ROWS = st.builds(
    row,
    at_us=st.integers(NOON_US, NOON_US + 3 * 86_400_000_000),
    tenant=st.sampled_from(["a", "b"]),
    tags=st.sampled_from(["", "x", "x,y", "x,x", ",,"]),
    cost_nano=CLASSES,
    outcome=st.sampled_from(["finished", "failed", "client_gone"]),
    flags=st.integers(0, 63),
    others=st.lists(st.sampled_from([FAILED, ASIDE]), max_size=3).map(tuple),
)


@given(st.lists(ROWS, max_size=20))
def test_sums_are_those_of_the_rows_each_tag_once(rows: list[Entry]) -> None:
    found = rolled(rows)
    place = SUMS.index("cost_nano")
    by_model = {
        name: sum(sums[place] for at, sums in found.items() if at[3:] == (*name, "")) for name in BOTH
    }
    aside = [other for one in rows for other in one.others if not other.error]
    assert by_model == {
        BOTH[0]: sum(one.cost_nano for one in rows),
        BOTH[1]: sum(other.cost_nano for other in aside),
    }
    assert sum(sums[0] for at, sums in found.items() if at[-1] == "") == len(rows)
    assert not any(at[3:5] == (FAILED.model, FAILED.provider) for at in found)
    for tag in ("x", "y"):
        of_tag = [sums for bucket, sums in found.items() if bucket[-1] == tag]
        assert sum(sums[0] for sums in of_tag) == sum(tag in one.tags.split(",") for one in rows)
    assert all(len(sums) == len(SUMS) for sums in found.values())


def test_what_is_asked_of_sums_is_checked() -> None:
    found = asked(["tenant,model", "day", "day"], "2026-10-26", "2026-10-27T01:00:00+02:00")
    assert found.group_by == ("tenant", "model", "day")
    assert (shown_day(found.since), shown_day(found.until)) == ("2026-10-26", "2026-10-27")
    within = asked([], "2026-10-26T09:00:00Z", "2026-10-26T17:00:00Z")
    assert (within.since, within.until) == (day("2026-10-26", "from"), day("2026-10-27", "to"))
    assert asked([], None, "2026-10-26T00:00:00Z").until == day("2026-10-26", "to")
    assert day("1970-01-02", "from") == 1
    for wrong in (["tenant; DROP"], ["cost"]):
        with pytest.raises(InvalidRequest):
            asked(wrong, None, None)
    with pytest.raises(InvalidRequest):
        asked([], "yesterday", None)

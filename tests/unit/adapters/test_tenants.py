"""No tenant reads another's rows, whatever the names are and whatever is asked."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from booked import DAY, FAILED, NOON_US, entry, shown
from headgate.adapters.sqlite import SqliteLedger
from headgate.core.entry import Entry
from headgate.core.kind import DAY_US
from headgate.core.report import GROUPS, Asked

NAMES = st.sampled_from(["a", "A", "a%", "a_", "%", "_", "'a'", "' OR 1=1 --", "a b", "ä", "a,b", "", "a\\"])
ENTRIES = st.builds(
    lambda tenant, key, model, tags, day, region, intent: entry(
        tenant=tenant,
        key=key,
        model=model,
        tags=tags,
        region=region,
        intent=intent,
        at_us=NOON_US + day * DAY_US,
        cost_nano=1,
        others=(FAILED,) if day else (),
    ),
    NAMES,
    NAMES,
    NAMES,
    st.sampled_from(["", "x", "x,y"]),
    st.integers(0, 2),
    st.sampled_from(["eu", "us"]),
    st.sampled_from(["", "code"]),
)
ASKED = st.builds(
    lambda groups, tenant, key, since, until: Asked(
        group_by=tuple(dict.fromkeys(groups)), tenant=tenant, key=key, since=DAY + since, until=DAY + until
    ),
    st.lists(st.sampled_from(sorted(GROUPS)), max_size=4).filter(lambda one: not {"tag", "intent"} <= {*one}),
    NAMES,
    NAMES,
    st.integers(-1, 2),
    st.integers(0, 4),
)


async def told(rows: list[Entry], asked: Asked) -> tuple[list[Any], list[Any], list[Any]]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteLedger(Path(folder) / "b.db")
        await store.append("j", 0, rows)
        usage = await store.usage(asked)
        single = await store.requests(0, 100, {"tenant": asked.tenant or "", "key": asked.key or ""})
        places = await store.places(asked.tenant or "")
        await store.close()
        return usage, single, places


@settings(max_examples=40)
@given(st.lists(ENTRIES, min_size=1, max_size=12), ASKED)
def test_a_report_is_of_its_tenant_and_key_alone(rows: list[Entry], asked: Asked) -> None:
    usage, single, places = asyncio.run(told(rows, asked))
    all_rows = [shown(one) for one in rows]
    own = [one for one in all_rows if (one.tenant, one.key) == (asked.tenant, asked.key)]
    days = [one for one in own if asked.since <= one.at_us // DAY_US < asked.until]
    by_tag = "tag" in asked.group_by
    wanted = sum(len(list(filter(None, one.tags.split(",")))) if by_tag else 1 for one in days)
    if "intent" in asked.group_by:
        wanted = sum(bool(one.intent) for one in days)
    assert sum(one["requests"] for one in usage) == wanted
    assert {one["tenant"] for one in usage if "tenant" in one} <= {asked.tenant}
    assert {one["key"] for one in usage if "key" in one} <= {asked.key}
    assert len(single) == len(own)
    assert {(one["tenant"], one["key"]) for one in single} <= {(asked.tenant, asked.key)}
    mine = [one for one in all_rows if one.tenant == asked.tenant]
    assert sum(one["requests"] for one in places) == len(mine) + sum(len(one.others) for one in mine)

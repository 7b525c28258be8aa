"""What a generation of models takes, read off its name, for that is the one place the API tells.

Sources: platform.claude.com/docs/en/build-with-claude/{thinking,adaptive-thinking,effort} and its
migration guides. Manual thinking budgets end, and sampling parameters go, with 4.7; adaptive thinking
comes with 4.6; from 4.1 to 4.6 only one of `temperature` and `top_p` may be given.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """`adaptive`: thinks by effort. `budgets`: takes a token budget for thinking. `sampling`: takes
    temperature, top_p and top_k. `one_sampler`: but not temperature and top_p together."""

    adaptive: bool
    budgets: bool
    sampling: bool
    one_sampler: bool


_LATEST = Generation(adaptive=True, budgets=False, sampling=False, one_sampler=False)
_COMPATIBLE = Generation(adaptive=False, budgets=True, sampling=True, one_sampler=False)


@lru_cache(maxsize=1024)
def generation_of(model: str) -> Generation:
    """By the upstream's name for a model, dated and prefixed names included.

    A Claude without a version counts as the latest; another maker's model behind this API gets the
    form that was there first: budgets and all sampling parameters.
    """
    if "claude" not in model:
        return _COMPATIBLE
    found = _VERSION.search(model)
    if found is None:
        return _LATEST
    version = (int(found[1]), int(found[2] or 0))
    return Generation(
        adaptive=version >= (4, 6),
        budgets=version < (4, 7),
        sampling=version < (4, 7),
        one_sampler=version >= (4, 1),
    )

"""The trees that ship: they are what the pairs give, and for the embedder they have learned with."""

from __future__ import annotations

from bench.quality.pairs import FOLDER, LEARNED, UNSEEN, counted, fitted, pairs

from headgate.adapters.embed import HASHED, WORDLLAMA, local
from headgate.adapters.odds import likely
from headgate.core.learned.boost import Quick


def test_trees_are_fresh() -> None:
    """`python -m bench.quality --fit` renews them."""
    embedder = local(WORDLLAMA)
    shipped, fresh = likely(embedder), Quick(fitted())
    assert shipped is not None
    rows = [row for _, row in counted(pairs(LEARNED), embedder)]
    same = sum((shipped.odds(row) > 0) == (fresh.score(row) > 0) for row in rows)
    assert same >= 0.98 * len(rows), "aged: python -m bench.quality --fit"


def test_trees_are_for_the_embedder_they_have_learned_with() -> None:
    assert likely(local(HASHED)) is None


def test_no_pair_that_measures_is_learned_from() -> None:
    learned, unseen = pairs(LEARNED), pairs(UNSEEN)
    assert FOLDER.is_dir()
    assert len({(one.a, one.b) for one in learned}) == len(learned)
    assert not {(one.a, one.b) for one in learned} & {(one.a, one.b) for one in unseen}

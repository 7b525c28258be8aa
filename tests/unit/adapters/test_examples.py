"""What ships: examples, and heads that are what the examples give."""

from __future__ import annotations

import numpy as np
import pytest

from headgate.adapters.embed import HASHED, WORDLLAMA, local
from headgate.adapters.examples import examples, head
from headgate.core.intent.found import BUILT_IN
from headgate.core.intent.keywords import Keywords
from headgate.core.intent.vectors import Vectors, WordEmbedder, WordScores, fit

KEYWORDS = Keywords({})


def test_every_intent_has_hundreds_of_examples_none_of_them_twice() -> None:
    said = examples()
    assert len({text for text, _ in said}) == len(said)
    for name in BUILT_IN:
        assert sum(intent == name for _, intent in said) >= 300


@pytest.mark.parametrize("name", [WORDLLAMA, HASHED])
def test_heads_are_fresh(name: str) -> None:
    """`python -m bench.quality --fit` renews them."""
    embedder = local(name)
    shipped = head(embedder.id)
    assert shipped is not None
    said = [(text, BUILT_IN.index(intent)) for text, intent in examples()]
    evidence = [KEYWORDS.weigh(text) for text, _ in said]
    fitted = fit(said, evidence, BUILT_IN, embedder, temperature=shipped.temperature)
    assert fitted.intents == shipped.intents
    assert np.allclose(fitted.weights, shipped.weights, atol=0.01), "aged: python -m bench.quality --fit"


def test_a_head_is_for_the_vectors_it_was_fitted_to() -> None:
    shipped = head(local(WORDLLAMA).id)
    assert shipped is not None
    with pytest.raises(ValueError, match=r"fitted to wordllama.* is hashed"):
        Vectors(local(HASHED), shipped)
    assert head("another/1:3") is None


@pytest.mark.parametrize("name", [WORDLLAMA, HASHED])
def test_scores_of_words_add_up_to_what_the_vector_of_the_text_would_give(name: str) -> None:
    """Up to the length, which is estimated: the direction of the scores is the same."""
    embedder = local(name)
    of_vector = np.random.default_rng(7).normal(size=(embedder.dimension, 3)).astype(np.float32)
    assert isinstance(embedder, WordEmbedder)
    words = WordScores(embedder, of_vector)
    ratios = []
    for text in [text for text, _ in examples() if len(text) < 480][::9]:
        exact, found = embedder.embed([text])[0] @ of_vector, np.array(words.logits(text))
        ratio = np.linalg.norm(found) / np.linalg.norm(exact)
        assert np.allclose(found, exact * ratio, atol=0.01)
        assert words.logits(text) == found.tolist()
        ratios.append(ratio)
    assert 0.9 < np.median(ratios) < 1.15
    assert words.logits(" \n") == [0.0, 0.0, 0.0]

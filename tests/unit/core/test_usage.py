from hypothesis import given
from hypothesis import strategies as st

from headgate.core.usage import CHARS_PER_TOKEN, Usage, estimate

counts = st.integers(0, 1_000_000)


@given(counts, counts, counts, counts, counts)
def test_every_token_is_counted_once(fresh: int, read: int, write: int, said: int, thought: int) -> None:
    usage = Usage(input=fresh, cache_read=read, cache_write=write, output=said, reasoning=thought)
    assert usage.prompt == fresh + read + write
    assert usage.completion == said + thought
    assert usage.total == fresh + read + write + said + thought


@given(counts, counts, st.none() | counts)
def test_a_row_is_unreconciled_exactly_where_the_provider_counts_otherwise(
    fresh: int, said: int, reported: int | None
) -> None:
    usage = Usage(input=fresh, output=said, reported_total=reported)
    assert usage.unreconciled == (reported is not None and reported != fresh + said)


@given(counts, counts)
def test_an_estimate_is_flagged_and_never_too_small_for_its_text(prompt: int, output: int) -> None:
    usage = estimate(prompt_chars=prompt, output_chars=output)
    assert usage.estimated
    assert (
        usage.input - 1
    ) * CHARS_PER_TOKEN < prompt <= usage.input * CHARS_PER_TOKEN or prompt == usage.input == 0
    assert usage.output * CHARS_PER_TOKEN >= output
    assert not usage.unreconciled


def test_something_said_is_never_estimated_as_nothing() -> None:
    assert estimate(prompt_chars=1, output_chars=1) == Usage(input=1, output=1, estimated=True)
    assert estimate(prompt_chars=0, output_chars=0).total == 0

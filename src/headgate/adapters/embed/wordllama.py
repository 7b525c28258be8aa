"""The default embedder: static word vectors, a table lookup and a sum.

The table (256 dimensions, 32,000 tokens, half precision) and its tokenizer lie in the wheel of `wordllama`.
They are read from there without importing that package: its import configures logging for the whole
process, and its loader copies the table twice. Here the table is mapped into memory, so that only rows that
are used take room. No token of this vocabulary reaches over a space, so a text is the sum of its words, and
a word's sum is kept: 46 words cost some 15 µs where they have been met before, 200 where none has.

Known weakness: scripts other than the Latin one are mostly cut into characters, which say little by
themselves.
"""

from __future__ import annotations

import json
import struct
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from headgate.adapters.embed.words import WordSums

if TYPE_CHECKING:
    from headgate.ports.embedder import Vectors

WEIGHTS = "weights/l2_supercat_256.safetensors"
TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"
TENSOR = "embedding.weight"
SPACE = "\u2581"
"""How this vocabulary writes the space before a word."""

EXPONENTS_APART = np.float32(2.0**112)
"""What the exponents of half and single precision count from, 15 and 127, as a factor."""


class WordLlama(WordSums):
    """`ports.Embedder` over wordllama's table. Loading takes some 100 ms of CPU and 22 MB."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the package's. Raises `OSError`, `KeyError` or `ValueError` where it is laid out
        anew."""
        self._table = _mapped(folder / WEIGHTS)
        super().__init__(f"wordllama-l2_supercat/1:{self._table.shape[1]}", self._table.shape[1])
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._begins = _begins_word(self._tokenizer, len(self._table))

    def rows_of(self, words: list[str]) -> Vectors:
        ids = np.array(self._ids(" ".join(words).replace(SPACE, "_")))
        starts = self._begins[ids].nonzero()[0]
        rows: Vectors = np.add.reduceat(_widened(self._table.take(ids, axis=0)), starts)
        return rows

    def _ids(self, text: str) -> list[int]:
        try:
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
        except TypeError:  # a lone surrogate, which is no Unicode text
            text = text.encode("utf-8", "replace").decode()
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        return ids


def load() -> WordLlama:
    """The embedder of the installed wordllama. Raises `ImportError` where there is none, or none we know."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise ImportError("wordllama is not installed")
    try:
        return WordLlama(Path(spec.origin).parent)
    except (OSError, ValueError, KeyError) as error:
        raise ImportError(f"wordllama {version('wordllama')} is laid out anew: {error}") from error


def _widened(halves: NDArray[np.int16]) -> Vectors:
    """Numbers of half precision, given as their bits, in single precision: exactly what `astype` gives, in a
    quarter of its time. Bits move to where they belong, and a multiplication sets the exponent right, also of
    numbers that are too small for one. (There is no infinity in the table.)"""
    bits = halves.astype(np.int32)
    bits <<= 13
    bits &= ~0x70000000
    rows: Vectors = bits.view(np.float32)
    rows *= EXPONENTS_APART
    return rows


def _mapped(path: Path) -> NDArray[np.int16]:
    """The table of a safetensors file, as bits: 8 bytes length of the header, the header (JSON), the
    numbers."""
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        told = json.loads(file.read(size))[TENSOR]
    if told["dtype"] != "F16":
        raise ValueError(f"{path.name} holds {told['dtype']}, not F16")
    offset = 8 + size + told["data_offsets"][0]
    table = np.memmap(path, np.int16, "r", offset, tuple(told["shape"]))
    return table.view(np.ndarray)


def _begins_word(tokenizer: Tokenizer, size: int) -> NDArray[np.bool_]:
    """By token id: whether a word begins with it. Asked one by one: all at once are 32,000 strings."""
    tokens = map(tokenizer.id_to_token, range(size))
    return np.fromiter((token is not None and token.startswith(SPACE) for token in tokens), np.bool_, size)

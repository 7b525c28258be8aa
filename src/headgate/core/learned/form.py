"""A trained router as bytes, and back. Numbers and JSON, no code: reading one runs nothing.

headgate-router 1 SHA-256-OF-THE-REST\\n
LENGTH-OF-THE-HEADER\\n
a JSON header: models, embedder, names of the features, ladders, shape of every array
the arrays, float32, little-endian, one behind the other
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
import numpy as np

from headgate.core.learned import surface, verify
from headgate.core.learned.machine import Machine, Matrix, Scaling
from headgate.core.learned.router import Judge, Ladder, Trained

FORMAT = 1
MAGIC = b"headgate-router "

ARRAYS = ("mean", "deviation", "center", "components", "features", "vectors", "weights")


class Unusable(ValueError):
    """Bytes that are no router for this version. The message says why, and what to do."""


class _Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]
    wide: float
    near: float
    bias: float
    shapes: dict[str, tuple[int, ...]]


class _Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    weak: str
    strong: str
    embedder: str
    rows: int
    questions: _Machine
    question_ladder: Ladder
    answers: _Machine | None = None
    answer_rules: float = 0.0
    answer_ladder: Ladder | None = None


def dumped(trained: Trained) -> bytes:
    header = _Header(
        weak=trained.weak,
        strong=trained.strong,
        embedder=trained.embedder,
        rows=trained.rows,
        questions=_outline(trained.questions, surface.NAMES),
        question_ladder=trained.question_ladder,
        answers=_outline(trained.answers.machine, verify.NAMES) if trained.answers else None,
        answer_rules=trained.answers.rules if trained.answers else 0.0,
        answer_ladder=trained.answer_ladder,
    )
    said = msgspec.json.encode(header)
    machines = [trained.questions, *([trained.answers.machine] if trained.answers else [])]
    body = b"".join(_array(one, name).astype("<f4").tobytes() for one in machines for name in ARRAYS)
    rest = b"%d\n" % len(said) + said + body
    return MAGIC + b"%d %s\n" % (FORMAT, sha256(rest).hexdigest().encode()) + rest


def loaded(data: bytes) -> Trained:
    """Raises `Unusable` for anything but a whole, unchanged router of this format and these features."""
    first, _, rest = data.partition(b"\n")
    if not first.startswith(MAGIC):
        raise Unusable("this is no router: 'headgate router train' writes one")
    version, _, checksum = first[len(MAGIC) :].partition(b" ")
    if version != b"%d" % FORMAT:
        raise Unusable(
            f"its format is {version[:20].decode(errors='replace')}, and this version reads {FORMAT}: "
            "train it again"
        )
    if sha256(rest).hexdigest().encode() != checksum:
        raise Unusable(
            "it is damaged or cut short: its checksum is another. Copy it again, or train it again"
        )
    return _read(rest)


def _read(rest: bytes) -> Trained:
    length, _, rest = rest.partition(b"\n")
    try:
        size = int(length)
        header = msgspec.json.decode(rest[:size], type=_Header)
        body = rest[size:]
        questions, body = _machine(header.questions, body, surface.NAMES)
        answers = None
        if header.answers is not None:
            machine, body = _machine(header.answers, body, verify.NAMES)
            answers = Judge(machine, header.answer_rules)
    except Unusable:
        raise
    except (ValueError, msgspec.MsgspecError) as error:
        raise Unusable(f"its contents are not those of a router: {error}") from None
    if body:
        raise Unusable("its contents are not those of a router: there is something behind the last array")
    return Trained(
        weak=header.weak,
        strong=header.strong,
        embedder=header.embedder,
        rows=header.rows,
        questions=questions,
        question_ladder=header.question_ladder,
        answers=answers,
        answer_ladder=header.answer_ladder,
    )


def _outline(machine: Machine, names: tuple[str, ...]) -> _Machine:
    shapes = {name: _array(machine, name).shape for name in ARRAYS}
    return _Machine(names, machine.scaling.wide, machine.scaling.near, machine.bias, shapes)


def _array(machine: Machine, name: str) -> Matrix:
    found: Matrix = getattr(machine.scaling if name in ARRAYS[:4] else machine, name)
    return found


def _machine(outline: _Machine, body: bytes, names: tuple[str, ...]) -> tuple[Machine, bytes]:
    if outline.names != names:
        raise Unusable("it was trained on other features than this version computes: train it again")
    arrays: dict[str, Matrix] = {}
    for name in ARRAYS:
        shape = outline.shapes.get(name, ())
        size = 4 * int(np.prod(shape, dtype=np.int64)) if shape and min(shape) >= 0 else -1
        if size < 0 or len(body) < size:
            raise ValueError(f"the array '{name}' is not as long as it should be")
        arrays[name] = np.frombuffer(body[:size], dtype="<f4").reshape(shape).astype(np.float32)
        body = body[size:]
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"the array '{name}' holds what is no number")
    _fits(arrays, len(names))
    scaling = Scaling(
        mean=arrays["mean"],
        deviation=arrays["deviation"],
        center=arrays["center"],
        components=arrays["components"],
        wide=outline.wide,
        near=outline.near,
    )
    machine = Machine(scaling, arrays["features"], arrays["vectors"], arrays["weights"], outline.bias)
    return machine, body


def _fits(arrays: dict[str, Matrix], features: int) -> None:
    """Arrays that belong together, whatever their numbers."""
    marks = len(arrays["features"])
    expected = {
        "mean": (features,),
        "deviation": (features,),
        "center": (len(arrays["center"]),),
        "components": (len(arrays["center"]), arrays["components"].shape[-1]),
        "features": (marks, features),
        "vectors": (marks, arrays["components"].shape[-1]),
        "weights": (marks, 2),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ValueError(f"the array '{name}' has another shape than its neighbours ask for")

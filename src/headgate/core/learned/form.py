"""A trained router as bytes, and back. Numbers and JSON, no code: reading one runs nothing.

headgate-router 1 SHA-256-OF-THE-REST\\n
LENGTH-OF-THE-HEADER\\n
a JSON header: models, embedder, names of the features, ladders, shape of every array
the arrays, little-endian, one behind the other: float32, and int32 where they name places
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
import numpy as np
from numpy.typing import NDArray

from headgate.core.learned.forest import MAX_DEPTH, Forest
from headgate.core.learned.machine import Axes, Machine, Sum
from headgate.core.learned.router import OF_ANSWERS, Judge, Ladder, Trained
from headgate.core.learned.surface import NAMES as OF_QUESTIONS

FORMAT = 2
MAGIC = b"headgate-router "

Array = NDArray[np.float32] | NDArray[np.int32]


class Unusable(ValueError):
    """Bytes that are no router for this version. The message says why, and what to do."""


class _Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]
    share: float
    bias: float
    depth: int
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
        questions=_outline(trained.questions, OF_QUESTIONS),
        question_ladder=trained.question_ladder,
        answers=_outline(trained.answers.machine, OF_ANSWERS) if trained.answers else None,
        answer_rules=trained.answers.rules if trained.answers else 0.0,
        answer_ladder=trained.answer_ladder,
    )
    said = msgspec.json.encode(header)
    machines = [trained.questions, *([trained.answers.machine] if trained.answers else [])]
    body = b"".join(
        array.astype(array.dtype.newbyteorder("<")).tobytes()
        for one in machines
        for array in _arrays(one).values()
    )
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
        questions, body = _machine(header.questions, body, OF_QUESTIONS)
        answers = None
        if header.answers is not None:
            machine, body = _machine(header.answers, body, OF_ANSWERS)
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
    shapes = {name: array.shape for name, array in _arrays(machine).items()}
    return _Machine(names, machine.share, machine.bias, machine.forest.depth, shapes)


def _arrays(machine: Machine) -> dict[str, Array]:
    """Everything that has a shape, in the order of the file."""
    return {name: getattr(getattr(machine, part), field) for name, part, field in FIELDS}


FIELDS = tuple(
    (f"{part}.{field}", part, field)
    for part, kind in (("axes", Axes), ("sum", Sum), ("forest", Forest))
    for field in kind.__struct_fields__
    if field != "depth"
)
PLACES = ("forest.roots", "forest.feature", "forest.child")
"""What of the fields is int32; all else is float32."""


def _machine(outline: _Machine, body: bytes, names: tuple[str, ...]) -> tuple[Machine, bytes]:
    if outline.names != names:
        raise Unusable("it was trained on other features than this version computes: train it again")
    numbers: dict[str, NDArray[np.float32]] = {}
    places: dict[str, NDArray[np.int32]] = {}
    for name, _, _ in FIELDS:
        shape = outline.shapes.get(name, ())
        size = 4 * int(np.prod(shape, dtype=np.int64)) if shape and min(shape) >= 0 else -1
        if size < 0 or len(body) < size:
            raise ValueError(f"the array '{name}' is not as long as it should be")
        written, body = body[:size], body[size:]
        if name in PLACES:
            places[name] = np.frombuffer(written, dtype="<i4").reshape(shape).astype(np.int32)
            continue
        numbers[name] = np.frombuffer(written, dtype="<f4").reshape(shape).astype(np.float32)
        if not np.isfinite(numbers[name]).all():
            raise ValueError(f"the array '{name}' holds what is no number")
    machine = Machine(
        Axes(numbers["axes.center"], numbers["axes.components"]),
        Forest(
            places["forest.roots"],
            places["forest.feature"],
            numbers["forest.threshold"],
            places["forest.child"],
            numbers["forest.value"],
            outline.depth,
        ),
        Sum(numbers["sum.mean"], numbers["sum.deviation"], numbers["sum.weights"]),
        outline.share,
        outline.bias,
    )
    _fits(machine, len(names))
    return machine, body


def _fits(machine: Machine, features: int) -> None:
    """Arrays that belong together, whatever their numbers; and trees in which every way down ends."""
    axes, forest = machine.axes, machine.forest
    width, nodes = features + axes.components.shape[-1], len(forest.child)
    expected: dict[str, tuple[int, ...]] = {
        "axes.center": (len(axes.center),),
        "axes.components": (len(axes.center), axes.components.shape[-1]),
        **dict.fromkeys(("sum.mean", "sum.deviation", "sum.weights"), (features,)),
        "forest.roots": (len(forest.roots),),
        **dict.fromkeys(("forest.feature", "forest.threshold", "forest.child", "forest.value"), (nodes,)),
    }
    for name, array in _arrays(machine).items():
        if array.shape != expected[name]:
            raise ValueError(f"the array '{name}' has another shape than its neighbours ask for")
    inside = len(forest.roots) and _between(forest.roots, nodes) and _between(forest.feature, width)
    leaf = forest.child == np.arange(nodes)
    down = leaf | ((forest.child > np.arange(nodes)) & (forest.child < nodes - 1))
    if not (inside and down.all() and 0 <= forest.depth <= MAX_DEPTH):
        raise ValueError("its trees lead nowhere")
    if not (machine.sum.deviation > 0).all():
        raise ValueError("it divides by nothing")


def _between(places: Array, end: int) -> bool:
    return bool((places >= 0).all() and (places < end).all())

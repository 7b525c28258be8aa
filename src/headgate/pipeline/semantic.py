"""Semantic: a question that was answered in other words gets that answer, and nobody is asked.

Stands below the exact cache, which keeps the answers: here are only the questions, by partition. A partition
is everything but the last turn of the user: who shares, the name asked for, the models that may serve, system
prompt, tools, sampling, and the conversation before. A miss is learned from once it has been answered. Where
a share of wrong answers is promised, some hits are asked upstream too, in tasks that `Semantic` holds until
they have ended, as nobody's expense; what they say moves the gate.

Known weakness: `only-if-cached` is answered by the exact cache alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from hashlib import blake2b
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from headgate.core.call import Call, Line, Operation, Reply
from headgate.core.chat import Chat, Message, Role, Text
from headgate.core.errors import GatewayError
from headgate.core.identity import known, told_as
from headgate.core.reuse import Freshness, Partition, Reuse, Stored
from headgate.core.semantic.gates import Gate
from headgate.core.semantic.judge import Judged, Odds, at_sight, judge
from headgate.core.semantic.packing import packed
from headgate.core.semantic.promise import Promise
from headgate.core.semantic.said import agree, gist, said
from headgate.core.semantic.signature import sign
from headgate.pipeline.replay import Retell, in_form, replayed
from headgate.pipeline.service import Hit, Layer, Passage, Service
from headgate.ports.cache import Cache
from headgate.ports.clock import Clock
from headgate.ports.embedder import Embedder
from headgate.ports.neighbours import Kept, Near, Neighbours

if TYPE_CHECKING:
    from headgate.ports.neighbours import Vector

ANEW = Freshness(no_cache=True)
NEAREST = 8
CHECKS = 32
"""Hits that are asked upstream at once, at most."""

AUDITOR = "audit"
"""Key and tenant of what is asked to check a hit: no caller's."""

SEEDS = 4096
HERE = b"\0"
"""Stands where the words of the last turn stood: no JSON has it."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """Of whom answers are shared, and for which prompts. `serving`: what stands behind each model's name.
    `floor`: how alike questions must be whose words do not prove it; `bar`: or how likely the same.
    `max_turns` of the user's, the last included; `max_chars` of it."""

    shared: bool
    form: str
    serving: Mapping[str, str]
    ttl_s: float
    floor: float
    bar: float
    max_turns: int
    max_temperature: float
    tools: bool
    images: bool
    max_chars: int = 1200


class Question(msgspec.Struct, eq=False, kw_only=True):
    """A request that may be answered from here, and the neighbour it was held against."""

    partition: bytes
    text: str
    sign: int
    gate: Gate | None
    seen: Vector | None = None
    nearest: Kept | None = None
    judged: Judged | None = None

    @property
    def meant(self) -> Kept | None:
        """Whose answer is to be used."""
        return self.nearest if self.judged is not None and self.judged.hit else None


class Semantic:
    def __init__(
        self,
        inner: Service,
        *,
        terms: Terms,
        embedder: Embedder,
        questions: Neighbours,
        cache: Cache,
        clock: Clock,
        chance: Random,
        promises: Mapping[str, Promise],
        checking: Layer,
        retell: Retell | None = None,
        odds: Odds | None = None,
    ) -> None:
        """`cache` keeps the answers, `retell` tells them in the form that is asked for. `promises` of
        how many may be wrong, by the name asked for, `""` for all others. `checking`: what stands around a
        call that checks a hit. `odds`: what says how likely questions are the same, which nothing proves."""
        self._inner = inner
        self._terms = terms
        self._embedder = embedder
        self._questions = questions
        self._cache = cache
        self._clock = clock
        self._chance = chance
        self._promises = promises
        self._check = checking(inner)
        self._retell = retell
        self._odds = odds
        self._checking: set[asyncio.Task[None]] = set()
        self._seeds: dict[tuple[str, str, str, tuple[str, ...]], bytes] = {}

    def __call__(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        question = self._question(call)
        if question is None:
            return self._inner(call)
        wall = self._clock.wall()
        self._at_hand(question, wall)
        meant = question.meant
        answer = self._answer(call, meant, wall) if meant else None
        if meant and answer:
            return self.hit(call, question, meant, answer, wall) or self.miss(call, question)
        if self._cache.deep or (self._questions.deep and meant is None):
            return _Sought(self, call, question)
        if meant:
            self._questions.drop(question.partition, meant.identity)
        return self.miss(call, question)

    def miss(self, call: Call, question: Question) -> AbstractAsyncContextManager[Reply]:
        return _Learning(self._inner, call, owner=self, question=question)

    def hit(
        self, call: Call, question: Question, meant: Kept, answer: Stored, wall: float
    ) -> AbstractAsyncContextManager[Reply] | None:
        left_s = min(answer.left_s(wall), meant.until - wall)
        if not call.wants.takes(wall - answer.stored_at, left_s) or question.judged is None:
            return None
        self._audit(call, question, question.judged)
        reply = replayed(answer, Reuse.SEMANTIC, self._clock, wall)
        reply.left_s = left_s
        reply.sure = question.judged.confidence
        return Hit(reply)

    def _answer(self, call: Call, meant: Kept, wall: float) -> Stored | None:
        identity = known(meant.identity[:-1], call.payload.form)
        return in_form(self._cache, identity, call.payload, wall, self._retell)

    async def seek(self, call: Call, question: Question) -> AbstractAsyncContextManager[Reply] | None:
        """The same, where looking takes a moment: for the question, or for its answer."""
        wall = self._clock.wall()
        if question.meant is None and self._questions.deep:
            sign, vector = question.sign, self.vector(question)
            near = await self._questions.seek(question.partition, sign, vector, NEAREST, wall)
            # one of that signature may be further away than others that no verifier would let pass
            if not any(one.kept.sign == sign and self._sighted(question, one.kept) for one in near):
                self._judge(question, near)
        meant = question.meant
        if meant is None:
            return None
        if self._answer(call, meant, wall) is None:
            await self._cache.seek(told_as(meant.identity), wall)  # puts it where it is at hand
        answer = self._answer(call, meant, wall)
        if answer is not None:
            return self.hit(call, question, meant, answer, wall)
        self._questions.drop(question.partition, meant.identity)
        return None

    def vector(self, question: Question) -> Vector:
        """Of the question; made when it is first wanted."""
        if question.seen is None:
            question.seen = self._embedder.embed([question.text])[0]
        return question.seen

    def _at_hand(self, question: Question, wall: float) -> None:
        if question.gate:
            question.gate.saw()
        same = self._questions.same(question.partition, question.sign, wall)
        if same and self._sighted(question, same):
            return
        vector = self.vector(question)
        self._judge(question, self._questions.near(question.partition, vector, NEAREST, wall))

    def _sighted(self, question: Question, same: Kept) -> bool:
        """Whether one of the same signature is proven the same."""
        judged = at_sight(question.text, same.reading, question.gate)
        if judged:
            question.judged, question.nearest = judged, same
        return judged is not None

    def _judge(self, question: Question, near: list[Near]) -> None:
        terms = self._terms
        judged = judge(question.text, near, terms.floor, question.gate, self._odds, terms.bar)
        question.judged = judged
        question.nearest = near[judged.place].kept if judged else None

    # ── what is asked ──

    def _question(self, call: Call) -> Question | None:
        """`None` where this layer has no business."""
        if call.identity is None or call.wants.no_cache or call.payload.operation is not Operation.CHAT:
            return None
        try:
            chat = call.payload.hub()
        except GatewayError:
            return None  # only its own dialect can say what it asks
        text = self._last(chat) if isinstance(chat, Chat) else None
        partition = self._partition(call, chat.messages[-1]) if text and isinstance(chat, Chat) else None
        if text is None or partition is None:
            return None
        promise = self._promises.get(call.payload.model) or self._promises.get("")
        return Question(
            partition=partition,
            text=text,
            sign=sign(text),
            gate=promise.gate("" if self._terms.shared else call.caller.tenant) if promise else None,
        )

    def _last(self, chat: Chat) -> str | None:
        """The last turn of the user, where the conversation is one that may be answered from here."""
        terms, messages = self._terms, chat.messages
        turns = sum(one.role is Role.USER for one in messages)
        if not messages or messages[-1].role is not Role.USER or turns > terms.max_turns:
            return None
        if (chat.temperature or 0.0) > terms.max_temperature or (chat.n or 1) > 1:
            return None
        if (chat.tools and not terms.tools) or (not terms.images and _shows(messages[:-1])):
            return None
        return _words(messages[-1], terms.max_chars)

    def _partition(self, call: Call, last: Message) -> bytes | None:
        """Everything but the words of the last turn, in the partition of who may share."""
        payload = call.payload
        rest = (payload.reading(payload.raw) if payload.reading else None) or b""
        for part in reversed(last.parts):
            before, found, after = (
                rest.rpartition(_quoted(part.text)) if isinstance(part, Text) else (rest, b"", b"")
            )
            if not found:
                return None
            rest = before + HERE + after
        return blake2b(rest, digest_size=16, salt=self._seed(call)).digest()

    def _seed(self, call: Call) -> bytes:
        payload = call.payload
        about = (call.caller.tenant, payload.model, payload.kind, call.chain)
        seed = self._seeds.get(about)
        if seed is None:
            scope = None if self._terms.shared else call.caller.tenant
            form = f"{self._terms.form}/{payload.kind}/semantic"
            if len(self._seeds) >= SEEDS:
                self._seeds.clear()
            serving = frozenset(self._terms.serving.get(model, model) for model in call.chain)
            seed = Partition(scope, payload.model, serving, form).seed()
            self._seeds[about] = seed
        return seed

    # ── what is learned ──

    def learn(self, call: Call, question: Question, weight: float = 1.0) -> None:
        """From an answer that has just been kept: what the neighbour would have been, and the question."""
        wall = self._clock.wall()
        identity = call.identity
        stored = self._cache.get(identity, wall) if identity is not None else None
        says = said(stored) if stored else ""
        if identity is None or stored is None or not says:
            return
        self._compare(question, says, wall, weight)
        until = stored.stored_at + self._terms.ttl_s
        kept = Kept(
            reading=packed(question.text),
            identity=identity.told(),
            alike=gist(says),
            sign=question.sign,
            until=until,
        )
        self._questions.add(question.partition, self.vector(question), kept)

    def _compare(self, question: Question, says: str, wall: float, weight: float) -> None:
        judged, nearest = question.judged, question.nearest
        if question.gate is None or judged is None or nearest is None:
            return
        other = self._cache.get(told_as(nearest.identity), wall)
        if other is not None:
            before = said(other)
            one, two = self._embedder.embed([says, before])
            right = agree(says, before, float(one @ two))
            question.gate.learn(judged.clear, against=judged.against, right=right, weight=weight)

    def _audit(self, call: Call, question: Question, judged: Judged) -> None:
        """Asks upstream too, now and then: nobody waits for it."""
        if question.gate is None or len(self._checking) >= CHECKS:
            return
        share = question.gate.share(judged.clear, against=judged.against)
        if self._chance.random() >= share:
            return
        now = self._clock.now()
        asked = msgspec.structs.replace(
            call,
            caller=msgspec.structs.replace(call.caller, key=AUDITOR, tenant=AUDITOR),
            request_id=f"{call.request_id}.{AUDITOR}",
            started_at=now,
            deadline_at=now + call.deadline_at - call.started_at,
            wants=ANEW,
            line=Line(may_hedge=False),
        )
        task = asyncio.get_running_loop().create_task(self._checked(asked, question, 1.0 / share))
        self._checking.add(task)
        task.add_done_callback(self._checking.discard)

    async def _checked(self, call: Call, question: Question, weight: float) -> None:
        try:
            async with self._check(call) as reply:
                async for _ in reply.body:
                    pass
                reply.tail(None)
        except GatewayError:
            return  # recorded; it says nothing of the hit
        self.learn(call, question, weight)


class _Learning(Passage, eq=False, kw_only=True):
    """A miss."""

    owner: Semantic
    question: Question

    def ended(self, error: BaseException | None, reply: Reply | None) -> BaseException | None:
        if error is None:
            self.owner.learn(self.call, self.question)
        return error


class _Sought:
    __slots__ = ("_call", "_opened", "_owner", "_question")

    def __init__(self, owner: Semantic, call: Call, question: Question) -> None:
        self._owner = owner
        self._call = call
        self._question = question

    async def __aenter__(self) -> Reply:
        hit = await self._owner.seek(self._call, self._question)
        self._opened = hit or self._owner.miss(self._call, self._question)
        return await self._opened.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(kind, error, trace)


def _shows(messages: tuple[Message, ...]) -> bool:
    """Whether there is more than words in a conversation."""
    return any(not isinstance(part, Text) for one in messages for part in one.parts)


def _words(message: Message, most: int) -> str | None:
    if not all(isinstance(part, Text) for part in message.parts):
        return None
    text = "\n".join(part.text for part in message.parts if isinstance(part, Text)).strip()
    return text if 0 < len(text) <= most else None


_quoted = msgspec.json.Encoder().encode

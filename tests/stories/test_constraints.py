"""No request ever reaches a model that a constraint forbids it: not first, not as a fallback, not on a retry,
in no experiment and not as a copy. Random configurations, random requests, upstreams that fail at random.

What is forbidden is worked out here a second time, from the settings as they are written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from headgate.assemble.kept import Kept, Machine
from headgate.assemble.rim import callers
from headgate.assemble.routing import router
from headgate.assemble.wits import wits
from headgate.config.load import process_environment
from headgate.config.tree import Settings
from headgate.core.agents import Agent
from headgate.core.call import Call, Caller, Operation, Payload, Reply
from headgate.core.errors import (
    Forbidden,
    GatewayError,
    InvalidRequest,
    Scope,
    Unsupported,
    UpstreamUnavailable,
)
from headgate.core.listeners import Wake
from headgate.core.retry import RetryBudget
from headgate.core.router import Router
from headgate.pipeline.cascade import Cascade
from headgate.pipeline.fallback import Fallback, Retry
from headgate.pipeline.mirror import Mirror, NoWaiting
from headgate.pipeline.route import Route
from headgate.pipeline.service import Service
from headgate.providers.openai import OpenAISurface
from scripted import Notes, Scripted
from virtual import clock, run

CASES = 100_000 if process_environment().get("HEADGATE_SOAK") == "1" else 500
A_LOOP = 250
MODELS = [f"m{number}" for number in range(5)]
ABILITIES = ["tools", "vision", "json", "embeddings"]
STRATEGIES = ["in_order", "round_robin", "weighted", "least_latency", "cheapest", "best_quality", "balanced"]
CONSTRAINED = (Forbidden, InvalidRequest)
KEPT = Kept()
"""Holds classifier and embedder, which are the same for all."""

wits(
    Settings.model_validate({"intents": {"embedder": "none"}}),
    KEPT,
    [Agent(name="one", description="Anything")],
)
SURFACE = OpenAISurface(lambda: 0.0, lambda: "id")


def some(chance: Random, population: list[str], least: int = 1) -> list[str]:
    return chance.sample(population, chance.randint(least, len(population)))


def maybe(chance: Random, value: Any, share: float = 0.5) -> Any:
    return value if chance.random() < share else None


# ── configurations ───────────────────────────────────────────────────────────────────────────────────


def written(chance: Random) -> dict[str, Any]:
    """A configuration as its author would write it."""
    return {
        "providers": {
            f"p{number}": {
                "dialect": "openai",
                "base_url": "https://x.example",
                "region": chance.choice(["", "eu", "us"]),
                "local": chance.choice([True, False]),
            }
            for number in range(3)
        },
        "models": {name: _model(chance) for name in MODELS},
        "routes": {name: _route(chance) for name in ("auto", "other")},
        "agents": {
            "one": {"description": "Sorts lists", "skills": {"code": 0.9}, "route": "auto"},
            "two": {"description": "Talks", "route": chance.choice(["other", "m0"]), "default": True},
        },
        "tiers": {"free": {"providers": some(chance, ["p0", "p1", "p2"])}},
        "keys": [_key(chance, number) for number in range(3)],
        "intents": {"embedder": "none"},
    }


def said(raw: Any) -> Any:
    """Without what is `None`: that is not written at all."""
    if isinstance(raw, dict):
        return {name: said(value) for name, value in raw.items() if value is not None}
    return raw


def _model(chance: Random) -> dict[str, Any]:
    return {
        "provider": chance.choice(["p0", "p1", "p2"]),
        "supports": maybe(chance, some(chance, ABILITIES, 0)),
        "context": maybe(chance, chance.choice([10, 100, 1000])),
        "quality": maybe(chance, chance.random(), 0.8),
        "skills": {"code": chance.random()} if chance.random() < 0.5 else {},
        "price": maybe(chance, {"input": chance.randint(0, 9), "output": 1}),
    }


def _route(chance: Random) -> dict[str, Any]:
    by = chance.choice(["none", "none", "intent", "complexity"])
    rules = chance.sample(["code", "general", "simple", "complex", "code+free", "simple+free", "free"], 3)
    experiment = chance.choice(["split", "canary", None, None])
    shares = {name: chance.random() + 0.1 for name in some(chance, MODELS)}
    bandit = {"bandit": True, "floor": 0.3} if experiment is None and chance.random() < 0.5 else None
    return {
        "feedback": bandit,
        "use": some(chance, MODELS),
        "by": by,
        "when": {rule: some(chance, MODELS) for rule in rules} if by != "none" else {},
        "strategy": chance.choice(STRATEGIES),
        "min_quality": maybe(chance, chance.random() / 2, 0.3),
        "affinity": chance.choice(["none", "session", "conversation"]),
        "split": {"shares": shares} if experiment == "split" else None,
        "canary": {"model": chance.choice(MODELS), "share": 0.5} if experiment == "canary" else None,
        "mirror": maybe(chance, {"model": chance.choice(MODELS), "share": 0.8}),
        "cascade": maybe(chance, dict(zip(("weak", "strong"), chance.sample(MODELS, 2), strict=True))),
    }


def _key(chance: Random, number: int) -> dict[str, Any]:
    return {
        "name": f"k{number}",
        "key": f"key-{number}",
        "tier": chance.choice(["", "free"]),
        "models": maybe(chance, some(chance, [*MODELS, "auto", "other"])),
        "regions": maybe(chance, some(chance, ["eu", "us"])),
        "privacy": chance.choice(["standard", "no_content", "local_only"]),
    }


# ── requests ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Question:
    """A request, and what it takes to answer it, in the words of `supports`."""

    name: str
    operation: Operation = Operation.CHAT
    needs: set[str] = field(default_factory=set)
    chars: int = 0
    body: str = ""

    def payload(self) -> Payload:
        return SURFACE.parse(self.operation, self.body.encode())


def question(chance: Random) -> Question:
    names = ["auto", "auto", "other", "other", "p0/m0", "p1/m1", "agent:one", "agent:two", "agent:auto"]
    asked = Question(chance.choice([*MODELS, *names]))
    if chance.random() < 0.1:
        asked.operation, asked.needs = Operation.EMBEDDINGS, {"embeddings"}
        asked.body = json.dumps({"model": asked.name, "input": "x" * chance.randint(1, 9000)})
        return asked
    text = chance.choice(["Write a Python function that sorts a list. ", "Hello there. ", "Why? "])
    text *= chance.choice([1, 1, 1, 5, 50, 200])
    asked.chars = len(text)
    content: Any = text
    members: dict[str, Any] = {"model": asked.name}
    if chance.random() < 0.3:
        asked.needs.add("tools")
        members["tools"] = [{"type": "function", "function": {"name": "f"}}]
    if chance.random() < 0.3:
        asked.needs.add("json")
        members["response_format"] = {"type": "json_object"}
    if chance.random() < 0.3:
        asked.needs.add("vision")
        content = [
            {"type": "text", "text": text},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        ]
    members["messages"] = [{"role": "user", "content": content}]
    asked.body = json.dumps(members)
    if chance.random() < 0.2:  # the same, written with escapes
        for word, escaped in (("tools", "\\u0074ools"), ("image_url", "im\\u0061ge_url")):
            asked.body = asked.body.replace(f'"{word}":', f'"{escaped}":')
    return asked


# ── what is forbidden ────────────────────────────────────────────────────────────────────────────────


@dataclass
class Law:
    """The settings, read by somebody who has never seen the code that obeys them."""

    settings: dict[str, Any]

    def route_of(self, name: str, agent: str | None) -> str:
        return self.settings["agents"][agent]["route"] if agent else name

    def used(self, name: str, agent: str | None) -> list[str]:
        """Who is asked where nothing else is said; nobody, where that is not so easily told."""
        route = self.settings["routes"].get(self.route_of(name, agent))
        return route["use"] if route and route["min_quality"] is None else []

    def forbids(
        self, model: str, asked: Question, key: dict[str, Any], agent: str | None, intent: str | None
    ) -> str | None:
        """Why `model` must not serve, or `None`."""
        one = self.settings["models"][model]
        provider = self.settings["providers"][one["provider"]]
        route = self.route_of(asked.name, agent)
        may = key["models"]
        if may is not None and model not in may and asked.name not in may and route not in may:
            return "models"
        if key["tier"] and one["provider"] not in self.settings["tiers"][key["tier"]]["providers"]:
            return "providers"
        if key["regions"] is not None and provider["region"] not in key["regions"]:
            return "regions"
        if key["privacy"] == "local_only" and not provider["local"]:
            return "privacy"
        return self._unable(one, asked) or self._poor(one, self.settings["routes"].get(route), intent)

    def _unable(self, one: dict[str, Any], asked: Question) -> str | None:
        supports = one["supports"]
        if supports is not None and not asked.needs <= set(supports):
            return "capabilities"
        if supports == ["embeddings"] and asked.operation is Operation.CHAT:
            return "chat"
        if one["context"] is not None and asked.chars // 4 > one["context"]:
            return "context"
        return None

    def _poor(self, one: dict[str, Any], route: dict[str, Any] | None, intent: str | None) -> str | None:
        least = route and route["min_quality"]
        if least is None:
            return None
        quality = one["skills"].get(intent, one["quality"]) if intent else one["quality"]
        return "min_quality" if quality is None or quality < least else None


# ── playing ──────────────────────────────────────────────────────────────────────────────────────────


class Moody:
    """A pool that is asked, and fails as it likes. Writes down who asked."""

    def __init__(self, name: str, chance: Random) -> None:
        self._as_scripted = Scripted(name=name)
        self.chance = chance
        self.calls: list[Call] = []
        self.is_ready = chance.random() < 0.8

    def ready(self, call: Call | None = None) -> bool:
        return self.is_ready

    def ready_at(self, call: Call | None = None) -> float:
        return 0.0

    def recovers_at(self) -> float:
        return 0.0

    def refill(self, calls: int) -> float:
        return 0.0

    def room(self, until: float) -> float:
        return 1.0

    def watch(self, wake: Wake) -> Wake:
        return self._as_scripted.watch(wake)

    def load(self) -> float:
        return self.chance.random()

    def headroom(self) -> float:
        return self.chance.random()

    def condition(self) -> dict[str, Any]:
        return {}

    @asynccontextmanager
    async def __call__(self, call: Call) -> AsyncIterator[Reply]:
        self.calls.append(call)
        mood = self.chance.random()
        if mood < 0.5:
            raise UpstreamUnavailable("down", scope=self.chance.choice(list(Scope)))
        if mood < 0.6:
            raise Unsupported("no words for it")
        async with self._as_scripted(call) as reply:
            yield reply


class House:
    """Route, mirror, cascade and fallback over moody pools; callers who score what they get."""

    def __init__(self, chance: Random) -> None:
        raw = written(chance)
        self.chance = chance
        self.law = Law(raw)
        settings = Settings.model_validate(said(raw))
        self.keys = {key["name"]: key for key in raw["keys"]}
        self.callers = callers(settings)
        self.pools = {name: Moody(name, chance) for name in MODELS}
        machine = Machine(clock=clock(), chance=chance, pepper=b"0" * 16)
        self.router: Router = router(settings, {}, machine, Kept(KEPT), self.pools)
        fallback = Fallback(
            self.pools,
            retry=Retry(attempts=4),
            budget=RetryBudget(reserve=1e9),
            queue=NoWaiting(lambda _: False),
            clock=clock(),
            chance=chance,
            recorder=Notes(),
        )
        most = dict.fromkeys(raw["routes"], 4)
        cascade = Cascade(
            fallback,
            doubts=dict.fromkeys(raw["routes"], lambda question, answer: chance.random() < 0.7),
            read=lambda payload, answer: "It depends.",
            clock=clock(),
            max_bytes=1000,
            marked=False,
        )
        mirror = Mirror(cascade, shadow=fallback, most=most, answered=self.copied)
        self.service: Service = Route(mirror, router=self.router, clock=clock(), recorder=Notes())

    def copied(self, call: Call, request_id: str, model: str) -> None:
        if call.decision is not None:
            self.router.answered(call, request_id, call.decision, model)

    async def ask(self, asked: Question, caller: Caller, request_id: str, session: str | None) -> None:
        now = clock().now()
        call = Call(
            payload=asked.payload(),
            caller=caller,
            request_id=request_id,
            started_at=now,
            deadline_at=now + 60.0,
            session=session,
        )
        refused: GatewayError | None = None
        try:
            async with self.service(call) as reply:
                async for _ in reply.body:
                    pass
        except GatewayError as error:
            refused = error
        copies = asyncio.all_tasks() - {asyncio.current_task()}
        if copies:
            await asyncio.wait(copies)
        self.judge(asked, caller, request_id, refused)
        for answer in (request_id, f"{request_id}.mirror"):
            self.router.scored(caller.key, answer, self.chance.random())

    def judge(self, asked: Question, caller: Caller, request_id: str, refused: GatewayError | None) -> None:
        """Who was asked may be asked; and who is refused for a constraint may truly be asked by nobody."""
        decision = self.router.memory.receipt(caller.key, request_id)
        agent = decision.agent if decision else None
        intent = decision.intent if decision else None
        for name, pool in self.pools.items():
            for call in pool.calls:
                why = self.law.forbids(name, asked, self.keys[caller.key], agent, intent)
                assert why is None, f"{name} was asked, which {why} forbids"
                assert set(call.chain) <= set(MODELS)
        if not any(pool.calls for pool in self.pools.values()) and isinstance(refused, CONSTRAINED):
            for model in self.law.used(asked.name, agent):
                assert self.law.forbids(model, asked, self.keys[caller.key], agent, intent), (model, refused)
        for pool in self.pools.values():
            pool.calls.clear()


async def play(seeds: range) -> None:
    for seed in seeds:
        chance = Random(seed)
        house = House(chance)
        for number in range(8):
            caller = house.callers[f"k{chance.randrange(3)}"]
            session = maybe(chance, "session")
            await house.ask(question(chance), caller, f"r{number}", session)


@pytest.mark.parametrize("first", range(0, CASES, A_LOOP))
def test_no_request_reaches_a_model_that_a_constraint_forbids(first: int) -> None:
    run(play(range(first, first + A_LOOP)))

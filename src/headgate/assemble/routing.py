"""The router of one generation: what the settings say about routes, models and agents, as its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headgate.assemble.kept import Kept, Machine, Prices
from headgate.assemble.learned import chooser
from headgate.assemble.rim import routes
from headgate.assemble.wits import intents, wits
from headgate.config.cross_routing import COMPLEXITIES
from headgate.config.describe import described
from headgate.config.routing import Agent as AgentSettings
from headgate.config.routing import Prompt as PromptSettings
from headgate.config.routing import Route as RouteSettings
from headgate.config.tree import Settings
from headgate.core.agents import Agent
from headgate.core.call import Caller
from headgate.core.decision import Candidate, Cascade
from headgate.core.feedback import Policy
from headgate.core.memory import Memory
from headgate.core.order import Pool
from headgate.core.router import Router
from headgate.core.rules import Canary, Mirror, Rules, Split, When
from headgate.core.shape import Shape
from headgate.core.strategy import Importance


def router(
    settings: Settings, prices: Prices, machine: Machine, kept: Kept, pools: Mapping[str, Pool]
) -> Router:
    names = routes(settings)
    rules = {name: Rules(name=name, use=chain) for name, chain in names.chains.items()}
    rules |= {name: _rules(settings, name, route) for name, route in settings.routes.items()}
    rules |= {
        name: msgspec.structs.replace(rules[name], learned=chooser(name, route.learned))
        for name, route in settings.routes.items()
        if route.learned is not None
    }
    agents = tuple(_agent(name, one) for name, one in settings.agents.items())
    return Router(
        rules,
        {id_: _candidate(settings, id_, prices) for id_ in settings.models},
        pools,
        agents=agents,
        names=names,
        wits=wits(settings, kept, agents),
        memory=kept("routing memory", None, Memory),
        chance=machine.chance,
        now=machine.clock.now,
        written=settings.store.region if machine.books else "",
    )


def _candidate(settings: Settings, id_: str, prices: Prices) -> Candidate:
    model = settings.models[id_]
    provider = settings.providers[model.provider]
    return Candidate(
        model_id=id_,
        provider=model.provider,
        region=provider.region,
        local=provider.is_local,
        quality=model.quality,
        skills=dict(model.skills),
        context=model.context,
        supports=None if model.supports is None else frozenset(model.supports),
        price=model.price.per_class() if model.price else prices.get(id_),
    )


def _rules(settings: Settings, name: str, route: RouteSettings) -> Rules:
    split, canary, mirror = route.split, route.canary, route.mirror
    return Rules(
        name=name,
        use=tuple(route.use),
        by=route.by,
        when=tuple(_when(settings, rule, tuple(models)) for rule, models in route.when.items()),
        strategy=route.strategy,
        min_quality=route.min_quality,
        weights=dict(route.weights),
        importance=Importance(**dict(route.balance)),
        affinity=route.affinity,
        split=Split(dict(split.shares), split.by) if split else None,
        canary=Canary(**dict(canary)) if canary else None,
        mirror=Mirror(mirror.model, mirror.share) if mirror else None,
        feedback=Policy(**dict(route.feedback)) if route.feedback else None,
        cascade=Cascade(route.cascade.weak, route.cascade.strong) if route.cascade else None,
    )


def _when(settings: Settings, rule: str, models: tuple[str, ...]) -> When:
    """A rule's terms by what they are names of; the configuration has been checked."""
    terms = rule.split("+")
    known = intents(settings)
    return When(
        rule,
        models,
        intent=next((term for term in terms if term in known), None),
        complexity=next((term for term in terms if term in COMPLEXITIES), None),
        tier=next((term for term in terms if term in settings.tiers), None),
    )


def _agent(name: str, agent: AgentSettings) -> Agent:
    return Agent(
        name=name,
        description=agent.description,
        skills=dict(agent.skills),
        shape=Shape(persona=agent.system_prompt),
        route=agent.route,
        default=agent.default,
    )


def template(prompt: PromptSettings) -> Shape:
    return Shape(system=prompt.system, prefix=prompt.prefix, suffix=prompt.suffix)


def remembers(settings: Settings) -> bool:
    """Whether it matters to any route which conversation a request belongs to."""
    return any(_rules(settings, name, route).wants_session for name, route in settings.routes.items())


def info(settings: Settings, number: int, decides: Router) -> Callable[[Caller], dict[str, Any]]:
    """Makes the document of `/router/info`: what is configured, and how things stand."""
    known = described(settings, number)
    memory = decides.memory

    def document(caller: Caller) -> dict[str, Any]:
        every, yours = memory.agents.all(), memory.agents.of(caller.tenant)
        agents = {
            name: {
                "description": agent.description,
                "route": agent.route,
                "requests": every.get(name, 0),
                "yours": yours.get(name, 0),
            }
            for name, agent in settings.agents.items()
        }
        canaries = dict(_canaries(settings, decides))
        return known | {"agents": agents, "canaries": canaries, "feedback": memory.feedback.told()}

    return document


def _canaries(settings: Settings, decides: Router) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for name, route in settings.routes.items():
        if route.canary is not None:
            canary = Canary(**dict(route.canary))
            trial = decides.memory.trial(name, canary)
            state = {"model": canary.model, "share": canary.share, "compared": trial.compared}
            found.append((name, state | {"stopped": trial.stopped}))
    return found

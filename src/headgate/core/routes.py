"""What a `model` in a request may name, and the chain of pools it stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from headgate.core.errors import Forbidden, UnknownModel


class Routes:
    """A request's `model` is, in this order: a route, a model of the configuration, or
    `provider/upstream-name`. Each resolves to a chain of model ids, best first."""

    def __init__(
        self, *, routes: Mapping[str, tuple[str, ...]], models: Mapping[str, tuple[str, str]]
    ) -> None:
        """`models`: id → (provider, the provider's name for it)."""
        self._chains: dict[str, tuple[str, ...]] = {}
        for model, (provider, name) in models.items():
            self._chains.setdefault(f"{provider}/{name}", (model,))
        self._chains.update({model: (model,) for model in models})
        self._chains.update(routes)
        self.names: tuple[str, ...] = (*routes, *(model for model in models if model not in routes))

    def resolve(self, name: str, allowed: frozenset[str] | None = None) -> tuple[str, ...]:
        """The chain for `name`; of a route, only the models that are `allowed` (`None`: all).

        Raises:
            UnknownModel: with the nearest known names.
            Forbidden: where nothing of the chain is allowed.
        """
        chain = self._chains.get(name)
        if chain is None:
            raise self.unknown(name, allowed)
        if allowed is None or name in allowed:
            return chain
        permitted = tuple(model for model in chain if model in allowed)
        if not permitted:
            raise Forbidden(f"This key may not use the model '{shown(name)}'.", param="model")
        return permitted

    def unknown(self, name: str, allowed: frozenset[str] | None = None) -> UnknownModel:
        """The error for a name that stands for nothing: with the nearest ones, of those that are
        `allowed`."""
        known = self._chains if allowed is None else allowed
        nearest = get_close_matches(name[:200], known, n=3, cutoff=0.5)
        hint = f"Did you mean {_either(nearest)}?" if nearest else "GET /v1/models lists what there is."
        message = f"The model '{shown(name)}' does not exist. {hint}"
        return UnknownModel(message, param="model", code="model_not_found")

    @property
    def chains(self) -> Mapping[str, tuple[str, ...]]:
        """Every name, and the models it stands for."""
        return self._chains


def shown(name: str) -> str:
    """A caller's string as it may stand in a message: short, printable, on one line."""
    clean = "".join(char if char.isprintable() else "?" for char in name[:100])
    return clean + ("…" if len(name) > 100 else "")


def _either(names: Iterable[str]) -> str:
    return " or ".join(f"'{name}'" for name in names)

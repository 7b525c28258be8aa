"""Requests of a dialect that nobody relays: what counts of them is what the hub says."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from functools import cached_property
from typing import Self

from headgate.core.asked import Asked
from headgate.core.asked import asked as asked_of
from headgate.core.call import Emitter, Operation
from headgate.core.chat import Chat
from headgate.core.embeddings import Embeddings
from headgate.core.errors import Unsupported
from headgate.core.identity import Glance
from headgate.core.reuse import Form
from headgate.core.shape import Shape


class Hubbed(ABC):
    """What is the same in each such `core.call.Payload`. Only a simulated provider's end is one: nobody keeps
    the answers there."""

    dialect: str
    reading = None
    raw: bytes
    model: str
    operation: Operation
    stream: bool

    @property
    def kind(self) -> str:
        return f"{self.dialect}/{self.operation}"

    def glance(self) -> Glance:
        return 0, ""

    @property
    def form(self) -> Form:
        return Form.COUNTED if self.stream else Form.WHOLE

    def hub(self) -> Chat | Embeddings:
        return self._hub

    def asked(self) -> Asked | None:
        return asked_of(self._hub) if isinstance(self._hub, Chat) else None

    def shaped(self, shape: Shape) -> Self:
        """Raises `Unsupported` for embeddings."""
        if not isinstance(self._hub, Chat):
            raise Unsupported("Embeddings have no prompt that something could be put around.", param="model")
        other = copy(self)
        other.__dict__["_hub"] = shape.chat(self._hub)
        return other

    @cached_property
    def _hub(self) -> Chat | Embeddings:
        return self._read()

    @abstractmethod
    def _read(self) -> Chat | Embeddings:
        """What is asked, in the hub's words. Raises `GatewayError` for what the hub has no words for."""

    @abstractmethod
    def emitter(self) -> Emitter:
        """Tells one answer to it."""

"""The composition root: the only package that knows both the settings and the classes.

`generation.py` reads like the list of layers; `gateway.py` is one process's worth of Headgate.
"""

from headgate.assemble.gateway import Gateway
from headgate.assemble.kept import Machine, Prices

__all__ = ["Gateway", "Machine", "Prices"]

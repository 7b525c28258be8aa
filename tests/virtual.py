"""Virtual time for tests: `run(story())` on a loop whose clock jumps."""

from headgate.adapters.virtual import VirtualClock, VirtualLoop, clock, run

__all__ = ["VirtualClock", "VirtualLoop", "clock", "run"]

"""What all tests share: how hard hypothesis tries.

`default` on a laptop. `ci` is hypothesis' own, in force where the environment variable CI is set: the same
examples every time, so that what fails was changed. `thorough` is for a quiet hour:
`make test ARGS=--hypothesis-profile=thorough`.
"""

from __future__ import annotations

from hypothesis import settings

# How long a test may take depends on what else the machine does: the number of examples bounds it instead.
settings.register_profile("default", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=2000)

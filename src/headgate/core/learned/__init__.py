"""A router that learns which requests the weak model answers well enough. Needs numpy (the extra `embed`), so
nothing imports this before a setting or a command asks for it."""

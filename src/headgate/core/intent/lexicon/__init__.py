"""Which words speak for which intent. Data: the weights are in `intent.keywords`."""

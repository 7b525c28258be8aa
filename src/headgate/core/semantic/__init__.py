"""Whether an answer to one question answers another: readings of texts, a verifier, and gates that learn."""

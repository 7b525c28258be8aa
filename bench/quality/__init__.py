"""How good decisions are, on labelled data, beside what is published and what was promised."""

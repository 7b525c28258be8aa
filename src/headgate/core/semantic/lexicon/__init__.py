"""Words by what they do in a question. Data: what it means is in `semantic.reading` and `semantic.verifier`.

A line `head: a b_c` says that `a` and the two words `b c` stand for `head`.
"""

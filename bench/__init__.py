"""What the gateway costs beside a bare pass-through, on this machine, now.

`python -m bench` measures and prints the table, `python -m bench.stack` the parts the gateway is made of,
`python -m bench.profile` where start-up and the hot path spend their time. See README.md beside this file.
"""

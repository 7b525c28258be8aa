"""`python -m bench.quality`: every quality that is measured, in one go."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path

import msgspec
from rich.console import Console

from bench.quality import day, learned, lookup, pairs, semantic, understanding
from bench.quality.rows import show
from headgate.adapters import odds
from headgate.adapters.embed import WORDLLAMA, local
from headgate.adapters.examples import keep

DATA = Path(__file__).parents[3] / "shared" / "data"
SECTIONS = (understanding.measured, learned.measured, semantic.measured, lookup.measured, day.measured)


def main(arguments: list[str]) -> int:
    parser = ArgumentParser(prog="python -m bench.quality", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DATA, help="folder of labelled data (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--fit",
        action="store_true",
        help="fit what ships: heads of intents, and trees for pairs",
    )
    options = parser.parse_args(arguments)
    if options.fit:
        print(keep(understanding.fitted()))
        print(odds.keep(pairs.fitted(), local(WORDLLAMA).id))
        return 0
    found = [section for measured in SECTIONS for section in measured(options.data)]
    if options.json:
        print(json.dumps(msgspec.to_builtins(found), indent=1))
    else:
        show(found, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

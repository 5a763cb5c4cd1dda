"""`make torture`, or `python -m tests.torture --seed 0 --part 1`: one line for each kind of attack.

`--only` takes some of them, which take on a busy machine with two cores: `faults` at every step of writing (ten
minutes), `names` that are hostile (seconds), `flips` of bytes (five minutes), `together` for writers at the same time
(ten minutes), `resume` of stage `clean` after kills (five minutes), `kills` of whole runs (half an hour).
"""

import importlib
import tempfile
from pathlib import Path

import click

KINDS = ("faults", "names", "flips", "together", "resume", "kills")
"""Modules of this package, each with a generator of its own name."""


@click.command()
@click.option("--seed", default=0, show_default=True)
@click.option("--part", default=1, show_default=True, help="Try every so many-th attack only.")
@click.option("--only", multiple=True, type=click.Choice(KINDS), help="Only these kinds; may be given several times.")
def main(seed: int, part: int, only: tuple[str, ...]) -> None:
    """Print what became of all attacks; a non-zero exit says that something went wrong."""
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for kind in only or KINDS:
            folder = Path(name) / kind
            folder.mkdir()
            for line, tally in getattr(importlib.import_module(f"tests.torture.{kind}"), kind)(folder, seed, part):
                click.echo(tally.sentence(line))
                wrong += tally.wrong
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()

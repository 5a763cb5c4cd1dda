"""`python -m curate`: see `curate.cli`."""

from curate.cli import main

if __name__ == "__main__":
    main(prog_name="python -m curate")

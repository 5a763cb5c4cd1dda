"""`python -m curate`: see `curation.cli.main`."""

from curation.cli.main import main

if __name__ == "__main__":
    main(prog_name="python -m curate")

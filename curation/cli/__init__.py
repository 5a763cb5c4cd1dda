"""The command-line tool for the life of a datapool: `python -m curate COMMAND`.

Commands only read the history that git and DVC keep, unless their help says what they change. One module a command in
`curation/cli/commands`, thin over functions that tests call.
"""


def run() -> None:
    """Run the tool: the script `curate` of the package."""
    from curation.core.interrupt import end_with_one_line

    end_with_one_line("curate")
    from curation.cli.main import main

    main()

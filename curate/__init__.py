"""`python -m curate` is the command-line tool of `curation.cli`."""

import sys

if sys.argv[0] == "-m":  # Ctrl-C may come while libraries are imported
    from curation.core.interrupt import end_with_one_line

    end_with_one_line("curate")

"""The curation pipeline: one module a DVC stage, and sub-packages for what several stages share."""

import sys

if sys.argv[0] == "-m":  # `python -m stages.NAME` imports this first: Ctrl-C may come while libraries are imported
    from curation.core.interrupt import end_with_one_line

    end_with_one_line(sys.orig_argv[sys.orig_argv.index("-m") + 1].removeprefix("stages."))

#!/bin/sh
# `curate`: runs the code of the project one stands in; elsewhere, of the project that this .venv belongs to.
# `make setup` puts this file into .venv/bin.
bin=$(cd "$(dirname "$0")" && pwd)
[ -f curation/cli/main.py ] || export PYTHONPATH="${bin%/.venv/bin}${PYTHONPATH:+:$PYTHONPATH}"
exec "$bin/python" -m curate "$@"

#!/bin/sh
# `curate`: runs the code of the project one stands in, in whichever folder of it; elsewhere, of the project that this
# .venv belongs to. `make setup` puts this file into .venv/bin.
bin=$(cd "$(dirname "$0")" && pwd)
project=$(pwd)
until [ -f "$project/curation/cli/main.py" ] || [ -z "$project" ]; do project=${project%/*}; done
[ "$project" = "$(pwd)" ] || export PYTHONPATH="${project:-${bin%/.venv/bin}}${PYTHONPATH:+:$PYTHONPATH}"
exec "$bin/python" -m curate "$@"

#!/bin/sh
# Let git use the hooks of this folder, and let it merge .dvc files (the lists of raw files) by itself.
set -eu
top=$(git rev-parse --show-toplevel)
folder=$(cd "$(dirname "$0")" && pwd)
git config core.hooksPath "${folder#"$top"/}"
git config merge.dvc.name "DVC merge driver"
git config merge.dvc.driver "dvc git-hook merge-driver --ancestor %O --our %A --their %B"
echo "hooks installed: git now keeps the data in step, and refuses a commit that would lose accepted samples"

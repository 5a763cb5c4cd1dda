#!/bin/sh
# Let git use the hooks of this folder, and let it merge iterations: .dvc files (the lists of raw files) by DVC, and
# what the pipeline makes by making it anew, in the hook pre-merge-commit.
set -eu
top=$(git rev-parse --show-toplevel)
folder=$(cd "$(dirname "$0")" && pwd)
git config core.hooksPath "${folder#"$top"/}"
git config merge.dvc.name "DVC merge driver"
git config merge.dvc.driver "dvc git-hook merge-driver --ancestor %O --our %A --their %B"
git config merge.iteration.name "Keep HEAD's side of what the pipeline makes; curate merge makes it anew"
git config merge.iteration.driver true
echo "hooks installed: git now keeps the data in step, unites datapools when it merges, and refuses a commit that would
lose accepted samples"

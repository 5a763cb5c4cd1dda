#!/bin/sh
# Let git use the hooks of this folder, and let it merge iterations: .dvc files (the lists of raw files) file by file,
# and what the pipeline makes by making it anew, in the hook pre-merge-commit. May be run again, after an upgrade too.
set -eu
top=$(git rev-parse --show-toplevel)
folder=$(cd "$(dirname "$0")" && pwd)
git config core.hooksPath "${folder#"$top"/}"
git config merge.dvc.name "Merge lists of raw files, file by file"
# Not with a quotation mark first, nor with a semicolon: `dvc exp run --temp` reads this by a parser of its own.
git config merge.dvc.driver "exec '${folder#"$top"/}/merge-dvc-file' %O %A %B %P"
git config merge.iteration.name "Keep HEAD's side of what the pipeline makes, which curate merge makes anew"
git config merge.iteration.driver true
# `git pull` unites two iterations by a merge; a rebase would replace one of them.
git config --local --get pull.rebase >/dev/null || git config pull.rebase false
echo "hooks installed: git now keeps the data in step, unites datapools when it merges, and refuses a commit that would
lose accepted samples"

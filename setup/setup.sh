#!/usr/bin/env bash
# Makes .venv from requirements.lock, and installs the few Debian packages that are missing.
# Safe to run again: with the set-up complete it ends after a comparison of files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Settings of the calling shell that would send packages to another place than .venv.
unset PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

venv="$PWD/.venv"
stamp=".venv/.installed-from" # a copy of the lock file, made when all of it is installed
startup=".venv/lib/python3.11/site-packages/curation_startup" # what Python imports at its start: DVC writes whole files

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

usable_python() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; }
can_make_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# The first Python 3.11 that can make a virtual environment; else the first Python 3.11.
find_python() {
  local candidate first=""
  for candidate in "${PYTHON:-python3.11}" python3.11 python3 python /usr/bin/python3.11 /usr/bin/python3; do
    usable_python "$candidate" || continue
    if can_make_venv "$candidate"; then printf '%s' "$candidate"; return; fi
    first="${first:-$candidate}"
  done
  printf '%s' "$first"
}

# The interpreter runs, is 3.11, has pip, and its scripts belong to this folder (a copied .venv calls the original's).
venv_is_whole() {
  usable_python .venv/bin/python && venv_belongs_here && .venv/bin/python -m pip --version >/dev/null 2>&1
}
venv_belongs_here() {
  grep -qsF -e "$venv" .venv/bin/activate || grep -qsF -e "$(cd .venv && pwd -P)" .venv/bin/activate
}

install_debian_packages() {
  local -a as_root=()
  if ! command -v apt-get >/dev/null; then
    fail "these libraries are missing: $*. Install what holds them on this system (macOS: brew install pango jpeg-turbo), then run it again."
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    elif command -v sudo >/dev/null && [ -t 0 ]; then
      as_root=(sudo)
    else
      fail "these Debian packages are missing: $*. Have them installed (apt-get install $*), then run it again."
    fi
  fi
  say "installing the Debian packages $*"
  "${as_root[@]}" apt-get update -qq || say "apt-get update failed; going on with the package lists that are there"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" \
    </dev/null >/dev/null ||
    fail "apt-get could not install $*. Install them by hand, then run it again."
}

# Nothing to do, which is the usual case, is found out in a tenth of a second.
if cmp -s requirements.lock "$stamp" && cmp -s setup/startup/sitecustomize.py "$startup.py" && [ -f "$startup.pth" ] &&
  venv_belongs_here && command -v git >/dev/null; then
  if missing="$(.venv/bin/python setup/system_libraries.py 2>&1)" && [ -z "$missing" ]; then exit 0; fi
fi

python="$(find_python)"
[ -n "$python" ] || usable_python .venv/bin/python ||
  fail "Python 3.11 is needed and was not found. Install it, or name it: make setup PYTHON=/path/to/python3.11"

packages=()
command -v git >/dev/null || packages+=(git)
while IFS= read -r package; do
  [ -z "$package" ] || packages+=("$package")
done < <("${python:-.venv/bin/python}" setup/system_libraries.py; echo)
if [ -n "$python" ] && ! can_make_venv "$python" && ! venv_is_whole; then
  if [ "$(command -v "$python")" -ef /usr/bin/python3.11 ] && command -v apt-get >/dev/null; then
    packages+=(python3.11-venv)
  else
    fail "$python cannot make virtual environments (no ensurepip or venv). Install that part of Python 3.11, or name another: make setup PYTHON=/path/to/python3.11"
  fi
fi
if [ "${#packages[@]}" -gt 0 ]; then
  install_debian_packages "${packages[@]}"
  still_missing="$("$python" setup/system_libraries.py)"
  [ -z "$still_missing" ] || fail "still missing after the installation: ${still_missing//$'\n'/ }"
fi

if ! venv_is_whole; then
  if [ -e .venv ] && [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && ! usable_python .venv/bin/python; then
    [ ! -e .venv.former ] || fail "'.venv' holds another Python than 3.11, and '.venv.former' exists; remove one of the two."
    mv .venv .venv.former
    say ".venv holds another Python than 3.11: kept as .venv.former"
  fi
  [ -n "$python" ] || fail "Python 3.11 is needed to make .venv. Install it, or name it: make setup PYTHON=/path/to/python3.11"
  [ ! -L .venv ] || rm .venv
  say "making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv || fail "could not make .venv in $PWD; see the message above"
fi

if ! cmp -s requirements.lock "$stamp"; then
  say "installing the packages of requirements.lock into .venv (some minutes the first time)"
  rm -f "$stamp"
  .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-input -r requirements.lock </dev/null ||
    fail "pip could not install requirements.lock; see the message above. A network fault? Run the same command again."
  cp requirements.lock "$stamp.new"
  mv "$stamp.new" "$stamp"
  say "done"
fi

if ! cmp -s setup/startup/sitecustomize.py "$startup.py" || [ ! -f "$startup.pth" ]; then
  cp setup/startup/sitecustomize.py "$startup.new"
  mv "$startup.new" "$startup.py"
  printf 'import curation_startup\n' >"$startup.pth"
fi

mkdir -p data/raw # git keeps no empty folder; users are told to put their files there

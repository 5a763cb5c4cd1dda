#!/usr/bin/env bash
# Makes .venv, and installs the few Debian or Ubuntu packages that are missing.
#
#   setup/setup.sh        what the pipeline needs: requirements.lock
#   setup/setup.sh dev    what tests, types and style need, too: requirements-dev.lock
#
# PYTHON=/path/to/python3.12 says which Python; else the first of 3.11, 3.12, 3.13 that is found. Where `uv` is on the
# PATH, it makes .venv and installs; else venv and pip do. Safe to run again: with the set-up complete it ends after a
# comparison of files.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Settings of the calling shell that would send packages to another place than .venv.
unset PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX

kind="${1:-runtime}"
case "$kind" in
  runtime) lock=requirements.lock ;;
  dev) lock=requirements-dev.lock ;; # it names requirements.lock
  *) printf 'setup: %s is neither runtime nor dev\n' "$kind" >&2; exit 2 ;;
esac
venv="$PWD/.venv"
stamp=".venv/.installed-$kind" # a copy of the lock files, made when all of them is installed

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

wanted() {
  cat requirements.lock
  [ "$kind" = runtime ] || cat requirements-dev.lock
}
is_installed() { wanted | cmp -s - "$stamp"; }

supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; }
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
can_make_venv() { has uv || "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# The Python that was asked for; else the first that can make a virtual environment; else the first.
find_python() {
  local candidate first=""
  if [ -n "${PYTHON:-}" ]; then printf '%s' "$PYTHON"; return; fi
  for candidate in python3.1{1,2,3} python3 python /usr/bin/python3.1{1,2,3} /usr/bin/python3 \
    "$(has uv && uv python find --quiet '>=3.11,<3.14' 2>/dev/null)"; do
    [ -n "$candidate" ] && supported "$candidate" || continue
    if can_make_venv "$candidate"; then printf '%s' "$candidate"; return; fi
    first="${first:-$candidate}"
  done
  printf '%s' "$first"
}

# The interpreter runs, is the one that was asked for, has pip, and its scripts belong to this folder (a copied .venv
# calls the original's).
venv_is_whole() {
  supported .venv/bin/python && venv_is_of_the_wanted_python && venv_belongs_here &&
    .venv/bin/python -m pip --version >/dev/null 2>&1
}
venv_is_of_the_wanted_python() { [ -z "${PYTHON:-}" ] || [ "$(version .venv/bin/python)" = "$(version "$PYTHON")" ]; }
venv_belongs_here() {
  grep -qsF -e "$venv" .venv/bin/activate || grep -qsF -e "$(cd .venv && pwd -P)" .venv/bin/activate
}

# What is hard-linked to DVC's cache is read-only, which does not keep root from writing into the cache through it.
links_are_safe() {
  [ "$(id -u)" -ne 0 ] || grep -Eqs '^[[:space:]]*type[[:space:]]*=' .dvc/config.local ||
    ! grep -Eqs '^[[:space:]]*type[[:space:]]*=.*(hardlink|symlink)' .dvc/config
}
use_safe_links() {
  local type='    type = "reflink,copy"'
  if grep -qs '^\[cache\]' .dvc/config.local; then
    awk -v type="$type" '{ print } /^\[cache\]/ { print type }' .dvc/config.local >.dvc/config.local.new
    mv .dvc/config.local.new .dvc/config.local
  else
    printf '[cache]\n%s\n' "$type" >>.dvc/config.local
  fi
  say "root's files are not to be links to DVC's cache: .dvc/config.local now says cache.type = reflink,copy (docs/guides/storage.md); 'dvc checkout --relink' replaces links that are there"
}

install_debian_packages() {
  local -a as_root=()
  if ! has apt-get; then
    fail "these libraries are missing: $*. Install what holds them on this system (macOS: brew install pango jpeg-turbo), then run it again."
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if has sudo && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    elif has sudo && [ -t 0 ]; then
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

make_venv() {
  if has uv; then
    with_uv_settings uv venv --quiet --seed --clear --no-project --python "$python" .venv
  else
    "$python" -m venv --clear .venv
  fi || fail "could not make .venv in $PWD; see the message above"
}

install_packages() {
  if has uv; then
    with_uv_settings uv pip install --quiet --python .venv/bin/python -r "$lock" </dev/null
  else
    .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-input -r "$lock" </dev/null
  fi || fail "$lock could not be installed; see the message above. A network fault? Run the same command again."
}

# uv reads none of pip's settings: mirrors, CPU builds of torch.
with_uv_settings() {
  local line
  local -a settings=()
  while IFS= read -r line; do [ -z "$line" ] || settings+=("$line"); done < <("$python" setup/uv_settings.py)
  env ${settings[@]+"${settings[@]}"} "$@"
}

# What `make setup` puts into .venv besides packages: the command `curate`, and how Python finds the project.
own_files_are_there() {
  local packages
  packages="$(echo .venv/lib/python3.*/site-packages)"
  cmp -s setup/curate.sh .venv/bin/curate && cmp -s setup/project_start.py "$packages/project_start.py" &&
    [ -e "$packages/project_start.pth" ]
}

# Nothing to do, which is the usual case, is found out in a tenth of a second.
if is_installed && own_files_are_there && venv_belongs_here && has git && links_are_safe; then
  if venv_is_of_the_wanted_python 2>/dev/null && missing="$(.venv/bin/python setup/system_libraries.py 2>&1)" &&
    [ -z "$missing" ]; then exit 0; fi
fi

python="$(find_python)"
if [ -n "${PYTHON:-}" ]; then
  supported "$PYTHON" || fail "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13 that runs. Name another, or none: then one is looked for."
elif [ -z "$python" ] && supported .venv/bin/python; then
  python=.venv/bin/python
fi
[ -n "$python" ] ||
  fail "Python 3.11, 3.12 or 3.13 is needed, and none was found. Install one (apt-get install python3 python3-venv; brew install python@3.13), or name it: make setup PYTHON=/path/to/python3.13"

packages=()
has git || packages+=(git)
while IFS= read -r package; do
  [ -z "$package" ] || packages+=("$package")
done < <("$python" setup/system_libraries.py; echo)
if ! can_make_venv "$python" && ! venv_is_whole; then
  if [ "$(command -v "$python")" -ef "/usr/bin/python$(version "$python")" ] && has apt-get; then
    packages+=("python$(version "$python")-venv")
  else
    fail "$python cannot make virtual environments (no ensurepip or venv). Install that part of it, or name another: make setup PYTHON=/path/to/python3.13"
  fi
fi
if [ "${#packages[@]}" -gt 0 ]; then
  install_debian_packages "${packages[@]}"
  still_missing="$("$python" setup/system_libraries.py)"
  [ -z "$still_missing" ] || fail "still missing after the installation: ${still_missing//$'\n'/ }"
fi

if ! venv_is_whole; then
  if [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null &&
    ! { supported .venv/bin/python && venv_is_of_the_wanted_python; }; then
    [ ! -e .venv.former ] || fail "'.venv' holds another Python than is wanted, and '.venv.former' exists; remove one of the two."
    say ".venv holds Python $(version .venv/bin/python): kept as .venv.former"
    mv .venv .venv.former
  fi
  [ ! -L .venv ] || rm .venv
  say "making .venv with $("$python" --version)"
  make_venv
fi

if ! is_installed; then
  say "installing the packages of $lock into .venv (some minutes the first time)"
  rm -f "$stamp"
  # Former versions of this script put a module there that changed functions of DVC.
  rm -f .venv/lib/python3.*/site-packages/curation_startup.{py,pth}
  install_packages
  wanted >"$stamp.new"
  mv "$stamp.new" "$stamp"
  [ "$kind" = runtime ] || cp requirements.lock .venv/.installed-runtime
  say "done"
fi

if ! own_files_are_there; then
  for packages in .venv/lib/python3.*/site-packages; do
    cp setup/project_start.py "$packages/.project_start.new"
    mv "$packages/.project_start.new" "$packages/project_start.py"
    echo "import project_start" >"$packages/project_start.pth"
  done
  cp setup/curate.sh .venv/bin/.curate.new
  chmod +x .venv/bin/.curate.new
  mv .venv/bin/.curate.new .venv/bin/curate
fi

links_are_safe || use_safe_links
# Git keeps no empty folder, and users put their files there. In a clone whose raw files DVC tracks, an empty folder would
# say that all of them were deleted, where none says that they were not pulled.
[ -e data/raw.dvc ] || mkdir -p data/raw

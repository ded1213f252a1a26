#!/usr/bin/env bash
# Creates .venv with everything in requirements.lock, hashes checked, and with streamseg itself.
# install.sh FOLDER LOCK creates an environment from LOCK in FOLDER, without streamseg: used for the benchmark's peers.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv} lock=${2:-requirements.lock}

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info)' >/dev/null 2>&1; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.12 python3.13 python3.11 python3.14 python}; do
    if fits "$candidate"; then
      # Resolve the shim of a version manager: in another folder it may start another version.
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo "streamseg needs Python 3.11 or newer on the PATH (or PYTHON=/path/to/python make ...)" >&2
  return 1
}

as_root_on_debian() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

python=$(find_python)
if ! fits "$venv/bin/python"; then
  rm -rf "$venv"
  if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
    uv venv --quiet --python "$python" "$venv"
  elif ! "$python" -m venv "$venv" 2>/dev/null; then
    as_root_on_debian || { echo "Python's venv module is missing: install python3-venv" >&2; exit 1; }
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3-venv >/dev/null
    "$python" -m venv --clear "$venv"
  fi
fi

if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then
  install=(uv pip install --python "$venv/bin/python")
else
  install=("$venv/bin/python" -m pip install --disable-pip-version-check)
fi

quietly() { # print the output only if the command fails
  "$@" >"$venv/install.log" 2>&1 || { cat "$venv/install.log" >&2; exit 1; }
}

echo "installing into $venv ($("$python" --version))" >&2
quietly "${install[@]}" --require-hashes -r "$lock"
[ -n "${1:-}" ] || quietly "${install[@]}" --no-deps --no-build-isolation -e .

#!/usr/bin/env bash
# Lists the tools that `make` needs: found or missing, which version, and how to get them.
# Exits 1 when something that `make test` needs is missing.
set -uo pipefail

failed=0

row() { printf '%-8s %-13s %-22s %s\n' "$@"; }

found() { row ok "$1" "$2" "$3"; }

missing() { # tool, version, purpose, how to get it
  row MISSING "$1" "$2" "$3"
  printf '         get it: %s\n' "$4"
  failed=1
}

optional() { # tool, purpose, how to get it
  row optional "$1" - "$2 ($3)"
}

first_version() { grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1; }

has() { command -v "$1" >/dev/null 2>&1; }

python=""
for candidate in ${PYTHON:-python3 python3.12 python3.13 python3.11 python3.14 python}; do
  if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info)' >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done
if [ -n "$python" ]; then
  found Python "$("$python" --version 2>&1 | first_version)" "everything"
else
  missing Python - "everything, 3.11 or newer" "apt-get install python3, or PYTHON=/path/to/python make ..."
fi

uv_works() { has uv && uv --version >/dev/null 2>&1; }

if uv_works; then
  found uv "$(uv --version | first_version)" "faster installs, make lock"
else
  optional uv "faster installs, make lock" "docs.astral.sh/uv"
fi

if [ -n "$python" ] && "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
  found venv - "make install"
elif uv_works; then
  optional venv "make install, not needed with uv" "apt-get install python3-venv"
else
  missing venv - "make install" "apt-get install python3-venv, or uv"
fi

if has make; then
  found make "$(make --version 2>/dev/null | first_version)" "all commands"
else
  missing make - "all commands" "apt-get install make"
fi

if [ -n "${STREAMSEG_TEST_KAFKA:-}" ]; then
  found Kafka - "tests, at STREAMSEG_TEST_KAFKA; Java and Maven are not needed"
else
  java_version=""
  has java && java_version=$(java -version 2>&1 | grep -oE '"[0-9][^"]*"' | tr -d '"' | head -n 1)
  java_major=${java_version#1.}
  java_major=${java_major%%[!0-9]*}
  if [ "${java_major:-0}" -ge 17 ]; then
    found Java "$java_version" "Kafka for tests"
  else
    missing Java "${java_version:--}" "Kafka for tests, 17 or newer" "apt-get install default-jre-headless"
  fi
  if has mvn; then
    found Maven "$(mvn --version 2>/dev/null | first_version)" "Kafka for tests"
  else
    missing Maven - "Kafka for tests" "apt-get install maven"
  fi
fi

if has redis-server; then
  found redis-server "$(redis-server --version | first_version)" "Redis for tests and benchmarks"
else
  missing redis-server - "Redis for tests and benchmarks" "apt-get install redis-server"
fi

if has promtool; then
  found promtool "$(promtool --version 2>&1 | first_version)" "check of deploy/prometheus"
else
  missing promtool - "check of deploy/prometheus" "apt-get install prometheus"
fi

if has chromium; then
  found chromium "$(chromium --version 2>/dev/null | first_version)" "tests in a browser"
else
  missing chromium - "tests in a browser" "apt-get install chromium"
fi

if has nginx; then
  found nginx "$(nginx -v 2>&1 | first_version)" "tests of the API behind a proxy"
else
  missing nginx - "tests of the API behind a proxy" "apt-get install nginx"
fi

if has npm && has node; then
  found npm "$(npm --version 2>/dev/null | first_version)" "packages for tests, run in Node"
else
  missing npm - "packages for tests, run in Node" "apt-get install npm"
fi

if has wrk; then
  found wrk "$(wrk --version 2>&1 | first_version)" "bench serving with less load"
else
  optional wrk "bench serving with less load on the machine" "apt-get install wrk"
fi

if [ "$failed" = 0 ]; then
  echo "make test has all it needs"
elif [ "$(id -u)" = 0 ] && has apt-get; then
  echo "something is missing; as root on Debian, make test installs all but Python and make"
else
  echo "something that make test needs is missing: see above"
fi
exit "$failed"

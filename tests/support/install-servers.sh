#!/usr/bin/env bash
# Installs what the tests need: Java and Maven for Kafka, redis-server, promtool, nginx, Chromium, npm with Node.
# With STREAMSEG_TEST_KAFKA set, Java and Maven are not needed. `make doctor` lists all tools.
set -euo pipefail

packages=()
if [ -z "${STREAMSEG_TEST_KAFKA:-}" ]; then
  command -v java >/dev/null || packages+=(default-jre-headless)
  command -v mvn >/dev/null || packages+=(maven)
fi
command -v redis-server >/dev/null || packages+=(redis-server)
command -v promtool >/dev/null || packages+=(prometheus) # checks deploy/prometheus
command -v chromium >/dev/null || packages+=(chromium)
command -v nginx >/dev/null || packages+=(nginx) # stands before the API in tests
command -v npm >/dev/null || packages+=(npm) # brings tests/support/npm_packages; with Node
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "tools for the tests are missing, please install: ${packages[*]} (see make doctor)" >&2
  exit 1
fi
echo "installing ${packages[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # RUNLEVEL=1: packages must not start their services
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  echo "apt-get could not install: ${packages[*]}" >&2
  exit 1
fi

#!/usr/bin/env bash
# Brings what the tests' own servers need: Java and Maven for Kafka, redis-server, nginx; and a browser for the widget.
# Servers that are given are not needed.
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
command -v npm >/dev/null || packages+=(npm) # brings the OpenFeature SDK for browsers
[ ${#packages[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "make test needs Java 17+, Maven, redis-server, nginx and Chromium; please install: ${packages[*]}" >&2
  exit 1
fi
echo "installing ${packages[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 # RUNLEVEL: a package must not start its service
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
  tail -n 5 "$log" >&2
  echo "apt-get could not install: ${packages[*]}" >&2
  exit 1
fi

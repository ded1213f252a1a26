#!/bin/sh
# Prints overlays/production/prometheus-rule.yaml: the rule files of deploy/prometheus as one object of the Prometheus operator.
#   deploy/kubernetes/prometheus-rule.sh > deploy/kubernetes/overlays/production/prometheus-rule.yaml
set -eu
cd "$(dirname "$0")/../prometheus"
cat <<HEAD
# Made by deploy/kubernetes/prometheus-rule.sh from the rule files in deploy/prometheus. Do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: streamseg
spec:
  groups:
HEAD
for file in *.yml; do
    if [ "$(grep -v '^ *#' "$file" | grep -v '^$' | head -n 1)" = "groups:" ]; then
        sed -n '/^groups:/,$p' "$file" | sed -e 1d -e '/^$/!s/^/  /'
    fi
done

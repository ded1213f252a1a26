.PHONY: help doctor install demo unit contracts integration e2e test check format bench fuzz chaos schemas dashboards lock clean servers
.DEFAULT_GOAL := help
RUN := .venv/bin
ARGS ?=

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

doctor: ## list the tools needed: found or missing, and how to get them
	@.ci/doctor.sh

.venv/.installed: requirements.lock pyproject.toml .ci/install.sh
	@.ci/install.sh
	@touch $@

install: .venv/.installed ## install everything into .venv, hashes checked

demo: install ## run the whole path in this terminal until Ctrl-C (ARGS="--for 60s")
	@$(RUN)/streamseg demo $(ARGS)

servers:
	@tests/support/install-servers.sh

unit: install ## quick unit, scenario and property tests, without servers (ARGS="-k settle")
	$(RUN)/pytest -n auto --dist worksteal -m "not integration and not e2e and not slow" tests/unit tests/scenarios tests/properties $(ARGS)

contracts: install servers ## one suite on every implementation of a port (ARGS="-k memory")
	$(RUN)/pytest tests/contracts $(ARGS)

integration: install servers ## tests of several parts on real Kafka and Redis
	$(RUN)/pytest tests/integration $(ARGS)

e2e: install servers ## tests of the demo and of chaos, as whole processes
	$(RUN)/pytest tests/e2e $(ARGS)

test: install servers ## all tests, on real Kafka and Redis, two files at a time (ARGS="-k settle")
	$(RUN)/pytest -n 2 --dist loadfile $(ARGS)

check: install ## style, types, import rules, schema files
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/streamseg schemas --check

format: install ## fix and format the code
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

bench: install servers ## run a benchmark (ARGS="throughput"); without ARGS, list them
	@$(RUN)/streamseg bench $(ARGS)

fuzz: install ## send broken records through the decoder (RECORDS=1000000)
	@$(RUN)/streamseg fuzz $(if $(RECORDS),--records $(RECORDS)) $(ARGS)

chaos: install servers ## kill and freeze processes under load, then compare (FAULTS=100 SEED=1 CLUSTER=1)
	@$(RUN)/python -m tests.chaos $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster) $(ARGS)

schemas: install ## write schemas/ from the event types
	@$(RUN)/streamseg schemas --write

dashboards: install ## write Grafana's dashboards from the table of metrics
	@$(RUN)/python -m streamseg.metrics.dashboards

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --custom-compile-command "make lock"

lock: ## update the locks to the newest allowed versions (needs uv)
	$(LOCK) --upgrade pyproject.toml --all-extras --group dev -o requirements.lock
	$(LOCK) --upgrade tests/bench/peers/requirements.in -o tests/bench/peers/requirements.lock
	$(LOCK) --upgrade tests/bench/peers/pathway.in -o tests/bench/peers/pathway.lock
	$(LOCK) pyproject.toml --extra parquet --extra excel --extra otel --extra console --group build -c requirements.lock -o deploy/requirements.lock

clean: ## remove everything that make created
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info

.PHONY: install demo test check bench fuzz chaos schemas lock format clean servers
.DEFAULT_GOAL := help
RUN := .venv/bin
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.installed: requirements.lock pyproject.toml .ci/install.sh
	@.ci/install.sh
	@touch $@

install: .venv/.installed ## .venv with everything, hashes checked

demo: install ## the whole path in this terminal; Ctrl-C ends it (ARGS="--for 60s")
	@$(RUN)/streamseg demo $(ARGS)

servers:
	@tests/support/install-servers.sh

test: install servers ## all tests, on real Kafka and Redis (ARGS="-k settle")
	$(RUN)/pytest $(ARGS)

check: install ## style, types, import rule, schema drift
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/streamseg schemas --check

format: install ## put the code in shape
	$(RUN)/ruff check --fix .
	$(RUN)/ruff format .

bench: install servers ## measure (ARGS="throughput")
	@$(RUN)/streamseg bench $(ARGS)

fuzz: install ## broken records against the decoder (RECORDS=1000000)
	@$(RUN)/streamseg fuzz $(if $(RECORDS),--records $(RECORDS)) $(ARGS)

chaos: install servers ## kill and freeze everything under load, then compare (FAULTS=100 SEED=1)
	@$(RUN)/python -m tests.chaos $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

schemas: install ## write schemas/ anew from the event types
	@$(RUN)/streamseg schemas --write

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --custom-compile-command "make lock"

lock: ## newest versions that fit pyproject.toml (needs uv)
	$(LOCK) --upgrade pyproject.toml --all-extras --group dev -o requirements.lock
	$(LOCK) --upgrade tests/bench/peers/requirements.in -o tests/bench/peers/requirements.lock
	$(LOCK) pyproject.toml --extra parquet --group build -c requirements.lock -o deploy/requirements.lock

clean: ## remove all that make has made here
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info

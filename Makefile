# The same commands on a desk and in CI. `make` alone says what there is.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
MADE   := .made

CASES ?= 3000
SEED  ?= 1
PAST  ?= 8
PORT  ?= 8000
# The day of the demo: the last full one.
ifndef AS_OF
AS_OF := $(shell $(PYTHON) -m features.clock)
endif
DEMO  := var/demo/cases-$(CASES)-seed-$(SEED)-weeks-$(PAST)-as-of-$(AS_OF)
# With a past, a feed stopped lately and the model was approved twelve weeks before the last night.
ifeq ($(PAST),0)
SCENARIO := none
UNTIL    := $(AS_OF)
else
SCENARIO := recent-outage
UNTIL    := $(shell $(PYTHON) -m features.clock $(AS_OF) 12)
endif

# Nothing is sent anywhere, and MLflow does not look for git.
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export GIT_PYTHON_REFRESH := quiet

.DEFAULT_GOAL := help
.PHONY: help demo serve test check fix pictures mlflow bench bench-import bench-night bench-notes bench-queue bench-score bench-spark image-steps load nights planted sbom soak spark verify docs lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(MADE)/base $(MADE)/static ## a made-up caseload with PAST weeks behind it, from case histories to an SPO's queue
	@mkdir -p $(DEMO)
	@$(PY) -m features synthesise --cases $(CASES) --seed $(SEED) --as-of $(AS_OF) --scenario $(SCENARIO) --out $(DEMO)/extract --truth $(DEMO)/truth
	@$(PY) -m features readings --truth $(DEMO)/truth --as-of $(AS_OF) --weeks $(PAST) --out $(DEMO)/readings.parquet
	@$(PY) -m features check $(DEMO)/extract --store $(DEMO)/store
	@$(PY) -m training train --store $(DEMO)/store --until $(UNTIL) --out $(DEMO)/bundles --tracking $(DEMO)/tracking
	@ROSH_MODE=demo ROSH_DATA=$(DEMO) $(PY) -m serving migrate
	@ROSH_MODE=demo ROSH_DATA=$(DEMO) $(PY) -m serving demo-past --as-of $(AS_OF) --weeks $(PAST) --readings $(DEMO)/readings.parquet
	@ROSH_MODE=demo ROSH_DATA=$(DEMO) $(PY) -m serving approve --demo --as-of $(AS_OF)
	@echo "$(DEMO)" > var/demo/current
	@ROSH_MODE=demo ROSH_DATA=$(DEMO) $(PY) -m serving score --as-of $(AS_OF)

serve: $(MADE)/base $(MADE)/static ## the pages of the latest demo, on http://127.0.0.1:$(PORT)
	@test -f var/demo/current || { echo "There is no demo yet. Run: make demo"; exit 11; }
	@ROSH_MODE=demo ROSH_DATA=$$(cat var/demo/current) $(PY) -m serving serve --port $(PORT)

test: $(MADE)/dev $(MADE)/static $(MADE)/provider ## every test, with branch coverage
	$(BIN)/coverage erase
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --cov --cov-report=
	$(BIN)/coverage report --fail-under=95

check: $(MADE)/dev ## every static check; says at the end how many failed
	@rm -rf $(MADE)/docs; failed=0; \
	for step in "ruff format --check ." "ruff check ." "mypy" "lint-imports" "python -m tests.words"; do \
	  echo "== $$step"; $(BIN)/$$step || failed=$$((failed+1)); done; \
	echo "== generated pages are up to date"; \
	$(PY) -m features docs --out $(MADE)/docs >/dev/null && $(PY) -m serving docs --out $(MADE)/docs >/dev/null && \
	for page in records.md sources.md indicators review-states.md access.md public-record.md page-strings.md settings.md; do diff -qr docs/$$page $(MADE)/docs/$$page || failed=$$((failed+1)); done; \
	echo "== $$failed failed"; test $$failed -eq 0

fix: $(MADE)/dev ## format, and mend what can be mended
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

image-steps: $(MADE)/dev ## follow the Dockerfile's steps in an empty folder, and print the size
	$(PY) -m tests.image_steps

sbom: $(MADE)/dev ## the bill of materials of the image (CycloneDX) and its licences, into .made/
	$(BIN)/cyclonedx-py requirements requirements/serve.txt --of JSON -o $(MADE)/sbom.json
	$(BIN)/pip-licenses --from=mixed --format=csv --output-file=$(MADE)/licences.csv

docs: $(MADE)/dev ## write the generated pages
	$(PY) -m features docs && $(PY) -m serving docs

pictures: $(MADE)/dev $(MADE)/static $(MADE)/provider ## take the pictures of docs/images anew, in a browser
	ROSH_PICTURES=docs/images $(BIN)/pytest -q tests/journeys

mlflow: $(MADE)/base ## the analysts' pages on the runs of the latest demo, on http://127.0.0.1:5000
	@test -f var/demo/current || { echo "There is no demo yet. Run: make demo"; exit 11; }
	@$(BIN)/mlflow ui --backend-store-uri sqlite:///$(CURDIR)/$$(cat var/demo/current)/tracking/mlflow.db

bench: $(MADE)/dev ## timings as ratios, memory beside time, growth at 0.1x, 0.5x and 1x
	@CASES=$(if $(filter 3000,$(CASES)),12000,$(CASES)) $(PY) -m tests.benchmarks

load: $(MADE)/dev $(MADE)/static ## pages under load at national size, beside a page that only says hello
	@$(PY) -m tests.benchmarks.load

bench-night: $(MADE)/dev ## what a whole night costs, step by step, with PostgreSQL counted; FOLDER=… keeps its caseloads
	@CASES=$(if $(filter 3000,$(CASES)),12000,$(CASES)) $(PY) -m tests.benchmarks.night

bench-spark: $(MADE)/dev ## a load and scores by processes here and by Spark on this machine (after make spark)
	@CASES=$(if $(filter 3000,$(CASES)),12000,$(CASES)) $(PY) -m tests.benchmarks.spark

bench-queue: $(MADE)/dev ## what writing a night's new cases costs, beside the engine (after make demo)
	@CASES=$(if $(filter 3000,$(CASES)),12000,$(CASES)) $(PY) -m tests.benchmarks.queueing

bench-score: $(MADE)/dev $(MADE)/static ## what the API's score of one case costs, beside a page that only says hello (after make demo)
	@$(PY) -m tests.benchmarks.one_case

bench-notes: $(MADE)/dev ## how many notes a second are read, pass by pass
	@$(PY) -m tests.benchmarks.notes

bench-import: $(MADE)/dev ## what a night's load costs, first and sixtieth, beside one reading of the tables
	@CASES=$(if $(filter 3000,$(CASES)),12000,$(CASES)) $(PY) -m tests.benchmarks.importing

nights: $(MADE)/dev ## which watched figure turns on which night of made-up faults (after make demo)
	@$(PY) -m tests.benchmarks.nights

planted: $(MADE)/dev ## how many nights until a change planted in one part of a caseload is seen
	@$(PY) -m tests.benchmarks.planted

soak: $(MADE)/dev ## sixty nights in a row with people at work between them (CASES, NIGHTS, SOAK_PICTURE)
	@CASES=$(if $(filter 3000,$(CASES)),20000,$(CASES)) $(PY) -m tests.benchmarks.soak

spark: $(MADE)/dev ## the tests of a Spark cluster (installs Spark, 490 MB; needs Java 17)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements/spark.txt
	$(BIN)/pytest -q tests/features/test_spark.py

verify: $(MADE)/dev $(MADE)/static $(MADE)/provider ## the long campaigns that `make test` leaves out
	$(BIN)/pytest -m verify
	$(PY) -m tests.other_days

lock: ## resolve the locked packages anew (needs uv)
	cd requirements && for name in base serve dev spark node; do \
	  uv pip compile --universal --python-version 3.11 --generate-hashes $$name.in -o $$name.txt -q --custom-compile-command "make lock" $$(case $$name in serve|dev|spark) echo "-c base.txt";; esac); done

clean: ## remove what was made, the demo's data included
	rm -rf $(VENV) $(MADE) var node_modules serving/web/static/vendor

$(PY):
	@$(PYTHON) requirements/preflight.py
	$(PYTHON) -m venv $(VENV)

$(MADE)/base: requirements/base.txt | $(PY)
	@mkdir -p $(MADE)
	@echo "Installing the locked packages (about 500 MB to download the first time) …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements/base.txt
	@touch $@

$(MADE)/dev: requirements/dev.txt $(MADE)/base | $(PY)
	@echo "Installing what tests and checks need …"
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements/dev.txt
	@$(PY) -m pip check --disable-pip-version-check >/dev/null || { $(PY) -m pip check; exit 1; }
	@touch $@

$(MADE)/provider: tests/provider/package-lock.json $(MADE)/static
	@PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --prefix tests/provider --silent --ignore-scripts
	@touch $@

$(MADE)/static: package-lock.json serving/web/assets.py $(MADE)/base
	@if command -v npm >/dev/null; then npm ci --silent --ignore-scripts --legacy-peer-deps; else \
	  $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/node.txt && \
	  PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --silent --ignore-scripts --legacy-peer-deps; fi
	@$(PY) -m serving assets
	@touch $@

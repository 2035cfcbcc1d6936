# The project's verbs. They need Python >= 3.10 with pip, and make; everything else is installed into virtual
# environments beside this file. `make PYTHON=python3.12 test` picks another interpreter for a new .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WITHOUT_CLUSTER := $(addprefix tests/,unit http migrate verify bench fault/test_crash_points.py \
  fault/test_repeats.py guide/test_generated.py)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test coverage lint format bench endurance migrate-proof guide test-matrix clean

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.demo ## run an unmodified Ray 1.2 program: two models, one URL, a traffic split
	$(BIN)/serve-compat run examples/canary_digits.py

test: $(VENV)/.test ## run all tests; ARGS="-k split -x" goes to pytest
	.ci/pytest $(BIN)/python $(ARGS)

coverage: $(VENV)/.test ## measure how much of the product the tests execute that start no cluster
	.ci/pytest $(BIN)/python --cov --cov-report=term:skip-covered $(if $(ARGS),$(ARGS),$(WITHOUT_CLUSTER))

lint: $(VENV)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --follow-imports=silent bench

format: $(VENV)/.dev ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test ## measure this project beside its peers (25 minutes); ARGS="--only http --rounds 1" for a part
	@command -v wrk >/dev/null || { echo "make bench needs wrk. On Debian and Ubuntu: sudo apt-get install wrk" >&2; exit 1; }
	$(BIN)/python -m bench $(if $(ARGS),$(ARGS),--report bench/RESULTS.md)

endurance: $(VENV)/.test ## long runs, the last a soak with a killer (35 minutes); ARGS="--only soak --minutes 60 --report bench/ENDURANCE.md"
	.ci/isolated $(BIN)/python -m bench.endurance $(if $(ARGS),$(ARGS),--report bench/ENDURANCE.md)

migrate-proof: $(VENV)/.test ## migrate whole old programs, run the results, compare (10 minutes); writes bench/MIGRATION.md
	$(BIN)/python -m bench.migration $(if $(ARGS),$(ARGS),--peers --report bench/MIGRATION.md)

guide: $(VENV)/.guide ## build the migration guide as a site in migration_guide/_build
	$(BIN)/python migration_guide/generate.py
	$(BIN)/python -m sphinx -q -W --keep-going -b html migration_guide migration_guide/_build
	@echo "migration_guide/_build/index.html"

test-matrix: ## run all tests on the lowest and on the newest pair of Python and Ray
	.ci/matrix $(ARGS)

clean: ## remove virtual environments and caches
	rm -rf .venv* .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("serve-compat needs Python 3.10 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=/path/to/python3.x")'
	$(PYTHON) -m venv $(VENV)

# One stamp per set of extras: pip runs again only when pyproject.toml changed.
$(VENV)/.demo: EXTRAS := demo
$(VENV)/.test: EXTRAS := test,demo
$(VENV)/.dev: EXTRAS := dev
$(VENV)/.guide: EXTRAS := guide
$(VENV)/.demo $(VENV)/.test $(VENV)/.dev $(VENV)/.guide: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[$(EXTRAS)]'
	$(if $(findstring test,$(EXTRAS)),.ci/libraries $(BIN)/python)
	touch $@

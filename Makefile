# Thin: every target is one command of the project. `make help` lists them.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint types layers unit attacks prove validate e2e bench fuzz soak clean

help:  ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements.txt requirements-dev.txt tools/set_up.sh
	@PYTHON=$(PYTHON) VENV=$(VENV) sh tools/set_up.sh

demo: $(READY)  ## Make, solve, push and grade a candidate repository; results in out/demo
	@$(PY) -m tools.demo

test: lint types layers unit attacks prove demo e2e  ## Everything that CI runs

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(READY)
	$(VENV)/bin/mypy

layers: $(READY)
	$(VENV)/bin/lint-imports

unit: $(READY)
	$(PY) -m pytest tests --ignore tests/attacks --ignore tests/e2e/github --ignore-glob 'tests/e2e/test_github_*'

attacks: $(READY)  ## Try every cheat of tests/attacks on the grader
	$(PY) -m pytest tests/attacks

prove: $(READY)  ## A quick proof of every assignment and level, with two wrong solutions for each criterion
	$(PY) -m grading validate --quick --level all

validate: $(READY)  ## The whole proof: all solutions of every assignment and level
	$(PY) -m grading validate --level all

e2e: $(READY)  ## Run the workflows offline: three candidates, git over HTTP, GitHub's API
	$(PY) -m tests.e2e.github.node
	$(PY) -m pytest tests/e2e/github tests/e2e/test_github_*.py

bench: $(READY)  ## Measure beside other graders, and validate (20 minutes); writes benchmarks/RESULTS.md
	$(PY) -m benchmarks.cold_grade
	$(PY) -m benchmarks --measure-validate

fuzz: $(READY)  ## Feed the borders with nonsense for five minutes
	$(PY) -m tests.fuzz.run --seconds 300

soak: $(READY)  ## Grade right solutions again and again: no flake, and a seed repeats to the byte
	$(PY) -m tools.repeat tests/fixtures/sample assignments/*/ --runs 200 --seed 42
	$(PY) -m tools.repeat assignments/*/ --runs 500
	$(PY) -m grading validate --soak

clean:  ## Remove what the targets made, the environment included
	rm -rf $(VENV) out build .mypy_cache .ruff_cache .pytest_cache .hypothesis

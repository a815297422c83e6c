# make demo    race eight rules on Rosenbrock: a table, and race.png
# make test    ruff, mypy, pytest with doctests, every notebook executed
# make lab     open the notebooks
# make claims  measure what the article and its papers claim (20 minutes), write figures/claims
# make notebooks, make figures    execute and draw again what the repository shows
# make bench   measure beside torch and optax (installs them, some minutes), write benchmarks/RESULTS.md
#
# Everything is installed into .venv by itself. Another Python: make demo PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -W error -m

.PHONY: demo test lab claims notebooks figures bench clean

demo: $(VENV)/class
	$(VENV)/bin/python -m optimizers

test: $(VENV)/dev
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/python -m pytest -q -n auto

lab: $(VENV)/class
	$(VENV)/bin/python -m jupyterlab notebooks

claims: $(VENV)/class
	$(VENV)/bin/python -m optimizers claims --out figures/claims

notebooks: $(VENV)/dev
	$(VENV)/bin/python tests/test_notebooks.py

figures: $(VENV)/class
	$(VENV)/bin/python -m optimizers --out figures/race.png

bench: $(VENV)/bench
	$(VENV)/bin/python -m benchmarks

$(VENV)/class: requirements.txt constraints.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what requirements.txt names, about a minute ..."
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/class
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/bench: benchmarks/requirements.txt $(VENV)/class
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	@touch $@

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make demo PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "No virtual environment could be made. On Debian and Ubuntu: apt install python3-venv"; exit 1; }

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# make demo    race four rules on many starts: a table, and race.png
# make test    ruff, mypy, biome (where npm is), pytest with doctests, every notebook executed
# make lab     open the notebooks
# make app     make the page on which every number can be dragged, and open it
# make page    build its script anew from optimizers/page/source (needs npm)
# make browser    try it in Chromium: milliseconds, and screenshots in build/screenshots
# make claims  measure what the article and its papers claim (half an hour and more), write figures/claims
# make notebooks, make figures    execute and draw again what the repository shows
# make slides  the lessons as slides, in build/slides; one of them: make slides LESSON=02
# make site    the course as static pages whose Python runs in the browser: build/site
# make site-test    run it in headless Chromium with every other address cut off (needs npm, chromium)
# make solutions    the solved exercises, without the teacher's tests: build/solutions
# make classroom    grade a class of sample submissions with nbgrader: build/classroom
# make bench   measure beside torch and optax (installs them, some minutes), write benchmarks/RESULTS.md
#
# Everything is installed into .venv by itself. Another Python: make demo PYTHON=python3.13

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -W error -m
PAGE := optimizers/page/source
IF_CHROMIUM := $(if $(shell command -v chromium),$(VENV)/browser)

.PHONY: demo test page-check lab app page browser claims notebooks slides figures site site-test solutions classroom bench clean

demo: $(VENV)/class
	$(VENV)/bin/python -m optimizers

test: $(VENV)/dev $(IF_CHROMIUM) page-check
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(VENV)/bin/python -m mypy
	$(VENV)/bin/python -m pytest -q -n auto

page-check:
	@if ! command -v npm >/dev/null; then \
	  echo "npm is not installed: the page's JavaScript is not checked"; \
	elif ! $(MAKE) --no-print-directory --silent $(PAGE)/node_modules/.ready; then \
	  echo "npm ci failed: the page's JavaScript is not checked"; \
	else cd $(PAGE) && npm run --silent check; fi

lab: $(VENV)/class
	$(VENV)/bin/python -m jupyterlab notebooks

app: $(VENV)/class
	@mkdir -p build
	$(VENV)/bin/python -m optimizers explore --out build/explore.html --open

page: $(PAGE)/node_modules/.ready
	cd $(PAGE) && npm run --silent build

browser: $(VENV)/browser
	@command -v chromium >/dev/null || \
	  { echo "Chromium is not installed. On Debian: apt install chromium"; exit 1; }
	$(VENV)/bin/python -m pytest -q -rs -s tests/test_page_in_browser.py tests/test_page_on_screens.py

claims: $(VENV)/class
	$(VENV)/bin/python -m optimizers claims --out figures/claims

notebooks: $(VENV)/dev
	$(VENV)/bin/python tests/test_notebooks.py

slides: $(VENV)/class
	$(VENV)/bin/python -m nbconvert --config notebooks/nbconvert/config.py --to slides \
	  --output-dir build/slides notebooks/$(or $(LESSON),[0-9][0-9])_*.ipynb
	@echo "Open build/slides: arrows or the space bar go on, O shows all, F fills the screen."

figures: $(VENV)/class
	$(VENV)/bin/python -m optimizers figures

site: $(VENV)/site
	$(VENV)/bin/python notebooks/site/build.py

site-test: $(VENV)/site
	@command -v chromium >/dev/null && command -v npm >/dev/null || \
	  { echo "Chromium and npm are needed. On Debian: apt install chromium npm"; exit 1; }
	$(VENV)/bin/python tests/local_pyodide.py build/pyodide
	$(VENV)/bin/python notebooks/site/build.py --pyodide build/pyodide --to build/site-test
	SITE=build/site-test $(VENV)/bin/python -m pytest -q -rs -s tests/test_site.py

solutions: $(VENV)/class
	$(VENV)/bin/python notebooks/exercises/classroom/solution.py

classroom: $(VENV)/classroom
	$(VENV)/bin/python notebooks/exercises/classroom/make_classroom.py
	CLASSROOM=1 $(VENV)/bin/python -m pytest -q tests/test_round_trip.py --basetemp=build/round-trip

bench: $(VENV)/bench
	$(VENV)/bin/python -m benchmarks

$(VENV)/class: requirements.txt constraints.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what requirements.txt names, about a minute ..."
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt $(VENV)/class
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/site: notebooks/site/requirements.txt $(VENV)/dev
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r notebooks/site/requirements.txt
	@touch $@

$(VENV)/browser: requirements-browser.txt $(VENV)/dev
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-browser.txt
	@touch $@

$(PAGE)/node_modules/.ready: $(PAGE)/package-lock.json
	cd $(PAGE) && npm ci --silent
	@touch $@

$(VENV)/classroom: notebooks/exercises/classroom/requirements.txt $(VENV)/dev
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r notebooks/exercises/classroom/requirements.txt
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
	rm -rf $(VENV) $(PAGE)/node_modules build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

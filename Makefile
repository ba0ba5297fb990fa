# Targets for the study, its report and its tests. Nothing but Python 3.11 or newer needs to be installed.

PYTHON ?= python3
STUDY ?= default
DEVICE ?= auto
DATA_ROOT ?=
RESULTS ?= results
OUT ?=
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m benchmark

# the studies of the paper; the first has the confirmatory questions
PAPER := claim noise rate sources origin
PAGE = $(or $(OUT),report/paper)

.PHONY: help benchmark report paper test check wheel bench calibrate answer picture law clean

help: ## show this list
	@echo "make TARGET [PYTHON=…] [STUDY=… DEVICE=auto|cpu|cuda DATA_ROOT=… RESULTS=… OUT=… ARGS=…]"
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  \1\t/'

benchmark: $(VENV)/.run ## run a study (STUDY=default) and write its report
	@$(RUN) run "$(STUDY)" --device "$(DEVICE)" --results "$(RESULTS)" --report \
	$(if $(OUT),--out "$(OUT)") $(if $(DATA_ROOT),--data-root "$(DATA_ROOT)") $(ARGS)

report: $(VENV)/.run ## write the report of recorded results
	@$(RUN) report "$(STUDY)" --results "$(RESULTS)" $(if $(OUT),--out "$(OUT)")

paper: $(VENV)/.run ## run all studies of the paper, and write their page into report/paper
	@for study in $(PAPER) doubts; do \
	$(RUN) run "$$study" --device "$(DEVICE)" --results "$(RESULTS)" $(if $(DATA_ROOT),--data-root "$(DATA_ROOT)") $(ARGS) || exit; \
	done
	@$(RUN) report $(PAPER) --published $(firstword $(PAPER)) --results "$(RESULTS)" --out "$(PAGE)"
	@$(RUN) doubt claim rate noise doubts --results "$(RESULTS)" --json > "$(PAGE)/doubts.json"

test: $(VENV)/.test ## run the tests
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.test ## ruff, ruff format, mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

wheel: $(VENV)/.test ## build the wheel, install it beside the test environment and run smoke from it
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && rm -rf build && \
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$$folder" . && \
	$(BIN)/python -m venv --without-pip "$$folder/venv" && \
	$(BIN)/python -m pip --python "$$folder/venv/bin/python" install --quiet --disable-pip-version-check --no-deps "$$folder"/*.whl && \
	where='import sysconfig; print(sysconfig.get_path("purelib"))' && \
	$(BIN)/python -c "$$where" > "$$("$$folder/venv/bin/python" -c "$$where")/beside.pth" && \
	cd "$$folder" && unset PYTHONPATH && export PATH="$$folder/venv/bin:$$PATH" && \
	echo 'raise SystemExit("this is the wrong package")' > benchmark.py && \
	latents --version && latents run smoke --seeds 1 && latents report smoke--subset

bench: $(VENV)/.run ## measure speed and memory against other ways (needs cora, cs and mnist-test)
	@PYTHONPATH=tests $(BIN)/python -m speed --device "$(DEVICE)" $(if $(DATA_ROOT),--data-root "$(DATA_ROOT)") $(ARGS)

calibrate: $(VENV)/.test ## calibrate the statistics on simulated studies (ARGS="--studies 400 words")
	@$(BIN)/python tests/support/calibration.py $(ARGS)

answer: $(VENV)/.test ## write the answer of report/paper into README and docs
	@$(BIN)/python tests/support/answer.py

picture: $(VENV)/.test ## draw the picture of the README (needs chromium)
	@$(BIN)/python tests/support/picture.py

law: $(VENV)/.test ## write the law that the package ships (ARGS="claim rate --results results --published")
	@$(BIN)/python tests/support/ship_law.py $(ARGS)

clean: ## remove the virtual environment and caches; results stay
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or newer is needed, and $(PYTHON) is %d.%d; try make PYTHON=python3.12 …" % v[:2])'
	@echo "making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml
	@echo "installing the benchmark and its dependencies (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(VENV)/.run pyproject.toml
	@echo "installing the packages for tests and checks"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test,dev]"
	@touch $@

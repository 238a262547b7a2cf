# Python 3.11 or newer, make and git are all that is needed; the rest comes into .venv.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
READY := .venv/.ready
# The type checker reads Django's settings, which refuse to load without an environment.
LINT_ENV := ENV_FILE= SECRET_KEY=only-for-linting-0123456789-0123456789-0123456789-01 ALLOWED_HOSTS=localhost \
	DATABASE_URL=postgresql://localhost/lint REDIS_URL=redis://localhost \
	STRIPE_SECRET_KEY=sk_test_000000000000000000000000 STRIPE_WEBHOOK_SECRET=whsec_0000000000000000

.PHONY: help demo test lint scorecard bench lock clean
help:
	@echo "make demo       the whole product here; options: make demo ARGS='--port 8001 --no-seed'"
	@echo "make test       linters, types and all tests but the long ones"
	@echo "make scorecard  the long reliability checks"
	@echo "make bench      speed against peers, as ratios"
	@echo "make lock       pins the newest allowed versions in requirements/"
	@echo "make clean      removes .venv, .local and caches"

demo: $(READY)
	@exec $(BIN)/python manage.py demo $(ARGS)

test: lint
	@$(BIN)/python -m pytest -q -n 2 -m "not scorecard" $(ARGS)

lint: $(READY)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(LINT_ENV) $(BIN)/mypy --num-workers 2 config privacy apikeys billing sessions_live sandbox tests
	@$(BIN)/lint-imports --no-logo

scorecard: $(READY)
	@$(BIN)/python -m pytest -m scorecard $(ARGS)

bench: $(READY)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

lock: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv $(LOCK) --output-file requirements/production.txt
	@$(BIN)/uv $(LOCK) --group dev --output-file requirements/dev.txt
LOCK := pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate

clean:
	@rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache staticfiles

$(READY): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, but $(PYTHON) is " + sys.version.split()[0] + ": name another one, as in make PYTHON=python3.12.")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv module (python3-venv on Debian)." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the locked packages into .venv (the first time takes a minute) …" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

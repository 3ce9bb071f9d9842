# The two commands of the README, and what developers need. The first call installs
# everything into .venv; later ones only when setup.py or constraints.txt change.

VENV = .venv
INSTALLED = $(VENV)/.installed
JAX_VENV = .venv-jax
JAX_INSTALLED = $(JAX_VENV)/.installed

# The first of these that runs, and is of a version that TensorFlow 2.14 has wheels
# for, makes the environment. To choose: make PYTHON=/path/to/python3.10 demo
PYTHON = python3.11 python3.10 python3.9 python3 python

# A worker more helps on more cores, and takes 2 GB. Tests of a file share fixtures.
WORKERS = 2
PYTEST = $(VENV)/bin/python -m pytest -q -n $(WORKERS) --dist=loadfile \
	--no-loadscope-reorder

SUPPORTED_VERSION = import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 11))
SUPPORTED_MACHINE = import platform, sys; sys.exit(platform.machine() != "x86_64" or \
	platform.system() not in ("Linux", "Darwin"))

.PHONY: help demo test test-kernels readme lint clean

help: ## list these targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED) ## see the method at work in minutes (DATA='FRAMES/*.png': on your own RGBA PNGs)
	$(VENV)/bin/python -m experiments.demo $(if $(DATA),--data="$(DATA)")

test: $(INSTALLED) $(JAX_INSTALLED) ## run the tests
	$(PYTEST)

test-kernels: $(INSTALLED) ## run those of TensorFlow's kernels with oneDNN off
	TF_ENABLE_ONEDNN_OPTS=0 $(PYTEST) -m "kernels and not long"

readme: $(INSTALLED) $(JAX_INSTALLED) ## run every command of the README files (hours)
	$(VENV)/bin/python -m tests.run_readme

lint: $(INSTALLED) ## check the style of the code
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

clean: ## remove what the other targets made
	rm -rf $(VENV) $(JAX_VENV) demo build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A command of PATH may exist and not run (a pyenv shim of a version that is not
# installed), so each candidate is tried.
$(INSTALLED): setup.py constraints.txt
	@for python in $(PYTHON); do \
	  if "$$python" -c '$(SUPPORTED_VERSION)' >/dev/null 2>&1; then break; fi; \
	  python=; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "salcomp needs Python 3.9, 3.10 or 3.11, and found none among: $(PYTHON)." \
	    "Install one, or name it: make PYTHON=/path/to/python3.11 demo" >&2; \
	  exit 1; \
	fi; \
	if ! "$$python" -c '$(SUPPORTED_MACHINE)'; then \
	  echo "salcomp runs on x86-64 Linux and macOS only: tensorflow-compression has" \
	    "no packages for other machines. Use one of those, or a container of" \
	    "linux/amd64." >&2; \
	  exit 1; \
	fi; \
	echo "Installing into $(VENV) with $$("$$python" --version)," \
	  "once; downloads about 700 MB." && \
	"$$python" -m venv --clear $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	  --use-pep517 -c constraints.txt -e '.[test,beam]'
	@touch $@

# The tests of salcomp.run_step need an environment with JAX and without TensorFlow. JAX
# has no version for Python 3.9 that it works with; the tests then skip.
$(JAX_INSTALLED): $(INSTALLED) constraints-jax.txt
	@$(VENV)/bin/python -m venv --clear $(JAX_VENV)
	@if $(VENV)/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then \
	  $(JAX_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	    -c constraints-jax.txt jax pillow; \
	else rm $(JAX_VENV)/bin/python; fi
	@touch $@

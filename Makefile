# make run, make test and make check need only Python 3.11 or newer and make; the first call sets everything up.
# Another Python: make run PYTHON=python3.12
PYTHON ?= python3
ROOT ?= demo/BATCH
BIN := .venv/bin
STAMP := .venv/.set-up

.PHONY: run test test-faults console-test coverage mutants nightly properties soak readers fuzz sheet-pictures console-pictures bench bench-peers house check format lint types contract texts setup lock clean
.PHONY: bundle bundle-test image compose-test share-test systemd-test k8s-test containers-test deploy-check

run: setup  ## anonymize a root folder: the demonstration's, or make run ROOT=/path/to/BATCH
ifeq ($(ROOT),demo/BATCH)
	@test -d demo/BATCH || $(BIN)/anonymizer demo demo/BATCH
endif
	@$(BIN)/anonymizer run "$(ROOT)"

NEWCOMERS := -n auto --dist worksteal --in-memory tests --ignore=tests/faults --ignore=tests/deploy --ignore=tests/browser
test: setup  ## run the newcomer's tests: some minutes on two cores
	$(BIN)/pytest $(NEWCOMERS)

test-faults: setup  ## the long tests: processes killed, Redis lost, disks full
	$(BIN)/pytest tests/faults

soak: setup  ## kill everything at random for ten minutes: make soak MINUTES=60 SEED=7
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))

COVERED := 90
coverage: setup  ## measure the lines and branches covered by the newcomer's tests; fail below the minimum
	$(BIN)/pytest $(NEWCOMERS) --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERED)

mutants: setup  ## remove each step of the protocol in turn; fail if no test notices: make mutants ONLY=lease
	$(BIN)/python -m tests.mutants $(if $(ONLY),--only "$(ONLY)")

properties: setup  ## property tests with twenty times as many examples: make properties TIMES=100
	TIMES=$(or $(TIMES),20) $(BIN)/pytest -n auto --dist worksteal --in-memory --timeout=3600 -m hypothesis tests/unit

nightly: setup  ## run overnight: many examples, coverage, mutants, soak, fuzz, eight centres of sixty sets, benchmarks
	$(MAKE) properties
	$(MAKE) coverage
	$(MAKE) mutants
	$(MAKE) soak MINUTES=60
	$(MAKE) fuzz SEED=$$(date +%j) COUNT=1800000
	SETS_PER_CENTRE=60 $(BIN)/pytest tests/faults/test_eight_centres_become_one_collection.py
	$(MAKE) bench

readers: setup  ## have a delivery checked by third-party readers, those that are installed (on the PATH, or in .venv)
	$(BIN)/python -m tests.readers

fuzz: setup  ## read damaged files with our reader, pydicom, GDCM and DCMTK: make fuzz SEED=7 COUNT=100000
	$(BIN)/python -m tests.fuzz --seed $(or $(SEED),1) --count $(or $(COUNT),10000) --keep .venv/fuzz.dcm

# Chromium and its driver come from the system (Debian: apt install chromium chromium-driver), axe-core from npm;
# without them the tests that need them are skipped with a message. Pictures of every page are stored in PICTURES.
PICTURES ?= .venv/pictures
console-test: setup  ## test the console in a browser, with the whole service
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-browser.lock
	npm install --prefix .venv/axe --no-save --no-package-lock --silent axe-core@4.14.1 || echo "NO AXE: npm is not installed, or has no network" >&2
	$(BIN)/pytest -rs --durations=5 tests/browser --pictures $(PICTURES)

sheet-pictures: setup  ## make the pictures of a sheet in docs/screenshots again from the demonstration (needs chromium)
	$(BIN)/python -m tests.sheet_pictures docs/screenshots

console-pictures: console-test  ## make the pictures of the console in docs/screenshots from those of its test
	$(BIN)/python -m tests.console_pictures $(PICTURES) docs/screenshots

bench: setup  ## measure all performance targets on this machine, in some minutes
	$(BIN)/python -m benchmarks

house: setup  ## print figures of the source tree: rooms, imports, lengths, complexity
	$(BIN)/python -m benchmarks.house

bench-peers: setup  ## compare other tools on the same set, each in its own environment (needs a network once)
	$(BIN)/python -m benchmarks ten peers

check: format lint types contract test test-faults  ## run what CI runs

# Tests of the deployment. Each is skipped with a clear message if this machine cannot run it.
COMPOSE_TEST := $(BIN)/pytest -rs --durations=12 tests/deploy/test_compose.py
# This runtime limits the OOM score of kubelet's containers to the values that this machine permits.
MODEST := DOCKERD_OPTIONS="--add-runtime modest=$(CURDIR)/deploy/ci/modest-runc --default-runtime modest"

bundle: setup  ## make dist/bundle, from which a host without a network is installed (needs a network once)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-bundle.lock
	deploy/bundle.sh

bundle-test: bundle  ## install that bundle in a bare Debian without a network, and use it
	$(BIN)/pytest -rs --durations=5 tests/deploy/test_bundle.py

image:  ## build the image, with the available Docker engine or a temporary one
	deploy/ci/with-docker.sh docker image ls rt-set-anonymizer

compose-test: setup  ## test the compose project: start, load, failures, Flower
	deploy/ci/with-docker.sh $(COMPOSE_TEST)

share-test: setup  ## test a share that other hosts write to: bindfs, SMB, and kernel mounts of SMB and NFS
	$(BIN)/pytest -rs --durations=5 tests/deploy/test_share.py tests/deploy/test_kernel_mounts.py

systemd-test:  ## test the units under a real systemd in a separate machine: install, kill, stop, uninstall
	deploy/ci/systemd-test.sh

k8s-test: setup  ## test the manifests on a real API server and kubelet, which are built first; about fifteen minutes
	$(MODEST) deploy/ci/with-docker.sh deploy/ci/k8s-test.sh

containers-test: setup  ## test Compose and Kubernetes, with one engine and one image
	$(MODEST) deploy/ci/with-docker.sh sh -c '$(COMPOSE_TEST) && deploy/ci/k8s-test.sh'

deploy-check:  ## check Dockerfile and manifests by schemas and rules
	deploy/ci/check.sh

# Sentences for users are in the code in English, in `gettext` or `ngettext`; translate new ones in de.po.
SENTENCES := services/translations
texts: setup  ## update the translation catalogues from the code, and compile them
	$(BIN)/pybabel -q extract --no-location --sort-output --omit-header -k gettext_noop -o .venv/sentences.pot services watcher worker console
	$(BIN)/pybabel -q update -i .venv/sentences.pot -o $(SENTENCES)/de.po -l de -w 120 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/pybabel -q compile -i $(SENTENCES)/de.po -o $(SENTENCES)/de.mo

format: setup
	$(BIN)/ruff format --check .

lint: setup
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

contract: setup
	$(BIN)/lint-imports

setup: $(STAMP)

# Repeated only when the pins, the project's metadata or the interpreter change: a second call needs no network.
$(STAMP): requirements.lock requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11
lock:  ## resolve the pins again (needs a network): command line, image, its builder, developers, browser
	$(LOCK) pyproject.toml -o requirements.lock
	$(LOCK) -c requirements.lock pyproject.toml --extra service -o requirements-service.lock
	$(LOCK) -c requirements-service.lock pyproject.toml --extra service --group dev -o requirements-dev.lock
	$(LOCK) -c requirements-dev.lock --group browser -o requirements-browser.lock
	$(LOCK) -c requirements-dev.lock --group bundle -o requirements-bundle.lock
	grep -o 'hatchling==[0-9.]*' pyproject.toml | head -1 | $(LOCK) -c requirements-dev.lock - -o requirements-build.lock

clean:
	rm -rf .venv demo

# The commands of operator/docs/development.md. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The image's Python: see tests/cluster/shipped.py.
SHIPPED := $(BIN)/python -m tests.cluster.shipped
# Two commands at once; the output of the first follows that of the second.
beside = @said=$$(mktemp) && trap 'rm -f "$$said"; kill $$beside 2>/dev/null' EXIT; \
	$(1) > "$$said" 2>&1 & beside=$$!; $(2); here=$$?; \
	wait $$beside; there=$$?; beside=; cat "$$said"; exit $$((here || there))
# Variables of the release's commands, which tests/release reads from its environment. They are never part of a shell's
# text, and make doesn't expand them: a tag's name may have any of "`$;.
GIVEN := ARCH BASE COMMIT DIST IMAGE KEY PUBLIC_KEY REGISTRY TAG
$(foreach name,$(GIVEN),$(if $(filter undefined,$(origin $(name))),,$(eval override $(name) := $$(value $(name)))$(eval export $(name))))
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'

# One after the other, whatever MAKEFLAGS says: the other steps of `test` depend on the first.
.NOTPARALLEL:

# The one package that tests/cluster/setup.py can't install, since it is written in Python.
PYTHON_READY := command -v $(PYTHON) >/dev/null || { \
	if [ $(PYTHON) = python3 ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "==> installing python3 (about 30 s)" >&2; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq && apt-get install -qq --yes --no-install-recommends python3 >/dev/null; \
	else echo "error: missing: $(PYTHON); install with: apt-get install python3" >&2; exit 2; fi; }; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "error: Python 3.11 or newer is needed; set PYTHON=" >&2; exit 2; }

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/.installed: pyproject.toml requirements-dev.lock
	@$(PYTHON_READY)
	@$(PYTHON) -m tests.cluster.setup python
	@echo "==> the Python environment from the lock file (about 1 minute the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## the environment from the lock files, in .venv

.PHONY: lock
lock: install ## rewrite the lock files from pyproject.toml
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --group dev --output-file requirements-dev.lock

.PHONY: demo
demo: install ## the main job on a real control plane: rollovers, counted by the API that consumers call
	@$(BIN)/python -m tests.demo

.PHONY: test
test: setup lint unit release-test simulation apiserver gitops monitoring readers together patient ## everything: format, lint, types, import contracts, and all tests

.PHONY: setup
setup: # with the environment's Python if there is one: it may differ from the machine's
	@test -x $(BIN)/python || { $(PYTHON_READY); }
	@$(or $(wildcard $(BIN)/python),$(PYTHON)) -m tests.cluster.setup test

.PHONY: lint
lint: install ## format, lint, types, import contracts, the documents' site
	@echo "==> format, lint, types, import contracts, the documents' site (about 1 min)"
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.site >/dev/null

.PHONY: docs
docs: install ## the documents as a site, in dist/site; fails on a broken link or a page outside the navigation
	@$(BIN)/python -m tests.site

.PHONY: rooms
rooms: install ## the operator's rooms: their floors, and what each is for
	@$(BIN)/python -m tests.unit.rooms

.PHONY: unit
unit: UNIT := tests/unit tests/fakes tests/cluster tests/bench tests/demo tests/site
unit: install ## the tests that only need Python, on two of its versions
	@echo "==> unit tests, and the same on the image's Python (about 2 min)"
	$(call beside,$(SHIPPED) --besides -m pytest --quiet $(UNIT),$(BIN)/coverage run -m pytest --quiet $(UNIT))
	@$(BIN)/coverage combine --quiet && $(BIN)/coverage report

.PHONY: simulation
simulation: BESIDE := $(addprefix tests/simulation/,test_document.py test_mutants.py)
simulation: install ## random stories in virtual time, checked against the operator's promises
	@echo "==> simulations (about 4 min)"
	$(call beside,$(SHIPPED) -m pytest --quiet $(BESIDE),$(SHIPPED) -m pytest --quiet tests/simulation $(addprefix --ignore=,$(BESIDE)))

.PHONY: simulate
simulate: install ## what a year costs at each model of a token endpoint, compared with simple clients
	@$(BIN)/python -m tests.simulation

.PHONY: plots
plots: install ## the same, written into operator/docs/renewal.md with its plots
	@$(BIN)/python -m tests.simulation --document

.PHONY: apiserver
apiserver: programs ## the operator with a real API server
	@echo "==> the operator with a real API server (about 5 min)"
	@$(SHIPPED) -m pytest --quiet tests/apiserver

.PHONY: gitops
gitops: programs gitops-programs ## Helm, Flux and kstatus wait for resources, with a real API server
	@echo "==> Helm, Flux and kstatus wait for resources (about 1 min)"
	@$(SHIPPED) -m pytest --quiet tests/gitops

.PHONY: monitoring
monitoring: DAYS := tests/monitoring/test_days.py
monitoring: programs monitoring-programs ## alerts and dashboard in a real Prometheus that scrapes the operator
	@echo "==> alerts and dashboard in a real Prometheus (about 1 min)"
	$(call beside,$(BIN)/python -m pytest --quiet $(DAYS),$(BIN)/python -m pytest --quiet tests/monitoring --ignore=$(DAYS))

.PHONY: panels
panels: programs monitoring-programs ## draw the dashboard's panels into operator/docs/operations.md from a real run
	@$(BIN)/python -m tests.monitoring

.PHONY: servers
servers: setup programs ## other people's token servers, and the operator with the quickest of them
	@echo "==> the operator with other people's token servers (about 2 min, more the first time)"
	@$(BIN)/python -m pytest --quiet tests/endpoints

.PHONY: endpoints
endpoints: endpoints-setup programs ## the operator with all of those servers, and two more: a table of every case; SERVERS= only these
	@FURTHER_SERVERS=1 $(BIN)/python -m pytest --quiet tests/endpoints/test_server.py
	@$(BIN)/python -m tests.endpoints $(SERVERS)

.PHONY: readers
readers: setup programs monitoring-programs ## the quickest programs that read a mounted token, over three rollovers
	@echo "==> programs that read a mounted token (about 1 min)"
	@$(BIN)/python -m pytest --quiet tests/consumers

.PHONY: consumers
consumers: setup programs ## all programs that read a mounted token, controllers that read the Secret, and consumerDelay: a table of each
	@$(BIN)/python -m tests.consumers

.PHONY: faults
faults: programs ## two replicas on a real control plane that breaks in every way, judged from outside
	@echo "==> faults of every kind (about 6 min)"
	@$(SHIPPED) -m pytest --quiet tests/faults

.PHONY: soak
soak: programs ## the same with 500 resources and random faults; MINUTES=20, SEED= repeats a run
	@$(BIN)/python -m tests.faults $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED))

.PHONY: chart
chart: programs ## the chart and its CRDs, with Helm and a real API server
	@echo "==> the chart (about 1 min)"
	@$(BIN)/python -m pytest --quiet tests/chart

.PHONY: chart-lint
chart-lint: programs ## checkov on the rendered chart, with an answer to each finding
	@$(BIN)/python -m tests.chart.scan

.PHONY: node
node: setup node-programs release-programs ## the image, built from the Dockerfile and run on a node: needs root, Linux and Debian packages
	@echo "==> the image, and the operator on a node (about 5 min)"
	@$(BIN)/python -m pytest --quiet tests/node

.PHONY: patient
patient: setup programs node-programs release-programs ## faults and node in parallel: both mostly wait, and use less than half a core each
	@echo "==> faults of every kind; in parallel, the image and the operator on a node (about 6 min)"
	$(call beside,$(BIN)/python -m pytest --quiet tests/node,$(SHIPPED) -m pytest --quiet tests/faults)

.PHONY: together
together: setup programs ## token servers and chart in parallel: the servers mostly wait
	@echo "==> the chart; in parallel, the operator with other people's token servers (about 3 min, more the first time)"
	$(call beside,$(BIN)/python -m pytest --quiet tests/endpoints,$(BIN)/python -m pytest --quiet tests/chart)

.PHONY: compatibility
compatibility: programs gitops-programs ## a hundred installations that wait, and the oldest and newest documented Kubernetes
	@GITOPS_RUNS=100 $(SHIPPED) -m pytest --quiet tests/gitops/test_set.py
	@for version in 1.34 1.37; do \
		echo "==> the chart and the operator on Kubernetes $$version (about 8 min, more the first time)"; \
		export KUBERNETES_VERSION=$$version; $(BIN)/python -m tests.cluster build && \
		$(BIN)/python -m pytest --quiet tests/chart && $(SHIPPED) -m pytest --quiet tests/apiserver tests/gitops || exit; \
	done

.PHONY: bench
bench: programs ## the performance budget, each figure with its limit; ONLY= some parts, STORM=5000/600; AGAINST=COMMIT compares, PAIRS=5, SCENES= some scenes
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only "$(ONLY)") $(if $(STORM),--storm "$(STORM)") $(if $(AGAINST),--against "$(AGAINST)" $(if $(PAIRS),--pairs $(PAIRS)) $(if $(SCENES),--scenes "$(SCENES)"))

.PHONY: growth
growth: programs ## write the cost by number of resources into operator/docs/performance.md; SIZES= only prints other numbers
	@$(BIN)/python -m tests.bench --growth $(if $(SIZES),--sizes $(SIZES))

.PHONY: release
release: install release-programs ## build and verify a release of the last commit in dist/release; KEY= signs it; see operator/docs/releasing.md
	@$(BIN)/python -m tests.release build

.PHONY: release-verify
release-verify: install release-programs ## check the release in DIST=dist/release against its checksums and the lock file; PUBLIC_KEY= checks its signature
	@$(BIN)/python -m tests.release verify

.PHONY: release-sign
release-sign: install release-programs ## verify and sign the release in DIST=dist/release with KEY=
	@$(BIN)/python -m tests.release sign

.PHONY: release-publish
release-publish: install release-programs ## push the image and the chart of DIST=dist/release to REGISTRY=, both signed by KEY=
	@$(BIN)/python -m tests.release publish

.PHONY: release-test
release-test: release-programs ## a trial release and its contents, and the workflows
	@echo "==> a trial release, and the workflows (about 20 s)"
	@$(BIN)/python -m pytest --quiet tests/release

.PHONY: programs
programs: install
	@$(BIN)/python -m tests.cluster build

.PHONY: endpoints-setup
endpoints-setup: install # before minutes of building
	@$(BIN)/python -m tests.cluster.setup endpoints

.PHONY: gitops-programs
gitops-programs: install
	@$(BIN)/python -m tests.gitops

.PHONY: monitoring-programs
monitoring-programs: install
	@$(BIN)/python -m tests.cluster build --monitoring

.PHONY: release-programs
release-programs: install
	@$(BIN)/python -m tests.cluster build --release

.PHONY: node-programs
node-programs: install
	@$(BIN)/python -m tests.cluster build --node

.PHONY: cluster
cluster: install ## start a control plane with the CRDs; the last line is its kubeconfig's path; NODE=1 adds a node
	@$(BIN)/python -m tests.cluster start $(if $(filter 1,$(NODE)),--node)

.PHONY: cluster-stop
cluster-stop: install ## stop the control plane of `make cluster`
	@$(BIN)/python -m tests.cluster stop

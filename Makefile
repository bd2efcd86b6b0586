# Every target sets up what it needs, inside the checkout. ARGS passes flags on: make demo ARGS='--once --json'
MAKEFLAGS += --no-print-directory
ARGS ?=

.PHONY: help setup demo test test-inline test-assert test-load test-certificates test-kube test-programmed soak check conformance fuzz bench bench-cluster stubs lock clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile | while IFS=: read -r target text; do printf '  make %-18s%s\n' "$$target" "$$text"; done

setup: ## make .venv and .envoy; the other targets do it by themselves
	@scripts/setup

demo: setup ## run the mesh of examples/shop with a live view
	@.venv/bin/heddle demo $(ARGS)

test: ## run all tests; ARGS='tests/xds -k nack' runs some, without the coverage gate
	@scripts/test $(ARGS)

test-inline: setup ## the end-to-end tests without VHDS: whole route configurations
	@.venv/bin/python -m pytest e2e --inline-routes $(ARGS)

test-assert: setup ## all tests while every step is compared with a full recompute
	@MESH_ASSERT=1 .venv/bin/python -m pytest $(ARGS)

test-load: setup ## 500 requests a second while subsets come and go; wants the machine for itself
	@.venv/bin/python -m pytest e2e/test_load.py --heavy -s $(ARGS)

test-certificates: setup ## certificates of a minute and two roots change at 200 requests a second; needs root
	@.venv/bin/python -m e2e.rotation

IN_KUBE = e2e/test_traffic_split.py e2e/test_mutual_tls.py e2e/test_authorization.py

test-kube: setup ## a real kube-apiserver and helm, built if need be; ARGS='-k review' runs some
	@scripts/kube
	@HEDDLE_REHEARSE_IMAGE=1 .venv/bin/python -m pytest tests/kube tests/charts e2e/kube $(ARGS)
	@$(if $(ARGS),true,HEDDLE_E2E_KUBE=1 .venv/bin/python -m pytest $(IN_KUBE))

test-programmed: setup ## from an edit to Programmed=True at a real API server, with 50 proxies; ARGS='50 30'
	@scripts/kube
	@.venv/bin/python -m e2e.kube.programmed $(ARGS)

soak: setup ## edits, restarts and misbehaving proxies under load, for SOAK_SECONDS (60)
	@.venv/bin/python -m e2e.soak

check: ## formatting, lint, types, layers
	@scripts/check

conformance: ## the protocol's rules on every supported Envoy; writes docs/conformance.md
	@scripts/conformance $(ARGS)

fuzz: setup ## the properties with FUZZ=100 times the examples, real Envoy included
	@FUZZ=$${FUZZ:-100} scripts/test --timeout=0 tests/translator/test_translate.py tests/mesh/test_advance.py tests/heddle/test_engine.py tests/heddle/test_problems.py tests/test_simulator_agrees.py tests/webhook/test_fuzz.py $(ARGS)

bench: setup ## print the benchmark's figures, write bench/out/report.json
	@.venv/bin/python -m bench $(ARGS)

bench-cluster: setup ## what reading 10,000 pods and 1,000 services costs
	@.venv/bin/python -m bench.cluster

stubs: setup ## generate typings/ (check does it by itself)
	@.venv/bin/python scripts/stubs

lock: ## pin the requirements anew; ARGS=--upgrade takes the newest versions
	@scripts/lock $(ARGS)

clean: ## remove everything that was generated
	rm -rf .venv .envoy .envoy-* .cache typings build dist *.egg-info bench/out
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

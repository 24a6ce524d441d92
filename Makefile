# What a contributor runs. `make` alone lists it. CARGO_TARGET_DIR is honoured; the downloaded and built parts of
# the stack are cached in $IRONWRIGHT_CACHE, $XDG_CACHE_HOME/ironwright or ~/.cache/ironwright.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
STACK := $(TARGET)/debug/ironwright-stack
# One selection of packages and targets for everything that is built twice otherwise: cargo's features depend on it.
BUILD := $(CARGO) build --workspace --all-targets --locked
# End-to-end tests mostly wait: for Ironic, for a listing, for a pause to end.
E2E_THREADS ?= 4
# How long to fuzz.
SECONDS ?= 600
GENERATED := crds charts/ironwright/generated deploy/crds.yaml deploy/operator.yaml docs/reference

# $(call with_tools,COMMAND,OPTIONS): the launcher gets the stack's tools ready (Go, Python) while COMMAND compiles Rust.
define with_tools
@"$(STACK)" tools $(2) & tools=$$!; \
trap 'kill $$tools 2>/dev/null || true' INT TERM; \
$(1) || { status=$$?; kill $$tools 2>/dev/null || true; wait $$tools || true; exit $$status; }; \
wait $$tools
endef

# $(call write_generated,DIR): everything in $(GENERATED), below DIR. The manifests are the chart's, without what only Helm
# may say of itself.
define write_generated
"$(TARGET)/debug/ironwright" crds --directory "$(1)/crds"; \
mkdir -p "$(1)/charts/ironwright" "$(1)/deploy"; \
cp -r "$(1)/crds" "$(1)/charts/ironwright/generated"; \
{ echo '# Written by `make generate` from src/api.'; "$(TARGET)/debug/ironwright" crds; } > "$(1)/deploy/crds.yaml"; \
{ echo '# Written by `make generate` from charts/ironwright.'; \
"$(STACK)" helm template ironwright charts/ironwright --namespace ironwright-system --set crds.install=false \
| sed -e '/managed-by: Helm$$/d' -e '/helm.sh\/chart: /d' -e '/^$$/d'; } > "$(1)/deploy/operator.yaml"; \
"$(TARGET)/debug/ironwright" reference --directory "$(1)/docs/reference"
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: preflight ## A real control plane and Ironic, the operator, six machines; ONCE=1 ends when all are Ready
	@$(CARGO) build --workspace --locked --bin ironwright-stack
	$(call with_tools,$(CARGO) build --workspace --locked --bins)
	@exec "$(STACK)" demo $(if $(filter-out 0,$(ONCE)),--once)

.PHONY: build
build: preflight ## Compile everything, tests included, and get the stack's tools ready
	@$(CARGO) build --workspace --locked --bin ironwright-stack
	$(call with_tools,$(BUILD),--openstack)

.PHONY: test
test: build ## The whole suite, unit to end-to-end, on the same real parts
	@$(CARGO) test --workspace --locked --doc
	@$(CARGO) test --workspace --locked --lib --bins --no-fail-fast
	@$(CARGO) test --workspace --locked --test '*' --no-fail-fast -- --test-threads=$(E2E_THREADS)
	@$(CARGO) test --workspace --locked --test it -- --ignored chains::

.PHONY: edits
edits: build ## Look for changes of machines that end wrongly, on the real stack: SEED=1, CHAINS=200
	@EDITS_SEED=$(or $(SEED),1) EDITS_CHAINS=$(or $(CHAINS),200) EDITS_MINIMISE=1 \
	$(CARGO) test --workspace --locked --test it -- chains:: --include-ignored --nocapture

.PHONY: bench
bench: preflight ## Measure the release build against a plain script; writes target/bench/results.json
	@$(CARGO) build --workspace --locked --bin ironwright-stack
	$(call with_tools,$(CARGO) build --release --locked -p ironwright --bins --examples,--gophercloud)
	@exec "$(STACK)" bench

.PHONY: fuzz
fuzz: preflight ## Look for bodies that a parser trips over, under libFuzzer: FUZZ=catalog, node or refusal; SECONDS=600
	@tests/fuzz.sh "$(FUZZ)" "$(SECONDS)"

.PHONY: generate
generate: build ## Write what is generated: CRDs, plain manifests, reference pages
	@new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
	$(call write_generated,$$new); \
	for to in $(GENERATED); do rm -rf "$$to"; cp -r "$$new/$$to" "$$to"; done

.PHONY: parity
parity: build ## Compare the client with openstacksdk on a real Ironic, and write docs/parity.md
	@WRITE_PARITY=1 $(CARGO) test --workspace --locked --test it -- parity::

.PHONY: check
check: fmt-check clippy drift ## Formatting, lints and drift of what is generated

.PHONY: fmt
fmt: ## Format the source
	@$(CARGO) fmt --all

.PHONY: fmt-check
fmt-check:
	@$(CARGO) fmt --all --check

.PHONY: clippy
clippy:
	@$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	@$(CARGO) clippy --workspace --example fuzz --features ironwright/fuzzing --locked -- -D warnings

.PHONY: drift
drift: build
	@new=$$(mktemp -d); trap 'rm -rf "$$new"' EXIT; \
	$(call write_generated,$$new); \
	for at in $(GENERATED); do \
	diff -ru "$$at" "$$new/$$at" || { echo "$$at is not what its source says: run \`make generate\` and commit it" >&2; exit 1; }; \
	done

# Also a part of `make test`: here on its own, because it answers in seconds.
.PHONY: dependencies
dependencies: ## Licences, duplicates and sources of the crates, and who may use whom within this one
	@$(CARGO) test --workspace --locked --test it -- dependencies:: layers::

.PHONY: clean
clean: ## Remove what was built here (the cache of the stack's tools stays)
	@$(CARGO) clean

.PHONY: preflight
preflight:
	@tests/stack/preflight.sh

# simscim: what can be made. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
# The version of a build: the nearest tag, or the commit, with -dirty for local changes.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
# Tools are pinned in go.tool.mod, apart from what the product needs.
TOOL := $(GO) tool -modfile=go.tool.mod
FUZZTIME ?= 10s
PKGS ?= ./...
TESTFLAGS ?=

.PHONY: help build test race lint fmt fuzz bench e2e gen verify clean

help: ## List the targets.
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-8s %s\n", $$1, $$2}'

build: ## Put a static binary at bin/simscim.
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/simscim ./cmd/simscim

test: ## Run all tests.
	$(GO) test $(TESTFLAGS) $(PKGS)

race: ## Run all tests under the race detector (needs a C compiler).
	CGO_ENABLED=1 $(GO) test -race $(PKGS)

lint: ## Check formatting, vet, and run the linters of .golangci.yml.
	$(TOOL) golangci-lint fmt --diff
	$(GO) vet $(PKGS)
	$(TOOL) golangci-lint run $(PKGS)

fmt: ## Format the code.
	$(TOOL) golangci-lint fmt

fuzz: ## Fuzz each target for FUZZTIME (10s), one after the other.
	@scripts/fuzz.sh $(FUZZTIME)

bench: ## Measure against the yardsticks, as ratios in one run.
	$(GO) run ./bench

e2e: ## Run the end-to-end tests, which need node and npm; skipping one is a failure.
	CI=true $(GO) test -count=1 -v ./e2e/...

gen: ## Write the generated documents anew.
	$(GO) generate $(PKGS)

verify: ## Check that modules and generated documents are as they should be.
	$(GO) mod verify
	@before=$$(git status --porcelain); $(GO) generate $(PKGS); after=$$(git status --porcelain); \
	if [ "$$before" != "$$after" ]; then echo "generated files were stale; commit what make gen wrote:"; git status --short; exit 1; fi
	scripts/check-dockerfile.sh

clean: ## Remove what was built.
	rm -rf bin dist

# Every command of the house. `make help` lists them.

FUNCTIONS := $(notdir $(wildcard functions/*))
VERBS     := $(basename $(notdir $(wildcard events/*.json)))

# What the laptop keeps below STATE.
STATE ?= .local
export STATE
KEPT  := counterfoil.db key.pem idp-key.pem idp.json notes.jsonl
# A kill at the very first start can leave one of these.
KEPT  += counterfoil.db.new-* .key-*

# The race detector needs a C compiler, which a bare machine may lack.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
MISSPELL    := github.com/client9/misspell/cmd/misspell@v0.3.4

# What people read: misspell looks through these.
READ = $(wildcard *.md Makefile .ci cmd docs events examples functions pkg)

NEED_GO = $(if $(shell command -v go),,$(error Go is missing: install 1.26 or newer from https://go.dev/dl/))

.PHONY: help run test build lint invoke clean-local FORCE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

run: ## the whole service on http://127.0.0.1:8080; PORT= and STATE= change where
	$(NEED_GO)@go build -o dist/local ./cmd/local && exec dist/local

test: ## every test that needs no cloud
	$(NEED_GO)@$(if $(RACE),,echo 'no C compiler: testing without the race detector' >&2;) go test $(RACE) ./...

build: $(FUNCTIONS:%=dist/%/bootstrap) ## every function as Lambda takes it, linux/arm64: dist/<function>/bootstrap

# The same source makes the same bytes, wherever it is built.
dist/%/bootstrap: FORCE
	$(NEED_GO)@GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags=lambda.norpc -ldflags='-s -w -buildid=' -o $@ ./functions/$*

lint: ## gofmt, go vet, staticcheck, misspell, govulncheck
	$(NEED_GO)@bad=$$(go list -f '{{.Dir}}' ./... | xargs gofmt -l | sort -u); if [ -n "$$bad" ]; then echo "gofmt would change:" $$bad >&2; exit 1; fi
	@go vet ./...
	@go run $(STATICCHECK) ./...
	@go run $(MISSPELL) -error $(READ)
	@if ! out=$$(go run $(GOVULNCHECK) ./... 2>&1); then \
		case "$$out" in \
		*"fetching vulnerabilities"*) echo 'govulncheck: skipped, its database cannot be reached' ;; \
		*) echo "$$out" >&2; exit 1 ;; \
		esac; \
	fi

invoke: ## a verb's event through its real handler: make invoke f=create
	$(NEED_GO)$(if $(filter $(f),$(VERBS)),,$(error say which verb: make invoke f=<one of $(VERBS)>))@go run ./cmd/local -invoke $(f)

# Nothing but ours is removed: STATE could be any folder.
clean-local: ## forget what `make run` kept
	@if [ -d "$$STATE" ]; then cd "$$STATE" && rm -f $(KEPT) && cd - >/dev/null && rmdir "$$STATE"; fi

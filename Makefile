# Every command of the house. `make help` lists them.

FUNCTIONS := $(patsubst functions/%/main.go,%,$(wildcard functions/*/main.go))
VERBS     := $(basename $(notdir $(wildcard events/*.json)))

# What the laptop keeps below STATE.
STATE ?= .local
export STATE
# RotateLocal names a key by the second in which it begins to sign.
D     := [0-9][0-9]
ADDED := key-$D$D$D$DT$D$D$DZ.pem
KEPT  := counterfoil.db key.pem $(ADDED) idp-key.pem idp.json notes.jsonl trail.jsonl
# A kill at the very first start can leave one of these.
KEPT  += counterfoil.db.new-* .key-*

# The race detector needs a C compiler, which a bare machine may lack.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
MISSPELL    := github.com/client9/misspell/cmd/misspell@v0.3.4

# What people read in English: misspell looks through these. A test of the
# console speaks Italian.
READ = $(wildcard *.md Makefile .ci cdk.json cmd docs events examples functions infra pkg) \
	$(filter-out %/it.ts %.d.ts,$(shell find console/src console/e2e -type f))

NEED_GO = $(if $(shell command -v go),,$(error Go is missing: install 1.26 or newer from https://go.dev/dl/))

# Vite builds the console, and CDK runs, in what these can run; npm brings npx.
OLD_NODE  := const [a, b] = process.versions.node.split("."); process.exit(a == 20 && b >= 19 || a == 22 && b >= 12 || a > 22 ? 0 : 1)
HAS_NODE   = $(and $(shell node -e '$(OLD_NODE)' 2>/dev/null && echo yes),$(shell command -v npm),$(shell command -v npx))
NEED_NODE  = $(if $(HAS_NODE),,$(error Node is missing or too old (20.19 and 22.12 are the oldest that do): install 22 or newer, with npm, from https://nodejs.org/))

# The console is built again when something of it, or of the promise that its
# types come from, has changed. (Those it writes itself.)
CONSOLE_PAGE    := console/dist/index.html
CONSOLE_SOURCES := $(filter-out console/src/api/schema.d.ts,$(shell find console/src console/public)) \
	$(wildcard console/*.json console/*.ts console/*.html) pkg/api/openapi.yaml
CONSOLE_MODULES := console/node_modules/.package-lock.json

.PHONY: help need-go run test build lint invoke clean-local FORCE

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

need-go:
	$(NEED_GO)@:

run: need-go $(CONSOLE_PAGE) ## the whole service on http://127.0.0.1:8080; PORT= and STATE= change where
	@go build -o dist/local ./cmd/local && exec dist/local

# One goroutine that walks shows the race detector nothing, and takes four times
# as long under it. So this test runs without, wherever it is.
WALK := TestTheTrailOfARandomWalk

.PHONY: test-go test-walk test-console
test: test-go test-walk test-console ## every test that needs no cloud

test-go:
	$(NEED_GO)@$(if $(RACE),,echo 'no C compiler: testing without the race detector' >&2;) go test $(RACE) -skip '^$(WALK)$$' ./...

test-walk:
	$(NEED_GO)@go test -run '^$(WALK)$$' $(dir $(shell grep -rlw 'func $(WALK)' ./pkg))

# Nothing in it passes or fails by the clock: read it on a machine at rest.
.PHONY: bench
bench: ## what authorize costs, and how the real binaries start beside a hello world
	$(NEED_GO)@go test -run '^$$' -bench . -benchmem ./pkg/pat ./pkg/store
	@go test -run '^$$' -bench . -benchtime 31x ./functions

# Says what takes so long, and the rest only where it fails.
quietly = out=$$($(1) 2>&1) || { echo "$$out" >&2; exit 1; }

# No package gets to run a script of its own on this machine.
$(CONSOLE_MODULES): console/package.json console/package-lock.json
	$(NEED_NODE)@echo 'console: npm ci' >&2; $(call quietly,cd console && npm ci --ignore-scripts --no-audit --no-fund) && touch $@

$(CONSOLE_PAGE): $(CONSOLE_SOURCES) $(CONSOLE_MODULES)
	$(NEED_NODE)@echo 'console: npm run build' >&2; $(call quietly,cd console && npm run build) && touch $@

.PHONY: console shots
console: $(CONSOLE_MODULES) ## the console as it is written, by Vite, on the API of a `make run` beside it
	$(NEED_NODE)@cd console && SERVER="$${SERVER:-http://127.0.0.1:$${PORT:-8080}}" exec npm run --silent dev

# What a laptop may lack for them; in CI it is a failure.
CHROMIUM ?= $(shell for browser in chromium chromium-browser google-chrome; do command -v $$browser && break; done)
export CHROMIUM
skip_or_fail = if [ '$(CI)' = true ]; then echo $(1) >&2; exit 1; else echo $(1); exit 0; fi

test-console:
	@$(if $(HAS_NODE),,$(call skip_or_fail,'the tests of the console are skipped: they need Node and npm');) $(MAKE) -s --no-print-directory $(CONSOLE_PAGE) && cd console && npm test --silent
	@$(if $(and $(HAS_NODE),$(CHROMIUM)),,$(call skip_or_fail,'the tests in a browser are skipped: they need Node and Chromium');) cd console && npm run --silent e2e

shots: $(CONSOLE_PAGE) ## a picture of every state of the console, in console/shots
	$(NEED_GO)$(NEED_NODE)@$(if $(CHROMIUM),,echo 'Chromium is missing, or say where: CHROMIUM=' >&2; exit 1;) cd console && npm run --silent shots

build: $(FUNCTIONS:%=dist/%/bootstrap) ## every function as Lambda takes it, linux/arm64: dist/<function>/bootstrap

# The same source makes the same bytes, wherever it is built.
dist/%/bootstrap: FORCE
	$(NEED_GO)@GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags=lambda.norpc -ldflags='-s -w -buildid=' -o $@ ./functions/$*

# The command line. Its version is the commit's name; the same source makes the
# same bytes.
SYSTEMS      := linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64 windows-arm64
BUILD_CFOIL  := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w -buildid= -X main.release=$$(git describe --tags --always --dirty 2>/dev/null)"

.PHONY: cfoil cfoil-all docs
cfoil: ## the command line, for this machine: dist/cfoil
	$(NEED_GO)@$(BUILD_CFOIL) -o dist/cfoil ./cmd/cfoil

cfoil-all: $(SYSTEMS:%=dist/cfoil-%) ## the command line for Linux, macOS and Windows, amd64 and arm64

dist/cfoil-%: FORCE
	$(NEED_GO)@GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) $(BUILD_CFOIL) -o $@$(if $(findstring windows,$*),.exe) ./cmd/cfoil

docs: ## man pages and completions of the command line: dist/docs
	$(NEED_GO)@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || date +%s) go run -tags=docs ./cmd/cfoil docs dist/docs

lint: ## gofmt, go vet, staticcheck, misspell, govulncheck; Biome for the console
	$(NEED_GO)@bad=$$(go list -f '{{.Dir}}' ./... | xargs gofmt -l | sort -u); if [ -n "$$bad" ]; then echo "gofmt would change:" $$bad >&2; exit 1; fi
	@go vet ./...
	@go run $(STATICCHECK) ./...
	@go run $(MISSPELL) -error -i eliminato $(READ)
	@if ! out=$$(go run $(GOVULNCHECK) ./... 2>&1); then \
		case "$$out" in \
		*"fetching vulnerabilities"*) echo 'govulncheck: skipped, its database cannot be reached' ;; \
		*) echo "$$out" >&2; exit 1 ;; \
		esac; \
	fi
	@$(if $(HAS_NODE),,$(call skip_or_fail,'Biome: skipped, it needs Node and npm');) $(MAKE) -s --no-print-directory $(CONSOLE_MODULES) && cd console && npm run --silent lint

invoke: ## a verb's event through its real handler: make invoke f=create
	$(NEED_GO)$(if $(filter $(f),$(VERBS)),,$(error say which verb: make invoke f=<one of $(VERBS)>))@go run ./cmd/local -invoke $(f)

.PHONY: rotate-key
rotate-key: ## a new signing key for `make run`, without a gap; run it at any time, whether that runs or not
	$(NEED_GO)@go build -o dist/local ./cmd/local && exec dist/local -rotate-key

# Nothing but ours is removed: STATE could be any folder.
clean-local: ## forget what `make run` kept
	@if [ -d "$$STATE" ]; then cd "$$STATE" && rm -f $(KEPT) && cd - >/dev/null && rmdir "$$STATE"; fi

# On AWS. CDK runs in Node. Its newest version on npm is one published by
# mistake, which cannot read what ours writes: so never another than this.
CDK := npx --yes aws-cdk@2.1148.1
# Node 20 works; CDK prints a page about its end of life.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = 20

# What is deployed. Without one of your own `make synth` shows the example.
CONFIG   ?= $(or $(wildcard infra/config.json),infra/config.example.json)
SCOPES   ?= infra/scopes.json
export CONFIG SCOPES

NEED_CONFIG = $(if $(filter infra/config.example.json,$(CONFIG)),$(error No configuration: copy infra/config.example.json to infra/config.json and fill it in))

.PHONY: synth diff deploy publish destroy deploy-console destroy-console sam localstack

# The console is an app of its own to CDK: what is done to one stack asks nothing
# of the other.
CONSOLE_CDK = $(CDK) --app 'go run ./infra console' --output cdk.out/console

synth: ## the CloudFormation templates, in cdk.out; no account and no network needed, but once for the console's packages
	$(NEED_GO)$(NEED_NODE)@CDK_OUTDIR=cdk.out go run ./infra && echo 'cdk.out: from $(CONFIG)'
	@if ! grep -q '"console" *:' '$(CONFIG)'; then echo 'cdk.out/console: no console in $(CONFIG)'; \
	elif ! $(MAKE) -s --no-print-directory $(CONSOLE_PAGE); then echo 'cdk.out/console: not without a console, which could not be built' >&2; \
	else CDK_OUTDIR=cdk.out/console go run ./infra console && echo 'cdk.out/console: from $(CONFIG)'; fi

diff: ## what a deployment would change
	$(NEED_GO)$(NEED_NODE)$(NEED_CONFIG)@go run ./infra/preflight
	@$(CDK) diff

deploy: ## to the account and Region of this shell, as infra/config.json says
	$(NEED_GO)$(NEED_NODE)$(NEED_CONFIG)@go run ./infra/preflight
	@mkdir -p dist && file=$$(go run ./infra/deployed file) && $(CDK) deploy --outputs-file "$$file"
	@$(MAKE) --no-print-directory publish

publish: ## the scope catalogue and the public keys, to what was deployed
	$(NEED_GO)$(NEED_CONFIG)@file=$$(go run ./infra/deployed outputs) && go run ./infra/preflight && \
	go run ./cmd/publish -catalogue "$$SCOPES" -outputs "$$file"

# With FORCE=1 CDK does not ask: whoever told it no would have lost the table of
# a stack that lives.
destroy: ## the stack; its table and keys stay, but for FORCE=1, which asks nothing and drops the table and every token
	$(NEED_GO)$(NEED_NODE)$(NEED_CONFIG)@go run ./infra/preflight
	@tables=$$(go run ./infra/deployed tables) && file=$$(go run ./infra/deployed outputs) && set -- $$tables && \
	if [ '$(FORCE)' != 1 ]; then $(CDK) destroy && echo "what is left, with every token (FORCE=1 drops it where it is one): the table" $$tables; \
	elif [ $$# != 1 ]; then echo "nothing was destroyed: since the restore there are two tables," $$tables "(the first is in use). Run make destroy without FORCE, then go run ./infra/droptable for each that shall go" >&2; exit 1; \
	else $(CDK) destroy --force && go run ./infra/droptable "$$1" && rm "$$file" && echo "the table $$1 is gone"; fi

# The variables of the template that SAM cannot know. Their values are yours.
SAM_TABLE ?= counterfoil
SAM_KEY   ?= 00000000-0000-0000-0000-000000000000
SAM       := sam local start-api --template cdk.out/$(or $(STACK),Counterfoil).template.json --env-vars dist/sam.json

deploy-console: need-go $(CONSOLE_PAGE) ## the console, as infra/config.json says; docs/operating.md says what comes first
	$(NEED_NODE)$(NEED_CONFIG)@go run ./infra/preflight
	@$(CONSOLE_CDK) deploy

destroy-console: need-go $(CONSOLE_PAGE) ## the console's stack, with all that is in it
	$(NEED_NODE)$(NEED_CONFIG)@go run ./infra/preflight
	@$(CONSOLE_CDK) destroy

sam: synth ## the functions in SAM's containers, on the table SAM_TABLE and the key SAM_KEY of this shell's account
	@mkdir -p dist && printf '{"Parameters": {"COUNTERFOIL_TABLE": "%s", "COUNTERFOIL_SIGNING_KEY": "%s", "COUNTERFOIL_ISSUER": "https://localhost:3000"}}\n' '$(SAM_TABLE)' '$(SAM_KEY)' >dist/sam.json
	@for tool in docker sam; do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	docker info >/dev/null 2>&1 || missing="$$missing (a running Docker)"; \
	if [ -n "$$missing" ]; then echo "missing:$$missing. With it, this would run:" >&2; echo '$(SAM)'; exit 1; fi; $(SAM)

# Any emulator of AWS will do that speaks CloudFormation; they need Docker.
EMULATOR ?= http://localhost:4566
AT_EMULATOR := AWS_ENDPOINT_URL=$(EMULATOR) AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1

localstack: ## a deployment to an emulator at EMULATOR (floci, AWS Emulator, LocalStack)
	$(NEED_GO)$(NEED_NODE)@if ! $(AT_EMULATOR) go run ./infra/preflight; then \
		echo 'no emulator answers at $(EMULATOR): start one (it needs Docker). Then this would run:' >&2; \
		echo '$(AT_EMULATOR) $(CDK) bootstrap'; \
		echo '$(AT_EMULATOR) $(CDK) deploy --method direct --require-approval never --outputs-file dist/emulator.json'; \
		echo '$(AT_EMULATOR) go run ./cmd/publish -catalogue $(SCOPES) -outputs dist/emulator.json'; exit 1; fi
	@mkdir -p dist && $(AT_EMULATOR) $(CDK) bootstrap && \
	$(AT_EMULATOR) $(CDK) deploy --method direct --require-approval never --outputs-file dist/emulator.json && \
	$(AT_EMULATOR) go run ./cmd/publish -catalogue "$$SCOPES" -outputs dist/emulator.json

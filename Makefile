# Everything a developer runs. CI runs `make test` and nothing else.
#
#   make test       install what tests need where it is missing, check, build, run every test
#   make build      bin/latchkey, one static binary
#   make assets     Lock and auth0.js for the Classic login page; build does it where npm is there
#   make soak       the long runs: kills under load, races repeated for minutes
#   make terraform  a whole tenant kept in Terraform, with Auth0's provider
#   make bench      benchmarks and the load driver: the figures of docs/performance.md
#   make fmt        format the Go sources
#   make clean      remove what these targets made

GO ?= go

# The race detector watches everything but the translated C of SQLite, which
# would run ten times slower under it.
RACE = -race '-gcflags=modernc.org/...=-race=false'

# How long each soak lasts.
SOAK ?= 2m

.DEFAULT_GOAL := build
.PHONY: test prepare assets check race build soak terraform bench fmt clean

test:
	@start=$$(date +%s); \
	if $(MAKE) --no-print-directory prepare check build race; \
	then echo "make test: everything passed in $$(( $$(date +%s) - start )) s"; \
	else echo "make test: FAILED after $$(( $$(date +%s) - start )) s; the reason stands above"; exit 1; \
	fi

prepare:
	@scripts/prepare

assets:
	@scripts/assets

check: bin/staticcheck
	@unformatted=$$(git ls-files --cached --others --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; fi
	CGO_ENABLED=0 $(GO) vet ./...
	CGO_ENABLED=0 bin/staticcheck ./...

# The servers that whole-system tests start watch for races too.
race: bin/withpg
	$(GO) build $(RACE) -o bin/latchkey-race ./cmd/latchkey
	LATCHKEY_BINARY=$(CURDIR)/bin/latchkey-race bin/withpg $(GO) test $(RACE) -shuffle=on -timeout 20m ./...

build:
	@scripts/assets --if-npm
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags=-s -o bin/latchkey ./cmd/latchkey

soak: prepare build bin/withpg
	LATCHKEY_SOAK=$(SOAK) LATCHKEY_BINARY=$(CURDIR)/bin/latchkey bin/withpg --durable $(GO) test -count=1 -run Soak -timeout 60m -v ./test/...

terraform: build bin/withpg
	LATCHKEY_TERRAFORM=1 LATCHKEY_BINARY=$(CURDIR)/bin/latchkey bin/withpg $(GO) test -count=1 -timeout 30m -v ./test/terraform

bench: build bin/withpg
	bin/withpg --durable $(GO) test -run '^$$' -bench . -benchmem ./internal/... ./test/servertest
	$(GO) run ./test/load bench --binary bin/latchkey

fmt:
	git ls-files --cached --others --exclude-standard '*.go' | xargs gofmt -w

clean:
	rm -rf bin test/node_modules test/screenshots internal/web/classic/assets/node_modules
	find internal/web/classic/assets/dist -mindepth 1 ! -name .gitkeep -delete

bin/staticcheck: test/tools/go.mod test/tools/go.sum
	$(GO) build -C test/tools -o ../../bin/staticcheck honnef.co/go/tools/cmd/staticcheck

# Built each time: go build knows best whether anything changed.
.PHONY: bin/withpg
bin/withpg:
	@$(GO) build -o bin/withpg ./test/pg/run

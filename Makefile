# Everything one does with this repository. `make` alone says what there is.

# Where git refuses to tell the version (a checkout that belongs to somebody
# else), binaries are built without one.
no_version := $(shell git rev-parse HEAD >/dev/null 2>&1 || echo -buildvcs=false)

export GOTOOLCHAIN := auto
export GOFLAGS := $(strip -trimpath $(no_version))

# Modules beside the main one that have code of their own.
examples := examples/shop examples/podinfo

# Rooms whose tests need nothing but the processor.
quick := . ./format/... ./gate/... ./internal/archtest/... ./judge/... ./pipeline/... ./step

gotestsum := bin/tools/gotestsum --format pkgname --hide-summary skipped
tools := bin/tools/.built

# Real processes under real traffic on a busy machine can fail by its noise: what
# fails is tried again, and the summary says what needed that.
again := --rerun-fails=3 --rerun-fails-max-failures=20
cluster := bin/cluster/.built

# The linters vet already, over the same packages; twice would be minutes.
unvetted := -vet=off

# What every test needs. Without Kubernetes nothing of it is built.
needed := $(tools)
ifneq ($(FAIRLEAD_TEST_KUBERNETES),off)
needed += $(cluster)
endif

# Packages with tests that start a cluster.
on_kubernetes = $(sort $(dir $(shell grep -rl --include='*_test.go' --exclude-dir=bin fairlead.dev/internal/kubetest .)))

fuzztime ?= 10s
benchcount ?= 3

# How much the benchmarks of releasing do.
turns ?= 20
services ?= 50
releases ?= 1000
workers ?= 4
waiting ?= 50

.DEFAULT_GOAL := help
.PHONY: help build run test test-kill-whole cluster test-kubernetes test-kubernetes-whole test-peers check format lint lint-whole race fuzz bench bench-release bench-releases bench-kubernetes bench-waiting bench-judge bench-accuracy bench-security bench-peers clean

help: ## say what there is
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

build: ## bin/fairlead
	go build -ldflags='-s -w' -o bin/fairlead ./cmd/fairlead

run: build ## take the example service through the whole way
	scripts/demo.sh

test: $(needed) ## every test of every module (installs what it needs where it may)
	.ci/install
	$(gotestsum) $(again) --packages "$$(go list ./... | grep -vE '/internal/(kubetest|onkubernetes)$$' | xargs)" -- $(unvetted) -timeout 40m
	@for module in $(examples); do \
		echo "== $$module" && (cd $$module && ../../$(gotestsum) -- $(unvetted) ./...) || exit 1; \
	done
ifneq ($(FAIRLEAD_TEST_KUBERNETES),off)
	$(MAKE) test-kubernetes
endif

# Most of these tests wait for pods most of the time: more of them than there are
# processors keep those busy.
test-kubernetes: $(tools) $(cluster) ## the tests that run on Kubernetes, and no others
	.ci/install
	$(gotestsum) $(again) --packages "$(on_kubernetes)" -- $(unvetted) -p 2 -parallel 4 -timeout 40m
	cd test/cluster && ../../$(gotestsum) -- $(unvetted) ./...

test-kill-whole: ## kill releases at every checkpoint on both databases (make test: all of one service on SQLite, else each third)
	go test ./internal/e2e -count 1 -run 'KilledAtEveryStep' -v -timeout 1h -every

test-kubernetes-whole: $(cluster) ## kill at every checkpoint, leave out every permission (make test tries one of eight)
	go test ./internal/onkubernetes -count 1 -run 'TestKilledAtEveryStep$$|TestSmallestRole$$' -v -timeout 3h -every

test-peers: $(cluster) ## canaries and rollbacks by route through Traefik (cold: minutes more)
	cd test/traefik && go build -ldflags='-s -w' -o ../../bin/traefik github.com/traefik/traefik/v3/cmd/traefik
	go test ./internal/onkubernetes -count 1 -v -parallel 2 -timeout 40m -traefik $(CURDIR)/bin/traefik \
		-run 'TestCanaryByRoute$$|TestForeignRulesStay$$|TestRollback$$/route|TestNothingIsLeft$$|TestDeliveredByTheProgram$$'

cluster: $(cluster) ## bin/cluster: the Kubernetes that tests run on (cold: minutes)

check: $(tools) ## format, vet and the quick tests: before every commit
	@$(unformatted)
	go vet ./...
	go test $(quick)

format: $(tools) ## write every Go file as it should be
	bin/tools/gofumpt -w $(sources)

lint: $(tools) ## all linters over all modules
	@$(unformatted)
	bin/tools/golangci-lint run ./...
	@for module in $(examples); do \
		(cd $$module && ../../bin/tools/golangci-lint run --config ../../.golangci.yml ./...) || exit 1; \
	done
	@dead=$$(bin/tools/deadcode -test ./...) || exit 1; \
		if [ -n "$$dead" ]; then echo "nothing reaches:"; echo "$$dead"; exit 1; fi

lint-whole: lint ## lint, and the linters over the Kubernetes that tests run on (minutes more)
	cd test/cluster && ../../bin/tools/golangci-lint run --config ../../.golangci.yml --timeout 30m ./...

race: ## the tests of everything concurrent, under the race detector
	go test -race -timeout 30m ./command/... ./control/... ./engine/... ./flow/... ./store/... ./target/... ./worker/...

fuzz: ## every fuzz test for a while: make fuzz fuzztime=1m
	.ci/fuzz $(fuzztime)

bench: $(tools) ## every benchmark, one after the other, as a table
	@mkdir -p bin
	go test -p 1 -run '^$$' -bench . -count $(benchcount) -timeout 60m ./... >bin/bench.txt || (cat bin/bench.txt; exit 1)
	bin/tools/benchstat bin/bench.txt

bench-release: ## rollback time and failed requests of every strategy under load (about 20 minutes)
	go test ./internal/e2e -count 1 -run 'TestTurn$$' -v -timeout 3h -turns $(turns)

bench-releases: ## a thousand releases of fifty services, none lost
	go test ./internal/e2e -count 1 -run 'TestFleet$$' -v -timeout 3h -services $(services) -releases $(releases) -workers $(workers)

bench-kubernetes: $(cluster) ## on Kubernetes: rollback time, failed requests and time by strategy
	go test ./internal/onkubernetes -count $(benchcount) -v -parallel 1 -timeout 3h \
		-run 'TestRollback$$|TestCanaryByRoute$$|TestBlueGreenBySelector$$|TestCanaryByReplicas$$'

bench-waiting: ## what fifty runs that wait for people cost, through deaths of the server
	go test ./internal/e2e -count 1 -run 'TestManyWait$$' -v -timeout 1h -waiting $(waiting) -watched 60s

bench-judge: ## how often the judge errs, beside other tools: docs/reference/judge.md
	go run ./internal/judgebench -out docs/reference/judge.md

bench-accuracy: ## how often the scanners are right, on files with known answers: docs/reference/accuracy.md
	go run ./internal/accuracy -out docs/reference/accuracy.md

bench-security: ## import, match, re-evaluation of 10,000 bills of materials, secrets
	go test ./vulndb -run '^$$' -bench 'Import|Match' -benchtime 5x
	go test ./exposure -run '^$$' -bench Reevaluate -benchtime 20x -sboms 10000 -timeout 60m
	go test ./internal/bench -run '^$$' -bench ColdMatch -benchtime 20x
	go test ./credential -run '^$$' -bench .

bench-peers: build ## beside gitleaks, osv-scanner and govulncheck, built from their modules (cold: 15 minutes)
	@mkdir -p bin/peers
	cd test/peers && go build -o ../../bin/peers/ tool
	go run ./internal/peerbench

clean: ## remove what make has made
	rm -rf bin

# The tools are built once, from versions pinned in a module of their own.
$(tools): tools/go.mod tools/go.sum
	@mkdir -p bin/tools
	cd tools && go build -o ../bin/tools/ tool
	@touch $@

# Go's own cache makes this cheap when nothing has changed.
$(cluster): $(shell find test/cluster test/kwok examples/podinfo -name '*.go' -o -name 'go.*') test/cluster/build
	test/cluster/build bin/cluster

# What is formatted: everything but what make has made.
sources = $$(find . -path ./bin -prune -o -name '*.go' -print)

# unformatted fails when a Go file is not formatted.
unformatted = files=$$(bin/tools/gofumpt -l $(sources)) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted, run make format:"; echo "$$files"; exit 1; fi

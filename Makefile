# To begin: make run, make test. `make help` lists the rest.
.PHONY: help run demo test test-asan test-asan-release test-release test-e2e test-docker test-operating test-docs \
  test-package soak soak-operating fuzz lint format clean bench deps deps-check \
  release install deb dist dist-check

SWIFT ?= swift
JOBS ?= 2
FLAGS ?=
CONTAINER_FLAGS ?=
RUNS ?= 5
ROWS ?=
ATTACKS ?=
SECONDS ?= 60
UNIT_TESTS ?= RelayTests|FuzzTests
SWIFT_SOURCES = Package.swift Sources Tests $(addprefix Benchmarks/,Package.swift Sources Tests)
BENCH_BUILD = $(SWIFT) build --package-path Benchmarks -c release -j $(JOBS)
# The version and its date are defined in one place each.
VERSION = $(shell sed -n 's/.*relayVersion = "\(.*\)"/\1/p' Sources/Relay/Units/Version.swift)
DATE = $(shell sed -n 's/^\#\# \[$(VERSION)\] - //p' CHANGELOG.md)
DESTDIR ?=
PREFIX ?= /usr/local
DIST ?= .build-dist
RELRO = -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now
# Swift's libraries are always linked in: no system has them. The package uses Debian's C libraries,
# which Debian updates. The program does not contain the path of its build folder.
SHARED_C = --static-swift-stdlib -Xswiftc -file-prefix-map -Xswiftc $(CURDIR)=/src \
  -Xcxx -ffile-prefix-map=$(CURDIR)=/src $(RELRO)
STATIC = $(SHARED_C) -Xswiftc -static-executable
BUILD_RELEASE = $(SWIFT) build -c release -j $(JOBS) --product
# Every target that runs the release programs shares this build.
BUILD_PROGRAMS = for name in jm-directory-server jm-directory-ctl jm-fd-store; do \
  $(BUILD_RELEASE) $$name $(SHARED_C) || exit 1; done
TARGETS ?= frame handshake routing proxy reply proof directory image

help:
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: deps ## build the relay and run it on its defaults
	@$(BUILD_PROGRAMS)
	@if [ "$$(id -u)" = 0 ]; then echo "make run: you are root, so ALLOW_ROOT=true is set for this run" >&2; fi
	@if [ "$$(id -u)" = 0 ]; then export ALLOW_ROOT=true; fi; \
	  exec .build/release/jm-directory-server $(FLAGS)

demo: deps ## the relay with 30 simulated peers: page, top and metrics with numbers
	@$(BUILD_PROGRAMS)
	@exec Scripts/demo $(FLAGS)

test: deps ## all tests (Linux)
	@[ "$$(uname)" = Linux ] || { echo 'make test: the tests need Linux' >&2; exit 1; }
	$(SWIFT) test -j $(JOBS) $(FLAGS)
	$(SWIFT) test --package-path Benchmarks -j $(JOBS) --disable-xctest
	Scripts/update-settings --check

test-asan: deps ## all unit tests under AddressSanitizer, in debug
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/lsan-suppressions RELAY_WITHOUT=ProductTests \
	  $(SWIFT) test -j $(JOBS) --disable-xctest --sanitize=address --scratch-path .build-asan --filter '$(UNIT_TESTS)' $(FLAGS)

# Checks optimised code, which allocates and reuses memory differently from debug code.
test-asan-release: deps ## the same in release: five more minutes, not part of .ci/run
	LSAN_OPTIONS=suppressions=$(CURDIR)/Tests/lsan-suppressions RELAY_WITHOUT=ProductTests \
	  $(SWIFT) test -j $(JOBS) --disable-xctest --sanitize=address --scratch-path .build-asan -c release -Xswiftc -enable-testing \
	  --filter '$(UNIT_TESTS)' $(FLAGS)

# In release, because these properties depend on the optimiser.
test-release: deps ## that a frame costs no allocation and that bounds are checked
	RELAY_WITHOUT=ProductTests,FuzzTests \
	  $(SWIFT) test -j $(JOBS) -c release -Xswiftc -enable-testing --scratch-path .build-test-release --filter 'AllocationTests|BoundsTests|SessionStateTests'

test-e2e: deps ## peers through a private Tor network on loopback (installs tor)
	@command -v tor >/dev/null || Scripts/install-packages tor
	@$(BUILD_PROGRAMS)
	Tests/EndToEnd/run
	Tests/EndToEnd/two-tors
	Tests/EndToEnd/tor-control

test-docker: ## the images and compose, as an operator gets them
	Tests/Container/run --install $(CONTAINER_FLAGS)

test-operating: deps ## metrics, alerts and the page with Prometheus and Chromium (installs both)
	Tests/Operating/run

test-docs: deps ## the commands of the documents (Linux)
	Tests/Docs/run

test-package: deb ## the Debian package: install, start, upgrade, remove, purge (root)
	Tests/Package/run $(DIST)/jm-directory-server_$(VERSION)-*_*.deb

soak: deps ## the promises that take minutes, in release (docs/promises.md)
	$(BENCH_BUILD)
	JM_SOAK=1 RELAY_WITHOUT=RelayTests,FuzzTests $(SWIFT) test -j $(JOBS) --disable-xctest -c release -Xswiftc -enable-testing --scratch-path .build-test-release --filter 'ProductTests/Soak|StallTests|PendingTests|ProofFlood' $(FLAGS)

soak-operating: deps ## five minutes of load under Prometheus: all numbers equal (installs prometheus)
	@command -v prometheus >/dev/null || Scripts/install-packages prometheus
	@$(BUILD_PROGRAMS)
	$(BENCH_BUILD)
	Tests/Operating/load

# An input that breaks a promise is written to the target's corpus, where the tests replay it. Commit it with the fix.
fuzz: deps ## search TARGETS for inputs that break a promise, SECONDS each
	RELAY_FUZZ=1 $(SWIFT) build -c release -j $(JOBS) --sanitize=address --product RelayFuzz --scratch-path .build-fuzz \
	  -Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld -Xswiftc -enable-testing
	@for target in $(TARGETS); do \
	  seeds=Tests/FuzzTests/Corpus/$$target; grown=.build-fuzz/corpus/$$target; mkdir -p $$grown; \
	  echo "fuzzing $$target for $(SECONDS) s"; \
	  SWIFT_BACKTRACE=enable=no .build-fuzz/release/RelayFuzz $$target -max_total_time=$(SECONDS) -max_len=4096 \
	    -timeout=10 -print_final_stats=1 -verbosity=0 -artifact_prefix=$$seeds/found- $$grown $$seeds || exit 1; \
	done

# The server is linked statically, as the container image holds it. ROWS: some rows of Benchmarks/budget.json only.
bench: deps ## measure the relay against the floor and its budget: about ten minutes (installs valgrind)
	@command -v valgrind >/dev/null || Scripts/install-packages valgrind
	$(BUILD_RELEASE) jm-directory-server $(STATIC) --scratch-path .build-static
	$(BUILD_RELEASE) jm-fd-store $(STATIC) --scratch-path .build-static
	$(BENCH_BUILD)
	cp .build-static/release/jm-fd-store .build-static/jm-fd-store
	strip -s -o .build-static/stripped .build-static/release/jm-directory-server
	cp .build-static/stripped .build-static/jm-directory-server # strip leaves it in large pages, which are mapped whole
	Benchmarks/.build/release/jm-directory-bench compare --server .build-static/jm-directory-server --runs $(RUNS) $(ROWS)

# Measures how each attack of docs/attacks.md affects honest peers, on loopback. ATTACKS: for example `--attack a-80 --seed 1`.
.PHONY: attack
attack: deps ## attack the relay and show what honest peers notice: about eight minutes
	@$(BUILD_PROGRAMS)
	$(BENCH_BUILD)
	Benchmarks/.build/release/jm-directory-bench attack --server .build/release/jm-directory-server $(ATTACKS)

# Tools from PyPI, in the versions of Scripts/python-tools.txt.
TOOLS = .build-tools/bin
$(TOOLS)/reuse: Scripts/python-tools.txt
	@Scripts/install-python-tools .build-tools

lint: $(TOOLS)/reuse ## layout of the sources, documents, workflows, licences
	$(SWIFT) format lint --strict --parallel -r $(SWIFT_SOURCES)
	Scripts/check-docs
	python3 Tests/Docs/test_check_docs.py 2>&1
	$(TOOLS)/actionlint
	cmp LICENSE LICENSES/MIT.txt
	$(TOOLS)/reuse lint --quiet || $(TOOLS)/reuse lint

release: deps ## build the program that `make install` installs
	@$(BUILD_PROGRAMS)

install: ## install what `make release` built (DESTDIR, PREFIX)
	@test -e .build/release/jm-directory-server || { echo "run: make release" >&2; exit 1; }
	Scripts/install-files .build/release "$(DESTDIR)" "$(PREFIX)" \
	  "$(PREFIX)/lib/systemd/system"

deb: release ## the Debian package, in .build-dist (installs dpkg-dev)
	@command -v dpkg-shlibdeps >/dev/null || Scripts/install-packages dpkg-dev
	Scripts/make-deb .build/release $(VERSION) $(DATE) $(DIST)

dist: deps ## the static program as a tarball with SHA256SUMS, in .build-dist
	$(BUILD_RELEASE) jm-directory-server $(STATIC) --scratch-path .build-static
	$(BUILD_RELEASE) jm-fd-store $(STATIC) --scratch-path .build-static
	Scripts/make-tarball .build-static/release $(VERSION) $(DATE) $(DIST)

dist-check: dist ## that another build in another folder gives the same bytes
	Scripts/check-reproducible $(DIST)

format: ## set the layout right
	$(SWIFT) format format -i --parallel -r $(SWIFT_SOURCES)

deps-check: ## name newer versions of the Swift packages
	Scripts/check-dependencies

deps: ## install the C libraries that are missing
	@Scripts/install-dependencies

clean: ## remove what was built
	rm -rf .build .build-asan .build-fuzz .build-static .build-test-release .build-dist .build-tools Benchmarks/.build

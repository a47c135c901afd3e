# What a newcomer needs: make run, make test. `make help` lists the rest.
.PHONY: help run demo test test-asan test-release test-e2e test-docker test-operating soak soak-operating fuzz lint format clean bench deps

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
TARGETS ?= frame handshake routing proxy reply proof directory image

help:
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: deps ## build the relay and run it on its defaults
	$(SWIFT) build -c release -j $(JOBS) --product jm-directory-server
	$(SWIFT) build -c release -j $(JOBS) --product jm-directory-ctl
	@if [ "$$(id -u)" = 0 ]; then echo "make run: you are root, so ALLOW_ROOT=true is set for this run" >&2; fi
	@if [ "$$(id -u)" = 0 ]; then export ALLOW_ROOT=true; fi; \
	  exec .build/release/jm-directory-server $(FLAGS)

demo: deps ## the relay with 30 simulated peers: page, top and metrics of a living market
	$(SWIFT) build -c release -j $(JOBS) --product jm-directory-server
	$(SWIFT) build -c release -j $(JOBS) --product jm-directory-ctl
	@exec Scripts/demo $(FLAGS)

test: deps ## all tests
	$(SWIFT) test -j $(JOBS) $(FLAGS)
	$(SWIFT) test --package-path Benchmarks -j $(JOBS) --disable-xctest
	Scripts/update-readme --check

# In release too: what is optimised away in debug, or never reused there, is looked at as it runs.
test-asan: deps ## all unit tests under AddressSanitizer, in debug and in release
	$(SWIFT) test -j $(JOBS) --disable-xctest --sanitize=address --scratch-path .build-asan --filter '$(UNIT_TESTS)' $(FLAGS)
	$(SWIFT) test -j $(JOBS) --disable-xctest --sanitize=address --scratch-path .build-asan -c release -Xswiftc -enable-testing \
	  --filter '$(UNIT_TESTS)' $(FLAGS)

# In release, where code is what it is when it runs.
test-release: deps ## that a frame costs no allocation
	$(SWIFT) test -j $(JOBS) -c release -Xswiftc -enable-testing --scratch-path .build-test-release --filter AllocationTests

test-e2e: deps ## peers through a private Tor network on loopback (installs tor)
	@command -v tor >/dev/null || Scripts/install-packages tor
	$(SWIFT) build -c release -j $(JOBS) --product jm-directory-server
	Tests/EndToEnd/run

test-docker: ## both images and compose, as an operator gets them
	Tests/Container/run --install $(CONTAINER_FLAGS)

test-operating: deps ## metrics, alerts and the page with Prometheus and Chromium (installs both)
	Tests/Operating/run

soak: deps ## the promises that take minutes, in release (docs/promises.md)
	$(BENCH_BUILD)
	JM_SOAK=1 $(SWIFT) test -j $(JOBS) --disable-xctest -c release -Xswiftc -enable-testing --scratch-path .build-test-release --filter 'ProductTests/Soak|StallTests|PendingTests|ProofFlood' $(FLAGS)

soak-operating: deps ## five minutes of load under Prometheus: all numbers equal (installs prometheus)
	@command -v prometheus >/dev/null || Scripts/install-packages prometheus
	$(SWIFT) build -c release -j $(JOBS) --product jm-directory-server
	$(BENCH_BUILD)
	Tests/Operating/load

# What breaks a promise is written to the target's corpus, where the tests replay it: commit it with its mend.
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
	$(SWIFT) build -c release -j $(JOBS) --static-swift-stdlib -Xswiftc -static-executable --product jm-directory-server --scratch-path .build-static
	$(BENCH_BUILD)
	strip -s -o .build-static/stripped .build-static/release/jm-directory-server
	cp .build-static/stripped .build-static/jm-directory-server # strip leaves it in large pages, which are mapped whole
	Benchmarks/.build/release/jm-directory-bench compare --server .build-static/jm-directory-server --runs $(RUNS) $(ROWS)

# What honest peers notice of each attack of docs/attacks.md, on loopback. ATTACKS: `--attack a-80 --seed 1`, for example.
.PHONY: attack
attack: deps ## attack the relay and show what honest peers notice: about eight minutes
	$(SWIFT) build -c release -j $(JOBS) --product jm-directory-server
	$(BENCH_BUILD)
	Benchmarks/.build/release/jm-directory-bench attack --server .build/release/jm-directory-server $(ATTACKS)

# Tools from PyPI, in the versions of Scripts/python-tools.txt.
TOOLS = .build-tools/bin
$(TOOLS)/reuse: Scripts/python-tools.txt
	@Scripts/install-python-tools .build-tools

lint: $(TOOLS)/reuse ## layout of the sources, links and commands of the documents, licences
	$(SWIFT) format lint --strict --parallel -r $(SWIFT_SOURCES)
	Scripts/check-docs
	python3 Tests/Docs/test_check_docs.py 2>&1
	cmp LICENSE LICENSES/MIT.txt
	$(TOOLS)/reuse lint --quiet || $(TOOLS)/reuse lint

format: ## set the layout right
	$(SWIFT) format format -i --parallel -r $(SWIFT_SOURCES)

deps: ## install the C libraries that are missing
	@Scripts/install-dependencies

clean: ## remove what was built
	rm -rf .build .build-asan .build-fuzz .build-static .build-test-release .build-tools Benchmarks/.build

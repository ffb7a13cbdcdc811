# SPDX-License-Identifier: BSD-3-Clause
#
# The words of this file are the words of CI: `make help` lists them. `make demo` and `make test`
# are each enough by themselves on a fresh machine that has Go and gcc.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)

# Debian packages: what builds, what tests, what lints.
DEB_BUILD := pkg-config libdpdk-dev dpdk libc6-dev
DEB_RUN   := iproute2 iputils-ping iperf3 procps ethtool net-tools
DEB_TEST  := frr bird2 keepalived radvd libnl-utils clang-14 clang-format-14 libclang-rt-14-dev tcpdump util-linux jq bc xz-utils uuid-runtime socat netsniff-ng
DEBS      := $(DEB_BUILD) $(DEB_RUN) $(DEB_TEST)

C_FILES    = $(shell find dataplane nlserver tests -name '*.c' -not -path '*/testdata/*')
H_FILES    = $(shell find dataplane nlserver tests -name '*.h')
DP_C_FILES = $(shell find dataplane -name '*.c' -not -name 'cgo_*' -not -path '*/go-dpdk/*')
SUPERVISE_SRC = $(wildcard nlserver/supervise/*.c) $(wildcard nlserver/supervise/*.h)
SHIM_SRC   = $(wildcard nlserver/shim/*.c) $(wildcard nlserver/shim/*.h)
DP_CFLAGS  = -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Idataplane -Idataplane/include $(shell pkg-config --cflags libdpdk)
FUZZTIME  ?= 20s
# Packets are not aligned to words, as on every machine that Linux calls efficient at that.
ASAN       = CC=gcc CGO_LDFLAGS=-fsanitize=undefined \
	CGO_CFLAGS='-O1 -g -fsanitize=undefined -fno-sanitize-recover=undefined -fno-sanitize=alignment'

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## install the Debian packages that are missing
	@missing=; for p in $(DEBS); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  $(SUDO) apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

.PHONY: build
build: deps out/skua out/skua-shim.so out/skua-supervise ## out/skua, and the shim and the supervisor beside it

.PHONY: out/skua
out/skua:
	@mkdir -p out
	go build -buildvcs=false -ldflags '$(LDFLAGS)' -o $@ ./appliance

out/skua-shim.so: $(SHIM_SRC)
	@mkdir -p out
	cc -std=gnu11 -O2 -Wall -Wextra -Werror -fPIC -shared -o $@ $(wildcard nlserver/shim/*.c) -ldl -lpthread

out/skua-supervise: $(SHIM_SRC) $(SUPERVISE_SRC)
	@mkdir -p out
	cc -std=gnu11 -O2 -Wall -Wextra -Werror -o $@ $(wildcard nlserver/supervise/*.c) $(wildcard nlserver/shim/*.c) -ldl -lpthread

.PHONY: test
test: build check-c lint test-go test-asan test-race fuzz-short smoke ## everything that CI runs

# The kernel's selftests and iproute2's, from Debian's source packages (140 MB, once).
out/conformance/testsuite: tests/conformance/fetch
	@$(MAKE) deps
	@rm -rf $@
	tests/conformance/fetch out/conformance
	@touch $@

.PHONY: conformance
conformance: build out/conformance/testsuite ## the kernel's and iproute2's own tests on Skua (root); UPDATE=1 writes the baseline
	UPDATE=$(UPDATE) go test -count=1 -timeout 20m -v ./tests/conformance

.PHONY: test-go
test-go: build out/conformance/testsuite ## all Go tests, packet scripts, kernel comparison (root for those)
	go test -timeout 30m ./...
	cd dataplane/go-dpdk && go vet ./...

.PHONY: test-asan
test-asan: build ## the packet scripts on a data plane built with ASan and UBSan
	$(ASAN) go test -asan -timeout 20m ./dataplane
	$(ASAN) go test -asan -timeout 20m -run Skua ./tests/script

.PHONY: test-race
test-race: build ## the control plane and the netlink server under the race detector
	go test -race -short -timeout 20m ./controlplane/... ./nlserver/... ./conf/...

.PHONY: smoke
smoke: build ## the demo without a person in front of it (root)
	@tests/demo/run --smoke

.PHONY: demo
demo: build ## two hosts in namespaces, Skua between them, real packets; KEEP=1 leaves it running
	@$(SUDO) tests/demo/run $(if $(KEEP),--keep)

.PHONY: lint
lint: deps ## formatters, vet, licence lines, white space
	@unformatted=$$(gofmt -l appliance conf controlplane dataplane nlserver tests); \
	if [ -n "$$unformatted" ]; then echo "gofmt: $$unformatted"; exit 1; fi
	@clang-format-14 --dry-run --Werror $(C_FILES) $(H_FILES)
	go vet ./...
	@go test ./tests/house

.PHONY: format
format: deps ## gofmt and clang-format, in place
	@gofmt -w appliance conf controlplane dataplane nlserver tests
	@clang-format-14 -i $(C_FILES) $(H_FILES)

.PHONY: check-c
check-c: deps ## every C file of the data plane compiles alone, with gcc and clang
	@for cc in gcc clang-14; do for f in $(DP_C_FILES); do \
	  $$cc $(DP_CFLAGS) -fsyntax-only $$f || exit 1; done; done

.PHONY: bench
bench: build ## everything measured, with peers in the same run; writes out/bench.json; ONLY=section,... QUICK=1 UNDER="chrt -f 1"
	go build -buildvcs=false -o out/bench ./tests/bench/report
	go build -buildvcs=false -o out/kernel_bench ./tests/bench/kernel
	go build -buildvcs=false -o out/wakeup_bench ./tests/bench/wakeup
	@$(SUDO) out/bench $(if $(QUICK),-quick) $(if $(ONLY),-only $(ONLY)) $(if $(UNDER),-under "$(UNDER)")
	@$(if $(QUICK)$(ONLY),,out/bench -publish)

.PHONY: bench-rps
bench-rps: deps ## what software distribution over two workers costs (root)
	@mkdir -p out
	MAIN=tests/bench/rps_bench.c tests/bench/build.sh out/rps_bench
	@$(SUDO) timeout 60 chrt -f 1 out/rps_bench -1 -r 10 -s 0.05
	@$(SUDO) timeout 60 chrt -f 1 out/rps_bench -r 20 -s 0.02

.PHONY: bench-latency
bench-latency: build ## latency through memif, and whether a worker ever stalls (root)
	go build -buildvcs=false -o out/latency ./tests/bench/latency
	@$(SUDO) out/latency -o out/latency.json

.PHONY: bench-compare
bench-compare: build ## cycles per packet of BASE=<commit> and of the working tree, in turn; CASES="..." names others
	@[ -n "$(BASE)" ] || { echo "usage: make bench-compare BASE=<commit> [CASES=\"case ...\"]"; exit 2; }
	go build -buildvcs=false -o out/bench ./tests/bench/report
	@$(SUDO) out/bench -compare $(BASE) $(CASES)

.PHONY: fuzz
fuzz: deps ## every fuzz target for FUZZTIME (20s)
	@tests/fuzz/run $(FUZZTIME)

.PHONY: fuzz-short
fuzz-short: deps
	@tests/fuzz/run $(FUZZTIME)

.PHONY: compdb
compdb: deps ## compile_commands.json for editors
	@{ echo '['; sep=; for f in $(DP_C_FILES); do \
	  printf '%s{"directory":"%s","file":"%s","command":"cc %s -c %s"}' "$$sep" "$(CURDIR)" "$$f" \
	    "$$(printf '%s' '$(DP_CFLAGS)' | sed 's/"/\\"/g')" "$$f"; sep=$$',\n'; done; echo; echo ']'; } > compile_commands.json

.PHONY: clean
clean: ## remove what was built
	rm -rf out compile_commands.json

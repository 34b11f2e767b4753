# holdfast: build, run, test and install. `make help` lists what there is.
#
# One file, no recursion. Headers that a source includes are found by the compiler (-MMD).
# Variants live beside each other: SAN=1 builds with the sanitizers into build/asan, FUZZ=1 (clang)
# what the fuzz targets are made of into build/fuzz, COVERAGE=1 with counters of what was run into
# build/coverage, FAULTS=1 with fault points (app/base/fault.h) into build/fault, BUILD= names any
# other directory.

VERSION := 0.1.0
PREFIX  ?= /usr/local
STATE   ?= var
PORT    ?=
SET     ?=
N       ?= 1

ifeq ($(origin CC),default)
CC := gcc
endif
ifdef SAN
CFLAGS   ?= -O1 -g
BUILD    ?= build/asan
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer \
	-DHOLDFAST_ASAN
endif
# The macros of json-c use statements as expressions.
ifdef FUZZ
CC       := clang
CFLAGS   ?= -O1 -g
CPPFLAGS += -Wno-gnu-statement-expression
BUILD    ?= build/fuzz
FUZZER   := address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZE := -fsanitize=fuzzer-no-link,$(FUZZER) -DHOLDFAST_ASAN
endif
ifdef COVERAGE
BUILD    ?= build/coverage
CFLAGS   ?= -O1 -g
SANITIZE := --coverage
endif
ifdef FAULTS
CFLAGS   ?= -O1 -g
BUILD    ?= build/fault
FAULTY   := -DHOLDFAST_FAULTS
endif
BUILD ?= build

CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
FORTIFY  ?= $(if $(SAN)$(FUZZ),,-D_FORTIFY_SOURCE=2)
HARDEN    = -fstack-protector-strong -fPIE $(FORTIFY)
INCLUDE  := -Iapp -I$(BUILD)/gen -I/usr/include/postgresql
COMPILE   = $(CC) -std=gnu17 $(INCLUDE) -DHOLDFAST_VERSION='"$(VERSION)"' $(CFLAGS) \
	$(WARNINGS) $(CPPFLAGS) $(FAULTY) $(HARDEN) $(SANITIZE) -MMD -MP
# No name of ours may stand in for the same name within a library: jansson, under libjwt, has a
# json_string() too.
HIDDEN   := -fvisibility=hidden
LINK      = $(CC) $(CFLAGS) $(SANITIZE) -pie $(LDFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed
LIBS     := -lfcgi -lpq -lhiredis -lcurl -ljson-c -ljwt -lcrypt -lcrypto

# One short line a step; V=1 shows the commands.
ifndef V
Q     := @
STEP   = @printf '  %-6s%s\n' $(1) $(patsubst $(BUILD)/%,%,$@)
endif

# What is made is written under a name of its own first, so that nobody finds half of it, and two
# that are at it at once do not write into each other's: `> $(NEW) && $(KEEP)`, in one line.
NEW  = $@.$$$$
KEEP = mv -f $(NEW) $@

# ---- what is built from what ---------------------------------------------------------------------

ROOMS   := base http store domain
LIBRARY := $(filter-out $(if $(FAULTS),,app/base/fault.c), \
	$(foreach room,$(ROOMS),$(wildcard app/$(room)/*.c)))
QUERIES := $(sort $(wildcard sql/queries/*/*.sql))
# Of no use to the product's own programs: for those that try it.
PROOF   := $(foreach room,load history,$(wildcard app/$(room)/*.c))
SCRIPTS := $(sort $(wildcard app/store/lua/*.lua))
GENERATED := queries scripts

POOLS_SHARED := $(wildcard $(patsubst %,app/pools/%.c,serve nudge places caller))
JOBS_SHARED  := $(wildcard app/jobs/job.c)
POOLS := $(filter-out $(POOLS_SHARED),$(wildcard app/pools/*.c))
JOBS  := $(filter-out $(JOBS_SHARED),$(wildcard app/jobs/*.c))
TOOLS := $(wildcard app/tools/*.c)
TESTS := $(wildcard tests/unit/*/*.c)

object   = $(patsubst app/%.c,$(BUILD)/obj/%.o,$(1))
programs = $(patsubst app/$(1)/%.c,$(BUILD)/bin/holdfast-%,$(2))

GEN_HEADERS  := $(GENERATED:%=$(BUILD)/gen/%.h)
GEN_OBJECTS  := $(GENERATED:%=$(BUILD)/obj/gen/%.o)
LIB_OBJECTS  := $(call object,$(LIBRARY)) $(GEN_OBJECTS)
POOL_BINS    := $(call programs,pools,$(POOLS))
JOB_BINS     := $(call programs,jobs,$(JOBS))
TOOL_BINS    := $(call programs,tools,$(TOOLS))
BINS         := $(POOL_BINS) $(JOB_BINS) $(TOOL_BINS)
TEST_BINS    := $(patsubst tests/unit/%.c,$(BUILD)/test/%,$(TESTS))
NGINX_PARTS  := $(BUILD)/gen/nginx-problems.conf
WEB          := $(BUILD)/web/openapi.json $(BUILD)/web/docs.html
NPM          := build/npm/installed
PACKAGED     := $(BUILD)/.packages-build
TEST_READY   := $(BUILD)/.packages-test

.PHONY: all
all: $(BINS) $(BUILD)/libholdfast.a $(NGINX_PARTS) $(WEB) viewer

.DELETE_ON_ERROR:
.SECONDARY:

# The compiler and the libraries, on a machine that has neither yet.
# And the tests' own.
$(PACKAGED) $(TEST_READY): $(BUILD)/.packages-%: deploy/packages deploy/packages.list
	@mkdir -p $(@D)
	@deploy/packages $*
	@touch $@

# Changes when a source comes or goes, so that what is made of all of them is made anew.
$(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@echo '$(QUERIES) $(SCRIPTS) $(LIBRARY) $(PROOF)' | cmp -s - $@ || \
		{ echo '$(QUERIES) $(SCRIPTS) $(LIBRARY) $(PROOF)' > $(NEW) && $(KEEP); }

.PHONY: FORCE
FORCE:

# SQL and Lua files become typed C functions and constants.
$(BUILD)/gen/queries.h $(BUILD)/gen/queries.c &: app/gen/queries.sh app/gen/queries.awk \
		$(QUERIES) $(BUILD)/sources
	@mkdir -p $(@D)
	$(call STEP,GEN)
	$(Q)app/gen/queries.sh $(BUILD)/gen $(QUERIES)

$(BUILD)/gen/scripts.h $(BUILD)/gen/scripts.c &: app/gen/scripts.sh app/gen/scripts.awk \
		$(SCRIPTS) $(BUILD)/sources
	@mkdir -p $(@D)
	$(call STEP,GEN)
	$(Q)app/gen/scripts.sh $(BUILD)/gen $(SCRIPTS)

# nginx's own error bodies, from the table of problems.
$(BUILD)/gen/nginx-problems.conf: app/base/problem.def app/gen/problems.awk
	@mkdir -p $(@D)
	$(call STEP,GEN)
	$(Q)awk -f app/gen/problems.awk app/base/problem.def > $(NEW) && $(KEEP)

# The API's document and the page that shows it; its viewer comes from a registry, if that is there.
$(WEB): $(BUILD)/web/%: app/web/%
	@mkdir -p $(@D)
	$(call STEP,COPY)
	$(Q)install -m 0644 $< $(NEW) && $(KEEP)

.PHONY: viewer
viewer: | $(PACKAGED)
	@deploy/viewer $(BUILD)/web

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c | $(GEN_HEADERS) $(PACKAGED)
	@mkdir -p $(@D)
	$(call STEP,CC)
	$(Q)$(COMPILE) $(HIDDEN) -c -o $@ $<

$(BUILD)/obj/%.o: app/%.c | $(GEN_HEADERS) $(PACKAGED)
	@mkdir -p $(@D)
	$(call STEP,CC)
	$(Q)$(COMPILE) $(HIDDEN) -c -o $@ $<

# Made anew each time, so that the object of a source that has gone does not stay in it.
$(BUILD)/libholdfast.a: $(LIB_OBJECTS)
$(BUILD)/libproof.a: $(call object,$(PROOF))
$(BUILD)/libholdfast.a $(BUILD)/libproof.a: $(BUILD)/sources
	@mkdir -p $(@D)
	$(call STEP,AR)
	$(Q)$(AR) rcs $(NEW) $(filter %.o,$^) && $(KEEP)

$(POOL_BINS): $(BUILD)/bin/holdfast-%: $(BUILD)/obj/pools/%.o $(call object,$(POOLS_SHARED)) \
		$(BUILD)/libholdfast.a
	@mkdir -p $(@D)
	$(call STEP,LINK)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(JOB_BINS): $(BUILD)/bin/holdfast-%: $(BUILD)/obj/jobs/%.o $(call object,$(JOBS_SHARED)) \
		$(BUILD)/libholdfast.a
	@mkdir -p $(@D)
	$(call STEP,LINK)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(TOOL_BINS): $(BUILD)/bin/holdfast-%: $(BUILD)/obj/tools/%.o $(BUILD)/libproof.a \
		$(BUILD)/libholdfast.a
	@mkdir -p $(@D)
	$(call STEP,LINK)
	$(Q)$(LINK) -o $@ $^ $(LIBS)

$(BUILD)/obj/unit/%.o: tests/unit/%.c | $(GEN_HEADERS) $(PACKAGED) $(TEST_READY)
	@mkdir -p $(@D)
	$(call STEP,CC)
	$(Q)$(COMPILE) -c -o $@ $<

$(TEST_BINS): $(BUILD)/test/%: $(BUILD)/obj/unit/%.o $(call object,$(POOLS_SHARED)) \
		$(BUILD)/libproof.a $(BUILD)/libholdfast.a
	@mkdir -p $(@D)
	$(call STEP,LINK)
	$(Q)$(LINK) -o $@ $^ -lcriterion $(LIBS)

.PHONY: unit-binaries
unit-binaries: $(TEST_BINS)

# Fuzz targets: each file of tests/fuzz is one, but frame.c, which is one for each pool: the pool's
# own program, whose main() hands its table of routes to the frame instead of serving.
FUZZ_FRAME   := $(BUILD)/obj/fuzz/frame.o
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(BUILD)/target/%, \
	$(filter-out tests/fuzz/frame.c,$(wildcard tests/fuzz/*.c)))
FUZZ_POOLS   := $(POOLS:app/pools/%.c=$(BUILD)/target/pool-%)
FUZZ_LINK     = $(CC) $(CFLAGS) -fsanitize=fuzzer,$(FUZZER) -pie $(LDFLAGS)

# An archive, so that a target takes of it what it has not itself.
$(BUILD)/libpools.a: $(call object,$(POOLS_SHARED))
	$(call STEP,AR)
	$(Q)$(AR) rcs $(NEW) $^ && $(KEEP)

$(BUILD)/obj/fuzz/%.o: tests/fuzz/%.c | $(GEN_HEADERS) $(PACKAGED)
	@mkdir -p $(@D)
	$(call STEP,CC)
	$(Q)$(COMPILE) -c -o $@ $<

$(BUILD)/obj/fuzz/pool-%.o: app/pools/%.c | $(GEN_HEADERS) $(PACKAGED)
	@mkdir -p $(@D)
	$(call STEP,CC)
	$(Q)$(COMPILE) -Wno-missing-prototypes -Dmain=frame_pool -Dserve=frame_open -c -o $@ $<

$(FUZZ_POOLS): $(BUILD)/target/%: $(BUILD)/obj/fuzz/%.o $(FUZZ_FRAME)
$(FUZZ_TARGETS): $(BUILD)/target/%: $(BUILD)/obj/fuzz/%.o
$(FUZZ_TARGETS) $(FUZZ_POOLS): $(BUILD)/libpools.a $(BUILD)/libproof.a $(BUILD)/libholdfast.a
	@mkdir -p $(@D)
	$(call STEP,LINK)
	$(Q)$(FUZZ_LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS)

.PHONY: fuzz-targets fuzz-list
fuzz-targets: $(FUZZ_TARGETS) $(FUZZ_POOLS)
fuzz-list:
	@echo $(notdir $(FUZZ_TARGETS) $(FUZZ_POOLS))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- the private stack ---------------------------------------------------------------------------

STACK = HOLDFAST_SET="$(SET)" deploy/stack --bin $(BUILD)/bin --state "$(STATE)" \
	$(PORT:%=--port "%")

.PHONY: up down env clean-state migrate migrate-down migrate-status jobs
up: all ## build, then start whatever is missing (PORT= STATE= SET=)
	@deploy/packages run
	@$(STACK) up

down: ## stop exactly what `make up` started in STATE; the data stays
	@$(STACK) down

env: ## print shell exports for the running stack (use make -s env)
	@$(STACK) env

clean-state: ## stop the stack and remove its data
	@$(STACK) clean

migrate: ## bring the schema of the running stack up to date
	@$(STACK) migrate

migrate-down: ## take back the last N=1 changes of the schema
	@$(STACK) migrate-down $(N)

migrate-status: ## which changes of the schema are deployed
	@$(STACK) migrate-status

jobs: all ## run each job once against the running stack
	@$(STACK) jobs $(notdir $(JOB_BINS))

# ---- tests ---------------------------------------------------------------------------------------

.PHONY: test check-unit check-sql check-lua check-http check-race check-scenarios check-fault \
	check-style check-browser fuzz soak rush bare bench bench-readme
test check-unit lint: unit-binaries
test lint check-style check-http check-browser check-asan asan: $(NPM)
test: all ## everything that must pass; ends with `N passed, N failed`
	@deploy/packages run test browser
	@BUILD=$(BUILD) tests/run

check-unit check-sql check-lua check-http check-race check-fault check-style: all ## one layer
	@deploy/packages run test
	@BUILD=$(BUILD) tests/run $(@:check-%=%)

check-browser: all ## the page /docs in a browser
	@deploy/packages run test browser
	@BUILD=$(BUILD) tests/run browser

check-scenarios: all ## what the load generator's scenarios expect, and their histories
	@deploy/packages run test
	@BUILD=$(BUILD) tests/run scenarios

check-asan: all ## some tests over HTTP with the sanitizers: what is hostile
	@deploy/packages run test
	@BUILD=$(BUILD) tests/run asan

asan: all ## all tests over HTTP, and the unit tests, with the sanitizers
	@deploy/packages run test
	@BUILD=$(BUILD) LONG=1 tests/run asan

# Builds its own.
fuzz: ## hostile inputs made by a fuzzer, for each reader of them (FUZZ_SECONDS=1 each)
	@deploy/packages build test
	@BUILD=$(BUILD) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),1) tests/run fuzz

# Builds its own too.
coverage: $(NPM) ## which lines the tests run, as a table and as build/coverage/index.html
	@deploy/packages build run test coverage
	@BUILD=$(BUILD) tests/coverage/run

soak: all ## an hour of everything, for what grows that should not (SOAK_SECONDS=3600)
	@deploy/packages run test
	@BUILD=$(BUILD) tests/soak/run

rush: all ## 5,000 buyers and 50,000 seats, to the last one (RUSH_BUYERS=5000, RUSH_KILLED=1)
	@deploy/packages run test
	@BUILD=$(BUILD) tests/scenarios/rush

bare: ## the two commands on a Debian 12 that has nothing else, made for it (BARE='make up')
	@deploy/packages bare
	@tests/bare/run $(if $(BARE),'$(BARE)')

# Linter, validator and driver of browsers, for all builds. While their registry is away, the tests
# that need them fail, and no others.
$(NPM): tests/npm/package.json tests/npm/package-lock.json
	@deploy/packages npm
	@mkdir -p $(@D)
	@cp tests/npm/*.json $(@D)
	@if cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >log 2>&1; \
	then \
		touch $(@F); \
	else \
		tail -n 5 log >&2; \
	fi

BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

$(BENCHES): $(BUILD)/bench/%: tests/bench/%.c app/load/fill.h
	@mkdir -p $(@D)
	$(call STEP,LINK)
	$(Q)$(COMPILE) -MF $(BUILD)/obj/bench-$*.d $(LDFLAGS) -pie -o $@ $< -lfcgi -lcrypt

bench: all $(BENCHES) ## the benchmarks, with a report (BENCH= parts, ROUNDS=, SMALL=1, FULL=1)
	@deploy/packages run test
	@BUILD=$(BUILD) tests/bench/run

bench-readme: ## the report of the last run into README.md and docs
	@BUILD=$(BUILD) node tests/bench/readme.js

.PHONY: lint fmt settings
lint: all ## warnings as errors, clang-tidy, cppcheck, clang-format, shellcheck, style checks
	@deploy/packages build run test lint
	@BUILD=$(BUILD) tests/lint

fmt: ## format the C sources
	@deploy/packages lint
	clang-format -i $(wildcard app/*/*.[ch] tests/*/*/*.[ch])

settings: ## bring conf/holdfast.conf and the tables that people read up to app/base/*.def
	awk -v form=file -f app/gen/settings.awk app/base/conf.def > conf/holdfast.conf
	awk -v form=table -f app/gen/settings.awk app/base/conf.def > $(BUILD)/settings.md
	sed -i -e '/^<!-- settings -->$$/,/^<!-- end of settings -->$$/{//!d}' \
		-e '/^<!-- settings -->$$/r $(BUILD)/settings.md' README.md
	awk -v form=table -f app/gen/metrics.awk app/base/metric.def > $(BUILD)/metrics.md
	sed -i -e '/^<!-- metrics -->$$/,/^<!-- end of metrics -->$$/{//!d}' \
		-e '/^<!-- metrics -->$$/r $(BUILD)/metrics.md' docs/watching.md

# ---- for packagers -------------------------------------------------------------------------------

.PHONY: install
install: all ## DESTDIR= PREFIX=: programs, web server parts, configuration, schema, units, crontab
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/holdfast
	install -m 0755 $(BINS) $(DESTDIR)$(PREFIX)/bin/
	install -m 0755 deploy/nginx-conf $(DESTDIR)$(PREFIX)/bin/holdfast-nginx-conf
	install -m 0755 deploy/nginx-live-conf $(DESTDIR)$(PREFIX)/bin/holdfast-nginx-live-conf
	install -m 0755 deploy/pool $(DESTDIR)$(PREFIX)/bin/holdfast-pool
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's,/usr/local/bin,$(PREFIX)/bin,g' deploy/holdfast@.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/holdfast@.service
	chmod 0644 $(DESTDIR)$(PREFIX)/lib/systemd/system/holdfast@.service
	install -d $(DESTDIR)$(PREFIX)/share/holdfast/conf
	install -m 0644 $(filter-out conf/mail conf/scenarios,$(wildcard conf/*)) $(NGINX_PARTS) \
		$(DESTDIR)$(PREFIX)/share/holdfast/conf/
	sed 's,/usr/local/share,$(PREFIX)/share,g' conf/holdfast.conf \
		>$(DESTDIR)$(PREFIX)/share/holdfast/conf/holdfast.conf
	install -d $(DESTDIR)$(PREFIX)/share/holdfast/conf/scenarios
	install -m 0644 conf/scenarios/* $(DESTDIR)$(PREFIX)/share/holdfast/conf/scenarios/
	install -d $(DESTDIR)$(PREFIX)/share/holdfast/conf/mail
	install -m 0644 conf/mail/* $(DESTDIR)$(PREFIX)/share/holdfast/conf/mail/
	install -d $(DESTDIR)$(PREFIX)/share/holdfast/web
	for file in $(BUILD)/web/*; do \
		install -m 0644 "$$file" $(DESTDIR)$(PREFIX)/share/holdfast/web/ || exit 1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/holdfast/sql
	cp -R --no-preserve=ownership sql/sqitch.* sql/deploy sql/revert sql/verify \
		$(DESTDIR)$(PREFIX)/share/holdfast/sql/
	install -d $(DESTDIR)$(PREFIX)/share/holdfast/cron
	for file in holdfast crontab; do \
		sed 's,/usr/local/bin,$(PREFIX)/bin,g' cron/$$file \
			>$(DESTDIR)$(PREFIX)/share/holdfast/cron/$$file && \
		chmod 0644 $(DESTDIR)$(PREFIX)/share/holdfast/cron/$$file || exit 1; \
	done

.PHONY: help clean
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\)[a-z -]*:[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | \
		expand -t 24

clean: ## remove what was built
	rm -rf build

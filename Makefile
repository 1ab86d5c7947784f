# Makefile - builds Countersign and runs its tests.
# SPDX-License-Identifier: Apache-2.0
#
#   make            release programs in build/bin
#   make check      every test that runs here (sets up what it needs)
#   make help       the other targets
#
# O=folder puts the results elsewhere. CC=gcc or clang picks the compiler of
# the tests and the console; the agent's programs are static, built with musl.

O ?= build
SECONDS ?= 60
PREFIX ?= /usr/local
WERROR ?= -Werror
ifeq ($(origin CC),default)
CC := gcc
endif
VERSION := 0.1.0
PYTHON := /usr/bin/python3

.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: programs

# ---- what there is ----

COMMON := $(wildcard common/*.c)
PLATFORM := $(wildcard platform/posix/*.c platform/linux/*.c)
agent_sources = $(wildcard agent/$(1)/*.c agent/$(1)/*/*.c)
CONSOLE := $(wildcard console/*.c console/*/*.c)
ROLES := gate courier runner cli
# A program whose folder has no main.c yet is left out.
PROGRAMS := $(if $(wildcard agent/gate/main.c),countersignd) \
	$(if $(wildcard agent/courier/main.c),countersign-courier) \
	$(if $(wildcard agent/runner/main.c),countersign-runner) \
	$(if $(wildcard agent/cli/main.c),countersign) \
	$(if $(wildcard console/main.c),countersign-console)
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
INTEROP := $(patsubst tests/interop/%.c,%,$(wildcard tests/interop/interop_*.c))

# ---- flags ----

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wformat=2 \
	-Wundef -Wvla -Wswitch-enum -Wnull-dereference -Wdate-time $(WERROR)
BASE := -std=c11 -D_GNU_SOURCE= -DSODIUM_STATIC=1 \
	-DCOUNTERSIGN_VERSION='"$(VERSION)"' -I. -include common/banned.h \
	-ffile-prefix-map=$(CURDIR)/= $(WARN)
RELEASE := -O2 -g -fPIE -ffunction-sections -fdata-sections
# Each is used where the compiler takes it: scripts/probe-flags.
HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection=full \
	-ftrivial-auto-var-init=zero -fno-strict-aliasing \
	-fno-delete-null-pointer-checks
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-strict-aliasing
LINK := -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack,-z,text
CONSOLE_PKGS := libmicrohttpd sqlite3 libcurl
# Asked when a recipe needs it: not before setup has installed them.
CONSOLE_LIBS = $(shell pkg-config --libs $(CONSOLE_PKGS))

# ---- variants: the same sources, compiled for different ends ----
#
# rel   musl static: the agent's release programs
# con   the console, with the system's C library
# san   ASan and UBSan: the tests
# fuzz  clang with libFuzzer
# cov   gcov

rel_CC = $(O)/deps/musl/bin/cc
rel_CFLAGS = $(RELEASE) @$(O)/rel.flags
rel_DEPS := musl
con_CC = $(CC)
con_CFLAGS = $(RELEASE) @$(O)/con.flags
con_DEPS := gcc
san_CC = $(CC)
san_CFLAGS = $(SANITIZE)
san_DEPS := gcc
fuzz_CC = clang
fuzz_CFLAGS = $(SANITIZE) -fsanitize=fuzzer-no-link
fuzz_DEPS := gcc
cov_CC = gcc
cov_CFLAGS = -O0 -g --coverage
cov_DEPS := gcc

# $(call lib,variant,names...): archives of the third-party libraries
lib = $(addprefix $(O)/deps/$($(1)_DEPS)/lib/lib,$(addsuffix .a,$(2)))
# $(call objects,variant,sources)
objects = $(patsubst %.c,$(O)/$(1)/%.o,$(2))
TLS := mbedtls mbedx509 mbedcrypto

$(O)/deps/%.ok: scripts/deps scripts/deps.lock scripts/mbedtls_config.h
	scripts/deps build $* $(O)/deps/$*
	@touch $@

$(O)/deps/gcc/%: | $(O)/deps/gcc.ok ;
$(O)/deps/musl/%: | $(O)/deps/musl.ok ;

$(O)/%.flags: Makefile scripts/probe-flags
	@mkdir -p $(@D)
	@scripts/probe-flags $($*_CC) $(HARDEN) >$@

$(O)/rel.flags: $(O)/deps/musl.ok

define variant
$(O)/$(1)/%.o: %.c Makefile $(O)/deps/$($(1)_DEPS).ok $(filter %.flags,$(patsubst @%,%,$($(1)_CFLAGS)))
	@mkdir -p $$(@D)
	$$($(1)_CC) $(BASE) $$($(1)_CFLAGS) -isystem $(O)/deps/$($(1)_DEPS)/include \
		-MMD -MP -c -o $$@ $$<

$(O)/$(1)/common.a: $(call objects,$(1),$(COMMON))
$(O)/$(1)/platform.a: $(call objects,$(1),$(PLATFORM))
$(foreach r,$(ROLES),$(eval $(O)/$(1)/$(r).a: $(call objects,$(1),$(filter-out %/main.c,$(call agent_sources,$(r))))))
$(O)/$(1)/console.a: $(call objects,$(1),$(filter-out %/main.c,$(CONSOLE)))
$(O)/$(1)/%.a:
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcsD $$@ $$(filter %.o,$$^)
endef
$(foreach v,rel con san fuzz cov,$(eval $(call variant,$(v))))

# ---- programs: each with its own link line ----

# $(call parts,variant,objects of the program): those, then what they may use
parts = $(2) $(O)/$(1)/platform.a $(O)/$(1)/common.a
role = $(call parts,rel,$(call objects,rel,$(call agent_sources,$(1))))
U := $(O)/unstripped

# No TLS and no X.509 in the process that decides.
$(U)/countersignd: $(call role,gate) $(call lib,rel,uv mbedcrypto sodium cjson z)
$(U)/countersign-courier: $(call role,courier) $(call lib,rel,uv $(TLS) sodium cjson z)
# The C library only.
$(U)/countersign-runner: $(call role,runner)
$(U)/countersign: $(call role,cli) $(call lib,rel,$(TLS) sodium cjson z)
$(U)/countersign-console: $(call parts,con,$(call objects,con,$(CONSOLE))) \
	$(call lib,con,uv $(TLS) sodium cjson z)

AGENT := $(filter-out countersign-console,$(PROGRAMS))
$(AGENT:%=$(U)/%):
	@mkdir -p $(@D)
	$(rel_CC) -static-pie $(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^)

# The libraries of the system must not see our zlib in place of theirs.
$(U)/countersign-console:
	@mkdir -p $(@D)
	$(con_CC) -pie $(LINK) -Wl,--exclude-libs,ALL -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(CONSOLE_LIBS) -lpthread -lm

$(O)/bin/%: $(U)/%
	@mkdir -p $(@D)
	strip -o $@ $<

.PHONY: programs
programs: $(PROGRAMS:%=$(O)/bin/%)

# ---- tests ----

# Every archive, those that use others first; the linker takes what it needs.
ROOMS := $(if $(CONSOLE),console) $(foreach r,$(ROLES),$(if $(call agent_sources,$(r)),$(r))) \
	$(if $(PLATFORM),platform) common
test_archives = $(foreach r,$(ROOMS),$(O)/$(1)/$(r).a) $(call lib,$(1),uv $(TLS) sodium cjson z)
test_link = $($(1)_CC) $($(1)_CFLAGS) $(2) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
	$(if $(CONSOLE),-Wl$(comma)--as-needed $(CONSOLE_LIBS)) -lpthread -lm
comma := ,

$(O)/tests/test_%: $(O)/san/tests/unit/test_%.o $(call test_archives,san)
	@mkdir -p $(@D)
	$(call test_link,san)

$(O)/tests/interop_%: $(O)/san/tests/interop/interop_%.o $(call test_archives,san)
	@mkdir -p $(@D)
	$(call test_link,san)

$(O)/tests/fuzz_%: $(O)/san/tests/fuzz/fuzz_%.o $(O)/san/tests/fuzz/driver.o $(call test_archives,san)
	@mkdir -p $(@D)
	$(call test_link,san)

$(O)/fuzzers/fuzz_%: $(O)/fuzz/tests/fuzz/fuzz_%.o $(call test_archives,fuzz)
	@mkdir -p $(@D)
	$(call test_link,fuzz,-fsanitize=fuzzer)

RUN := scripts/test-run
UNIT_RUNS := $(UNIT:%=$(O)/tests/%)
FUZZ_RUNS = $(foreach f,$(FUZZ),"$(O)/tests/$(f) tests/fuzz/corpus/$(f:fuzz_%=%)")

.PHONY: unit fuzz-replay fuzz interop system
ifdef T
unit: $(O)/tests/$(if $(filter test_%,$(T)),$(T),test_$(T))
	$<
else
unit: $(UNIT_RUNS)
	$(RUN) $(UNIT_RUNS)
endif

fuzz-replay: $(FUZZ:%=$(O)/tests/%)
	$(RUN) $(FUZZ_RUNS)

# New inputs go to $(O)/corpus, not into the tree.
fuzz: $(FUZZ:%=$(O)/fuzzers/%)
	@set -e; for f in $(FUZZ); do mkdir -p $(O)/corpus/$$f; \
		echo "== $$f"; \
		$(O)/fuzzers/$$f -max_total_time=$(SECONDS) -timeout=10 -print_final_stats=1 \
			-artifact_prefix=$(O)/corpus/$$f- $(O)/corpus/$$f \
			tests/fuzz/corpus/$${f#fuzz_}; done

-include $(shell find $(O) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf $(O)

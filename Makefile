# Makefile - builds Countersign and runs its tests.
# SPDX-License-Identifier: Apache-2.0
#
#   make                  release programs in build/bin
#   make check            every test that runs here (sets up what it needs)
#   make demo             a console, an agent and one card, start to end
#   make bench            measures; ONLY=name for one of them
#   make unit T=name      the unit tests, or one of them
#   make fuzz SECONDS=60  libFuzzer on every parser
#   make kill-loop KILLS=500   kill -9 of the agent's processes, any moment
#   make vm               other kernels and processors, emulated: fetches them
#   make fuzz-replay interop system asan lint coverage reproducible
#   make packages         deb, rpm, tarball, MSI, pkg; SHA256SUMS and SBOM
#   make cross            the agent for Linux, Windows and macOS, in build/cross;
#                         TARGETS=linux-aarch64 for one of them
#   make setup            installs what all of these need
#   make install DESTDIR= PREFIX=/usr
#   make clean
#
# O=folder puts the results elsewhere; V=1 shows the commands. CC=gcc or clang
# picks the compiler of the tests and the console; the agent's programs are
# static, built with musl.

O ?= build
SECONDS ?= 60
PREFIX ?= /usr
WERROR ?= -Werror
ifeq ($(origin CC),default)
CC := gcc
endif

.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all
all: programs

# One short line a command; V=1 shows the commands.
Q := $(if $(V),,@)
say = @$(if $(V),:,printf '  %-5s %s\n' '$(1)' '$(2)')
JOBS := $(shell getconf _NPROCESSORS_ONLN)

# ---- what there is ----

COMMON := $(wildcard common/*.c)
# $(call platform,folders)
platform = $(wildcard $(patsubst %,platform/%/*.c,$(1)))
PLATFORM := $(call platform,posix linux)
agent_sources = $(wildcard agent/$(1)/*.c agent/$(1)/*/*.c)
CONSOLE := $(wildcard console/*.c console/*/*.c)
ROLES := gate courier runner cli
# A program whose folder has no main.c yet is left out.
PROGRAMS := $(if $(wildcard agent/gate/main.c),countersignd) \
	$(if $(wildcard agent/courier/main.c),countersign-courier) \
	$(if $(wildcard agent/runner/main.c),countersign-runner) \
	$(if $(wildcard agent/cli/main.c),countersign) \
	$(if $(wildcard console/main.c),countersign-console)
UNIT_SOURCES := $(wildcard $(addsuffix /test_*.c,$(addprefix tests/,unit sim fault hostile)))
UNIT := $(basename $(notdir $(UNIT_SOURCES)))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
INTEROP := $(patsubst tests/interop/%.c,%,$(wildcard tests/interop/interop_*.c))

# ---- flags ----

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion \
	-Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wformat=2 \
	-Wundef -Wvla -Wswitch-enum -Wnull-dereference -Wdate-time $(WERROR)
BASE := -std=c11 -D_GNU_SOURCE= -DSODIUM_STATIC=1 -I. \
	-include common/banned.h $(WARN)
# No name of a folder in the programs. Its name may have a space in it.
MAP := '-ffile-prefix-map=$(CURDIR)=.'
RELEASE := -O2 -g -fPIE -ffunction-sections -fdata-sections
# Each is used where the compiler takes it: scripts/probe-flags.
HARDEN := '-D_FORTIFY_SOURCE=3|-D_FORTIFY_SOURCE=2' -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection=full \
	-ftrivial-auto-var-init=zero -fno-strict-aliasing
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-strict-aliasing
# A build id would hash the names of folders in the debug information.
LINK := -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,relro,-z,now,-z,noexecstack,-z,text
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

# ---- the other systems: one row each ----
#
# The variant of a target has its name. What this machine itself runs is built
# already: that target takes it over.
NATIVE := linux-$(shell uname -m)
CROSS := linux-x86_64 linux-aarch64 windows-x86_64 macos-arm64 macos-x86_64
TARGETS ?= $(CROSS)

# $(eval $(call target,name,folders of platform/,suffix,flags,link))
define target
$(1)_FOLDERS := $(2)
$(1)_EXE := $(3)
$(1)_CC = $(O)/deps/$(1)/bin/cc
$(1)_AR = $(O)/deps/$(1)/bin/ar
$(1)_CFLAGS = -O2 -ffunction-sections $(4) @$(O)/$(1).flags
$(1)_LINK := $(5)
$(1)_DEPS := $(1)
endef
# zig knows no -z text; a static PIE of its has text relocations refused anyway.
ELF := -static -pie -s -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,relro,-z,now,-z,noexecstack
MACHO := -s -Wl,-dead_strip
# Reproducible: no time of linking. Which version of Windows: the first with
# what platform/windows calls.
PE := -static -s -Wl,--gc-sections,--no-insert-timestamp \
	-Wl,--dynamicbase,--nxcompat,--high-entropy-va -Wl,--wrap=main
WINDOWS := -D_WIN32_WINNT=0x0A00 -DWINVER=0x0A00 -DWIN32_LEAN_AND_MEAN=1 \
	-D__USE_MINGW_ANSI_STDIO=1 -DPRINTF_KIND=gnu_printf -DBANNED_ELSEWHERE=1
# memset_s
DARWIN := -D__STDC_WANT_LIB_EXT1__=1
PIC := -fPIC -fdata-sections -g0
$(eval $(call target,linux-x86_64,posix linux,,$(PIC),$(ELF)))
$(eval $(call target,linux-aarch64,posix linux,,$(PIC),$(ELF)))
$(eval $(call target,windows-x86_64,windows,.exe,$(WINDOWS),$(PE)))
$(eval $(call target,macos-arm64,posix macos,,$(PIC) $(DARWIN),$(MACHO)))
$(eval $(call target,macos-x86_64,posix macos,,$(PIC) $(DARWIN),$(MACHO)))
# gcc fails to compile large frames with it there; they are probed in any case.
windows-x86_64_WITHOUT := -fstack-clash-protection
windows-x86_64_LIBS := -lws2_32 -liphlpapi -luserenv -ldbghelp -lole32 -lshell32 \
	-lbcrypt -lcrypt32 -lpsapi -ladvapi32 -luser32 -lntdll

# $(call lib,variant,names...): archives of the third-party libraries
lib = $(addprefix $(O)/deps/$($(1)_DEPS)/lib/lib,$(addsuffix .a,$(2)))
# $(call objects,variant,sources)
objects = $(patsubst %.c,$(O)/$(1)/%.o,$(2))
TLS := mbedtls mbedx509 mbedcrypto

$(O)/deps/%.ok: scripts/deps scripts/deps.lock scripts/mbedtls_config.h
	@scripts/deps build $* $(O)/deps/$*
	@touch $@

$(O)/deps/gcc/%: | $(O)/deps/gcc.ok ;
$(O)/deps/musl/%: | $(O)/deps/musl.ok ;
$(foreach t,$(CROSS),$(eval $(O)/deps/$(t)/%: | $(O)/deps/$(t).ok ;))

$(O)/%.flags: $(O)/%.cmd scripts/probe-flags
	@mkdir -p $(@D)
	@scripts/probe-flags $($*_CC) $(filter-out $($*_WITHOUT),$(HARDEN)) >$@

$(O)/rel.flags: $(O)/deps/musl.ok
$(foreach t,$(CROSS),$(eval $(O)/$(t).flags: $(O)/deps/$(t).ok))

define variant
$(O)/$(1)/%.o: %.c $(O)/$(1).cmd $(O)/deps/$($(1)_DEPS).ok $(filter %.flags,$(patsubst @%,%,$($(1)_CFLAGS)))
	@mkdir -p $$(@D)
	$$(call say,CC,$(1)/$$<)
	$$(Q)$$($(1)_CC) $(BASE) $(MAP) $$($(1)_CFLAGS) -isystem $(O)/deps/$($(1)_DEPS)/include \
		-MMD -MP -c -o $$@ $$<

$(O)/$(1)/common.a: $(call objects,$(1),$(COMMON))
$(O)/$(1)/platform.a: $(call objects,$(1),$(if $($(1)_FOLDERS),$(call platform,$($(1)_FOLDERS)),$(PLATFORM)))
$(foreach r,$(ROLES),$(eval $(O)/$(1)/$(r).a: $(call objects,$(1),$(filter-out %/main.c,$(call agent_sources,$(r))))))
$(O)/$(1)/console.a: $(call objects,$(1),$(filter-out %/main.c,$(CONSOLE)))
# It has the file in it; the compiler does not say so.
$(O)/$(1)/console/api/assets.o: console/openapi.json
$(O)/$(1)/%.a:
	@mkdir -p $$(@D)
	@rm -f $$@
	@$(or $($(1)_AR),ar) rcsD $$@ $$(filter %.o,$$^)

# Rewritten when the command of a compilation changes.
$(O)/$(1).cmd: FORCE
	@mkdir -p $$(@D)
	@echo "$$($(1)_CC) $(BASE) $(MAP) $$($(1)_CFLAGS)" $(HARDEN) >$$@.new
	@cmp -s $$@.new $$@ || cp $$@.new $$@
endef
.PHONY: FORCE
FORCE:

$(foreach v,rel con san fuzz cov $(CROSS),$(eval $(call variant,$(v))))

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
	$(call say,LINK,$@)
	$(Q)$(rel_CC) -static-pie $(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^)

# The libraries of the system must not see our zlib in place of theirs.
$(U)/countersign-console:
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(con_CC) -pie $(LINK) -Wl,--exclude-libs,ALL -o $@ $(filter %.o,$^) \
		$(filter %.a,$^) $(CONSOLE_LIBS) -lpthread -lm

$(O)/bin/%: $(U)/%
	@mkdir -p $(@D)
	@strip -o $@ $<

.PHONY: programs
programs: $(PROGRAMS:%=$(O)/bin/%)

# ---- the agent for other systems ----

cross_role = $(call parts,$(1),$(call objects,$(1),$(call agent_sources,$(2))))
define cross
X := $(O)/cross/$(1)/bin
$$(X)/countersignd$(3): $(call cross_role,$(1),gate) $(call lib,$(1),uv mbedcrypto sodium cjson z)
$$(X)/countersign-courier$(3): $(call cross_role,$(1),courier) $(call lib,$(1),uv $(TLS) sodium cjson z)
$$(X)/countersign-runner$(3): $(call cross_role,$(1),runner)
$$(X)/countersign$(3): $(call cross_role,$(1),cli) $(call lib,$(1),$(TLS) sodium cjson z)
$(AGENT:%=$$(X)/%$(3)):
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	$$(Q)$$($(1)_CC) $$($(1)_CFLAGS) $$($(1)_LINK) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$($(1)_LIBS)
endef
# Texts that Windows' event viewer shows, in the program that sends events.
MINGW := x86_64-w64-mingw32-
$(O)/windows-x86_64/%.mc.o: %.mc
	@mkdir -p $(@D)
	$(call say,MC,windows-x86_64/$<)
	$(Q)$(MINGW)windmc -b -h $(@D) -r $(@D) $<
	$(Q)$(MINGW)windres -I $(@D) $(@:.mc.o=.rc) $@
$(O)/cross/windows-x86_64/bin/countersignd.exe: $(O)/windows-x86_64/platform/windows/eventlog.mc.o

define cross_native
$(O)/cross/$(1)/bin/%: $(O)/bin/%
	@mkdir -p $$(@D)
	@cp $$< $$@
endef
$(foreach t,$(CROSS),$(if $(filter $(NATIVE),$(t)),$(eval $(call cross_native,$(t))),\
	$(eval $(call cross,$(t),,$($(t)_EXE)))))

# The parts of make come after the toolchains are there.
.PHONY: cross cross-programs
cross:
	@scripts/setup build cross
	@$(MAKE) --no-print-directory -j$(JOBS) -k cross-programs TARGETS='$(TARGETS)'
cross-programs: $(foreach t,$(TARGETS),$(AGENT:%=$(O)/cross/$(t)/bin/%$($(t)_EXE)))

# Every package of the release, with checksums and an SBOM, in $(O)/packages.
.PHONY: packages
packages: cross
	@scripts/setup packages
	@/usr/bin/python3 packaging/build --cross $(O)/cross --out $(O)/packages $(ONLY)

# ---- tests ----

# A test is linked with the rooms whose headers it includes, and with what those
# may use: a test of common/ shows that common/ stands alone. Helper headers in
# tests/ may include anything. ROOMS: those that use others come first.
ROOMS := $(if $(CONSOLE),console) $(foreach r,$(ROLES),$(if $(call agent_sources,$(r)),$(r))) \
	$(if $(PLATFORM),platform)
INCLUDES := $(shell grep -HoE '^.include "(tests/|agent/|platform|console)[a-z]*/' /dev/null \
	$(UNIT_SOURCES) $(wildcard tests/fuzz/*.c tests/interop/*.c) | grep -vE '"tests/(harness|sim)/' | \
	sed 's|.*/\([^/]*\)\.c:.*"\(agent/\)\{0,1\}\([a-z]*\)/.*|\1:\3|' | sort -u)
included = $(patsubst $(1):%,%,$(filter $(1):%,$(INCLUDES)))
rooms = $(if $(filter tests,$(included)),$(ROOMS),$(filter $(included) $(if $(included),platform),$(ROOMS)))
# $(call test_archives,variant,test)
test_archives = $(foreach r,$(rooms_of_$(2)) common,$(O)/$(1)/$(r).a) \
	$(call lib,$(1),uv $(TLS) sodium cjson z)
$(foreach t,$(UNIT) $(FUZZ) $(INTEROP),$(eval rooms_of_$(t) := $(call rooms,$(t))))
$(foreach s,$(UNIT_SOURCES),$(eval source_of_$(basename $(notdir $(s))) := $(s)))
test_link = $($(1)_CC) $($(1)_CFLAGS) $(2) -o $@ $(filter %.o,$^) $(filter %.a,$^) \
	$(if $(filter %/console.a $(A)/%,$^ $@),$(CONSOLE_LIBS)) -lpthread -lm

.SECONDEXPANSION:
$(O)/tests/test_%: $$(call objects,san,$$(source_of_test_$$*)) $$(call test_archives,san,test_$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(call test_link,san,$(WRAP))

$(O)/tests/interop_%: $(O)/san/tests/interop/interop_%.o $$(call test_archives,san,interop_$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(call test_link,san,$(if $(filter $(notdir $@),$(INTEROP_TESTS)),$(WRAP)))

$(O)/tests/fuzz_%: $(O)/san/tests/fuzz/fuzz_%.o $(O)/san/tests/fuzz/driver.o $$(call test_archives,san,fuzz_$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(call test_link,san)

$(O)/fuzzers/fuzz_%: $(O)/fuzz/tests/fuzz/fuzz_%.o $$(call test_archives,fuzz,fuzz_$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(call test_link,fuzz,-fsanitize=fuzzer)

# What a card that turned hostile might try; one static program, as it would be.
$(O)/hostile/probe: $(call objects,rel,$(wildcard tests/hostile/sandbox/probe/*.c))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(rel_CC) -static-pie $(LINK) -o $@ $(filter %.o,$^)

$(O)/cross/linux-aarch64/hostile/probe: $(call objects,linux-aarch64,$(wildcard tests/hostile/sandbox/probe/*.c))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(linux-aarch64_CC) $(linux-aarch64_LINK) -o $@ $(filter %.o,$^)

# These start the real runner.
$(O)/tests/test_executor $(O)/tests/test_executor_life: | $(O)/bin/countersign-runner

# tests/harness/test.h lets allocations fail.
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

RUN := scripts/test-run
UNIT_RUNS := $(UNIT:%=$(O)/tests/%)
FUZZ_RUNS = $(foreach f,$(FUZZ),"$(O)/tests/$(f) tests/fuzz/corpus/$(f:fuzz_%=%)")

# Those that are tests themselves; the others are what test_* scripts talk to.
INTEROP_TESTS := $(basename $(notdir $(shell grep -ls '^TEST_MAIN()' $(INTEROP:%=tests/interop/%.c) /dev/null)))
INTEROP_SCRIPTS := $(wildcard $(addprefix tests/interop/test_*.,py sh mjs))
INTEROP_RUNS := $(INTEROP_TESTS:%=$(O)/tests/%) $(INTEROP_SCRIPTS)
# The short form of the tests in emulated machines; `make vm` runs them all.
SYSTEM_RUNS := $(wildcard tests/system/test_*.py tests/hostile/test_*.py \
	tests/hostile/*/test_*.py tests/fault/test_*.py) \
	"tests/vm/test_boots.py oldest bookworm"
CHECKS = scripts/check-includes scripts/check-style scripts/check-selftest \
	"scripts/check-symbols $(U)"
export LINT_CFLAGS = $(BASE) -isystem $(O)/deps/gcc/include

# Tests of the executor start the real one, from ../bin of where they are.
RUNNER := $(if $(wildcard agent/runner/main.c),$(O)/bin/countersign-runner)

.PHONY: unit fuzz-replay fuzz interop system kill-loop tests check asan lint coverage reproducible
ifdef T
ONE := $(if $(filter test_%,$(T)),$(T),test_$(T))
unit: $(O)/tests/$(ONE) | $(if $(filter gate,$(rooms_of_$(ONE))),$(RUNNER))
	@$<
else
unit: $(UNIT_RUNS) | $(RUNNER)
	@$(RUN) $(UNIT_RUNS)
endif

fuzz-replay: $(FUZZ:%=$(O)/tests/%)
	@$(RUN) $(FUZZ_RUNS)

interop: programs $(INTEROP:%=$(O)/tests/%)
	@O='$(abspath $(O))' $(RUN) $(INTEROP_RUNS)

system: programs $(O)/hostile/probe $(O)/tests/interop_age
	@O='$(abspath $(O))' $(RUN) $(SYSTEM_RUNS)

# The long form of a system test; it prints the seed that repeats it.
KILLS ?= 500
kill-loop: programs
	@O='$(abspath $(O))' KILLS=$(KILLS) $(RUN) -t 7200 \
		"tests/system/test_crash.py kills_at_any_moment"

# One after the other: each takes the machine's processors for itself.
.PHONY: vm
vm:
	@scripts/setup build cross vm
	@$(MAKE) --no-print-directory -j$(JOBS) programs $(O)/hostile/probe
	-@$(MAKE) --no-print-directory cross-programs TARGETS=linux-aarch64 \
		$(O)/cross/linux-aarch64/hostile/probe
	@O='$(abspath $(O))' VM_FETCH=yes $(RUN) -j 1 -t 7200 -l $(O)/vm.log \
		$(wildcard tests/vm/test_*.py)

# Everything that the tests run, built.
tests: programs $(O)/hostile/probe $(UNIT_RUNS) $(FUZZ:%=$(O)/tests/%) $(INTEROP:%=$(O)/tests/%) \
	$(if $(wildcard agent/runner/main.c),$(U)/runner-closure.o)

# Built for the tests of other systems, where their compilers can be had.
CHECKED := $(CROSS)

# One for each of their compilers and kinds of file; `make reproducible`: all.
REPRODUCED := linux-aarch64 windows-x86_64 macos-arm64
reproduce = $(foreach t,$(1),"scripts/check-reproducible $(O)/cross/$(t)/bin $(t)")

# The packages first: what is below asks them for their flags.
check:
	@scripts/setup build check packages accounts
	@scripts/setup cross wine || echo 'check: without the tests of other systems' >&2
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	-@$(MAKE) --no-print-directory -j$(JOBS) -k cross-programs TARGETS='$(CHECKED)'
	@O='$(abspath $(O))' $(RUN) -l $(O)/check.log $(CHECKS) "scripts/lint shell clang" \
		"scripts/check-reproducible $(O)/bin" $(call reproduce,$(REPRODUCED)) \
		$(UNIT_RUNS) $(FUZZ_RUNS) $(INTEROP_RUNS) $(SYSTEM_RUNS) "tests/soak/run 0.7"

TOOLS ?= shell clang tidy cppcheck analyzer
lint: $(O)/deps/gcc.ok
	@scripts/setup build check lint
	@$(RUN) -t 3600 $(TOOLS:%="scripts/lint %") scripts/check-includes scripts/check-style

reproducible: programs
	@$(RUN) -t 3600 "scripts/check-reproducible $(O)/bin" $(call reproduce,$(CROSS))

# The agent's programs with the sanitizers in them, under the system tests.
A := $(O)/asan/bin
san_role = $(call parts,san,$(call objects,san,$(call agent_sources,$(1)))) \
	$(call lib,san,uv $(TLS) sodium cjson z)
$(A)/countersignd: $(call san_role,gate)
$(A)/countersign-courier: $(call san_role,courier)
$(A)/countersign-runner: $(call san_role,runner)
$(A)/countersign: $(call san_role,cli)
$(A)/countersign-console: $(call parts,san,$(call objects,san,$(CONSOLE))) \
	$(call lib,san,uv $(TLS) sodium cjson z)
$(PROGRAMS:%=$(A)/%):
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(call test_link,san)

asan: programs $(UNIT_RUNS) $(FUZZ:%=$(O)/tests/%) $(INTEROP:%=$(O)/tests/%) $(PROGRAMS:%=$(A)/%)
	@mkdir -p $(O)/asan && ln -sfn ../tests $(O)/asan/tests
	@O='$(abspath $(O))/asan' $(RUN) -l $(O)/asan.log $(UNIT_RUNS) $(FUZZ_RUNS) \
		$(INTEROP_RUNS) $(SYSTEM_RUNS)

# New inputs go to $(O)/corpus, not into the tree.
fuzz: $(FUZZ:%=$(O)/fuzzers/%)
	@set -e; for f in $(FUZZ); do mkdir -p $(O)/corpus/$$f; \
		echo "== $$f"; \
		$(O)/fuzzers/$$f -max_total_time=$(SECONDS) -timeout=10 -verbosity=0 -print_final_stats=1 \
			-artifact_prefix=$(O)/corpus/$$f- $(O)/corpus/$$f \
			tests/fuzz/corpus/$${f#fuzz_}; done

$(O)/cov/run/test_%: $$(call objects,cov,$$(source_of_test_$$*)) $$(call test_archives,cov,test_$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(call test_link,cov,$(WRAP))

$(O)/cov/run/fuzz_%: $(O)/cov/tests/fuzz/fuzz_%.o $(O)/cov/tests/fuzz/driver.o $$(call test_archives,cov,fuzz_$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(call test_link,cov)

coverage: $(RUNNER) $(UNIT:%=$(O)/cov/run/%) $(FUZZ:%=$(O)/cov/run/%)
	@find $(O)/cov -name '*.gcda' -delete
	@ln -sfn ../bin $(O)/cov/bin
	@$(RUN) $(UNIT:%=$(O)/cov/run/%) \
		$(foreach f,$(FUZZ),"$(O)/cov/run/$(f) tests/fuzz/corpus/$(f:fuzz_%=%)") \
		>$(O)/cov/log || { tail -20 $(O)/cov/log; exit 1; }
	@scripts/coverage $(O)/cov

# ---- what the README promises besides ----

ifneq ($(wildcard scripts/demo),)
.PHONY: demo
demo:
	@scripts/setup build accounts
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@O='$(abspath $(O))' scripts/demo
endif

ifneq ($(wildcard tests/bench/run),)
# The release's code and flags, driven by a loop.
BENCH := $(patsubst tests/bench/%.c,$(O)/bench/%,$(wildcard tests/bench/bench_*.c))
$(BENCH): $(O)/bench/%: $(O)/rel/tests/bench/%.o $(O)/rel/gate.a $(O)/rel/platform.a \
	$(O)/rel/common.a $(call lib,rel,uv mbedcrypto sodium cjson z)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(rel_CC) -static-pie $(LINK) $(if $(filter %/bench_core,$@),$(WRAP)) -o $@ \
		$(filter %.o,$^) $(filter %.a,$^)

# A device's end of the link, as the tests have it but without sanitizers.
BENCH += $(O)/bench/interop_link
$(O)/bench/interop_link: $(O)/rel/tests/interop/interop_link.o $(O)/rel/common.a \
	$(call lib,rel,$(TLS) sodium cjson z)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(rel_CC) -static-pie $(LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^)

.PHONY: bench
bench:
	@scripts/setup build bench
	@$(MAKE) --no-print-directory -j$(JOBS) programs $(BENCH)
	@O='$(abspath $(O))' ONLY=$(ONLY) tests/bench/run
endif

ifneq ($(wildcard tests/soak/run),)
.PHONY: soak
soak:
	@scripts/setup build bench
	@$(MAKE) --no-print-directory -j$(JOBS) programs
	@O='$(abspath $(O))' HOURS=$(HOURS) tests/soak/run
endif

.PHONY: setup install clean help
setup:
	scripts/setup build check lint bench accounts

# Where packaging/README.md says. The gate's configuration has the default
# folder of courier and runner, so PREFIX is /usr unless a package says more.
D = $(DESTDIR)$(PREFIX)
install: programs
	install -d $(D)/bin $(D)/sbin $(D)/libexec/countersign
	install -m 755 $(O)/bin/countersign $(D)/bin
	install -m 755 $(O)/bin/countersignd $(O)/bin/countersign-console $(D)/sbin
	install -m 755 $(O)/bin/countersign-courier $(O)/bin/countersign-runner \
		$(D)/libexec/countersign
	install -d $(D)/lib/systemd/system $(D)/lib/sysusers.d $(D)/lib/tmpfiles.d
	install -m 644 packaging/systemd/*.service $(D)/lib/systemd/system
	install -m 644 packaging/systemd/countersign.sysusers $(D)/lib/sysusers.d/countersign.conf
	install -m 644 packaging/systemd/countersign.tmpfiles $(D)/lib/tmpfiles.d/countersign.conf
	install -d $(D)/share/polkit-1/rules.d
	install -m 644 packaging/polkit/countersign.rules $(D)/share/polkit-1/rules.d
	install -d $(D)/share/man/man8
	install -m 644 packaging/man/countersignd.8 $(D)/share/man/man8
	install -d $(D)/share/man/man1 $(D)/share/bash-completion/completions
	install -m 644 packaging/man/countersign.1 $(D)/share/man/man1
	install -m 644 packaging/completions/countersign $(D)/share/bash-completion/completions
	install -d $(D)/share/zsh/site-functions $(D)/share/fish/vendor_completions.d
	install -m 644 packaging/completions/_countersign $(D)/share/zsh/site-functions
	install -m 644 packaging/completions/countersign.fish $(D)/share/fish/vendor_completions.d

clean:
	rm -rf $(O)

help:
	@sed -n '/^#   make/s/^# *//p' Makefile

# What the runner needs of the C library: everything else is in here.
$(U)/runner-closure.o: $(call role,runner)
	@mkdir -p $(@D)
	$(Q)$(rel_CC) -nostdlib -r -Wl,--gc-sections -Wl,-e,main -o $@ $(filter %.o,$^) $(filter %.a,$^)

-include $(shell find $(O) -name '*.d' -type f 2>/dev/null)

# SPDX-License-Identifier: GPL-2.0
# cowstat. `make help` lists what there is.

BUILD ?= build/$(shell uname -r)
KDIR  ?= /lib/modules/$(shell uname -r)/build
K     ?=
T     ?=

# bpftool is where only root looks.
export PATH := $(PATH):/usr/sbin:/sbin

# The version has one place.
VERSION := $(shell sed -n 's/^.define COWSTAT_RELEASE[[:space:]]*"\([^"]*\)".*/\1/p' module/uapi/cowstat.h)

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Werror
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -Imodule -Ibpf -Iuserspace -MMD -MP

ifeq ($(V),1)
  Q =
  say = @:
else
  Q = @
  say = @printf '  %-7s %s\n'
  MAKEFLAGS += --no-print-directory
endif

tools   := cowstat cowtrace cowbench cowdemo
shared  := format table_reader usage
bench   := workload machine series result result_text result_json scenario picture report
demo    := workload machine pagemap screen pupil
system  := $(patsubst tests/system/%.c,%,$(filter-out tests/system/harness.c,$(wildcard tests/system/*.c)))
# for kernels built for it, as tests/kernel/debug.config has it
debug   := $(patsubst tests/debug/%.c,%,$(wildcard tests/debug/*.c))
benches := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
comma   := ,
units   := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))

.PHONY: all module bpf tools tests test-modules benches unit needs
all: needs module bpf tools

# What is missing is said at once, not by the first compiler that stumbles over it.
needs:
	@CC='$(CC)' CLANG='$(CLANG)' BPFTOOL='$(BPFTOOL)' scripts/needs $(KDIR)

## module: build $(BUILD)/cowstat.ko against the kernel headers in KDIR
# kbuild writes beside its sources, so it is given a folder of links.
module: | $(BUILD)/kbuild/module/uapi
	@ln -sf ../../../Kbuild $(BUILD)/kbuild/
	@ln -sf $(patsubst %,../../../../%,$(wildcard module/*.[ch])) $(BUILD)/kbuild/module/
	@ln -sf ../../../../../module/uapi/cowstat.h $(BUILD)/kbuild/module/uapi/
	@test -e $(KDIR) || { echo "no kernel headers in $(KDIR): install linux-headers for this kernel, or name them with KDIR=" >&2; exit 1; }
	$(Q)$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD)/kbuild $(if $(filter 1,$(V)),V=1,-s) $(KFLAGS) modules
	@cp $(BUILD)/kbuild/cowstat.ko $(BUILD)/

## bpf: build the BPF objects, against the BTF of the kernel whose headers are in KDIR
# They are CO-RE: what is built here runs on other kernels too. -fms-extensions is for
# named structs without a member's name, which newer kernels have.
CLANG   ?= clang
BPFTOOL ?= bpftool
BPF_CFLAGS = -target bpf -mcpu=v3 -g -O2 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror \
	-Wno-unused-parameter -fms-extensions -Wno-microsoft-anon-tag -I$(BUILD)/bpf -Imodule -Ibpf -MMD -MP
bpf_objects := cowstat cowtrace
bpf_compile = $(CLANG) $(BPF_CFLAGS) -c -o $@ $<

bpf: $(bpf_objects:%=$(BUILD)/bpf/%.skel.h) $(BUILD)/cowtrace.bpf.o

$(BUILD)/bpf/vmlinux.h: scripts/vmlinux | $(BUILD)/bpf needs
	$(say) BTF $@
	$(Q)scripts/vmlinux $(KDIR) $(BUILD)/bpf/vmlinux
	$(Q)$(BPFTOOL) btf dump file $(BUILD)/bpf/vmlinux format c >$@.new && mv $@.new $@

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(BUILD)/bpf/vmlinux.h
	$(say) BPF $@
	$(Q)$(bpf_compile)

# For bpftool alone, which cannot choose among programs: those that this kernel has a place for.
$(BUILD)/cowtrace.bpf.o: BPF_CFLAGS += -DCOW_NEW_KERNELS
$(BUILD)/cowtrace.bpf.o: bpf/cowtrace.bpf.c $(BUILD)/bpf/vmlinux.h
	$(say) BPF $@
	$(Q)$(bpf_compile) $$($(BPFTOOL) btf dump file $(BUILD)/bpf/vmlinux | \
		grep -q "FUNC 'do_huge_pmd_wp_page'" || echo -DCOW_NO_THP)

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@.new && mv $@.new $@

## tools: build cowstat, cowtrace, cowbench and cowdemo into BUILD
tools: $(tools:%=$(BUILD)/%)

$(tools:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/userspace/%.o $(shared:%=$(BUILD)/userspace/%.o)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/cowbench: $(bench:%=$(BUILD)/userspace/%.o)
$(BUILD)/cowbench: LDLIBS = -ljansson -lm
$(BUILD)/cowdemo: $(demo:%=$(BUILD)/userspace/%.o)

# cowstat but for its main(): the unit tests take from it what they test
cowstat := bill billed cgroups command delta doctor filter groups json ledger openmetrics smaps \
	   source textfile utf8 view view_forks view_groups view_rows view_smaps
$(BUILD)/userspace/cowstat.a: $(cowstat:%=$(BUILD)/userspace/%.o) $(shared:%=$(BUILD)/userspace/%.o)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/cowstat: $(BUILD)/userspace/cowstat.a
$(BUILD)/cowstat: LDLIBS = -ljansson -lbpf -lelf -lz

# What loads BPF programs.
$(BUILD)/cowstat: $(BUILD)/userspace/bpf_table.o $(BUILD)/userspace/bpf_load.o
$(BUILD)/cowtrace: $(BUILD)/userspace/symbols.o $(BUILD)/userspace/bpf_load.o
$(BUILD)/cowtrace: LDLIBS = -lbpf -lelf -lz
$(BUILD)/userspace/bpf_table.o: $(BUILD)/bpf/cowstat.skel.h
$(BUILD)/userspace/cowtrace.o: $(BUILD)/bpf/cowtrace.skel.h
$(BUILD)/userspace/bpf_table.o $(BUILD)/userspace/cowtrace.o: ALL_CFLAGS += -isystem $(BUILD)/bpf

tests: $(system:%=$(BUILD)/tests/%) $(debug:%=$(BUILD)/tests/%)

$(system:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(BUILD)/tests/system/%.o
$(debug:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(BUILD)/tests/debug/%.o
$(system:%=$(BUILD)/tests/%) $(debug:%=$(BUILD)/tests/%): $(BUILD)/tests/system/harness.o $(shared:%=$(BUILD)/userspace/%.o)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -Wl,-z,now -pthread -o $@ $^ $(LDLIBS)

# Modules that tests load beside ours, built as ours is, in a folder of links.
test_modules := $(patsubst tests/modules/%.c,%,$(wildcard tests/modules/*.c))
test-modules: | $(BUILD)/kbuild-tests $(BUILD)/tests
	@ln -sf $(patsubst %,../../../%,tests/modules/Kbuild $(wildcard tests/modules/*.c)) $(BUILD)/kbuild-tests/
	$(Q)$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD)/kbuild-tests $(if $(filter 1,$(V)),V=1,-s) $(KFLAGS) modules
	@cp $(test_modules:%=$(BUILD)/kbuild-tests/%.ko) $(BUILD)/tests/

benches: $(benches:%=$(BUILD)/bench/%)

$(benches:%=$(BUILD)/bench/%): $(BUILD)/bench/%: $(BUILD)/bench/%.o \
	$(patsubst %,$(BUILD)/userspace/%.o,workload machine)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -Wl,-z,now -pthread -o $@ $^

## unit: run the tests that need no kernel
unit: $(units:%=$(BUILD)/tests/%)
	$(Q)status=0; for t in $^; do $$t || status=1; done; exit $$status

$(units:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(BUILD)/userspace/cowstat.a
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -pthread -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka -ljansson -lm $(LDLIBS)

$(BUILD)/tests/test_series: $(patsubst %,$(BUILD)/userspace/%.o,series result result_json)

$(BUILD)/tests/test_symbols: $(BUILD)/userspace/symbols.o
$(BUILD)/tests/test_symbols: LDLIBS = -lelf

# Fuzzers: of the parser of the same name, by libFuzzer (clang's alone, see tests/fuzz/run); and
# what replays the files of tests/fuzz/corpus through them. All sources at once, since each is
# instrumented. symbols.c is included, for what it keeps to itself.
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
.PHONY: replays
replays: $(fuzzers:%=$(BUILD)/tests/replay_%)

fuzzed_table_reader := userspace/table_reader.c userspace/format.c
fuzzed_smaps := userspace/smaps.c
fuzz_compile = $(CC) -std=gnu11 $(WARN) -g -O1 -D_GNU_SOURCE -Imodule -Iuserspace \
	-fno-sanitize-recover=all $(1) -o $@ $< $(fuzzed_$*) -lelf

$(BUILD)/tests/replay_%: tests/fuzz/%.c tests/fuzz/fuzz.h $(wildcard userspace/*.[ch]) | $(BUILD)/tests/fuzz
	$(say) CC $@
	$(Q)$(call fuzz_compile,-DREPLAY -fsanitize=address$(comma)undefined)

$(BUILD)/tests/fuzz_%: tests/fuzz/%.c tests/fuzz/fuzz.h $(wildcard userspace/*.[ch]) | $(BUILD)/tests/fuzz
	$(say) CC $@
	$(Q)$(call fuzz_compile,-fsanitize=fuzzer$(comma)address$(comma)undefined \
		-fprofile-instr-generate -fcoverage-mapping)

$(BUILD)/tests/soak: $(BUILD)/userspace/machine.o

# What the tools print as JSON is read back.
$(BUILD)/tests/cowstat_bill $(BUILD)/tests/cowstat_views $(BUILD)/tests/cowbench $(BUILD)/tests/bpf_trace: LDLIBS = -ljansson

# taskstats speaks generic netlink.
$(BUILD)/tests/system/taskstats.o: ALL_CFLAGS += -I/usr/include/libnl3
$(BUILD)/tests/taskstats: LDLIBS = -lnl-genl-3 -lnl-3

$(BUILD)/userspace/%.o: userspace/%.c | $(BUILD)/userspace needs
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/system/%.o: tests/system/%.c | $(BUILD)/tests/system
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/system -pthread -c -o $@ $<

$(BUILD)/tests/debug/%.o: tests/debug/%.c | $(BUILD)/tests/debug
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/system -pthread -c -o $@ $<

$(BUILD)/bench/%.o: tests/bench/%.c | $(BUILD)/bench
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/tests/unit/%.o: tests/unit/%.c | $(BUILD)/tests/unit
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -c -o $@ $<

# module/table.c itself is tested: its kernel headers are empty files, its kernel is
# tests/unit/kernel_stubs.h.
stubs := $(shell sed -n 's/^.include <\(linux[^>]*\)>.*/\1/p' module/table.c module/table.h | sort -u)
$(BUILD)/tests/unit/test_table.o: $(stubs:%=$(BUILD)/stubs/%)
$(BUILD)/tests/unit/test_table.o: ALL_CFLAGS += -I$(BUILD)/stubs -Wno-unused-parameter
$(BUILD)/stubs/%:
	@mkdir -p $(@D) && touch $@

$(BUILD)/kbuild/module/uapi $(BUILD)/bpf $(BUILD)/userspace $(BUILD)/tests/system $(BUILD)/tests/unit \
$(BUILD)/tests/fuzz $(BUILD)/bench $(BUILD)/kbuild-tests $(BUILD)/tests $(BUILD)/tests/debug:
	@mkdir -p $@

-include $(wildcard $(BUILD)/*.d $(BUILD)/bpf/*.d $(BUILD)/userspace/*.d $(BUILD)/tests/*/*.d $(BUILD)/bench/*.d)
.SECONDARY:

# --- installed ---------------------------------------------------------------

PREFIX  ?= /usr/local
DESTDIR ?=
# What is beside the tools' sources is installed: pages of manual sections 1 and 8, and
# completions, NAME.bash for the tool NAME.
pages        := $(wildcard userspace/*.1 userspace/*.8)
completions  := $(wildcard userspace/*.bash)
page_path     = share/man/man$(patsubst .%,%,$(suffix $(1)))/$(notdir $(1))
bash_path     = share/bash-completion/completions/$(basename $(notdir $(1)))
units_path    = lib/systemd/system/$(notdir $(1))
# FILE>WHERE, below PREFIX.
data         := $(foreach p,$(pages),$(p)>$(call page_path,$(p))) \
		$(foreach c,$(completions),$(c)>$(call bash_path,$(c))) \
		$(foreach u,$(wildcard userspace/systemd/*.service),$(u)>$(call units_path,$(u))) \
		$(BUILD)/cowtrace.bpf.o>lib/cowstat/cowtrace.bpf.o \
		docs/prometheus/cowstat.rules.yml>share/cowstat/cowstat.rules.yml
from          = $(word 1,$(subst >, ,$(1)))
where         = $(word 2,$(subst >, ,$(1)))
installed    := $(tools:%=bin/%) $(foreach d,$(data),$(call where,$(d)))

.PHONY: install uninstall install-dkms version
## install: tools, man pages, completions, units, BPF object, alert rules below PREFIX (/usr/local)
install: tools $(BUILD)/cowtrace.bpf.o
	$(Q)$(foreach t,$(tools),install -D -m 755 $(BUILD)/$(t) '$(DESTDIR)$(PREFIX)/bin/$(t)' &&) \
	$(foreach d,$(data),install -D -m 644 $(call from,$(d)) '$(DESTDIR)$(PREFIX)/$(call where,$(d))' &&) true

## uninstall: remove what install put there
uninstall:
	$(Q)rm -f $(installed:%='$(DESTDIR)$(PREFIX)/%')

## install-dkms: the module's source into /usr/src, for: dkms install cowstat/VERSION
dkms_source := Kbuild $(wildcard module/*.[ch]) module/uapi/cowstat.h
install-dkms:
	$(Q)$(foreach f,$(dkms_source),install -D -m 644 $(f) '$(DESTDIR)/usr/src/cowstat-$(VERSION)/$(f)' &&) \
	sed 's/#MODULE_VERSION#/$(VERSION)/' dkms.conf >'$(DESTDIR)/usr/src/cowstat-$(VERSION)/dkms.conf'

version:
	@echo $(VERSION)

# --- released ----------------------------------------------------------------

.PHONY: dist deb
## dist: build/cowstat-VERSION.tar.gz, which builds and tests by itself
dist:
	$(Q)scripts/dist

## deb: Debian packages into build/deb, checked by lintian (K= of that kernel's release only)
deb:
	$(Q)scripts/deb $(K)

# --- in a VM -----------------------------------------------------------------

.PHONY: demo check check-long bench vm run-host lint clean distclean help

## demo: boot a stock Debian kernel in a VM and show what fork really copies (K=6.12)
demo:
	$(Q)scripts/demo $(or $(K),6.12)

## check: run all tests on all supported kernels (K= one kernel, T= one test)
check:
	$(Q)scripts/check -k '$(K)' -t '$(T)'

## check-long: what takes too long for every day: packages, storms, fuzzing, debug kernels (K=, T=)
check-long:
	$(Q)scripts/check-long -k '$(K)' -t '$(T)'

## bench: what it costs, beside what people use today (K= one kernel, GROWTH=1 growth too)
bench:
	$(Q)scripts/bench $(if $(GROWTH),-g) $(K)

## vm: a shell in a VM with module, tools and tests built (K=6.12)
vm:
	$(Q)scripts/build $(or $(K),6.12)
	$(Q)scripts/vm $(or $(K),6.12)

## run-host: the demonstration on the running kernel: loads the module, unloads it (as root)
run-host:
	$(Q)scripts/run-host

## lint: checkpatch --strict and sparse over module/, gcc and clang over userspace
lint:
	$(Q)scripts/lint

## clean: remove what was built here; the roots stay
clean:
	$(Q)rm -rf build

## distclean: remove the cached Debian roots too (some gigabytes)
distclean: clean
	$(Q)scripts/rootfs --remove

## help: this list
help:
	@echo "cowstat: see what copy-on-write really does."
	@echo
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  make \1@\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s @
	@echo
	@echo "  V=1 shows commands; BUILD= is the output folder; KDIR= the kernel headers."
	@echo "  Supported kernels: $$(awk '!/^#/ && NF { printf "%s ", $$1 }' scripts/kernels.txt)"

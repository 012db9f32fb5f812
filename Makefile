# SPDX-License-Identifier: GPL-2.0
# cowstat. `make help` lists what there is.

BUILD ?= build/$(shell uname -r)
KDIR  ?= /lib/modules/$(shell uname -r)/build
# The kernel headers whose BTF the programs are compiled with: any that has BTF will do.
BTF_KDIR ?= $(KDIR)
# BPF=no leaves out the BPF programs, and what loads them: cowtrace and `cowstat bpf` say so.
BPF   ?= yes
K     ?=
T     ?=

# bpftool is where only root looks.
export PATH := $(PATH):/usr/sbin:/sbin

# The version has one place.
VERSION := $(shell sed -n 's/^.define COWSTAT_RELEASE[[:space:]]*"\([^"]*\)".*/\1/p' module/uapi/cowstat.h)

CC      ?= cc
CFLAGS  ?= -O2 -g
WARN     = -Wall -Wextra -Werror
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) -D_GNU_SOURCE -Imodule -Ibpf -Iuserspace/lib -MMD -MP

ifeq ($(V),1)
  Q =
  say = @:
else
  Q = @
  say = @printf '  %-7s %s\n'
  MAKEFLAGS += --no-print-directory
endif

ifeq ($(filter yes no,$(BPF)),)
  $(error BPF=$(BPF): give yes or no)
endif
with_bpf := $(filter yes,$(BPF))

comma   := ,
# objects FOLDER...: of all C files in them
objects  = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1:%=%/*.c)))

.PHONY: all module bpf tools tests test-modules benches unit needs needs-unit
all: needs module $(if $(with_bpf),bpf) tools

# Say at once what is missing, before the first compiler fails.
needs:
	@CC='$(CC)' CLANG='$(CLANG)' BPFTOOL='$(BPFTOOL)' BPF='$(BPF)' scripts/needs $(KDIR)
needs-unit:
	@CC='$(CC)' scripts/needs unit

## module: build $(BUILD)/cowstat.ko against the kernel headers in KDIR
# kbuild writes beside its sources, so it is given a folder of links.
module: | $(BUILD)/kbuild/module/uapi $(BUILD)/kbuild/module/probes
	@find $(BUILD)/kbuild/module -xtype l -delete
	@ln -sf ../../../Kbuild $(BUILD)/kbuild/
	@ln -sf $(patsubst %,../../../../%,$(wildcard module/*.[ch])) $(BUILD)/kbuild/module/
	@ln -sf ../../../../../module/uapi/cowstat.h $(BUILD)/kbuild/module/uapi/
	@ln -sf $(patsubst %,../../../../../%,$(wildcard module/probes/*)) $(BUILD)/kbuild/module/probes/
	@test -e $(KDIR) || { echo "no kernel headers in $(KDIR): install linux-headers for this kernel, or name them with KDIR=" >&2; exit 1; }
	$(Q)$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD)/kbuild $(if $(filter 1,$(V)),V=1,-s) $(KFLAGS) modules
	@cp $(BUILD)/kbuild/cowstat.ko $(BUILD)/

## bpf: build the BPF objects, against the BTF of the kernel whose headers are in BTF_KDIR
# They are CO-RE: what is built here runs on other kernels too. -fms-extensions is for
# named structs without a member's name, which newer kernels have.
CLANG   ?= clang
BPFTOOL ?= bpftool
BPF_CFLAGS = -target bpf -mcpu=v3 -g -O2 -D__TARGET_ARCH_x86 -Wall -Wextra -Werror \
	-Wno-unused-parameter -fms-extensions -Wno-microsoft-anon-tag -I$(BUILD)/bpf -Imodule -Ibpf -MMD -MP
bpf_objects := cowstat cowtrace cowforks
bpf_compile = $(CLANG) $(BPF_CFLAGS) -c -o $@ $<

bpf: $(bpf_objects:%=$(BUILD)/bpf/%.skel.h) $(BUILD)/cowtrace.bpf.o

$(BUILD)/bpf/vmlinux.h: scripts/vmlinux | $(BUILD)/bpf needs
	$(say) BTF $@
	$(Q)scripts/vmlinux $(BTF_KDIR) $(BUILD)/bpf/vmlinux
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

# --- compiled: every C file of userspace/ and tests/ by this one rule ---------

$(BUILD)/%.o: %.c
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/%.a:
	$(Q)rm -f $@ && $(AR) rcs $@ $^

## tools: build cowstat, cowtrace, cowbench and cowdemo into BUILD
# A tool is a folder over userspace/lib. Files that include libbpf, a skeleton, ncurses or
# libmicrohttpd are known by their includes: the unit tests do without them.
tools     := cowstat cowtrace cowbench cowdemo
mains     := $(foreach t,$(tools),$(BUILD)/userspace/$(t)/$(t).o)
uses_bpf  := $(patsubst %.c,$(BUILD)/%.o,$(shell grep -lE 'bpf_load\.h|skel\.h|<bpf/' userspace/*/*.c))
# What takes the place of these where they are left out.
no_bpf    := $(BUILD)/userspace/cowstat/without_bpf.o $(BUILD)/userspace/cowtrace/without_bpf.o
left_out  := $(if $(with_bpf),$(no_bpf),$(uses_bpf) $(filter-out $(no_bpf),$(call objects,userspace/cowtrace)))
no_unit   := $(patsubst %.c,$(BUILD)/%.o,$(shell grep -lE '<curses\.h>|mhd\.h' userspace/*/*.c))
lib       := $(BUILD)/userspace/lib.a

tools: $(tools:%=$(BUILD)/%)

# What is checked before the first file is compiled depends on what is built.
needed := $(if $(filter-out module %/cowbench %/cowdemo unit units replays,$(or $(MAKECMDGOALS),all)),needs,\
	$(if $(filter unit units replays,$(MAKECMDGOALS)),needs-unit))

$(lib): $(filter-out $(uses_bpf),$(call objects,userspace/lib))
$(call objects,userspace/lib $(tools:%=userspace/%)): | $(needed)
$(uses_bpf): ALL_CFLAGS += -isystem $(BUILD)/bpf
$(uses_bpf): $(bpf_objects:%=$(BUILD)/bpf/%.skel.h)
$(BUILD)/userspace/cowstat/page.o: userspace/cowstat/page.html

define tool
$(BUILD)/$(1): $(filter-out $(left_out),$(call objects,userspace/$(1)) \
	$(if $(filter $(BUILD)/userspace/$(1)/%,$(uses_bpf)),$(BUILD)/userspace/lib/bpf_load.o))
endef
$(foreach t,$(tools),$(eval $(call tool,$(t))))
$(tools:%=$(BUILD)/%): $(lib)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

$(BUILD)/cowstat: LDLIBS = -ljansson -lncursesw $(if $(with_bpf),-lbpf -lelf -lz) -lm -ldl -pthread
$(BUILD)/cowtrace: LDLIBS = -ljansson $(if $(with_bpf),-lbpf -ldw -lelf -lz)
$(BUILD)/cowbench: LDLIBS = -ljansson -lm
$(BUILD)/cowdemo: LDLIBS =

# --- tests -------------------------------------------------------------------

# Programs that run in a VM, one per behaviour: tests/FOLDER/NAME.c becomes BUILD/tests/NAME.
# Those of long/ run in the long checks only, those of debug/ on kernels built for them, those
# of boots/ in a boot of their own.
programs := $(filter-out system/harness,$(patsubst tests/%.c,%,$(wildcard $(patsubst %,tests/%/*.c,system long debug boots))))
tests: $(addprefix $(BUILD)/tests/,$(notdir $(programs)))

define test_program
$(BUILD)/tests/$(notdir $(1)): $(BUILD)/tests/$(1).o
endef
$(foreach p,$(programs),$(eval $(call test_program,$(p))))
$(addprefix $(BUILD)/tests/,$(notdir $(programs))): $(BUILD)/tests/system/harness.o $(lib)
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -Wl,-z,now -pthread -o $@ $(filter %.o,$^) $(filter %.a,$^) -ljansson $(LDLIBS)

$(BUILD)/tests/%.o: ALL_CFLAGS += -Itests/system -pthread
# What stacks traces has frame pointers.
$(BUILD)/tests/system/stacks.o: ALL_CFLAGS += -fno-omit-frame-pointer -fno-optimize-sibling-calls
# taskstats speaks generic netlink.
$(BUILD)/tests/system/taskstats.o: ALL_CFLAGS += -I/usr/include/libnl3
$(BUILD)/tests/taskstats: LDLIBS = -lnl-genl-3 -lnl-3

## objects: compile all of userspace/ and tests/, and link nothing: for a second compiler
.PHONY: objects
objects: $(filter-out $(left_out),$(call objects,$(addprefix userspace/,lib $(tools)) \
	$(addprefix tests/,system long debug boots bench unit)))

# Modules that tests load beside ours, built as ours is, in a folder of links.
test_modules := $(patsubst tests/modules/%.c,%,$(wildcard tests/modules/*.c))
test-modules: module | $(BUILD)/kbuild-tests $(BUILD)/tests
	@ln -sf $(patsubst %,../../../%,tests/modules/Kbuild $(wildcard tests/modules/*.c)) $(BUILD)/kbuild-tests/
	$(Q)$(MAKE) -C $(KDIR) M=$(CURDIR)/$(BUILD)/kbuild-tests $(if $(filter 1,$(V)),V=1,-s) $(KFLAGS) modules
	@cp $(test_modules:%=$(BUILD)/kbuild-tests/%.ko) $(BUILD)/tests/

benches := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
peers := $(if $(with_bpf),$(patsubst tests/bench/peer/%.bpf.c,%,$(wildcard tests/bench/peer/*.bpf.c)))
benches: $(addprefix $(BUILD)/bench/,$(benches) $(peers))

$(benches:%=$(BUILD)/bench/%): $(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(lib) | $(BUILD)/bench
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -Wl,-z,now -pthread -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(BUILD)/tests/bench/many_stacks.o: ALL_CFLAGS += -fno-omit-frame-pointer -fno-optimize-sibling-calls

# Tools of somebody else's kind, to be measured beside ours: BPF programs and what loads them.
$(BUILD)/bpf/%.bpf.o: tests/bench/peer/%.bpf.c $(BUILD)/bpf/vmlinux.h
	$(say) BPF $@
	$(Q)$(bpf_compile)
$(BUILD)/tests/bench/peer/%.o: ALL_CFLAGS += -isystem $(BUILD)/bpf
$(peers:%=$(BUILD)/tests/bench/peer/%.o): $(BUILD)/tests/bench/peer/%.o: $(BUILD)/bpf/%.skel.h
$(peers:%=$(BUILD)/bench/%): $(BUILD)/bench/%: $(BUILD)/tests/bench/peer/%.o | $(BUILD)/bench
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) -o $@ $< -lbpf -lelf -lz

## unit: run the tests that need no kernel: cc, cmocka, jansson, libdw and libelf are enough
units := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
.PHONY: units
units: $(units:%=$(BUILD)/tests/%)
unit: units
	$(Q)tests/unit/run $(BUILD)

# All that the tools are made of, but for their main(), what loads BPF, the terminal and HTTP.
$(BUILD)/userspace/unit.a: $(filter-out $(mains) $(uses_bpf) $(no_bpf) $(no_unit),$(call objects,userspace/lib $(tools:%=userspace/%)))
$(BUILD)/tests/unit/%.o: ALL_CFLAGS += -Itests/unit $(tools:%=-Iuserspace/%)
# The tests, and what they include, run under the sanitizers, where the compiler has them.
sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=all
ifneq ($(filter unit units objects,$(MAKECMDGOALS)),)
sanitize := $(shell echo 'int main(void) { return 0; }' | $(CC) $(sanitizers) -x c -o /dev/null - 2>/dev/null && \
	echo '$(sanitizers)')
endif
$(BUILD)/tests/unit/%.o: ALL_CFLAGS += $(sanitize)
$(units:%=$(BUILD)/tests/%): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(BUILD)/userspace/unit.a
	$(say) LD $@
	$(Q)$(CC) $(LDFLAGS) $(sanitize) -pthread -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka -ljansson -ldw -lelf -lz -lm -ldl

# module/table.c and module/vmf.h themselves are tested: their kernel headers are empty files.
# The kernel that they use is in tests/unit/kernel_stubs.h, or in the test.
stubs := $(shell sed -n 's/^.include <\(linux[^>]*\)>.*/\1/p' module/sum.c module/table.c module/table.h module/vmf.h | sort -u)
$(BUILD)/tests/unit/test_table.o $(BUILD)/tests/unit/test_vmf.o: $(stubs:%=$(BUILD)/stubs/%)
$(BUILD)/tests/unit/test_table.o $(BUILD)/tests/unit/test_vmf.o: ALL_CFLAGS += -I$(BUILD)/stubs -Wno-unused-parameter
$(BUILD)/stubs/%:
	@mkdir -p $(@D) && touch $@

# Fuzzers of the parser of the same name, by libFuzzer (clang's alone, see tests/fuzz/run); and
# programs that replay the files of tests/fuzz/corpus through them. All sources at once, since
# each is instrumented. symbols.c is included for its static functions.
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
.PHONY: replays
replays: $(fuzzers:%=$(BUILD)/tests/replay_%)

fuzz_sources := tests/fuzz/fuzz.h $(wildcard userspace/lib/*.[ch] userspace/cowtrace/*.[ch])
fuzzed_table_reader := userspace/lib/table_reader.c userspace/lib/format.c userspace/lib/procfs.c
fuzzed_smaps := userspace/lib/smaps.c
fuzzed_images := $(patsubst %,userspace/cowtrace/%.c,images files calls)
fuzzed_perf_map := userspace/cowtrace/perf_map.c
fuzz_compile = $(CC) -std=gnu11 $(WARN) -g -O1 -D_GNU_SOURCE -Imodule -Ibpf -Iuserspace/lib \
	-Iuserspace/cowtrace -fno-sanitize-recover=all $(1) -o $@ $< $(fuzzed_$*) -ldw -lelf -lz -ldl

$(BUILD)/tests/replay_%: tests/fuzz/%.c $(fuzz_sources) | $(BUILD)/tests
	$(say) CC $@
	$(Q)$(call fuzz_compile,-DREPLAY -fsanitize=address$(comma)undefined)

$(BUILD)/tests/fuzz_%: tests/fuzz/%.c $(fuzz_sources) | $(BUILD)/tests
	$(say) CC $@
	$(Q)$(call fuzz_compile,-fsanitize=fuzzer$(comma)address$(comma)undefined \
		-fprofile-instr-generate -fcoverage-mapping)

$(BUILD)/kbuild/module/uapi $(BUILD)/kbuild/module/probes $(BUILD)/bpf $(BUILD)/kbuild-tests $(BUILD)/tests $(BUILD)/bench:
	@mkdir -p $@

-include $(shell test ! -d $(BUILD) || find $(BUILD) -name '*.d' -not -path '*/kbuild*')
.SECONDARY:

# --- installed ---------------------------------------------------------------

PREFIX  ?= /usr/local
DESTDIR ?=
# What is beside the tools' sources is installed: pages of manual sections 1 and 8, and
# completions, NAME.bash for the tool NAME.
pages        := $(wildcard userspace/*/*.1 userspace/*/*.8)
completions  := $(wildcard userspace/*/*.bash)
page_path     = share/man/man$(patsubst .%,%,$(suffix $(1)))/$(notdir $(1))
bash_path     = share/bash-completion/completions/$(basename $(notdir $(1)))
units_path    = lib/systemd/system/$(notdir $(1))
# FILE>WHERE, below PREFIX.
data         := $(foreach p,$(pages),$(p)>$(call page_path,$(p))) \
		$(foreach c,$(completions),$(c)>$(call bash_path,$(c))) \
		$(foreach u,$(wildcard userspace/systemd/*),$(u)>$(call units_path,$(u))) \
		$(if $(with_bpf),$(BUILD)/cowtrace.bpf.o>lib/cowstat/cowtrace.bpf.o) \
		docs/prometheus/cowstat.rules.yml>share/cowstat/cowstat.rules.yml \
		docs/grafana/cowstat.json>share/cowstat/grafana/cowstat.json
from          = $(word 1,$(subst >, ,$(1)))
where         = $(word 2,$(subst >, ,$(1)))
installed    := $(tools:%=bin/%) $(foreach d,$(data),$(call where,$(d)))

.PHONY: install uninstall install-dkms version
## install: tools, man pages, completions, units, BPF object, rules, dashboard below PREFIX (/usr/local)
install: tools $(if $(with_bpf),$(BUILD)/cowtrace.bpf.o)
	$(Q)$(foreach t,$(tools),install -D -m 755 $(BUILD)/$(t) '$(DESTDIR)$(PREFIX)/bin/$(t)' &&) \
	$(foreach d,$(data),install -D -m 644 $(call from,$(d)) '$(DESTDIR)$(PREFIX)/$(call where,$(d))' &&) true

## uninstall: remove what install put there
uninstall:
	$(Q)rm -f $(installed:%='$(DESTDIR)$(PREFIX)/%')

## install-dkms: the module's source into /usr/src, for: dkms install cowstat/VERSION
dkms_source := Kbuild $(wildcard module/*.[ch] module/probes/*) module/uapi/cowstat.h
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

## check: run all tests on all supported kernels (K= one kernel, T= some tests by name)
check:
	$(Q)scripts/check -k '$(K)' -t '$(T)'

## check-long: the tests that take hours: packages, storms, fuzzing, debug kernels (K=, T=)
check-long:
	$(Q)scripts/check-long -k '$(K)' -t '$(T)'

## bench: what it costs, beside what people use today (K= one kernel, GROWTH=1 growth too)
bench:
	$(Q)scripts/bench $(if $(GROWTH),-g) $(K)

## vm: a shell in a VM with module, tools and tests built (K=6.12)
vm:
	$(Q)scripts/build $(or $(K),6.12)
	$(Q)scripts/vm/run $(or $(K),6.12)

## run-host: the demonstration on the running kernel: loads the module, unloads it (as root)
run-host:
	$(Q)scripts/run-host

## compile_commands.json: for clangd; the module's files too, once it is built
.PHONY: compile_commands.json
compile_commands.json:
	$(Q)$(MAKE) -nB V=1 tools tests units benches | scripts/compile-commands $(BUILD) $(KDIR) >$@

## lint: check the source with all tools that this project uses
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
	@sed -n 's/^## \([a-z_.-]*\): \(.*\)/  make \1@\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s @
	@echo
	@echo "  V=1 shows commands; BUILD= is the output folder; KDIR= the kernel headers;"
	@echo "  BPF=no leaves out what needs libbpf 1.0: cowtrace and cowstat bpf."
	@echo "  Supported kernels: $$(awk '!/^#/ && NF { printf "%s ", $$1 }' scripts/kernels.txt)"

// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * Where BPF programs cannot be loaded, cowstat and cowtrace say why and what to do, and leave
 * nothing behind; where a function of less weight is missing, they say what is then not known.
 * A locked-down kernel is tried by tests/system/boots.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "cow.h"
#include "harness.h"

/* How many programs and links the kernel has. bpftool would take a second to say so. */
static size_t nr_loaded(void)
{
	static const enum bpf_cmd next[] = { BPF_PROG_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID };
	size_t n = 0;

	for (size_t i = 0; i < 2; i++) {
		union bpf_attr attr = {};

		while (!syscall(SYS_bpf, next[i], &attr, sizeof(attr))) {
			attr.start_id = attr.next_id;
			n++;
		}
		if (errno != ENOENT)
			bail("cannot ask for BPF programs: errno %d", errno);
	}
	return n;
}

static void refused_one(const char *command, const char *around, const char *says, const char *what)
{
	size_t before = nr_loaded();
	char *text;
	int status;

	unlink("/tmp/ran");
	text = shell(&status, around, command);
	is(status, 1, "%s: %s refuses", what, command);
	ok(strstr(text, says), "%s: and says \"%s\"", what, says);
	if (!strstr(text, says))
		note("it says: %s", text);
	free(text);
	/* the kernel may have freed earlier ones in the meantime */
	ok(nr_loaded() <= before, "%s: nothing is loaded that was not", what);
	ok(access(COWSTAT_BPF_DIR, F_OK) && access("/tmp/ran", F_OK),
	   "%s: nothing is pinned, no command was run", what);
}

/* @around is a command line with %s in it, for each tool. */
static void refused(const char *around, const char *says, const char *what)
{
	refused_one("cowstat bpf load", around, says, what);
	refused_one("cowtrace -- touch /tmp/ran", around, says, what);
}

#define KPROBES_ENABLED	"/sys/kernel/debug/kprobes/enabled"

/* The kernel's BTF and symbols, in which a function has another name: the rest is as it was. */
#define WITHOUT(name, other)	\
	"sed -z 's/^" name "$/" other "/' /sys/kernel/btf/vmlinux >/tmp/btf; sed 's/ " name "$/ " other "/' /proc/kallsyms >/tmp/kallsyms; unshare -m sh -c 'mount --bind /tmp/btf /sys/kernel/btf/vmlinux && mount --bind /tmp/kallsyms /proc/kallsyms && %s' 2>&1"

static void missing_thp(void)
{
	struct cow_table t;
	char *text;
	int status;

	text = shell(&status, WITHOUT("do_huge_pmd_wp_page", "do_huge_pmd_wq_page"),
		     "cowstat bpf load && cowtrace -- true");
	is(status, 0, "without do_huge_pmd_wp_page both tools work");
	ok(strstr(text,
		  "cowstat: this kernel has no do_huge_pmd_wp_page: without it, thp_* is not known\n"),
	   "cowstat says what is then missing");
	ok(strstr(text,
		  "cowtrace: this kernel has no do_huge_pmd_wp_page: without it, thp_* is not known\n"),
	   "and so does cowtrace");
	ok(strstr(text, "copied"), "which tells the other faults");
	free(text);
	t = bpf_table_now();
	ok(t.nr > 0 && !t.row[0].known[COWSTAT_COL_THP_FAULTS] &&
		   t.row[0].known[COWSTAT_COL_WP_FAULTS],
	   "thp_* are unknown in the table, wp_* are known");
	cow_table_free(&t);
	free(shell(&status,
		   "cowstat bpf load 2>&1 | grep -q 'BPF counts already' && cowstat bpf unload"));
	is(status, 0, "a second load is refused, unload works");
}

static void kprobes_off(void)
{
	char *text;
	int status;

	run("mountpoint -q /sys/kernel/debug || mount -t debugfs d /sys/kernel/debug");
	set_file(KPROBES_ENABLED, "0");
	refused("%s 2>&1", "all kprobes are switched off", "kprobes are off");
	set_file(KPROBES_ENABLED, "1");
	free(shell(&status, "cowstat bpf load"));
	is(status, 0, "kprobes are on: cowstat bpf load");
	set_file(KPROBES_ENABLED, "0");
	text = shell(&status, "cowstat --source bpf doctor");
	is(status, 1, "kprobes are off again: the doctor does not find all well");
	ok(strstr(text, "BAD   switched off by " KPROBES_ENABLED ": forks"),
	   "and says what is lost");
	free(text);
	set_file(KPROBES_ENABLED, "1");
	free(shell(&status, "cowstat bpf unload"));
}

/* cowtrace as a stranger with capabilities. */
#define AS_NOBODY(caps)									\
	"ulimit -l 0; setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps " caps	\
	" --ambient-caps " caps " cowtrace -- true 2>&1"

int main(void)
{
	char *text;
	int status, has_cast;

	if (!getenv("COWSTAT_BUILD"))
		bail("COWSTAT_BUILD does not name the build");
	refused("setpriv --reuid 1000 --regid 1000 --clear-groups %s 2>&1",
		"needs root, or CAP_BPF, CAP_PERFMON and CAP_SYSLOG, whatever kernel.unprivileged_bpf_disabled is (here: ",
		"no privilege");
	refused("unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && %s' 2>&1",
		"/sys/kernel/btf/vmlinux is not there: this kernel was built without CONFIG_DEBUG_INFO_BTF",
		"no BTF");
	refused("unshare -m sh -c 'mount --bind /dev/null /sys/kernel/btf/vmlinux && %s' 2>&1",
		"cannot read the kernel's BTF from /sys/kernel/btf/vmlinux", "BTF that is none");
	set_file("/proc/sys/kernel/kptr_restrict", "2");
	refused("%s 2>&1", "where kernel.kptr_restrict is not 2 (here: 2)", "hidden addresses");
	set_file("/proc/sys/kernel/kptr_restrict", "0");
	refused("setpriv --bounding-set -syslog %s 2>&1",
		"CAP_SYSLOG shows them, where kernel.kptr_restrict is not 2 (here: 0)",
		"addresses hidden from who has no CAP_SYSLOG");
	refused("setarch --uname-2.6 %s 2>&1", "is too old: the BPF programs need 5.17 or later",
		"a kernel that says it is old");
	refused(WITHOUT("do_wp_page", "do_wq_page"), "this kernel has no do_wp_page to attach fe",
		"no do_wp_page");
	refused_one("cowstat bpf load",
		    "unshare -m sh -c 'umount -l /sys/kernel/tracing /sys/kernel/debug; %s' 2>&1",
		    "mount -t tracefs none /sys/kernel/tracing", "no tracefs");
	refused(WITHOUT("anon_vma", "anon_vmo"),
		"this kernel's struct vm_area_struct has no anon_vma: ", "a field that is gone");
	refused(WITHOUT("ptep_set_access_flags", "ptep_set_access_flagz"),
		"without which whether a page was reused cannot be told",
		"no ptep_set_access_flags");
	missing_thp();
	kprobes_off();

	/* Where kprobes are needed, Debian keeps them for root while this is 3. */
	set_file("/proc/sys/kernel/perf_event_paranoid", "2");
	free(shell(&has_cast, "! grep -qw bpf_rdonly_cast /proc/kallsyms"));
	text = shell(&status, AS_NOBODY("+bpf,+perfmon,+syslog"));
	if (has_cast) {
		is(status, 0,
		   "CAP_BPF, CAP_PERFMON and CAP_SYSLOG are enough, and no locked memory is needed");
	} else {
		is(status, 1, "without bpf_rdonly_cast() these capabilities are not enough");
		ok(strstr(text, "no bpf_rdonly_cast(): CAP_SYS_ADMIN is needed"), "and it says so");
		free(text);
		text = shell(&status, AS_NOBODY("+bpf,+perfmon,+syslog,+sys_admin"));
		is(status, 0, "with CAP_SYS_ADMIN they are, and no locked memory is needed");
	}
	if (status)
		note("it says: %s", text);
	free(text);
	return done();
}

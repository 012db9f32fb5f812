// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * Who can read and write what: each stranger tries all that cowstat offers. docs/security.md
 * has the same table, in words.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/perf_event.h>

#include "cow.h"
#include "harness.h"

#define NOBODY		65534
#define SOMEBODY	4242
#define EVENT		"/sys/kernel/tracing/events/cowstat/cow_fault/"
#define TRACE		"/sys/kernel/tracing/trace"
#define SUID		"/tmp/strangers.suid"
#define BIT(n)		(1ULL << (n))

/* What Docker and Podman leave a container's root, less what is of no matter here. */
#define CONTAINER	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | \
			 BIT(CAP_KILL) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | \
			 BIT(CAP_NET_RAW) | BIT(CAP_SYS_CHROOT) | BIT(CAP_MKNOD))

/* How much of a table was shown. */
enum rows {
	NOT_OPENED,
	OWN, /* rows of our uid, no sums, no system-wide figures */
	ALL,
	WRONG, /* neither */
};

/* What a stranger got: of the table its rows, of all else 0 or an errno. */
struct got {
	enum rows rows;
	int word;    /* a control word written */
	int latency; /* /proc/cowstat_latency read */
	int tracefs; /* the trace read */
	int perf;    /* the tracepoint opened for its raw events */
	int bpf;     /* the pinned table read */
};

static struct got *got; /* shared with children */
static char *pages;
static uint64_t tracepoint;

static bool set_caps(uint64_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = caps, .permitted = caps },
		{ .effective = caps >> 32, .permitted = caps >> 32 },
	};

	return !syscall(SYS_capset, &header, data);
}

static bool become(uid_t uid, uint64_t caps)
{
	return !prctl(PR_SET_KEEPCAPS, 1) && !setresgid(uid, uid, uid) &&
	       !setresuid(uid, uid, uid) && set_caps(caps);
}

static void as_somebody(void *arg)
{
	(void)arg;
	if (!become(SOMEBODY, 0))
		_exit(1);
	write_pages(pages, 3);
}

static enum rows rows_of(int fd)
{
	struct seen seen = seen_through(fd, geteuid());

	if (only_own(seen))
		return OWN;
	return seen.others && seen.sums == 2 && seen.header_whole ? ALL : WRONG;
}

static int try_read(int fd)
{
	char bytes[64];
	int err = fd < 0 || read(fd, bytes, sizeof(bytes)) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* Raw events of all; or but a count of one's own, which can be filtered by what is in them. */
static int try_perf(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = tracepoint,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_RAW,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0), err = fd < 0 ? errno : 0;

	if (fd < 0) {
		attr.sample_type = 0;
		attr.exclude_kernel = 1;
		fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	}
	if (fd < 0)
		return err;
	close(fd);
	return 0;
}

static void try_all(void)
{
	int fd = open(COWSTAT_PROC_PATH, O_RDONLY);

	write_pages(pages, 3); /* for a row of our own */
	got->rows = fd < 0 ? NOT_OPENED : rows_of(fd);
	close(fd);
	got->word = control("counting on");
	got->latency = try_read(open(COWSTAT_LATENCY_PATH, O_RDONLY));
	got->tracefs = try_read(open(TRACE, O_RDONLY));
	got->perf = try_perf();
	got->bpf = try_read(open(COWSTAT_BPF_TABLE, O_RDONLY));
}

/* In a child, which is then pid 1 where it was given a pid namespace of its own. */
static void try_in_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		try_all();
		_exit(0);
	}
	wait_child(pid);
}

static void root(void)
{
	try_all();
}

static void root_without_caps(void)
{
	if (set_caps(0))
		try_all();
}

static void user(void)
{
	if (become(NOBODY, 0))
		try_all();
}

static void with_perfmon(void)
{
	if (become(SOMEBODY, BIT(CAP_PERFMON)))
		try_all();
}

static void with_ptrace(void)
{
	if (become(SOMEBODY, BIT(CAP_SYS_PTRACE)))
		try_all();
}

static void with_sys_admin(void)
{
	if (become(SOMEBODY, BIT(CAP_SYS_ADMIN)))
		try_all();
}

static void container(void)
{
	if (unshare(CLONE_NEWPID) || !set_caps(CONTAINER))
		_exit(1);
	try_in_child();
}

static void map_root(uid_t uid)
{
	char line[32];

	snprintf(line, sizeof(line), "0 %u 1", uid);
	set_file("/proc/self/setgroups", "deny");
	set_file("/proc/self/uid_map", line);
	set_file("/proc/self/gid_map", line);
}

static void namespaces(uid_t uid, int which)
{
	/* one that changed its uids must become dumpable again, to write its own map */
	if (!become(uid, uid ? 0 : ~0ULL >> (63 - CAP_LAST_CAP)) || prctl(PR_SET_DUMPABLE, 1) ||
	    unshare(CLONE_NEWUSER | which))
		_exit(1);
	map_root(uid);
	try_in_child();
}

static void userns(void)
{
	namespaces(NOBODY, 0);
}

static void userns_pidns(void)
{
	namespaces(NOBODY, CLONE_NEWPID);
}

static void userns_pidns_of_root(void)
{
	namespaces(0, CLONE_NEWPID);
}

/*
 * @tracefs of who is uid 0 of the host without capabilities: the kernel asks for the mode of
 * the file alone. What keeps a container's root out is that tracefs is not mounted there;
 * the same goes for the BPF file system. Our VM has them mounted in what stands for one.
 */
static const struct {
	const char *who;
	void (*try)(void);
	struct got want;
} strangers[] = {
	{ "root", root, { ALL, 0, 0, 0, 0, 0 } },
	{ "root without capabilities", root_without_caps, { OWN, EPERM, EPERM, 0, EACCES, 0 } },
	{ "an unprivileged user", user, { OWN, EACCES, EACCES, EACCES, EACCES, EACCES } },
	{ "a user with CAP_PERFMON only",
	  with_perfmon,
	  { ALL, EACCES, EACCES, EACCES, EPERM, EACCES } },
	{ "a user with CAP_SYS_PTRACE only",
	  with_ptrace,
	  { ALL, EACCES, EACCES, EACCES, EACCES, EACCES } },
	{ "a user with CAP_SYS_ADMIN only",
	  with_sys_admin,
	  { OWN, EACCES, EACCES, EACCES, 0, EACCES } },
	{ "a container's root: pid namespace, host's users, capabilities dropped",
	  container,
	  { OWN, EPERM, EPERM, 0, EACCES, 0 } },
	{ "root of a user namespace", userns, { OWN, EACCES, EACCES, EACCES, EACCES, EACCES } },
	{ "the same with a pid namespace of its own",
	  userns_pidns,
	  { OWN, EACCES, EACCES, EACCES, EACCES, EACCES } },
	{ "root of a user and a pid namespace that the host's root made",
	  userns_pidns_of_root,
	  { OWN, EPERM, EPERM, 0, EACCES, 0 } },
};

static void check_strangers(void)
{
	for (size_t i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		const char *who = strangers[i].who;
		const struct got *want = &strangers[i].want;
		pid_t pid;

		memset(got, -1, sizeof(*got));
		pid = fork();
		if (!pid) {
			strangers[i].try();
			_exit(0);
		}
		wait_child(pid);
		is(got->rows, want->rows, "%s: rows", who);
		is(got->word, want->word, "%s: a control word", who);
		is(got->latency, want->latency, "%s: " COWSTAT_LATENCY_PATH, who);
		is(got->tracefs, want->tracefs, "%s: tracefs", who);
		is(got->perf, want->perf, "%s: perf", who);
		is(got->bpf, want->bpf, "%s: the BPF table", who);
	}
}

/* What was opened by root stays root's, as everywhere: who drops everything should close it. */
static void keep_files(void)
{
	int table = open(COWSTAT_PROC_PATH, O_RDWR), bpf = open(COWSTAT_BPF_TABLE, O_RDONLY);
	int latency = open(COWSTAT_LATENCY_PATH, O_RDONLY);

	if (!become(NOBODY, 0))
		return;
	got->rows = rows_of(table);
	got->word = write(table, "counting on", 11) < 0 ? errno : 0;
	got->latency = try_read(latency);
	got->bpf = try_read(bpf);
}

static void check_dropped(void)
{
	pid_t pid;

	memset(got, -1, sizeof(*got));
	pid = fork();
	if (!pid) {
		keep_files();
		_exit(0);
	}
	wait_child(pid);
	is(got->rows, ALL, "opened as root, everything dropped since: rows");
	is(got->word, 0, "opened as root, everything dropped since: a control word");
	is(got->latency, 0, "opened as root, everything dropped since: " COWSTAT_LATENCY_PATH);
	is(got->bpf, 0, "opened as root, everything dropped since: the BPF table");
}

/* As a setuid-root program: judge what stands on stdin, and act on it. */
static int setuid_main(void)
{
	struct seen seen;
	bool refused;

	if (geteuid() || getuid() != NOBODY)
		return 2;
	refused = write(STDIN_FILENO, "counting off", 12) < 0 && errno == EPERM;
	seen = seen_through(STDIN_FILENO, NOBODY);
	return refused && !seen.others && !seen.sums && !seen.header_whole ? 0 : 1;
}

static void check_setuid(void)
{
	int status;
	pid_t pid;

	run("cp $COWSTAT_BUILD/tests/strangers " SUID " && chmod 4755 " SUID);
	if (chmod(COWSTAT_PROC_PATH, 0666))
		bail("chmod: errno %d", errno);
	pid = fork();
	if (!pid) {
		int fd;

		if (!become(NOBODY, 0))
			_exit(3);
		write_pages(pages, 3);
		fd = open(COWSTAT_PROC_PATH, O_RDWR);
		if (fd < 0 || dup2(fd, STDIN_FILENO))
			_exit(3);
		execl(SUID, SUID, "setuid", NULL);
		_exit(3);
	}
	if (waitpid(pid, &status, 0) != pid)
		bail("lost a child");
	is(status, 0,
	   "a setuid-root program given a user's open file: neither reads nor writes more");
	unlink(SUID);
	if (chmod(COWSTAT_PROC_PATH, 0644))
		bail("chmod: errno %d", errno);
}

/* Where a text holds what looks like an address of the kernel, in either base; or NULL. */
static const char *kernel_address(const char *text)
{
	for (const char *s = text; *s; s++) {
		size_t hex = strspn(s, "0123456789abcdef"), dec = strspn(s, "0123456789");

		if ((hex == 16 && !strncmp(s, "ffff", 4)) ||
		    (dec >= 20 && strtoull(s, NULL, 10) >= 0xffff800000000000ULL))
			return s;
		if (hex)
			s += hex - 1;
	}
	return NULL;
}

static void no_address(const char *command)
{
	int status;
	char *text = shell(&status, "%s", command);
	const char *found = kernel_address(text);

	/* 3: cowtrace lost some, which it may where it is preempted, and said so */
	ok((!status || status == 3) && *text && !found, "no kernel address in: %s", command);
	if (found)
		note("%.40s", found);
	free(text);
}

static void check_addresses(void)
{
	ok(kernel_address("x 0xffffffff81000000 y") && kernel_address("18446744071578845184") &&
		   !kernel_address("18446000 ffff"),
	   "an address is known when it is seen");
	no_address("cat " COWSTAT_PROC_PATH);
	no_address("cat " COWSTAT_LATENCY_PATH);
	no_address("cat " COWSTAT_BPF_TABLE);
	no_address("cowstat -o json");
	no_address("cowtrace -o json -- sh -c 'echo a | cat'");
	no_address("cowtrace --stacks -- sh -c 'echo a | cat'");
	no_address("cat " EVENT "format; echo 1 >" EVENT "enable; sh -c 'echo a | cat'; "
		   "echo 0 >" EVENT "enable; grep cow_fault " TRACE);
	/* a module that is refused has the most to say */
	is(try_load_module("max_rows=1", NULL, NULL), EEXIST, "a second module is refused");
	unload_module();
	is(try_load_module("max_rows=1", NULL, NULL), EINVAL, "a bad parameter is refused");
	is(try_load_module("", "do_wp_page", "do_wq_page"), ENOENT,
	   "a module that misses a function is refused");
	load_module("");
	no_address("dmesg | grep cowstat:");
}

static void check_cowtrace(void)
{
	int status;

	free(shell(&status,
		   "setpriv --reuid 4242 --regid 4242 --clear-groups "
		   "--inh-caps +perfmon --ambient-caps +perfmon cowtrace -- true 2>/dev/null"));
	is(status, 1, "CAP_PERFMON alone is not enough for cowtrace");
}

int main(int argc, char **argv)
{
	int status;
	FILE *f;

	if (argc > 1 && !strcmp(argv[1], "setuid"))
		return setuid_main();
	got = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	f = fopen(EVENT "id", "r");
	if (got == MAP_FAILED || !f || fscanf(f, "%" SCNu64, &tracepoint) != 1)
		bail("cannot read " EVENT "id");
	fclose(f);
	pages = map_pages(8);
	free(shell(&status, "cowstat bpf load"));
	is(status, 0, "the BPF table is there");
	if (control("timing on"))
		bail("timing on");
	/* the kernel's own; Debian's 3 leaves tracepoints to CAP_SYS_ADMIN */
	set_file("/proc/sys/kernel/perf_event_paranoid", "2");
	child_row(as_somebody, NULL);

	check_strangers();
	check_dropped();
	check_setuid();
	check_cowtrace();
	check_addresses();
	free(shell(&status, "cowstat bpf unload"));
	is(status, 0, "and gone");
	return done();
}

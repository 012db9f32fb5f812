// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own delay accounting against our rows, process by process. taskstats counts
 * in wpcopy_count what wp_page_copy() and hugetlb_wp() attempted in the writer's name: a
 * race lost after the copy too, zero pages filled too. It leaves out what took 0 ns, which needs
 * a clock that stands still: scripts/vm/run gives the guest one that does not.
 */
#include <errno.h>
#include <linux/taskstats.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define HUGE	(2UL << 20)
#define N	1009

#if TASKSTATS_VERSION >= 13
#define WPCOPY_COUNT(stats)		((stats).wpcopy_count)
#define WPCOPY_DELAY_TOTAL(stats)	((stats).wpcopy_delay_total)
#else /* before 5.19 the kernel does not account for copies: see main() */
#define WPCOPY_COUNT(stats)		((void)(stats), 0UL)
#define WPCOPY_DELAY_TOTAL(stats)	((void)(stats), 0UL)
#endif

static struct nl_sock *sock;
static int family;

static int take_stats(struct nl_msg *msg, void *to)
{
	struct nlattr *attr[TASKSTATS_TYPE_MAX + 1], *in[TASKSTATS_TYPE_MAX + 1];

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attr, TASKSTATS_TYPE_MAX, NULL) ||
	    !attr[TASKSTATS_TYPE_AGGR_TGID] ||
	    nla_parse_nested(in, TASKSTATS_TYPE_MAX, attr[TASKSTATS_TYPE_AGGR_TGID], NULL) ||
	    !in[TASKSTATS_TYPE_STATS])
		return NL_STOP;
	*(struct taskstats *)to = *(struct taskstats *)nla_data(in[TASKSTATS_TYPE_STATS]);
	return NL_OK;
}

/* What the kernel counted for a living process, its threads that have ended included. */
static struct taskstats stats_of(pid_t pid)
{
	struct taskstats stats = { .ac_pid = -1 };
	struct nl_msg *msg = nlmsg_alloc();
	int err;

	if (!msg ||
	    !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0, TASKSTATS_CMD_GET,
			 TASKSTATS_GENL_VERSION) ||
	    nla_put_u32(msg, TASKSTATS_CMD_ATTR_TGID, pid))
		bail("no memory for a netlink message");
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_stats, &stats);
	err = nl_send_auto(sock, msg);
	nlmsg_free(msg);
	if (err >= 0)
		err = nl_recvmsgs_default(sock);
	if (err < 0 || stats.ac_pid == (uint32_t)-1)
		bail("taskstats: %s", nl_geterror(err));
	return stats;
}

struct both {
	uint64_t ours, kernels;
};

static struct both counts(pid_t pid)
{
	struct cow_row row = row_of(pid);

	return (struct both){
		.ours = VALUE(row, COPIED) + VALUE(row, ZERO_FILLED) + VALUE(row, HUGETLB_COPIED),
		.kernels = WPCOPY_COUNT(stats_of(pid)),
	};
}

static struct both compare(const char *name, work_fn *work, size_t n)
{
	size_t none = 0;
	struct puppet child = { .work = work, .first = &none, .arg = &n };
	struct both before, after;

	puppet_start(&child);
	touch_stack();
	before = counts(child.pid);
	puppet_work(&child);
	after = counts(child.pid);
	after.ours -= before.ours;
	after.kernels -= before.kernels;
	note("%-30s cowstat %5lu   taskstats %5lu", name, after.ours, after.kernels);
	puppet_end(&child);
	return after;
}

static void compare_equal(const char *name, work_fn *work, size_t n)
{
	struct both both = compare(name, work, n);

	is(both.ours, n, "%s: cowstat", name);
	is(both.kernels, n, "%s: taskstats", name);
}

/*
 * The time of copies: ours begins a little before the kernel's (do_wp_page() is entered before
 * wp_page_copy()), and ends before it: the kernel's has the reverse mappings, the new PTE, the
 * unlock and the release of the old page, too. That is less than a tenth of the instructions.
 * An emulated CPU whose clock does not count instructions copies a page faster than that. It may
 * also stand still, between our entry and the kernel's: then ours is the longer one. Where
 * KASAN or KCSAN checks each access to memory, the work behind our last stamp is a larger part.
 */
static void compare_times(work_fn *work, size_t n)
{
	size_t none = 0;
	struct puppet child = { .work = work, .first = &none, .arg = &n };
	/* tests/bench/guard has one CPU, whose clock counts instructions */
	bool exact = sysconf(_SC_NPROCESSORS_ONLN) == 1;
	bool checked = !system("grep -qE ' __(asan_load|tsan_read)8$' /proc/kallsyms");
	uint64_t at_least = exact ? 90 : checked ? 60 : 80, at_most = exact ? 100 : 110;
	uint64_t ours, kernels;
	struct cow_row before, after;

	is(control("timing on"), 0, "timing on");
	puppet_start(&child);
	touch_stack();
	before = row_of(child.pid);
	kernels = WPCOPY_DELAY_TOTAL(stats_of(child.pid));
	puppet_work(&child);
	kernels = WPCOPY_DELAY_TOTAL(stats_of(child.pid)) - kernels;
	after = row_of(child.pid);
	puppet_end(&child);
	is(control("timing off"), 0, "timing off");
	ours = GREW(before, after, COPY_NS) + GREW(before, after, SHOOTDOWN_NS);
	note("%zu copies: cowstat %lu ns   taskstats %lu ns", n, ours, kernels);
	ok(ours >= kernels / 100 * at_least && ours <= kernels / 100 * at_most,
	   "copy_ns and shootdown_ns are %lu %% of wpcopy_delay_total, %lu to %lu",
	   kernels ? ours * 100 / kernels : 0, at_least, at_most);
}

static char *pages, *huge;

static void write_shared(void *arg)
{
	write_pages(pages, *(size_t *)arg);
}

static void write_zero(void *arg)
{
	char *zero = map_untouched(N);

	read_pages(zero, *(size_t *)arg);
	write_pages(zero, *(size_t *)arg);
}

static void write_huge(void *arg)
{
	for (size_t i = 0; i < *(size_t *)arg; i++)
		huge[i * HUGE] = 2;
}

static void race(void *arg)
{
	race_pages(pages, *(size_t *)arg);
}

int main(void)
{
	struct both both;
	int err;

	sock = nl_socket_alloc();
	err = sock ? genl_connect(sock) : -NLE_NOMEM;
	family = err ? err : genl_ctrl_resolve(sock, TASKSTATS_GENL_NAME);
	if (family < 0)
		bail("no taskstats: %s", nl_geterror(family));

	nl_socket_disable_auto_ack(sock);
	if (TASKSTATS_VERSION < 13) {
		start_row();
		is(stats_of(getpid()).version, TASKSTATS_VERSION,
		   "this kernel's taskstats has no wpcopy_count to compare with: its version");
		nl_socket_free(sock);
		return done();
	}

	set_file("/proc/sys/kernel/task_delayacct", "1");
	pages = map_pages(N);
	compare_equal("shared pages", write_shared, N);
	compare_equal("zero pages", write_zero, N);
	set_file("/proc/sys/vm/nr_hugepages", "8");
	huge = mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (huge == MAP_FAILED)
		bail("no huge pages: errno %d", errno);
	for (size_t i = 0; i < 3; i++)
		huge[i * HUGE] = 1;
	compare_equal("hugetlb pages", write_huge, 3);

	pages = map_pages(4000);
	compare_times(write_shared, 4000);

	use_all_cpus();
	pages = map_pages(N);
	both = compare("two threads racing", race, N);
	ok(both.ours >= N && both.ours <= N + 4, "two threads racing: cowstat %lu of %d", both.ours,
	   N);
	ok(both.kernels >= both.ours && both.kernels <= 2 * N + 8,
	   "taskstats: %lu, with the copies that the slower thread threw away", both.kernels);
	nl_socket_free(sock);
	return done();
}

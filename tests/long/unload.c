// SPDX-License-Identifier: GPL-2.0
/*
 * Unloaded at any moment: while threads sleep in hooked functions, while others read, write
 * and trace. The module goes at once or is refused with EBUSY, the log stays clean (the runner
 * looks), and what is loaded next counts exactly.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define WRITTEN		509
#define HUGE		(2UL << 20)
#define LIMIT_S		60	/* some grace periods of RCU-tasks, emulated */
#define FROZEN		"/mnt/ext4/frozen"
#define TRACING		"/sys/kernel/tracing/events/cowstat/"

#ifndef UFFD_FEATURE_WP_HUGETLBFS_SHMEM
#define UFFD_FEATURE_WP_HUGETLBFS_SHMEM	(1 << 12)
#endif

static void counts_exactly(const char *after)
{
	struct cow_row none, some;

	written_rows(WRITTEN, &none, &some);
	is(GREW(none, some, COPIED), WRITTEN, "%s: counts exactly", after);
}

/* By a process of its own, which nothing could wake if it hung. */
static int unload_in_time(void)
{
	int tries = LIMIT_S * 100, status;
	pid_t pid = fork();

	if (!pid)
		_exit(try_unload_module());
	while (!waitpid(pid, &status, WNOHANG)) {
		if (!--tries)
			bail("unloading hangs");
		usleep(10000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void goes(const char *when)
{
	is(unload_in_time(), 0, "%s: unloaded", when);
	ok(access(COWSTAT_PROC_PATH, F_OK) && access(COWSTAT_LATENCY_PATH, F_OK) &&
		   access("/sys/module/cowstat", F_OK),
	   "%s: and gone", when);
}

static void stays(const char *when)
{
	int err = unload_in_time();

	ok(err == EBUSY || err == EWOULDBLOCK, "%s: refused (errno %d)", when, err);
	ok(!access(COWSTAT_PROC_PATH, F_OK), "%s: and still there", when);
}

/*
 * Threads that sleep within the kernel for as long as the test likes: a child of two threads
 * each, of which one sleeps and the other lets it go on.
 */
static char *target;
static size_t protected_len; /* of the target, where it is protected against writes */
static int waker;	     /* a userfaultfd, or a frozen file system */
static atomic_int sleeper;   /* its thread id */

static void *map_target(size_t len, int how)
{
	target = mmap(NULL, len, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0);
	if (target == MAP_FAILED)
		bail("nothing to sleep on: errno %d", errno);
	return target;
}

static void watch_target(size_t len, uint64_t mode, uint64_t features)
{
	waker = uffd_open(target, len, mode, features);
	/* or it could not be polled */
	if (fcntl(waker, F_SETFL, O_NONBLOCK))
		bail("fcntl: errno %d", errno);
}

static void protect_target(size_t len, uint64_t features)
{
	*target = 1;
	watch_target(len, UFFDIO_REGISTER_MODE_WP, UFFD_FEATURE_PAGEFAULT_FLAG_WP | features);
	uffd_protect(waker, target, len, true);
	protected_len = len;
}

static void in_anon(void)
{
	map_target(PAGE, MAP_PRIVATE);
	protect_target(PAGE, 0);
}

static void in_shmem(void)
{
	map_target(PAGE, MAP_SHARED);
	protect_target(PAGE, UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
}

static void in_hugetlb(void)
{
	map_target(HUGE, MAP_PRIVATE | MAP_HUGETLB);
	protect_target(HUGE, UFFD_FEATURE_WP_HUGETLBFS_SHMEM);
}

static void in_missing(void)
{
	map_target(PAGE, MAP_PRIVATE);
	watch_target(PAGE, UFFDIO_REGISTER_MODE_MISSING, 0);
}

static void in_copy_process(void)
{
	map_target(PAGE, MAP_PRIVATE);
	watch_target(PAGE, UFFDIO_REGISTER_MODE_MISSING, UFFD_FEATURE_EVENT_FORK);
}

/* A page of a shared file mapping, read but not yet written, whose file system stands still. */
static void in_frozen(void)
{
	waker = open(FROZEN, O_RDWR);
	target = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, waker, 0);
	if (target == MAP_FAILED)
		bail("cannot map " FROZEN ": errno %d", errno);
	read_pages(target, 1);
	if (ioctl(waker, FIFREEZE, 0))
		bail("FIFREEZE: errno %d", errno);
}

static void *write_target(void *arg)
{
	sleeper = gettid();
	*target = 2;
	return arg;
}

static void *fork_once(void *arg)
{
	pid_t pid;

	sleeper = gettid();
	pid = fork();
	if (!pid)
		_exit(0);
	wait_child(pid);
	return arg;
}

/* A userfaultfd tells; who waits for a file system sleeps uninterruptibly. */
static bool sleeps_now(bool by_uffd)
{
	struct pollfd poll_waker = { .fd = waker, .events = POLLIN };
	char path[64], stat[256] = "";
	FILE *f;

	if (by_uffd)
		return poll(&poll_waker, 1, 0) == 1 && poll_waker.revents == POLLIN;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", sleeper);
	f = fopen(path, "r");
	if (!f || !fgets(stat, sizeof(stat), f))
		stat[0] = '\0';
	if (f)
		fclose(f);
	return strstr(stat, ") D ");
}

static void let_go(bool by_uffd)
{
	struct uffd_msg msg;

	if (!by_uffd) {
		ioctl(waker, FITHAW, 0);
		return;
	}
	/*
	 * A fork's event is over once it is read, a fault once nobody would answer it. But on
	 * 6.1 a huge page that is still protected then faults for ever.
	 */
	if (read(waker, &msg, sizeof(msg)) != sizeof(msg))
		_exit(1);
	if (protected_len)
		uffd_protect(waker, target, protected_len, false);
	close(waker);
}

struct sleep {
	void (*prepare)(void);
	void *(*fall_asleep)(void *arg);
	bool by_uffd;
	struct gate asleep, wake;
	pid_t pid;
};

static struct sleep sleeps[] = {
	{ .prepare = in_anon, .fall_asleep = write_target, .by_uffd = true },
	{ .prepare = in_shmem, .fall_asleep = write_target, .by_uffd = true },
	{ .prepare = in_hugetlb, .fall_asleep = write_target, .by_uffd = true },
	{ .prepare = in_missing, .fall_asleep = write_target, .by_uffd = true },
	{ .prepare = in_copy_process, .fall_asleep = fork_once, .by_uffd = true },
	{ .prepare = in_frozen, .fall_asleep = write_target, .by_uffd = false },
};

#define NR_SLEEPS	(sizeof(sleeps) / sizeof(*sleeps))

static void sleep_and_wake(void *arg)
{
	struct sleep *s = arg;
	pthread_t thread;

	s->prepare();
	if (pthread_create(&thread, NULL, s->fall_asleep, NULL))
		_exit(errno);
	while (!sleeper || !sleeps_now(s->by_uffd))
		usleep(1000);
	gate_open(&s->asleep);
	gate_wait(&s->wake);
	let_go(s->by_uffd);
	pthread_join(thread, NULL);
}

static void all_asleep(void)
{
	for (size_t i = 0; i < NR_SLEEPS; i++) {
		struct sleep *s = &sleeps[i];

		s->asleep = gate_make();
		s->wake = gate_make();
		s->pid = start_child(sleep_and_wake, s);
		close(s->asleep.fd[1]); /* or its death would go unseen */
		gate_wait(&s->asleep);
	}
}

static void all_awake(void)
{
	for (size_t i = NR_SLEEPS; i--;) {
		struct sleep *s = &sleeps[i];

		gate_open(&s->wake);
		wait_child(s->pid);
		close(s->asleep.fd[0]);
		close(s->wake.fd[0]);
		close(s->wake.fd[1]);
	}
}

static void load_with(bool timing)
{
	load_module("");
	if (timing)
		is(control("timing on"), 0, "timing on");
}

/* What sleeps in a hooked function returns when the module is gone, or is there again. */
static void with_sleepers(bool timing, bool wake_when_loaded)
{
	char when[64];

	snprintf(when, sizeof(when), "threads sleep, timing %s, until %s", timing ? "on" : "off",
		 wake_when_loaded ? "it is back" : "it is gone");
	load_with(timing);
	all_asleep();
	goes(when);
	if (!wake_when_loaded)
		all_awake();
	load_with(timing);
	if (wake_when_loaded)
		all_awake();
	counts_exactly(when);
}

/* Hooks go and come while threads sleep in what they hook, but the module stays. */
static void rearmed(void)
{
	load_with(true);
	all_asleep();
	is(control("timing off"), 0, "timing off while threads sleep");
	is(control("timing on"), 0, "and on");
	is(control("reset"), 0, "reset");
	is(control("counting off"), 0, "counting off");
	is(control("counting on"), 0, "counting on");
	all_awake();
	counts_exactly("rearmed while threads sleep");
	goes("rearmed while threads sleep");
}

/* Files that stand open are closed for whoever holds them; what was read stays read. */
static void open_files(void)
{
	static const char *const paths[] = { COWSTAT_PROC_PATH, COWSTAT_LATENCY_PATH };
	int fresh[2], half[2];
	char byte;

	load_with(true);
	for (int i = 0; i < 2; i++) {
		fresh[i] = open(paths[i], O_RDONLY);
		half[i] = open(paths[i], O_RDWR);
		ok(fresh[i] >= 0 && half[i] >= 0 && read(half[i], &byte, 1) == 1,
		   "%s open, and read a little", paths[i]);
	}
	goes("files stand open");
	for (int i = 0; i < 2; i++) {
		ok(read(fresh[i], &byte, 1) < 0 && errno == EIO, "then EIO: %s", paths[i]);
		ok(read(half[i], &byte, 1) < 0 && errno == EIO, "half read, too");
		ok(write(half[i], "reset", 5) < 0 && errno == EIO, "to write, too");
		close(fresh[i]);
		close(half[i]);
	}
	load_module("");
	counts_exactly("files stood open");
}

static void read_on(void *arg)
{
	char bytes[41];

	(void)arg;
	for (;;) {
		int fd = open(getpid() % 3 ? COWSTAT_PROC_PATH : COWSTAT_LATENCY_PATH, O_RDONLY);

		for (int at = 0; fd >= 0 && at < 4000; at += sizeof(bytes))
			if (pread(fd, bytes, sizeof(bytes), at) < 1)
				break;
		if (fd >= 0)
			close(fd);
	}
}

static void control_on(void *arg)
{
	static const char *const words[] = {
		"timing on", "reset", "counting off", "counting on", "timing off", "nonsense",
	};

	(void)arg;
	for (unsigned int i = getpid();; i++)
		control(words[i % (sizeof(words) / sizeof(*words))]);
}

/* Others do something without end; whoever unloads may have to try again. */
static void with_busy(const char *who, work_fn *work)
{
	int times = long_run() ? 100 : 10, gone = 0, refused = 0, err = 0, i;
	pid_t busy[4];

	unload_module();
	for (i = 0; i < 4; i++)
		busy[i] = start_child(work, NULL);
	for (i = 0; i < times && !err; i++) {
		load_module("");
		usleep(i * 7919 % 50000);
		while ((err = unload_in_time()) == EBUSY || err == EAGAIN)
			refused++;
		gone += !err;
	}
	is(gone, times, "%s: unloaded each time, refused %d times (errno %d)", who, refused, err);
	for (i = 0; i < 4; i++)
		kill_child(busy[i]);
	load_module("");
	counts_exactly(who);
}

static void file_word(void *arg)
{
	/* what is to be written comes from memory that is not there yet */
	*(ssize_t *)arg = write(open(COWSTAT_PROC_PATH, O_WRONLY), target, 5);
}

static void file_read(void *arg)
{
	*(ssize_t *)arg = read(open(COWSTAT_PROC_PATH, O_RDONLY), target, 5);
}

static void latency_read(void *arg)
{
	*(ssize_t *)arg = read(open(COWSTAT_LATENCY_PATH, O_RDONLY), target, 5);
}

static work_fn *touch;

static void *touch_target(void *arg)
{
	touch(arg);
	return arg;
}

/* A call that waits for its caller's memory, for as long as the caller likes. */
static void with_slow_memory(const char *who, work_fn *call)
{
	pthread_t thread;
	ssize_t n = 0;

	touch = call;
	in_missing();
	if (pthread_create(&thread, NULL, touch_target, &n))
		bail("no thread");
	while (!sleeps_now(true))
		usleep(1000);
	stays(who);
	let_go(true);
	pthread_join(thread, NULL);
	/* the zero page is no word */
	is(n, call == file_word ? -1 : 5, "%s: and then it goes on", who);
	munmap(target, PAGE);
}

static int module_users(void)
{
	FILE *f = fopen("/sys/module/cowstat/refcnt", "r");
	int n;

	if (!f || fscanf(f, "%d", &n) != 1)
		bail("nothing tells how many use the module");
	fclose(f);
	return n;
}

/* Who listens by perf or BPF holds the module, tracefs lets it go. */
static void with_listeners(void)
{
	static const struct {
		const char *who, *start;
	} listeners[] = {
		{ "perf record", "exec perf record -q -B --no-bpf-event -a -e cowstat:cow_fault "
				 "-e cowstat:cow_fork -o /tmp/unload.perf" },
		{ "bpftrace", "exec bpftrace -e 'tracepoint:cowstat:cow_fault { @ = count(); } "
			      "tracepoint:cowstat:cow_fork { @f = count(); }'" },
	};
	int n = has_bpf() ? 2 : 1; /* bpftrace wants it */
	int i, tries;
	pid_t storm;

	run("mountpoint -q /sys/kernel/tracing || mount -t tracefs t /sys/kernel/tracing");
	for (i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid) {
			if (!freopen("/tmp/unload.out", "w", stdout) || dup2(1, 2) < 0)
				_exit(1);
			execl("/bin/sh", "sh", "-c", listeners[i].start, NULL);
			_exit(127);
		}
		for (tries = 600; !module_users() && tries; tries--)
			usleep(100000);
		ok(tries, "%s listens", listeners[i].who);
		storm = start_storm(); /* not before: it would keep the listener from starting */
		usleep(300000);
		stays(listeners[i].who);
		kill_child(storm);
		kill(pid, SIGINT);
		wait_child_any(pid);
		for (tries = 600; module_users() && tries; tries--)
			usleep(100000);
		goes(listeners[i].who);
		load_module("");
	}
	storm = start_storm();
	for (i = 0; i < 3; i++) {
		set_file(TRACING "enable", "1");
		usleep(300000);
		goes("tracefs listens");
		load_module("");
	}
	kill_child(storm);
	counts_exactly("after listeners");
}

int main(void)
{
	set_huge_pool(1);
	run("head -c 4096 /dev/zero >" FROZEN);
	open_files();
	for (int i = 0; i < 4; i++)
		with_sleepers(i & 1, i & 2);
	rearmed();
	load_module("");
	with_slow_memory("a reader's memory is slow", file_read);
	with_slow_memory("the histogram's reader's memory is slow", latency_read);
	with_slow_memory("a writer's memory is slow", file_word);
	counts_exactly("after slow memory");
	with_busy("readers without end", read_on);
	with_busy("control words without end", control_on);
	with_listeners();
	set_huge_pool(0);
	return done();
}

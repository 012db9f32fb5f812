/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every system test needs: TAP output, pages to share, children that share them, and rows
 * of /proc/cowstat. A test that lacks something it needs fails; no test skips.
 */
#ifndef COWSTAT_TEST_HARNESS_H
#define COWSTAT_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "table_reader.h"

#define PAGE	4096UL

/* The usual number of pages to write: rounding or batching cannot hide it. */
#define MANY	4099

/* ok(), is(): one TAP line each; is() prints both values if they differ. */
void ok(bool good, const char *what, ...) __attribute__((format(printf, 2, 3)));
void is(uint64_t got, uint64_t want, const char *what, ...) __attribute__((format(printf, 3, 4)));
void note(const char *what, ...) __attribute__((format(printf, 1, 2)));

/* bail(): something the test needs is missing: print a message and end the test as failed. */
void bail(const char *why, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Tests and their children run on one CPU, unless they call this. */
void use_all_cpus(void);

/* long_run(): may the test take long? check-long sets COWSTAT_LONG=yes. */
bool long_run(void);
/* seed_random(): seed random() with $COWSTAT_SEED or a new seed, and report it. */
void seed_random(void);

/* check_conservation(): check each row, and that the total is the sum of all rows. */
void check_conservation(const struct cow_table *t);
/* done(): check conservation, print the TAP plan, return the exit status of main(). */
int done(void);
/* done_without_table(): the same, for a test that ends without /proc/cowstat. */
int done_without_table(void);

/* map_pages(): private anonymous 4 KiB pages, each written once. */
char *map_pages(size_t n);
/* map_untouched(): the same, but never touched. Either is a mapping of its own. */
char *map_untouched(size_t n);
/* write_pages(), read_pages(): touch one byte of each of n pages. */
void write_pages(char *pages, size_t n);
void read_pages(const char *pages, size_t n);

/* child_row(): run work(arg) in a child that exits with 0; return its row after its exit. */
typedef void work_fn(void *arg);
struct cow_row child_row(work_fn *work, void *arg);
/* child_rows(): two such children. Their work gets a pointer to a size_t: 0, then n. */
void child_rows(work_fn *work, size_t n, struct cow_row *none, struct cow_row *some);
/* written_rows(): two such children. One writes no shared page, the other n. */
void written_rows(size_t n, struct cow_row *none, struct cow_row *some);
/* start_child(), wait_child(): the same in two steps. */
pid_t start_child(work_fn *work, void *arg);
void wait_child(pid_t pid);
/*
 * touch_stack(): take the CoW faults of our own stack now, while the child lives and does not write
 * to it. Later, whether the kernel copies or reuses these pages would depend on a race.
 */
void touch_stack(void);
/* wait_child_any(): wait for a child; any exit status is accepted. */
void wait_child_any(pid_t pid);
void kill_child(pid_t pid);

/* row_of(): the row of a process, now; bails if it has none. */
struct cow_row row_of(pid_t pid);
/* row_of_child_of(): the row of the last child of a process. */
struct cow_row row_of_child_of(pid_t parent);
bool has_row(pid_t pid);
/* start_row(): take one counted fault, so that this process has a row. */
void start_row(void);
/* table_now(): the whole table; the caller frees it with cow_table_free(). */
struct cow_table table_now(void);
/* bpf_table_now(): the table of BPF, which `cowstat bpf load` pinned. */
struct cow_table bpf_table_now(void);
struct cow_table table_from(int fd);
struct cow_row total_now(void);

/*
 * tables_agree(): compare the rows of the module and of BPF, column by column, for processes that
 * were born and exited while both counted. They may differ only in the two columns that both
 * measure at different moments. Reports the check under this name; returns how many rows were
 * compared, and what the module counted in them.
 */
struct agreed {
	size_t rows;
	uint64_t sum[COWSTAT_NR_COLUMNS];
};
struct agreed tables_agree(const char *name, const struct cow_table *module,
			   const struct cow_table *bpf);

/* seen_through(): what an open file shows to the user with this uid. */
struct seen {
	size_t mine, others, sums; /* rows of this user, of others, and of sums */
	bool header_whole;	   /* the header has at least one system-wide figure */
};
struct seen seen_through(int fd, uint64_t uid);
/* only_own(): it is exactly what an unprivileged reader may see. */
bool only_own(struct seen seen);

/* A pipe with which one process waits for another. */
struct gate {
	int fd[2];
};
struct gate gate_make(void);
void gate_open(struct gate *gate);
void gate_wait(struct gate *gate);
/* wait_at_gate(): gate_wait(), as the work of a child. */
void wait_at_gate(void *gate);

/*
 * A child that runs work(arg) when puppet_work() is called, and lives until puppet_end(). If
 * @first is set, it runs work(first) right after its start, so that faults that only a first run
 * takes do not count later.
 */
struct puppet {
	work_fn *work;
	void *first, *arg;
	struct gate born, go, worked, end;
	pid_t pid;
};
void puppet_start(struct puppet *p);
void puppet_work(struct puppet *p);
void puppet_end(struct puppet *p);

/* race_pages(): two threads write all of n pages at the same time. */
void race_pages(char *pages, size_t n);

/* map_text(): map n executable pages of a new file; each begins with this code. */
char *map_text(const char *path, const void *code, size_t len, size_t n);
/* run_page(): call the code at the beginning of a page. */
void run_page(const char *text, size_t page);

/* outlive_child(): fork a child that writes none of our pages, and wait for its exit. */
void outlive_child(void);
/* share_and_write(): write pages for ever, in turn in this process and in a child. */
void share_and_write(size_t n, int advice, unsigned int rest_us);
/* start_storm(): start a child that forks all the time; each of its children writes a little. */
pid_t start_storm(void);

/* value_of(): the value of a column; bails if it is not known. */
uint64_t value_of(const struct cow_row *row, enum cowstat_column column);
#define VALUE(row, NAME)	value_of(&(row), COWSTAT_COL_##NAME)
/* How much a column grew between two readings of a row. */
#define GREW(before, after, NAME)	(VALUE(after, NAME) - VALUE(before, NAME))

/* kernel_before(): is the running kernel older than this version? */
bool kernel_before(int major, int minor);
/* has_thp(): does the running kernel have transparent huge pages? PREEMPT_RT does not. */
bool has_thp(void);
/* has_bpf(): must our BPF run? Not where COWSTAT_BPF=no: see scripts/check-long. */
bool has_bpf(void);
/* set_file(): write a value to a file of /proc or /sys; bails on error. */
void set_file(const char *path, const char *value);
/* run(): run a shell command; bails unless it succeeds. */
void run(const char *command);
/*
 * drain_lru(): empty this CPU's batch of pages that are not yet in an LRU list. A page in it has one
 * reference more than its users, and 5.10 copies it even if only one process maps it.
 */
void drain_lru(void);
/*
 * let_forks_fail(): make a cgroup in which only one process can be, so that its forks fail with
 * EAGAIN. Limit the memory to what is committed now and so many bytes: once overcommit_memory is 2,
 * a fork that needs more fails with ENOMEM.
 */
void let_forks_fail(const char *group, size_t bytes);
/* kill_group(): kill all processes of a cgroup that has the controller pids. */
void kill_group(const char *group);
/* set_huge_pool(): set the number of pages in the hugetlb pool. */
void set_huge_pool(int n);
/*
 * uffd_open(): register memory with a new userfaultfd; uffd_protect(): switch its write
 * protection on or off.
 */
int uffd_open(void *from, size_t len, uint64_t mode, uint64_t features);
void uffd_protect(int uffd, void *from, size_t len, bool on);
/* swap_on(), swap_off(): start and stop swapping to zram. */
void swap_on(void);
void swap_off(void);
/* vmstat(): a counter of /proc/vmstat. */
uint64_t vmstat(const char *name);
/* pagemap_of(): the entry of a page in /proc/PID/pagemap. */
uint64_t pagemap_of(pid_t pid, const void *page);
/* count_frames(): how many of n pages have a frame that no earlier one of them has. */
size_t count_frames(pid_t pid, const char *pages, size_t n);
/*
 * merged_pages(): how many of a process's pages KSM has merged. Before 5.19 no file tells: then all
 * of its n mergeable pages, which are equal, or none.
 */
size_t merged_pages(pid_t pid, const char *pages, size_t n);
#define PAGEMAP_PFN	((1ULL << 55) - 1)
#define PAGEMAP_SWAPPED	(1ULL << 62)

/* control(): write a control word to /proc/cowstat; returns 0 or the errno. */
int control(const char *word);
int control_bytes(const void *bytes, size_t n);

/*
 * Load $COWSTAT_KO with parameters. try_load_module() returns 0 or an errno. It can first replace
 * a string in the module by one of the same length, so that the module looks for a symbol that
 * does not exist.
 */
void load_module(const char *params);
int try_load_module(const char *params, const char *replace, const char *by);
void unload_module(void);
int try_unload_module(void);
/* log_has(): is this text in the kernel log? */
bool log_has(const char *text);
/* log_complains(): does the kernel log have warnings or bug reports? */
bool log_complains(void);
/* log_clear(): clear the kernel log, after messages that were expected. */
void log_clear(void);

/*
 * shell(): run a command line. Returns its standard output, which the caller frees, and its exit
 * status as a shell reports it. $PATH begins with the folder of this build's tools.
 */
char *shell(int *status, const char *command, ...) __attribute__((format(printf, 2, 3)));

/* file_text(): all of a file, which the caller frees; bails if it is not there. */
char *file_text(const char *path);

/* json_number(): an integer that an object has by this name; bails if there is none. */
struct json_t;
uint64_t json_number(const struct json_t *object, const char *name);

/*
 * cowtrace_while(): run cowtrace with these options, call work() once it watches, and stop it. Its
 * output goes to a file. Returns its exit status; prints the last line of its standard error.
 */
int cowtrace_while(void (*work)(void), const char *to, const char *options, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* COWSTAT_TEST_HARNESS_H */

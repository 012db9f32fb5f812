/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every system test needs: TAP, pages to share, children to share them with, and
 * rows of /proc/cowstat read back. A test whose means are missing fails; none skips.
 */
#ifndef COWSTAT_TEST_HARNESS_H
#define COWSTAT_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "table_reader.h"

#define PAGE	4096UL

/* A count that no rounding or batching hides: the usual number of pages to write. */
#define MANY	4099

/* ok(), is(): one TAP line each; what was expected goes to stderr when it was not so. */
void ok(bool good, const char *what, ...) __attribute__((format(printf, 2, 3)));
void is(uint64_t got, uint64_t want, const char *what, ...)
	__attribute__((format(printf, 3, 4)));
void note(const char *what, ...) __attribute__((format(printf, 1, 2)));

/* The means are missing: say why and end the test, failed. */
void bail(const char *why, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Tests run on one CPU, children included, unless they ask for all. */
void use_all_cpus(void);

/* long_run(): is there time, as check-long has it (COWSTAT_LONG=yes)? */
bool long_run(void);
/* seed_random(): random() from $COWSTAT_SEED, or a new seed; it is reported. */
void seed_random(void);

/* check_conservation(): in each row, and of all rows in the total. */
void check_conservation(const struct cow_table *t);
/* done(): conservation, asserted over every row; the plan; main()'s result. */
int done(void);

/* map_pages(): private anonymous 4 KiB pages, each written once. */
char *map_pages(size_t n);
/* map_untouched(): the same, not yet touched. */
char *map_untouched(size_t n);
/* write_pages(), read_pages(): touch one byte of each of n pages. */
void write_pages(char *pages, size_t n);
void read_pages(const char *pages, size_t n);

/* A child that does work(arg) and exits 0, and its row once it is gone. */
typedef void work_fn(void *arg);
struct cow_row child_row(work_fn *work, void *arg);
/* child_rows(): of two such, whose work is told to write 0 pages and n: *arg is a size_t. */
void child_rows(work_fn *work, size_t n, struct cow_row *none, struct cow_row *some);
/* written_rows(): of two such, of which one writes no page, the other n, of ours. */
void written_rows(size_t n, struct cow_row *none, struct cow_row *some);
/* start_child(), end_child(): the same in two steps. */
pid_t start_child(work_fn *work, void *arg);
void wait_child(pid_t pid);
/*
 * touch_stack(): have the copies of our own stack while a child, which never writes it, is
 * sure to live; later it is a race whether they are copied or reused.
 */
void touch_stack(void);
/* wait_child_any(): it may end in whatever way. */
void wait_child_any(pid_t pid);
void kill_child(pid_t pid);

/* row_of(): a process's row now; bails when it has none. */
struct cow_row row_of(pid_t pid);
/* row_of_child_of(): of the last child that a process had. */
struct cow_row row_of_child_of(pid_t parent);
bool has_row(pid_t pid);
/* start_row(): one countable fault of our own, so that we have a row. */
void start_row(void);
/* The whole table; the caller frees it with cow_table_free(). */
struct cow_table table_now(void);
/* The same by BPF: what `cowstat bpf load` has made. */
struct cow_table bpf_table_now(void);
struct cow_table table_from(int fd);
struct cow_row total_now(void);

/* What an open file shows to whoever has this uid: rows by whose they are, sums, figures. */
struct seen {
	size_t mine, others, sums;
	bool header_whole;	/* at least one system-wide figure */
};
struct seen seen_through(int fd, uint64_t uid);
/* only_own(): no more than an unprivileged reader may see, and that. */
bool only_own(struct seen seen);

/* A pipe for two processes to wait for each other. */
struct gate {
	int fd[2];
};
struct gate gate_make(void);
void gate_open(struct gate *gate);
void gate_wait(struct gate *gate);
/* wait_at_gate(): the same, as a child's work. */
void wait_at_gate(void *gate);

/*
 * A child that works when it is told to, and then waits to be let go. @first, where there is
 * one, is worked on before it is told: what a first time costs is then spent.
 */
struct told {
	work_fn *work;
	void *first, *arg;
	struct gate born, go, worked, end;
	pid_t pid;
};
void told_start(struct told *told);
void told_work(struct told *told);
void told_end(struct told *told);

/* race_pages(): two threads write each of n pages at once. */
void race_pages(char *pages, size_t n);

/* map_text(): n pages of a new file, each beginning with this code, to be run. */
char *map_text(const char *path, const void *code, size_t len, size_t n);
/* run_page(): call what a page begins with. */
void run_page(const char *text, size_t page);

/* outlive_child(): have had a child that shared all our pages, wrote none, and has left. */
void outlive_child(void);
/* share_and_write(): for ever, pages of a kind are written by turns, by us and by a child. */
void share_and_write(size_t n, int advice, unsigned int rest_us);
/* start_storm(): a child that does nothing but have children, each of which writes a bit. */
pid_t start_storm(void);

/* A column's value; bails when it is not known. */
uint64_t value_of(const struct cow_row *row, enum cowstat_column column);
#define VALUE(row, NAME)	value_of(&(row), COWSTAT_COL_##NAME)
/* How much a column grew between two readings of a row. */
#define GREW(before, after, NAME)	(VALUE(after, NAME) - VALUE(before, NAME))

/* kernel_before(): is the running kernel older than this version? */
bool kernel_before(int major, int minor);
/* has_thp(): has the running kernel transparent huge pages? PREEMPT_RT has none. */
bool has_thp(void);
/* has_btf(): can the running kernel have BPF? KCSAN's cannot; elsewhere all tests of BPF fail. */
bool has_btf(void);
/*
 * preemptible(): may the running kernel be preempted wherever it holds no lock, or even there?
 * It then skips BPF programs now and then, and counts how often.
 */
bool preemptible(void);
/* set_file(): write a value to a file of /proc or /sys, or bail. */
void set_file(const char *path, const char *value);
/* run(): a shell command that has to succeed. */
void run(const char *command);
/* set_huge_pool(): how many hugetlb pages there are to be had. */
void set_huge_pool(int n);
/* uffd_open(): a userfaultfd over some memory; uffd_protect(): against writes, or no more. */
int uffd_open(void *from, size_t len, uint64_t mode, uint64_t features);
void uffd_protect(int uffd, void *from, size_t len, bool on);
/* swap_on(), swap_off(): swap to compressed memory, and no more. */
void swap_on(void);
void swap_off(void);
/* vmstat(): a counter of /proc/vmstat. */
uint64_t vmstat(const char *name);
/* pagemap_of(): the entry of a page in /proc/PID/pagemap. */
uint64_t pagemap_of(pid_t pid, const void *page);
#define PAGEMAP_PFN	((1ULL << 55) - 1)
#define PAGEMAP_SWAPPED	(1ULL << 62)

/* What write(2) of one control word to /proc/cowstat says: 0 or an errno. */
int control(const char *word);
int control_bytes(const void *bytes, size_t n);

/*
 * Load $COWSTAT_KO with parameters; try_ returns 0 or an errno, and may first replace a
 * string of the module's by one of the same length, to make it look for what is not there.
 */
void load_module(const char *params);
int try_load_module(const char *params, const char *replace, const char *by);
void unload_module(void);
int try_unload_module(void);
/* log_has(): does the kernel log hold this text? */
bool log_has(const char *text);
/* log_complains(): of something that no test wants, as a call trace may be wanted? */
bool log_complains(void);
/* log_clear(): what stands in it was wanted. */
void log_clear(void);

/*
 * shell(): what a command line prints to stdout, and its exit status as a shell has it; the
 * caller frees the text. Tools are found in $PATH, those of this build first.
 */
char *shell(int *status, const char *command, ...) __attribute__((format(printf, 2, 3)));

#endif /* COWSTAT_TEST_HARNESS_H */

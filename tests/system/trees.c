// SPDX-License-Identifier: GPL-2.0
/*
 * Random trees of processes that fork, read, write and exit, in random order, over a few pages.
 * A model of the kernel's rules knows for each page who made it and who shares it, and so for
 * each write how its fault ends. The rows of all processes must be exactly what the model says, in
 * the module's table and in that of BPF.
 *
 * The kernel gives each process an anon_vma for the pages that it makes, but may instead reuse
 * that of a dead ancestor. The model does so, too, and counts the pages that this makes look like
 * one's own though an ancestor made them. Some kernels leave a reused page to the ancestor that made
 * it; so does the model.
 *
 * The processes touch no other memory that they share by copy-on-write: their stacks and all that
 * they write is MAP_SHARED, and they call no function that writes anything else, errno included.
 */
#include <inttypes.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cow.h"
#include "harness.h"

#define PROCESSES	12
#define REGION		24		/* pages; a set of them is a mask */
#define STEPS		60
#define OPS		(STEPS + 2 * PROCESSES)
#define STACK		16384
#define BATCH		12		/* trees for each reading of the tables */
#define ROWS		"256"		/* of a table: more than a batch needs */
#define LONG_TREES	5000
#define SHORT_S		10

enum kind { WRITE, READ, FORK, EXIT };

/* What a process does next: to which pages, or which child it forks. */
struct op {
	enum kind kind;
	int actor;
	uint32_t pages;
	int child;
};

/* --- the processes --------------------------------------------------------------------- */

#define MAIN	PROCESSES

static struct shared {
	struct op op[OPS];
	int nr;
	int next; /* of the ops; only who has the turn writes it */
	char *region;
	pid_t pid[PROCESSES];
	atomic_int turn[PROCESSES + 1]; /* a futex each */
	char stack[PROCESSES][STACK] __attribute__((aligned(16)));
} *shared;

/* A system call that writes no errno. */
static inline long call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static void pass_turn(int to)
{
	atomic_store(&shared->turn[to], 1);
	call(SYS_futex, (long)&shared->turn[to], FUTEX_WAKE, 1, 0, 0, 0);
}

static void await_turn(int me)
{
	while (!atomic_exchange(&shared->turn[me], 0))
		call(SYS_futex, (long)&shared->turn[me], FUTEX_WAIT, 0, 0, 0, 0);
}

static void touch(uint32_t pages, bool write)
{
	volatile char *at = shared->region;

	for (int i = 0; i < REGION; i++) {
		if (!(pages & 1U << i))
			continue;
		if (write)
			at[i * PAGE] = 1;
		else
			(void)at[i * PAGE];
	}
}

static bool thp; /* this kernel has transparent huge pages */

/* The first process maps the pages, between two that nobody can touch. */
static void map_region(void)
{
	long at = call(SYS_mmap, 0, (REGION + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	shared->region = (char *)at + PAGE;
	if (call(SYS_mprotect, at + PAGE, REGION * PAGE, PROT_READ | PROT_WRITE, 0, 0, 0) ||
	    (thp && call(SYS_madvise, at + PAGE, REGION * PAGE, MADV_NOHUGEPAGE, 0, 0, 0)))
		call(SYS_exit_group, 1, 0, 0, 0, 0, 0);
}

static int process(void *arg);

/* Its pid is known before it runs. */
static void start(int p, int flags)
{
	clone(process, shared->stack[p] + STACK, flags | CLONE_PARENT_SETTID | SIGCHLD,
	      (void *)(long)p, &shared->pid[p]);
}

static int process(void *arg)
{
	int me = (long)arg;

	if (!me)
		map_region();
	for (;;) {
		const struct op *op = &shared->op[shared->next];

		if (op->actor != me || shared->next == shared->nr) {
			pass_turn(shared->next == shared->nr ? MAIN : op->actor);
			await_turn(me);
			continue;
		}
		shared->next++;
		switch (op->kind) {
		case FORK:
			/* of our parent, so that it can wait for all */
			start(op->child, CLONE_PARENT);
			await_turn(me); /* the child takes its turn, or passes it on */
			break;
		case EXIT:
			pass_turn(MAIN);
			call(SYS_exit_group, 0, 0, 0, 0, 0, 0);
			break;
		default:
			touch(op->pages, op->kind == WRITE);
			break;
		}
	}
	return 0;
}

/* Run the tree; wait for each process that exits before the next op. */
static void run_tree(void)
{
	for (int i = 0; i <= PROCESSES; i++)
		atomic_store(&shared->turn[i], 0);
	shared->next = 0;
	start(0, 0);
	while (shared->next < shared->nr) {
		int status;

		await_turn(MAIN);
		if (waitpid(shared->pid[shared->op[shared->next - 1].actor], &status, 0) < 0 ||
		    status)
			bail("a process of the tree failed");
		if (shared->next < shared->nr)
			pass_turn(shared->op[shared->next].actor);
	}
}

/* --- the model ------------------------------------------------------------------------- */

#define NONE	-1

/* struct anon_vma of the kernel: see anon_vma_clone() in mm/rmap.c */
struct anon_vma {
	int parent;
	int children, active, linked;
};

enum pte { ABSENT, ZERO, PROTECTED, WRITABLE };

struct page {
	int sharers;
	int maker;    /* the process */
	int anon_vma; /* what the kernel takes for it */
};

struct model {
	bool live[PROCESSES];
	int parent[PROCESSES];
	int anon_vma[PROCESSES];
	int chain[PROCESSES][PROCESSES], links[PROCESSES]; /* as the kernel walks it */
	enum pte pte[PROCESSES][REGION];
	int page[PROCESSES][REGION];
	struct anon_vma av[PROCESSES];
	struct page pages[PROCESSES * REGION * 8];
	int nr, nr_av, nr_pages;
	uint64_t base[PROCESSES]; /* the parent's own_copied at birth */
	uint64_t own[PROCESSES], inherited[PROCESSES], reused[PROCESSES], zero[PROCESSES];
	uint64_t forks[PROCESSES], parent_copied[PROCESSES];
};

static struct model m;
static bool reverses; /* anon_vma_clone(): 6.12 does not, 7.2 does */
static bool moves;    /* a reused page becomes its user's own: not from 5.9 to 5.17 */
static uint64_t reused_anon_vmas, mistaken, copies;

static int new_anon_vma(int parent)
{
	m.av[m.nr_av] = (struct anon_vma){ .parent = parent, .active = 1 };
	return m.nr_av++;
}

static void link_anon_vma(int p, int av)
{
	m.chain[p][m.links[p]++] = av;
	m.av[av].linked++;
}

static void model_root(void)
{
	memset(&m, 0, sizeof(m));
	m.nr = 1;
	m.live[0] = true;
	m.parent[0] = NONE;
	m.anon_vma[0] = new_anon_vma(NONE);
	m.av[0].children = 1; /* itself */
	link_anon_vma(0, 0);
}

static void model_fork(int p, int child)
{
	int av = NONE;

	m.live[child] = true;
	m.parent[child] = p;
	m.base[child] = m.own[p];
	m.forks[p]++;
	for (int i = 0; i < m.links[p]; i++) {
		/* newer kernels walk the chain from the other end, and so turn it round */
		int of = m.chain[p][reverses ? m.links[p] - 1 - i : i];

		link_anon_vma(child, of);
		if (av == NONE && m.av[of].children < 2 && !m.av[of].active)
			av = of;
	}
	if (av != NONE) {
		m.av[av].active++;
		reused_anon_vmas++;
	} else {
		av = new_anon_vma(m.anon_vma[p]);
		m.av[m.anon_vma[p]].children++;
		link_anon_vma(child, av);
	}
	m.anon_vma[child] = av;
	for (int i = 0; i < REGION; i++) {
		if (m.pte[p][i] == WRITABLE)
			m.pte[p][i] = PROTECTED;
		m.pte[child][i] = m.pte[p][i];
		m.page[child][i] = m.page[p][i];
		if (m.pte[p][i] == PROTECTED)
			m.pages[m.page[p][i]].sharers++;
	}
}

static void model_exit(int p)
{
	m.live[p] = false;
	if (m.parent[p] != NONE)
		m.parent_copied[p] = m.own[m.parent[p]] - m.base[p];
	for (int i = 0; i < REGION; i++)
		if (m.pte[p][i] >= PROTECTED)
			m.pages[m.page[p][i]].sharers--;
	for (int i = 0; i < m.links[p]; i++) {
		struct anon_vma *av = &m.av[m.chain[p][i]];

		if (!--av->linked && av->parent != NONE)
			m.av[av->parent].children--;
	}
	m.av[m.anon_vma[p]].active--;
}

static void model_new_page(int p, int i)
{
	if (m.nr_pages == sizeof(m.pages) / sizeof(m.pages[0]))
		bail("the model has too few pages");
	m.pages[m.nr_pages] = (struct page){ 1, p, m.anon_vma[p] };
	m.page[p][i] = m.nr_pages++;
	m.pte[p][i] = WRITABLE;
}

static void model_write(int p, int i)
{
	struct page *page = &m.pages[m.page[p][i]];

	switch (m.pte[p][i]) {
	case ABSENT:
		model_new_page(p, i);
		break;
	case ZERO:
		m.zero[p]++;
		model_new_page(p, i);
		break;
	case PROTECTED:
		if (page->sharers == 1) {
			m.reused[p]++;
			page->maker = p;
			if (moves)
				page->anon_vma = m.anon_vma[p];
			m.pte[p][i] = WRITABLE;
			break;
		}
		copies++;
		if (page->anon_vma == m.anon_vma[p])
			m.own[p]++;
		else
			m.inherited[p]++;
		mistaken += (page->anon_vma == m.anon_vma[p]) != (page->maker == p);
		page->sharers--;
		model_new_page(p, i);
		break;
	default:
		break;
	}
}

static void model(const struct op *op)
{
	for (int i = 0; i < REGION; i++) {
		if (!(op->pages & 1U << i))
			continue;
		if (op->kind == WRITE)
			model_write(op->actor, i);
		else if (op->kind == READ && m.pte[op->actor][i] == ABSENT)
			m.pte[op->actor][i] = ZERO;
	}
	if (op->kind == FORK)
		model_fork(op->actor, op->child);
	else if (op->kind == EXIT)
		model_exit(op->actor);
}

/* --- trees ------------------------------------------------------------------------------- */

static void add(struct op op)
{
	shared->op[shared->nr++] = op;
	model(&op);
}

static int some_live(void)
{
	int p;

	do
		p = random() % m.nr;
	while (!m.live[p]);
	return p;
}

static uint32_t some_pages(void)
{
	return random() & random() & ((1U << REGION) - 1);
}

/* Ops that can be done, and what the model says of them. */
static void make_tree(void)
{
	int steps = 5 + random() % (STEPS - 5), live = 1;

	shared->nr = 0;
	model_root();
	/* without a page of its own the region has no anon_vma, and fork skips it */
	add((struct op){ WRITE, 0, some_pages() | 1, 0 });
	while (steps-- && live) {
		int p = some_live(), what = random() % 10;

		if (what < 4) {
			add((struct op){ WRITE, p, some_pages(), 0 });
		} else if (what < 5) {
			add((struct op){ READ, p, some_pages(), 0 });
		} else if (what < 8 && m.nr < PROCESSES) {
			add((struct op){ FORK, p, 0, m.nr });
			m.nr++;
			live++;
		} else if (what == 9 && live > 1) {
			add((struct op){ EXIT, p, 0, 0 });
			live--;
		}
	}
	for (; live; live--)
		add((struct op){ EXIT, some_live(), 0, 0 });
}

/* What a tree left: pids, and the model's figures. */
struct tree {
	pid_t pid[PROCESSES];
	struct model model;
};

static struct tree trees[BATCH];
static size_t processes, bad;

static void same(const struct cow_row *row, const char *whose, size_t number, int p,
		 enum cowstat_column c, uint64_t want)
{
	if (row->known[c] && row->value[c] == want)
		return;
	if (bad++ < 10)
		note("tree %zu, process %d, %s: %s is %" PRIu64 "%s, not %" PRIu64, number, p,
		     whose, cow_column_name(c), row->value[c], row->known[c] ? "" : " (unknown)",
		     want);
}

static void check_tree(const struct cow_table *t, const char *whose, size_t number,
		       const struct tree *tree)
{
	const struct model *is = &tree->model;

	for (int p = 0; p < is->nr; p++) {
		uint64_t copied = is->own[p] + is->inherited[p];
		const struct cow_row *row = cow_table_find(t, tree->pid[p]);

		processes++;
		if (!row)
			bail("tree %zu, process %d: no row, %s", number, p, whose);
#define SAME(NAME, want)	same(row, whose, number, p, COWSTAT_COL_##NAME, want)
		SAME(WP_FAULTS, copied + is->reused[p] + is->zero[p]);
		SAME(COPIED, copied);
		SAME(ANON_COPIED, copied);
		SAME(INHERITED_COPIED, is->inherited[p]);
		SAME(REUSED, is->reused[p]);
		SAME(ZERO_FILLED, is->zero[p]);
		SAME(SHARED_WP, 0);
		SAME(OTHER, 0);
		SAME(FORKS, is->forks[p]);
		SAME(PRE_EXEC_COPIED, copied);
		if (p) /* the first one's parent is the test itself */
			SAME(PARENT_COPIED, is->parent_copied[p]);
	}
}

static void run_batch(size_t first, bool bpf)
{
	struct cow_table t;

	for (size_t i = 0; i < BATCH; i++) {
		make_tree();
		run_tree();
		memcpy(trees[i].pid, shared->pid, sizeof(shared->pid));
		trees[i].model = m;
	}
	t = table_now();
	for (size_t i = 0; i < BATCH; i++)
		check_tree(&t, "module", first + i, &trees[i]);
	cow_table_free(&t);
	if (!bpf)
		return;
	t = bpf_table_now();
	for (size_t i = 0; i < BATCH; i++)
		check_tree(&t, "BPF", first + i, &trees[i]);
	cow_table_free(&t);
}

int main(void)
{
	time_t end;
	uint64_t total;
	size_t nr;
	int status;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		bail("no shared memory");
	seed_random();
	reverses = !kernel_before(7, 0);
	moves = !kernel_before(5, 18);
	thp = has_thp();
	unload_module();
	load_module("max_rows=" ROWS);
	if (has_bpf()) {
		free(shell(&status, "cowstat bpf load -m " ROWS));
		is(status, 0, "BPF counts, too");
	}
	end = time(NULL) + SHORT_S;
	for (nr = 0; long_run() ? nr < LONG_TREES : time(NULL) < end; nr += BATCH)
		run_batch(nr, has_bpf());
	total = copies;
	ok(nr, "%zu trees were run", nr);
	is(bad, 0, "%zu trees, %zu rows, %" PRIu64 " copies: all as the model says", nr, processes,
	   total);
	ok(mistaken <= total / 20 && (mistaken || !long_run()),
	   "the kernel reused %" PRIu64 " anon_vmas, and %" PRIu64
	   " copies of pages of an ancestor count as own, or the reverse",
	   reused_anon_vmas, mistaken);
	note("report: trees: %zu trees, %zu rows, %" PRIu64 " copies, %" PRIu64 " mistaken", nr,
	     processes, total, mistaken);
	if (has_bpf()) {
		free(shell(&status, "cowstat bpf unload"));
		is(status, 0, "BPF counts no more");
	}
	return done();
}

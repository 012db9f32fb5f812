// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cow.h"
#include "harness.h"
#include "procfs.h"

#define STACK_PAGES	64

static int checks, failures;

static void report(bool good, const char *what, va_list args)
{
	printf("%sok %d - ", good ? "" : "not ", ++checks);
	vprintf(what, args);
	putchar('\n');
	failures += !good;
}

void ok(bool good, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	report(good, what, args);
	va_end(args);
	fflush(stdout);
}

void is(uint64_t got, uint64_t want, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	report(got == want, what, args);
	va_end(args);
	if (got != want)
		printf("#   got %lld, want %lld\n", (long long)got, (long long)want);
	fflush(stdout);
}

void note(const char *what, ...)
{
	va_list args;

	printf("# ");
	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

void bail(const char *why, ...)
{
	va_list args;

	printf("not ok %d - ", checks + 1);
	va_start(args, why);
	vprintf(why, args);
	va_end(args);
	printf("\n1..%d\n", checks + 1);
	fflush(stdout);
	_exit(1);
}

bool long_run(void)
{
	return getenv("COWSTAT_LONG");
}

void seed_random(void)
{
	const char *wanted = getenv("COWSTAT_SEED");
	unsigned int seed = wanted ? strtoul(wanted, NULL, 0) : (unsigned int)time(NULL);

	srandom(seed);
	note("report: %s: COWSTAT_SEED=%u", program_invocation_short_name, seed);
}

/* wp_faults = copied + zero_filled + reused + shared_wp + other; the same for huge pages. */
static bool row_is_conserved(const struct cow_row *row)
{
	const uint64_t *v = row->value;

	return v[COWSTAT_COL_WP_FAULTS] ==
		       v[COWSTAT_COL_COPIED] + v[COWSTAT_COL_ZERO_FILLED] + v[COWSTAT_COL_REUSED] +
			       v[COWSTAT_COL_SHARED_WP] + v[COWSTAT_COL_OTHER] &&
	       v[COWSTAT_COL_THP_FAULTS] == v[COWSTAT_COL_THP_SPLIT] + v[COWSTAT_COL_THP_REUSED] +
						    v[COWSTAT_COL_THP_OTHER] &&
	       v[COWSTAT_COL_HUGETLB_FAULTS] == v[COWSTAT_COL_HUGETLB_COPIED] +
							v[COWSTAT_COL_HUGETLB_REUSED] +
							v[COWSTAT_COL_HUGETLB_OTHER] &&
	       v[COWSTAT_COL_ANON_COPIED] + v[COWSTAT_COL_KSM_COPIED] <= v[COWSTAT_COL_COPIED];
}

void check_conservation(const struct cow_table *t)
{
	uint64_t sum[COWSTAT_NR_COLUMNS] = {};
	const struct cow_row *total = cow_table_total(t);
	size_t i, bad = 0, c;

	for (i = 0; i < t->nr; i++) {
		bad += !row_is_conserved(&t->row[i]);
		for (c = 0; c < COWSTAT_NR_COLUMNS && t->row[i].kind != COW_ROW_TOTAL; c++)
			sum[c] += t->row[i].value[c];
	}
	is(bad, 0, "faults are conserved in each of %zu rows", t->nr);
	for (c = COWSTAT_COL_FORKS, bad = 0; total && c < COWSTAT_COL_CGROUP; c++) {
		if (sum[c] == total->value[c])
			continue;
		note("%s: rows %lu, total %lu", cow_column_name(c), sum[c], total->value[c]);
		bad++;
	}
	ok(total && !bad, "the total is the sum of all rows");
}

int done_without_table(void)
{
	printf("1..%d\n", checks);
	return failures ? 1 : 0;
}

int done(void)
{
	struct cow_table t = table_now();

	check_conservation(&t);
	cow_table_free(&t);
	return done_without_table();
}

char *map_untouched(size_t n)
{
	char *pages = mmap(NULL, (n + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* Between two pages without access, so that no other mapping merges with it. */
	if (pages == MAP_FAILED || mprotect(pages += PAGE, n * PAGE, PROT_READ | PROT_WRITE) ||
	    (has_thp() && madvise(pages, n * PAGE, MADV_NOHUGEPAGE)))
		bail("no memory: errno %d", errno);
	return pages;
}

char *map_pages(size_t n)
{
	char *pages = map_untouched(n);

	write_pages(pages, n);
	return pages;
}

/* Write without reading first: reading an untouched page would map the zero page. */
void write_pages(char *pages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		*(volatile char *)(pages + i * PAGE) = 1;
}

void read_pages(const char *pages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)*(volatile const char *)(pages + i * PAGE);
}

static char *stack; /* for the children of this process */

struct start {
	work_fn *work;
	void *arg;
};

static int child_main(void *arg)
{
	struct start *start = arg;

	stack = NULL; /* this process runs on it: its children need another one */
	start->work(start->arg);
	_exit(0);
}

/*
 * Like fork(), but the child has a stack that the parent never writes. With fork() it is a race
 * which process writes a stack page first and copies it, and which one then reuses it.
 */
pid_t start_child(work_fn *work, void *arg)
{
	struct start start = { work, arg };
	pid_t pid;

	if (!stack)
		stack = map_pages(STACK_PAGES);
	pid = clone(child_main, stack + STACK_PAGES * PAGE, SIGCHLD, &start);
	if (pid < 0)
		bail("clone: errno %d", errno);
	return pid;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void pin(size_t cpus)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (size_t cpu = 0; cpu < cpus; cpu++)
		CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bail("sched_setaffinity: errno %d", errno);
}

void use_all_cpus(void)
{
	pin(sysconf(_SC_NPROCESSORS_ONLN));
}

/*
 * Run on one CPU: a page in the LRU batch of another CPU looks shared, so the kernel would copy
 * it even for its only owner. And fork one child now: after the first fork of a program the
 * parent copies more pages than after later ones.
 */
static void __attribute__((constructor)) begin(void)
{
	pin(1);
	wait_child(start_child(nothing, NULL));
}

void touch_stack(void)
{
	volatile char deep[4 * PAGE];

	for (size_t i = 0; i < sizeof(deep); i += PAGE)
		deep[i] = 1;
	(void)deep[0];
}

void wait_child_any(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid)
		bail("waitpid: errno %d", errno);
}

void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_child_any(pid);
}

void wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		bail("waitpid: errno %d", errno);
	if (status)
		bail("a child ended with status 0x%x", status);
}

struct cow_row child_row(work_fn *work, void *arg)
{
	pid_t pid = start_child(work, arg);

	wait_child(pid);
	return row_of(pid);
}

void child_rows(work_fn *work, size_t n, struct cow_row *none, struct cow_row *some)
{
	size_t zero = 0;

	*none = child_row(work, &zero);
	*some = child_row(work, &n);
}

static char *written;

static void write_shared(void *arg)
{
	write_pages(written, *(size_t *)arg);
}

void written_rows(size_t n, struct cow_row *none, struct cow_row *some)
{
	written = map_pages(n);
	child_rows(write_shared, n, none, some);
	munmap(written, n * PAGE);
}

void wait_at_gate(void *gate)
{
	gate_wait(gate);
}

void outlive_child(void)
{
	struct gate go = gate_make();
	pid_t child = start_child(wait_at_gate, &go);

	touch_stack();
	gate_open(&go);
	wait_child(child);
	close(go.fd[0]);
	close(go.fd[1]);
}

static void run_puppet(void *arg)
{
	struct puppet *p = arg;

	if (p->first)
		p->work(p->first);
	gate_open(&p->born);
	gate_wait(&p->go);
	p->work(p->arg);
	gate_open(&p->worked);
	gate_wait(&p->end);
}

void puppet_start(struct puppet *p)
{
	p->born = gate_make();
	p->go = gate_make();
	p->worked = gate_make();
	p->end = gate_make();
	p->pid = start_child(run_puppet, p);
	gate_wait(&p->born);
}

void puppet_work(struct puppet *p)
{
	gate_open(&p->go);
	gate_wait(&p->worked);
}

void puppet_end(struct puppet *p)
{
	gate_open(&p->end);
	wait_child(p->pid);
}

static struct {
	pthread_barrier_t start;
	char *pages;
	size_t n;
} race;

static void *write_all(void *arg)
{
	pthread_barrier_wait(&race.start);
	write_pages(race.pages, race.n);
	return arg;
}

void race_pages(char *pages, size_t n)
{
	pthread_t other;

	race.pages = pages;
	race.n = n;
	pthread_barrier_init(&race.start, NULL, 2);
	if (pthread_create(&other, NULL, write_all, NULL))
		_exit(1);
	write_all(NULL);
	pthread_join(other, NULL);
}

char *map_text(const char *path, const void *code, size_t len, size_t n)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0700);
	char page[PAGE] = {};
	char *text;

	memcpy(page, code, len);
	for (size_t i = 0; i < n; i++)
		if (write(fd, page, PAGE) != PAGE)
			bail("cannot write %s: errno %d", path, errno);
	text = mmap(NULL, n * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		bail("cannot map %s: errno %d", path, errno);
	close(fd);
	return text;
}

void run_page(const char *text, size_t page)
{
	((void (*)(void))(uintptr_t)(text + page * PAGE))();
}

static void have_children(void *arg)
{
	char *pages = map_pages(7);

	(void)arg;
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			write_pages(pages, 7);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

void share_and_write(size_t n, int advice, unsigned int rest_us)
{
	char *own = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);

	if (own == MAP_FAILED)
		_exit(1);
	if (advice)
		madvise(own, n * PAGE, advice);
	nice(19);
	for (;;) {
		pid_t pid;

		write_pages(own, n);
		usleep(rest_us);
		pid = fork();
		write_pages(own, n);
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

pid_t start_storm(void)
{
	return start_child(have_children, NULL);
}

static struct cow_table table_at(const char *path)
{
	struct cow_table t;
	char err[256];

	if (cow_table_read(path, &t, err, sizeof(err)))
		bail("%s", err);
	return t;
}

struct cow_table table_now(void)
{
	return table_at(COWSTAT_PROC_PATH);
}

struct cow_table bpf_table_now(void)
{
	return table_at(COWSTAT_BPF_TABLE);
}

/* Born and gone while both counted. */
static bool is_whole(const struct cow_row *row, uint64_t since_ns)
{
	return row->kind == COW_ROW_PROCESS && row->state == 'X' &&
	       row->value[COWSTAT_COL_START_NS] > since_ns;
}

static int by_identity(const void *a, const void *b)
{
	const struct cow_row *x = *(const struct cow_row **)a, *y = *(const struct cow_row **)b;
	uint64_t m = x->value[COWSTAT_COL_START_NS], n = y->value[COWSTAT_COL_START_NS];

	return m != n ? (m < n ? -1 : 1) : (x->pid > y->pid) - (x->pid < y->pid);
}

/* The whole rows of a table, sorted, to be freed. */
static const struct cow_row **whole_rows(const struct cow_table *t, uint64_t since_ns, size_t *nr)
{
	const struct cow_row **rows = calloc(t->nr + 1, sizeof(*rows));

	if (!rows)
		bail("no memory");
	*nr = 0;
	for (size_t i = 0; i < t->nr; i++)
		if (is_whole(&t->row[i], since_ns))
			rows[(*nr)++] = &t->row[i];
	qsort(rows, *nr, sizeof(*rows), by_identity);
	return rows;
}

/* parent_copied is sampled at a child's birth and end, by each at its own moment. */
#define PARENT_APART	64	/* pages, in one row */
#define PARENT_ROWS	50	/* one row of so many */

struct agreed tables_agree(const char *name, const struct cow_table *module,
			   const struct cow_table *bpf)
{
	uint64_t bad[COWSTAT_NR_COLUMNS] = {}, worst[COWSTAT_NR_COLUMNS] = {}, apart;
	const struct cow_row **ours, **theirs, *m, *b;
	size_t nr_ours, nr_theirs, i = 0, j = 0, absent = 0;
	struct agreed agreed = {};
	int order;

	ours = whole_rows(module, bpf->since_ns.value, &nr_ours);
	theirs = whole_rows(bpf, bpf->since_ns.value, &nr_theirs);
	while (i < nr_ours || j < nr_theirs) {
		order = i == nr_ours ? 1 : j == nr_theirs ? -1 : by_identity(&ours[i], &theirs[j]);
		if (order) {
			m = order < 0 ? ours[i++] : theirs[j++];
			if (absent++ < 5)
				note("%s has no row of pid %d (%s)",
				     order < 0 ? "BPF" : "the module", m->pid, m->comm);
			continue;
		}
		m = ours[i++];
		b = theirs[j++];
		agreed.rows++;
		for (int c = 0; c < COWSTAT_NR_COLUMNS; c++) {
			agreed.sum[c] += m->value[c];
			apart = m->value[c] < b->value[c] ? b->value[c] - m->value[c] :
							    m->value[c] - b->value[c];
			if (m->known[c] == b->known[c] && !apart &&
			    (c != COWSTAT_COL_COMM || !strcmp(m->comm, b->comm)))
				continue;
			if (apart > worst[c])
				worst[c] = apart;
			if (bad[c]++ < 5 && c != COWSTAT_COL_FORK_NS)
				note("%s of pid %d (%s): module %" PRIu64 "%s, BPF %" PRIu64 "%s",
				     cow_column_name(c), m->pid, m->comm, m->value[c],
				     m->known[c] ? "" : " (unknown)", b->value[c],
				     b->known[c] ? "" : " (unknown)");
		}
	}
	free(ours);
	free(theirs);

	note("report: %s: %zu processes, BPF missed %" PRIu64 ", parent_copied differs in %" PRIu64
	     " rows by at most %" PRIu64,
	     name, agreed.rows, bpf->missed.value, bad[COWSTAT_COL_PARENT_COPIED],
	     worst[COWSTAT_COL_PARENT_COPIED]);
	is(absent, 0, "each process has a row in both tables");
	is(bpf->missed.value, 0, "BPF missed nothing");
	is(bpf->lost.value, module->lost.value, "both lost as much");
	for (int c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		if (c == COWSTAT_COL_FORK_NS || c == COWSTAT_COL_PARENT_COPIED)
			continue;
		is(bad[c], 0, "%s agrees in every row; in all %" PRIu64, cow_column_name(c),
		   agreed.sum[c]);
	}
	ok(worst[COWSTAT_COL_PARENT_COPIED] <= PARENT_APART &&
		   bad[COWSTAT_COL_PARENT_COPIED] <= agreed.rows / PARENT_ROWS + 1,
	   "parent_copied differs in %" PRIu64 " rows by at most %" PRIu64,
	   bad[COWSTAT_COL_PARENT_COPIED], worst[COWSTAT_COL_PARENT_COPIED]);
	return agreed;
}

struct cow_table table_from(int fd)
{
	static char text[1 << 22];
	struct cow_table t;
	char err[256];
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, text + n, sizeof(text) - n)) > 0)
		n += got;
	if (got < 0 || cow_table_parse(text, n, &t, err, sizeof(err)))
		bail("%s", got < 0 ? strerror(errno) : err);
	return t;
}

struct seen seen_through(int fd, uint64_t uid)
{
	struct cow_table t = table_from(fd);
	struct seen seen = {
		.header_whole = t.rows.known || t.folded.known || t.lost.known || t.missed.known ||
				t.sums.known || t.merged.known,
	};

	for (size_t i = 0; i < t.nr; i++) {
		if (t.row[i].kind != COW_ROW_PROCESS)
			seen.sums++;
		else if (t.row[i].value[COWSTAT_COL_UID] == uid)
			seen.mine++;
		else
			seen.others++;
	}
	cow_table_free(&t);
	return seen;
}

bool only_own(struct seen seen)
{
	return seen.mine && !seen.others && !seen.sums && !seen.header_whole;
}

static bool find_row(pid_t pid, struct cow_row *to)
{
	struct cow_table t = table_now();
	const struct cow_row *row = cow_table_find(&t, pid);

	if (row)
		*to = *row;
	cow_table_free(&t);
	return row;
}

struct cow_row row_of(pid_t pid)
{
	struct cow_row row;

	/*
	 * This process gets its row with its first counted fault. Reading the table also
	 * writes pages: take these faults before the reading that is returned.
	 */
	if (pid == getpid()) {
		start_row();
		find_row(pid, &row);
	}
	if (!find_row(pid, &row))
		bail("no row of pid %d", pid);
	return row;
}

void start_row(void)
{
	static bool started;
	char *page;

	if (started)
		return;
	started = true;
	page = map_untouched(1);
	read_pages(page, 1);
	write_pages(page, 1);
	munmap(page, PAGE);
}

struct cow_row row_of_child_of(pid_t parent)
{
	struct cow_table t = table_now();
	struct cow_row row = { .pid = 0 };

	for (size_t i = 0; i < t.nr; i++)
		if (t.row[i].kind == COW_ROW_PROCESS && t.row[i].known[COWSTAT_COL_PPID] &&
		    t.row[i].value[COWSTAT_COL_PPID] == (uint64_t)parent)
			row = t.row[i];
	cow_table_free(&t);
	if (!row.pid)
		bail("no row of a child of pid %d", parent);
	return row;
}

bool has_row(pid_t pid)
{
	struct cow_row row;

	return find_row(pid, &row);
}

struct cow_row total_now(void)
{
	struct cow_table t = table_now();
	struct cow_row total = *cow_table_total(&t);

	cow_table_free(&t);
	return total;
}

uint64_t value_of(const struct cow_row *row, enum cowstat_column column)
{
	if (!row->known[column])
		bail("%s of pid %d is not known", cow_column_name(column), row->pid);
	return row->value[column];
}

int control_bytes(const void *bytes, size_t n)
{
	int fd = open(COWSTAT_PROC_PATH, O_WRONLY), err = 0;
	ssize_t wrote;

	if (fd < 0)
		return errno;
	wrote = write(fd, bytes, n);
	if (wrote < 0)
		err = errno;
	else if ((size_t)wrote != n)
		err = EIO;
	close(fd);
	return err;
}

int control(const char *word)
{
	return control_bytes(word, strlen(word));
}

int try_load_module(const char *params, const char *replace, const char *by)
{
	const char *path = getenv("COWSTAT_KO");
	struct stat st;
	size_t at, len = replace ? strlen(replace) : 0;
	char *image;
	int fd, err;

	if (!path)
		bail("COWSTAT_KO does not name the module");
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &st))
		bail("%s: errno %d", path, errno);
	image = malloc(st.st_size);
	if (!image || read(fd, image, st.st_size) != st.st_size)
		bail("%s: cannot be read", path);
	close(fd);
	for (at = 0; len && at + len < (size_t)st.st_size; at++)
		if (!memcmp(image + at, replace, len) && !image[at + len])
			memcpy(image + at, by, len);
	err = syscall(SYS_init_module, image, st.st_size, params) ? errno : 0;
	free(image);
	return err;
}

int try_unload_module(void)
{
	return syscall(SYS_delete_module, "cowstat", 0) ? errno : 0;
}

void unload_module(void)
{
	int err = try_unload_module();

	if (err)
		bail("cannot unload: errno %d", err);
}

void load_module(const char *params)
{
	int err;

	if (!access(COWSTAT_PROC_PATH, F_OK))
		unload_module();
	err = try_load_module(params, NULL, NULL);
	if (err)
		bail("cannot load with \"%s\": errno %d", params, err);
}

void log_clear(void)
{
	enum { CLEAR = 5 };

	klogctl(CLEAR, NULL, 0);
}

bool log_has(const char *text)
{
	enum { READ_ALL = 3 };
	static char log[1 << 20];
	int n = klogctl(READ_ALL, log, sizeof(log) - 1);

	if (n < 0)
		bail("cannot read the kernel log: errno %d", errno);
	log[n] = '\0';
	return strstr(log, text);
}

bool log_complains(void)
{
	return log_has("BUG") || log_has("WARNING:") || log_has("Oops") || log_has("KASAN") ||
	       log_has("INFO: ");
}

char *shell(int *status, const char *command, ...)
{
	char line[4096], *text = NULL;
	size_t size;
	va_list args;
	FILE *from, *to;
	int c;

	va_start(args, command);
	c = snprintf(line, sizeof(line), "PATH=%s:$PATH; ", getenv("COWSTAT_BUILD"));
	c += vsnprintf(line + c, sizeof(line) - c, command, args);
	va_end(args);
	if (c >= (int)sizeof(line))
		bail("a command line too long");
	from = popen(line, "r");
	to = open_memstream(&text, &size);
	if (!from || !to)
		bail("%s: errno %d", line, errno);
	while ((c = getc(from)) != EOF)
		putc(c, to);
	fclose(to);
	c = pclose(from);
	*status = WIFSIGNALED(c) ? 128 + WTERMSIG(c) : WEXITSTATUS(c);
	return text;
}

struct gate gate_make(void)
{
	struct gate gate;

	if (pipe(gate.fd))
		bail("pipe: errno %d", errno);
	return gate;
}

void gate_open(struct gate *gate)
{
	if (write(gate->fd[1], "", 1) != 1)
		bail("gate: errno %d", errno);
}

void gate_wait(struct gate *gate)
{
	char byte;

	if (read(gate->fd[0], &byte, 1) != 1)
		_exit(1);
}

bool kernel_before(int major, int minor)
{
	struct utsname name;
	int is_major, is_minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &is_major, &is_minor) != 2)
		bail("cannot tell this kernel's version");
	return is_major < major || (is_major == major && is_minor < minor);
}

void set_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		bail("cannot write %s to %s: errno %d", value, path, errno);
	close(fd);
}

void run(const char *command)
{
	int status = system(command);

	if (status)
		bail("%s: status 0x%x", command, status);
}

bool has_thp(void)
{
	return !access("/sys/kernel/mm/transparent_hugepage", F_OK);
}

bool has_bpf(void)
{
	const char *wish = getenv("COWSTAT_BPF");

	return !wish || strcmp(wish, "no");
}

void set_huge_pool(int n)
{
	int pool = -1;
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "r+");

	if (!f || fprintf(f, "%d", n) < 0 || fflush(f) || fseek(f, 0, SEEK_SET) ||
	    fscanf(f, "%d", &pool) != 1 || pool != n)
		bail("no pool of %d huge pages, but of %d", n, pool);
	fclose(f);
}

int uffd_open(void *from, size_t len, uint64_t mode, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)from, .len = len },
		.mode = mode,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
		bail("userfaultfd: errno %d", errno);
	return uffd;
}

void uffd_protect(int uffd, void *from, size_t len, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)from, .len = len },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	if (ioctl(uffd, UFFDIO_WRITEPROTECT, &wp))
		bail("UFFDIO_WRITEPROTECT: errno %d", errno);
}

void drain_lru(void)
{
	void *page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || munmap(page, PAGE)) /* unmap_region() does it */
		bail("cannot unmap a page: errno %d", errno);
}

void let_forks_fail(const char *group, size_t bytes)
{
	char path[100], limit[32];

	if (mkdir(group, 0755) && errno != EEXIST)
		bail("mkdir %s: errno %d", group, errno);
	set_file("/sys/fs/cgroup/cgroup.subtree_control", "+pids");
	snprintf(path, sizeof(path), "%s/pids.max", group);
	set_file(path, "1");
	set_file("/proc/sys/vm/overcommit_memory", "1");
	snprintf(limit, sizeof(limit), "%" PRIu64, (procfs_meminfo("Committed_AS") + bytes) / 1024);
	set_file("/proc/sys/vm/overcommit_kbytes", limit);
}

void kill_group(const char *group)
{
	char path[100];
	long pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.kill", group);
	if (!access(path, F_OK)) {
		set_file(path, "1");
		return;
	}
	/* before 5.14: first no process may fork any more */
	snprintf(path, sizeof(path), "%s/pids.max", group);
	set_file(path, "0");
	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	f = fopen(path, "r");
	while (f && fscanf(f, "%ld", &pid) == 1)
		kill(pid, SIGKILL);
	if (!pid)
		bail("no process in %s", path);
	fclose(f);
}

void swap_on(void)
{
	run("{ modprobe -q zram || test -e /sys/block/zram0; } && echo 1 >/sys/block/zram0/reset && "
	    "echo 64M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0");
}

void swap_off(void)
{
	run("swapoff /dev/zram0");
}

uint64_t vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "r");
	unsigned long long value;
	char key[64];

	while (f && fscanf(f, "%63s %llu", key, &value) == 2) {
		if (strcmp(key, name))
			continue;
		fclose(f);
		return value;
	}
	bail("no %s in /proc/vmstat", name);
}

uint64_t pagemap_of(pid_t pid, const void *page)
{
	off_t where = (uintptr_t)page / PAGE * sizeof(uint64_t);
	uint64_t entry;
	char path[40];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || pread(fd, &entry, sizeof(entry), where) != sizeof(entry))
		bail("cannot read %s: errno %d", path, errno);
	close(fd);
	return entry;
}

size_t count_frames(pid_t pid, const char *pages, size_t n)
{
	uint64_t *frame = calloc(n, sizeof(*frame));
	size_t i, j, frames = 0;

	if (!frame)
		bail("no memory");
	for (i = 0; i < n; i++) {
		frame[i] = pagemap_of(pid, pages + i * PAGE) & PAGEMAP_PFN;
		for (j = 0; frame[j] != frame[i]; j++)
			;
		frames += i == j;
	}
	free(frame);
	return frames;
}

size_t merged_pages(pid_t pid, const char *pages, size_t n)
{
	uint64_t merged;

	/* the sums in /sys lag behind exits */
	if (!procfs_pid_figure(pid, "ksm_merging_pages", NULL, &merged))
		return merged;
	if (!kernel_before(5, 19))
		bail("cannot read ksm_merging_pages of %d", pid);
	return count_frames(pid, pages, n) == 1 ? n : 0;
}

uint64_t json_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_integer(value))
		bail("no number \"%s\"", name);
	return json_integer_value(value);
}

char *file_text(const char *path)
{
	int status;
	char *text = shell(&status, "cat %s", path);

	if (status)
		bail("no %s", path);
	return text;
}

int cowtrace_while(void (*work)(void), const char *to, const char *options, ...)
{
	char command[512], line[256] = "";
	int said[2], status, c;
	va_list args;
	pid_t pid;
	FILE *f;

	va_start(args, options);
	c = snprintf(command, sizeof(command), "PATH=%s:$PATH; exec cowtrace ",
		     getenv("COWSTAT_BUILD"));
	vsnprintf(command + c, sizeof(command) - c, options, args);
	va_end(args);
	if (pipe(said))
		bail("no pipe");
	pid = fork();
	if (!pid) {
		if (!freopen(to, "w", stdout))
			_exit(1);
		dup2(said[1], STDERR_FILENO);
		close(said[0]);
		close(said[1]);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(said[1]);
	f = fdopen(said[0], "r");
	/* Before that, cowtrace may warn about functions that this kernel does not have. */
	do {
		if (!f || !fgets(line, sizeof(line), f))
			bail("%s: did not start: %s", command, line);
	} while (!strstr(line, "watching"));
	work();
	kill(pid, SIGINT);
	if (waitpid(pid, &status, 0) != pid || !fgets(line, sizeof(line), f))
		bail("%s: did not end", command);
	note("%s: %s", command, line);
	fclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

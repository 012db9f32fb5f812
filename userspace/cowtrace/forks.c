// SPDX-License-Identifier: GPL-2.0
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "callers.h"
#include "clock.h"
#include "cow.h"
#include "faults.h"
#include "forks.h"
#include "format.h"
#include "json.h"
#include "names.h"

#define MAX_FLIGHTS	16384 /* more than the forks that bpf/cowforks.bpf.c follows */
#define MAX_SUMS	4096
#define TOP_MAPPINGS	10
#define ERESTARTNOINTR	513 /* not for programs: a signal interrupted fork, which begins again */

/**
 * struct flight - a fork of which reports have come, but not yet that of its end
 * @fork: its number
 * @frame: the user stack, the innermost first
 * @nr_frames: their number; 0 if the stack is not known
 * @mapping: the mappings that it has copied
 * @nr_mappings: their number
 */
struct flight {
	uint64_t fork;
	struct caller_frame *frame;
	size_t nr_frames;
	struct cow_fork_mapping *mapping;
	size_t nr_mappings;
};

/**
 * struct caller_sum - the forks of a caller
 * @function: the function that called fork, vfork, system() and the like
 * @object: its program or library
 * @forks: forks that made a child
 * @vforks: children that borrow their parent's memory
 * @failed: forks that failed
 * @restarted: forks that a signal interrupted
 * @took_ns: the time of all of them
 * @longest_ns: of the longest
 * @shared: pages that they shared
 * @pgtables_bytes: page tables that they built
 */
struct caller_sum {
	char function[sizeof(((struct caller_frame *)0)->function)];
	char object[sizeof(((struct caller_frame *)0)->object)];
	uint64_t forks, vforks, failed, restarted;
	uint64_t took_ns, longest_ns;
	uint64_t shared, pgtables_bytes;
};

struct forks {
	struct forks_options o;
	struct callers *callers;
	struct flight *flight;
	size_t nr_flights;
	struct caller_sum *sum;
	size_t nr_sums;
	struct forks_counts n;
};

/* --- facts of a fork ---------------------------------------------------------------------- */

static bool shares_mm(const struct cow_fork_ended *e)
{
	return e->flags & CLONE_VM;
}

static const char *kind_name(const struct cow_fork_ended *e)
{
	if (!shares_mm(e))
		return "fork";
	return e->flags & CLONE_VFORK ? "vfork" : "clone";
}

/* Pages of 4 KiB that parent and child share. */
static uint64_t shared_pages(const struct cow_fork_pages *p)
{
	uint64_t copied = p->pinned < p->anon ? p->pinned : p->anon;

	return p->anon - copied + p->file + p->shmem;
}

/*
 * Not strerrorname_np(): libcs before glibc 2.32 lack it. These are what clone(2) tells of, and what
 * making a pidfd or joining a cgroup can fail with.
 */
static const char *error_name(unsigned int error)
{
	static const char *const name[] = {
		[EPERM] = "EPERM",   [ESRCH] = "ESRCH",		  [EINTR] = "EINTR",
		[EBADF] = "EBADF",   [EAGAIN] = "EAGAIN",	  [ENOMEM] = "ENOMEM",
		[EACCES] = "EACCES", [EFAULT] = "EFAULT",	  [EBUSY] = "EBUSY",
		[EEXIST] = "EEXIST", [ENODEV] = "ENODEV",	  [EINVAL] = "EINVAL",
		[ENFILE] = "ENFILE", [EMFILE] = "EMFILE",	  [ENOSPC] = "ENOSPC",
		[EUSERS] = "EUSERS", [EOPNOTSUPP] = "EOPNOTSUPP",
	};

	if (error == ERESTARTNOINTR)
		return "RESTART";
	return error < sizeof(name) / sizeof(name[0]) && name[error] ? name[error] : "?";
}

/* Code of the C library, which calls the kernel for others. */
static bool is_libc(const char *object)
{
	return !strncmp(object, "libc.so", 7) || !strncmp(object, "libc-", 5) ||
	       !strncmp(object, "ld-", 3) || !strncmp(object, "libpthread", 10) ||
	       !strncmp(object, "libc.musl", 9);
}

/* The frame that called the C library; the outermost frame if there is none. NULL without any. */
static const struct caller_frame *caller_of(const struct flight *f)
{
	size_t i;

	if (!f->nr_frames)
		return NULL;
	for (i = 0; i + 1 < f->nr_frames && is_libc(f->frame[i].object); i++)
		;
	return &f->frame[i];
}

static void frame_text(const struct caller_frame *frame, char *to, size_t size)
{
	if (*frame->function)
		snprintf(to, size, "%s", format_printable(frame->function).s);
	else if (*frame->object)
		snprintf(to, size, "%s+0x%llx", format_printable(frame->object).s,
			 (unsigned long long)frame->offset);
	else
		snprintf(to, size, "0x%llx", (unsigned long long)frame->address);
}

/* The callers, the innermost first, as many as have room. */
static void callers_text(const struct flight *f, char *to, size_t size)
{
	const struct caller_frame *frame = caller_of(f);
	char name[96];
	size_t n = 0;

	snprintf(to, size, "%s", COWSTAT_UNKNOWN);
	for (; frame && frame < f->frame + f->nr_frames && n < size; frame++) {
		frame_text(frame, name, sizeof(name));
		if (n && n + 3 + strlen(name) >= size)
			break;
		n += snprintf(to + n, size - n, "%s%s", n ? " < " : "", name);
	}
}

/* --- lines of text ---------------------------------------------------------------------------- */

static struct text number_text(uint64_t n, unsigned int width)
{
	return format_fit(n, width);
}

static struct text plain(const char *s)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%s", s);
	return t;
}

/* At most 8 characters. */
static struct text short_duration(uint64_t ns)
{
	struct text t;

	if (ns < 60 * NS_PER_S)
		return format_duration(ns);
	snprintf(t.s, sizeof(t.s), "%llu s", ns / NS_PER_S);
	return t;
}

static struct text time_text(const struct cow_fork_ended *e)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%llu.%06llu", e->now_ns / NS_PER_S,
		 e->now_ns % NS_PER_S / 1000);
	return t;
}

static struct text pid_text(const struct cow_fork_ended *e)
{
	return number_text(e->head.pid, 7);
}

static struct text tid_text(const struct cow_fork_ended *e)
{
	return number_text(e->tid, 7);
}

static struct text comm_text(const struct cow_fork_ended *e)
{
	return format_printable(e->comm);
}

static struct text child_text(const struct cow_fork_ended *e)
{
	return e->error ? plain(error_name(e->error)) : number_text(e->child, 7);
}

static struct text kind_text(const struct cow_fork_ended *e)
{
	return plain(kind_name(e));
}

static struct text took_text(const struct cow_fork_ended *e)
{
	return short_duration(e->took_ns);
}

static struct text pages_text(const struct cow_fork_ended *e, uint64_t n, unsigned int width)
{
	return shares_mm(e) ? plain(COWSTAT_UNKNOWN) : number_text(n, width);
}

static struct text shared_text(const struct cow_fork_ended *e)
{
	return pages_text(e, shared_pages(&e->pages), 7);
}

static struct text swap_text(const struct cow_fork_ended *e)
{
	return pages_text(e, e->pages.swap, 6);
}

static struct text pinned_text(const struct cow_fork_ended *e)
{
	return pages_text(e, e->pages.pinned, 6);
}

static struct text bytes_text(const struct cow_fork_ended *e, uint64_t bytes)
{
	return shares_mm(e) ? plain(COWSTAT_UNKNOWN) : format_size_tight(bytes);
}

static struct text pgtables_text(const struct cow_fork_ended *e)
{
	return bytes_text(e, e->pages.pgtables_bytes);
}

static struct text hugetlb_text(const struct cow_fork_ended *e)
{
	return bytes_text(e, e->pages.hugetlb_bytes);
}

static struct text mappings_text(const struct cow_fork_ended *e)
{
	return pages_text(e, e->mappings, 8);
}

/* The columns, in the order in which --help lists them. The caller has no function. */
static const struct {
	const char *name;
	const char *head;
	int width; /* negative: left-aligned */
	struct text (*text)(const struct cow_fork_ended *e);
} columns[] = {
	{ "time", "SECONDS", 12, time_text },
	{ "pid", "PID", 7, pid_text },
	{ "tid", "TID", 7, tid_text },
	{ "comm", "COMMAND", -15, comm_text },
	{ "child", "CHILD", 7, child_text },
	{ "kind", "KIND", -5, kind_text },
	{ "took", "TIME", 8, took_text },
	{ "shared", "SHARED", 7, shared_text },
	{ "swap", "SWAP", 6, swap_text },
	{ "pgtables", "PGTAB", 5, pgtables_text },
	{ "pinned", "PINNED", 6, pinned_text },
	{ "hugetlb", "HUGE", 5, hugetlb_text },
	{ "mappings", "MAPPINGS", 8, mappings_text },
	{ "caller", "CALLER", -25, NULL },
};

#define NR_FORK_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

/**
 * fork_column_name() - the name of a column of a line for a fork
 * @i: its index
 *
 * Return: the name, or NULL if there is no such column.
 */
const char *fork_column_name(size_t i)
{
	return i < NR_FORK_COLUMNS ? columns[i].name : NULL;
}

/**
 * forks_header() - print the head line, unless no line for a fork will follow
 * @f: from forks_new()
 */
void forks_header(const struct forks *f)
{
	size_t i;

	if (f->o.json || f->o.by_caller)
		return;
	for (i = 0; i < f->o.columns.nr; i++)
		column_print(f->o.to, columns[f->o.columns.column[i]].head,
			     columns[f->o.columns.column[i]].width, i + 1 == f->o.columns.nr);
	if (f->o.by_vma)
		fprintf(f->o.to, "  %8s %8s %7s %6s %5s %6s %12s %5s MAPPING\n", "TIME", "OF FORK",
			"SHARED", "SWAP", "PGTAB", "PINNED", "ADDRESS", "SIZE");
}

static void print_line(const struct forks *f, const struct cow_fork_ended *e,
		       const struct flight *flight)
{
	char callers[LINE_WIDTH + 1];
	int used = 0, room;
	size_t i;

	for (i = 0; i < f->o.columns.nr; i++) {
		unsigned int c = f->o.columns.column[i];
		bool last = i + 1 == f->o.columns.nr;

		if (columns[c].text) {
			used += column_print(f->o.to, columns[c].text(e).s, columns[c].width, last);
			continue;
		}
		room = last && LINE_WIDTH - used > -columns[c].width ? LINE_WIDTH - used :
								       -columns[c].width;
		callers_text(flight, callers, room + 1);
		used += column_print(f->o.to, callers, columns[c].width, last);
	}
}

/* The most time first; mappings whose time is not known come last. */
static int compare_mappings(const void *a, const void *b)
{
	const struct cow_fork_mapping *x = a, *y = b;
	uint64_t s = x->took_ns + 1, t = y->took_ns + 1; /* COW_UNTIMED becomes 0 */

	return s == t ? 0 : s < t ? 1 : -1;
}

static void print_mapping(const struct forks *f, const struct cow_fork_ended *e,
			  const struct cow_fork_mapping *m)
{
	struct text took = plain(COWSTAT_UNKNOWN), part = took;

	if (m->took_ns != COW_UNTIMED) {
		took = short_duration(m->took_ns);
		part = format_percent(m->took_ns, e->took_ns);
	}
	fprintf(f->o.to, "  %8s %8s %7s %6s %5s %6s %12llx %5s %.33s\n", took.s, part.s,
		format_fit(shared_pages(&m->pages) + m->pages.hugetlb_bytes / COWSTAT_PAGE_BYTES, 7)
			.s,
		format_fit(m->pages.swap, 6).s, format_size_tight(m->pages.pgtables_bytes).s,
		format_fit(m->pages.pinned, 6).s, m->start, format_size_tight(m->end - m->start).s,
		*m->file ? format_printable(m->file).s : mapping_kind_name(m->mapping));
}

static void print_rest(const struct forks *f, const struct cow_fork_ended *e, uint64_t ns,
		       const char *what)
{
	fprintf(f->o.to, "  %8s %8s %s\n", short_duration(ns).s, format_percent(ns, e->took_ns).s,
		what);
}

/* The mappings that took most; the others and what is no mapping's are a line each. */
static void print_mappings(const struct forks *f, const struct cow_fork_ended *e,
			   const struct flight *flight)
{
	uint64_t others = 0, all = 0;
	struct text what;
	size_t i;

	if (shares_mm(e))
		return;
	for (i = 0; i < flight->nr_mappings; i++) {
		const struct cow_fork_mapping *m = &flight->mapping[i];

		if (i < TOP_MAPPINGS)
			print_mapping(f, e, m);
		if (m->took_ns == COW_UNTIMED)
			continue;
		all += m->took_ns;
		if (i >= TOP_MAPPINGS)
			others += m->took_ns;
	}
	if (i > TOP_MAPPINGS) {
		what = format_count(i - TOP_MAPPINGS, "other mapping", "other mappings");
		print_rest(f, e, others, what.s);
	}
	print_rest(f, e, e->took_ns > all ? e->took_ns - all : 0, "all else that fork does");
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void put_pages(json_t *o, const struct cow_fork_pages *p)
{
	uint64_t copied = p->pinned < p->anon ? p->pinned : p->anon;

	json_put(o, "anon_pages", json_uint(p->anon - copied));
	json_put(o, "file_pages", json_uint(p->file));
	json_put(o, "shmem_pages", json_uint(p->shmem));
	json_put(o, "swap_entries", json_uint(p->swap));
	json_put(o, "fork_copied", json_uint(p->pinned));
	json_put(o, "hugetlb_bytes", json_uint(p->hugetlb_bytes));
	json_put(o, "pgtables_bytes", json_uint(p->pgtables_bytes));
}

static json_t *mapping_json(const struct cow_fork_mapping *m)
{
	json_t *o = json_object();

	json_put(o, "mapping", json_string(mapping_kind_name(m->mapping)));
	if (*m->file) {
		json_put_name(o, "file", m->file);
		json_put(o, "offset", json_uint(m->offset));
	}
	json_put(o, "start", json_uint(m->start));
	json_put(o, "end", json_uint(m->end));
	json_put(o, "took_ns", m->took_ns == COW_UNTIMED ? json_null() : json_uint(m->took_ns));
	put_pages(o, &m->pages);
	return o;
}

static json_t *frame_json(const struct caller_frame *frame)
{
	json_t *o = json_object();

	json_put(o, "function", *frame->function ? json_text(frame->function) : json_null());
	json_put(o, "object", *frame->object ? json_text(frame->object) : json_null());
	json_put(o, "offset", *frame->object ? json_uint(frame->offset) : json_null());
	json_put(o, "address", json_uint(frame->address));
	return o;
}

static void print_json(const struct forks *f, const struct cow_fork_ended *e,
		       const struct flight *flight)
{
	json_t *o = json_object(), *array;
	size_t i;

	json_put(o, "time_ns", json_uint(e->now_ns));
	json_put(o, "pid", json_uint(e->head.pid));
	json_put(o, "tid", json_uint(e->tid));
	json_put_name(o, "comm", e->comm);
	json_put(o, "kind", json_string(kind_name(e)));
	json_put(o, "flags", json_uint(e->flags));
	json_put(o, "child", e->error ? json_null() : json_uint(e->child));
	json_put(o, "error",
		 !e->error		    ? json_null() :
		 e->error == ERESTARTNOINTR ? json_string("ERESTARTNOINTR") :
					      json_string(error_name(e->error)));
	json_put(o, "took_ns", json_uint(e->took_ns));
	if (!shares_mm(e)) {
		put_pages(o, &e->pages);
		json_put(o, "mappings", json_uint(e->mappings));
	}
	array = json_array();
	for (i = 0; i < flight->nr_frames; i++)
		json_add(array, frame_json(&flight->frame[i]));
	json_put(o, "stack", array);
	if (f->o.by_vma && !shares_mm(e)) {
		array = json_array();
		for (i = 0; i < flight->nr_mappings; i++)
			json_add(array, mapping_json(&flight->mapping[i]));
		json_put(o, "vmas", array);
	}
	json_write(f->o.to, o, true);
}

/* --- sums by caller ------------------------------------------------------------------------------ */

/* The sum of a caller. Callers for which there is no room are one. */
static struct caller_sum *sum_of(struct forks *f, const struct caller_frame *caller)
{
	const char *function = caller ? caller->function : "",
		   *object = caller ? caller->object : "";
	struct caller_sum *s;

	if (f->nr_sums == MAX_SUMS) {
		function = "(others)";
		object = "";
	}
	for (s = f->sum; s < f->sum + f->nr_sums; s++)
		if (!strcmp(s->function, function) && !strcmp(s->object, object))
			return s;
	s = reallocarray(f->sum, f->nr_sums + 1, sizeof(*s));
	if (!s)
		err(EXIT_FAILURE, NULL);
	f->sum = s;
	s += f->nr_sums++;
	*s = (struct caller_sum){};
	snprintf(s->function, sizeof(s->function), "%s", function);
	snprintf(s->object, sizeof(s->object), "%s", object);
	return s;
}

static void add_to_caller(struct forks *f, const struct cow_fork_ended *e,
			  const struct flight *flight)
{
	struct caller_sum *s = sum_of(f, caller_of(flight));

	if (e->error == ERESTARTNOINTR)
		s->restarted++;
	else if (e->error)
		s->failed++;
	else if (shares_mm(e))
		s->vforks++;
	else
		s->forks++;
	s->took_ns += e->took_ns;
	if (e->took_ns > s->longest_ns)
		s->longest_ns = e->took_ns;
	s->shared += shared_pages(&e->pages);
	s->pgtables_bytes += e->pages.pgtables_bytes;
}

static int compare_sums(const void *a, const void *b)
{
	const struct caller_sum *x = a, *y = b;

	return x->took_ns == y->took_ns ? 0 : x->took_ns < y->took_ns ? 1 : -1;
}

static void print_sum(const struct forks *f, const struct caller_sum *s)
{
	fprintf(f->o.to, "%7s %7s %6s %8s %8s %7s %5s %-22.22s %.22s\n", format_fit(s->forks, 7).s,
		format_fit(s->vforks, 7).s, format_fit(s->failed, 6).s,
		short_duration(s->took_ns).s, short_duration(s->longest_ns).s,
		format_fit(s->shared, 7).s, format_size_tight(s->pgtables_bytes).s,
		*s->object ? format_printable(s->object).s : COWSTAT_UNKNOWN,
		*s->function ? format_printable(s->function).s : COWSTAT_UNKNOWN);
}

static void print_sum_json(const struct forks *f, const struct caller_sum *s)
{
	json_t *o = json_object();

	json_put(o, "function", *s->function ? json_text(s->function) : json_null());
	json_put(o, "object", *s->object ? json_text(s->object) : json_null());
	json_put(o, "forks", json_uint(s->forks));
	json_put(o, "vforks", json_uint(s->vforks));
	json_put(o, "failed", json_uint(s->failed));
	json_put(o, "restarted", json_uint(s->restarted));
	json_put(o, "took_ns", json_uint(s->took_ns));
	json_put(o, "longest_ns", json_uint(s->longest_ns));
	json_put(o, "shared_pages", json_uint(s->shared));
	json_put(o, "pgtables_bytes", json_uint(s->pgtables_bytes));
	json_write(f->o.to, o, true);
}

/**
 * forks_sums() - print the sums by caller, the one with the most time first
 * @f: from forks_new(); prints nothing unless its options ask for sums
 */
void forks_sums(struct forks *f)
{
	size_t i;

	if (!f->o.by_caller)
		return;
	if (f->nr_sums)
		qsort(f->sum, f->nr_sums, sizeof(*f->sum), compare_sums);
	if (!f->o.json)
		fprintf(f->o.to, "%7s %7s %6s %8s %8s %7s %5s %-22s FUNCTION\n", "FORKS", "VFORKS",
			"FAILED", "TIME", "LONGEST", "SHARED", "PGTAB", "PROGRAM OR LIBRARY");
	for (i = 0; i < f->nr_sums; i++) {
		if (f->o.json)
			print_sum_json(f, &f->sum[i]);
		else
			print_sum(f, &f->sum[i]);
	}
}

/* --- reports -------------------------------------------------------------------------------------- */

static void end_flight(struct forks *f, struct flight *flight)
{
	free(flight->frame);
	free(flight->mapping);
	*flight = f->flight[--f->nr_flights];
}

/* The flight of a fork; a new one if there is none. NULL if there is no room. */
static struct flight *flight_of(struct forks *f, uint64_t fork)
{
	struct flight *flight;
	size_t i;

	for (i = f->nr_flights; i--;)
		if (f->flight[i].fork == fork)
			return &f->flight[i];
	/* The reports of the end of forks that are as old as this one were lost. */
	if (f->nr_flights == MAX_FLIGHTS)
		end_flight(f, f->flight);
	flight = try_grown(f->flight, f->nr_flights, sizeof(*flight));
	if (!flight)
		return NULL;
	f->flight = flight;
	flight += f->nr_flights++;
	*flight = (struct flight){ .fork = fork };
	return flight;
}

static void fork_began(struct forks *f, const struct cow_fork_began *e)
{
	struct flight *flight = flight_of(f, e->head.fork);
	struct caller_frame frame[MAX_CALLERS];
	size_t nr;

	if (!flight || e->sample.bytes > sizeof(e->sample.stack))
		return;
	nr = callers_find(f->callers, &e->sample, frame);
	flight->frame = calloc(nr ?: 1, sizeof(*frame));
	if (!flight->frame)
		return;
	memcpy(flight->frame, frame, nr * sizeof(*frame));
	flight->nr_frames = nr;
}

static void mapping_copied(struct forks *f, const struct cow_fork_mapping *e)
{
	struct flight *flight = flight_of(f, e->head.fork);
	struct cow_fork_mapping *m = NULL;

	if (flight)
		m = try_grown(flight->mapping, flight->nr_mappings, sizeof(*m));
	if (!m) {
		f->n.dropped++;
		return;
	}
	flight->mapping = m;
	m[flight->nr_mappings++] = *e;
}

static bool matches(const struct forks *f, const struct cow_fork_ended *e)
{
	return (!f->o.comm || !strcmp(f->o.comm, e->comm)) &&
	       (!f->o.regex || !regexec(f->o.regex, e->comm, 0, NULL, 0));
}

static void fork_ended(struct forks *f, const struct cow_fork_ended *e)
{
	struct flight *flight = flight_of(f, e->head.fork);

	if (!flight) {
		f->n.dropped++;
		return;
	}
	if (f->n.printed < f->o.count && matches(f, e)) {
		f->n.printed++;
		f->n.without_stack += !flight->nr_frames;
		if (flight->nr_mappings)
			qsort(flight->mapping, flight->nr_mappings, sizeof(*flight->mapping),
			      compare_mappings);
		if (f->o.by_caller) {
			add_to_caller(f, e, flight);
		} else if (f->o.json) {
			print_json(f, e, flight);
		} else {
			print_line(f, e, flight);
			if (f->o.by_vma)
				print_mappings(f, e, flight);
		}
	}
	end_flight(f, flight);
}

/**
 * forks_event() - handle a report from the ring buffer
 * @forks: from forks_new()
 * @data: the report
 * @size: its size
 *
 * Prints the fork when it has ended.
 *
 * Return: 0, or -EIO if the output cannot be written.
 */
int forks_event(void *forks, void *data, size_t size)
{
	const struct cow_fork_head *head = data;
	struct forks *f = forks;

	if (size < sizeof(*head))
		return 0;
	if (head->what == COW_FORK_BEGAN && size >= sizeof(struct cow_fork_began))
		fork_began(f, data);
	else if (head->what == COW_FORK_MAPPING && size >= sizeof(struct cow_fork_mapping))
		mapping_copied(f, data);
	else if (head->what == COW_FORK_ENDED && size >= sizeof(struct cow_fork_ended))
		fork_ended(f, data);
	return ferror(f->o.to) ? -EIO : 0;
}

/**
 * forks_load_again() - read processes again that have forked since they were read
 * @f: from forks_new()
 *
 * Call it often. A process may have loaded more libraries.
 */
void forks_load_again(struct forks *f)
{
	callers_load_again(f->callers);
}

/* --- beginning and end ------------------------------------------------------------------------------ */

/**
 * forks_new() - make ready for reports
 * @o: options; copied
 *
 * Return: to be freed with forks_free(). Ends the program if memory runs out.
 */
struct forks *forks_new(const struct forks_options *o)
{
	struct forks *f = calloc(1, sizeof(*f));

	if (f)
		f->callers = callers_new();
	if (!f || !f->callers)
		err(EXIT_FAILURE, NULL);
	f->o = *o;
	return f;
}

/**
 * forks_free() - free everything
 * @f: from forks_new(), or NULL
 */
void forks_free(struct forks *f)
{
	if (!f)
		return;
	while (f->nr_flights)
		end_flight(f, f->flight);
	free(f->flight);
	free(f->sum);
	callers_free(f->callers);
	free(f);
}

/**
 * forks_counts() - what has been printed
 * @f: from forks_new()
 *
 * Return: the numbers.
 */
struct forks_counts forks_counts(const struct forks *f)
{
	return f->n;
}

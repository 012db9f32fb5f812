// SPDX-License-Identifier: GPL-2.0
/*
 * After "4" is written to /proc/PID/clear_refs, the kernel write-protects all pages of a process.
 * The first write to each of them is a short fault, which sets the soft-dirty bit of the page
 * (kernel: Documentation/admin-guide/mm/soft-dirty.rst). So the bits are the set of pages that were
 * written since, and the process pays one fault for each.
 *
 * Pages that fork would share count: private ones that were there before. A page that is touched
 * for the first time is soft-dirty too, but nobody would copy it. So the pages are listed before the
 * bits are cleared, and only listed ones are looked at.
 *
 * khugepaged may make one huge page of 512 pages at any time, also of hot ones. It has one bit, so
 * from then on nobody sees which of them are written. The curve goes on with the other pages.
 *
 * When a mapping grows, the kernel calls all of it soft-dirty (VM_SOFTDIRTY). So the mappings are
 * read after each reading of the bits. If one has grown, its bits mean nothing: soft-dirty is cleared
 * again, and the time since the reading before does not count for that mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "pagemap_entry.h"
#include "procfs.h"
#include "working_set.h"

#define PAGE_BYTES	4096ULL
#define HUGE_BYTES	(2ULL << 20)
#define HUGE_PAGES	(HUGE_BYTES / PAGE_BYTES)

/* PAGEMAP_SCAN, from Linux 6.7 on; the headers may be older than the kernel. */
#ifndef PAGEMAP_SCAN
struct pm_scan_arg {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

struct page_region {
	__u64 start, end, categories;
};

#define PAGEMAP_SCAN		_IOWR('f', 16, struct pm_scan_arg)
#define PAGE_IS_FILE		(1 << 2)
#define PAGE_IS_PRESENT		(1 << 3)
#define PAGE_IS_SWAPPED		(1 << 4)
#define PAGE_IS_PFNZERO		(1 << 5)
#define PAGE_IS_HUGE		(1 << 6)
#endif
#ifndef PAGE_IS_SOFT_DIRTY
#define PAGE_IS_SOFT_DIRTY	(1 << 7)
#endif

#define SPLIT_FILE	"/sys/kernel/debug/split_huge_pages"

#define VEC_LEN		4096
#define CHUNK_ENTRIES	65536

/* Readings: each at twice the time of the one before up to 1/16 of the window, then evenly. */
#define FIRST_READING	512
#define EVEN_READINGS	16
/* At most a tenth of the window is spent reading, and the bits are cleared that often at most. */
#define READING_SHARE	10
#define MAX_CLEARS	16
/* A mapping with a smaller share of the pages is not worth clearing the bits of all for it. */
#define LARGE_SHARE	100

/* The pages in a run are 4 KiB or 2 MiB each. */
struct working_run {
	uint64_t start, end;
	size_t mapping;
	uint64_t first_bit;
	bool huge;
};

/* A mapping as /proc/PID/maps has it. */
struct area {
	uint64_t start, end;
	uint64_t huge_bytes; /* pagemap only */
	bool readable, writable, private;
	char *name;
};

struct areas {
	struct area *area;
	size_t nr;
};

/* Neighbouring pages of one kind. @common: of a file, or the zero page: not private. */
struct region {
	uint64_t start, end;
	bool common, huge;
};

struct regions {
	struct region *region;
	size_t nr, room;
};

/* What is needed to read the bits of a process once. */
struct reader {
	int pagemap;
	bool by_scan;
	uint64_t zero_pfn;   /* of the zero page; 0 if not known */
	uint64_t huge_bytes; /* pagemap only: huge pages in this mapping, as smaps has them */
	void *buffer;
};

__attribute__((format(printf, 4, 5))) static int fail(int err, char *why, size_t len,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, len, format, args);
	va_end(args);
	return err;
}

static int say_errno(int err, pid_t pid, char *why, size_t len)
{
	if (err == -ENOENT || err == -ESRCH)
		return fail(err, why, len, "process %d: there is no such process", pid);
	if (err == -EACCES || err == -EPERM)
		return fail(err, why, len,
			    "process %d: no permission; only root and its own user may watch it",
			    pid);
	return fail(err, why, len, "process %d: %s", pid, strerror(-err));
}

/* --- mappings --- */

static void areas_free(struct areas *areas)
{
	while (areas->nr)
		free(areas->area[--areas->nr].name);
	free(areas->area);
	areas->area = NULL;
}

static int areas_add(struct areas *areas, const struct area *area, const char *name)
{
	struct area *more = reallocarray(areas->area, areas->nr + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	areas->area = more;
	more[areas->nr] = *area;
	more[areas->nr].name = strdup(name);
	if (!more[areas->nr].name)
		return -ENOMEM;
	areas->nr++;
	return 0;
}

static int areas_read(pid_t pid, struct areas *areas)
{
	char path[32], mode[8], *line = NULL;
	struct area area = {};
	size_t size = 0;
	int name, err = 0;
	FILE *f;

	*areas = (struct areas){};
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (!err && getline(&line, &size, f) > 0) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %n", &area.start,
			   &area.end, mode, &name) != 3)
			continue;
		line[strcspn(line, "\n")] = '\0';
		area.readable = mode[0] == 'r';
		area.writable = mode[1] == 'w';
		area.private = mode[3] == 'p';
		err = areas_add(areas, &area, line + name);
	}
	free(line);
	fclose(f);
	if (!err && !areas->nr)
		err = -ESRCH;
	if (err)
		areas_free(areas);
	return err;
}

/* Can fork share private pages of it? The kernel's own mappings have none. */
static bool is_watched(const struct area *a)
{
	return a->private && (a->readable || a->writable) && strncmp(a->name, "[v", 2) &&
	       strncmp(a->name, "/anon_hugepage", 14);
}

/* --- reading the bits --- */

static int regions_add(struct regions *r, const struct region *add)
{
	struct region *more = r->nr ? &r->region[r->nr - 1] : NULL;

	if (more && more->end == add->start && more->common == add->common &&
	    more->huge == add->huge) {
		more->end = add->end;
		return 0;
	}
	if (r->nr == r->room) {
		r->room = r->room ? 2 * r->room : 1024;
		more = reallocarray(r->region, r->room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->region = more;
	}
	r->region[r->nr++] = *add;
	return 0;
}

static int scan(const struct reader *reader, uint64_t start, uint64_t end, bool written,
		struct regions *to)
{
	struct page_region *vec = reader->buffer;
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = start,
		.end = end,
		.vec = (uintptr_t)vec,
		.vec_len = VEC_LEN,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_FILE | PAGE_IS_PFNZERO | PAGE_IS_HUGE,
	};
	const uint64_t common = PAGE_IS_FILE | PAGE_IS_PFNZERO;
	int i, nr, err;

	if (written) {
		arg.category_inverted = common;
		arg.category_mask = common | PAGE_IS_SOFT_DIRTY;
	}
	while (arg.start < end) {
		nr = ioctl(reader->pagemap, PAGEMAP_SCAN, &arg);
		if (nr < 0)
			return -errno;
		for (i = 0; i < nr; i++) {
			err = regions_add(to, &(struct region){ vec[i].start, vec[i].end,
								vec[i].categories & common,
								vec[i].categories & PAGE_IS_HUGE });
			if (err)
				return err;
		}
		if (arg.walk_end <= arg.start)
			break;
		arg.start = arg.walk_end;
	}
	return 0;
}

static bool is_zero_page(const struct reader *reader, uint64_t entry)
{
	return entry & PAGEMAP_PRESENT && reader->zero_pfn &&
	       (entry & PAGEMAP_PFN) == reader->zero_pfn;
}

/* Are these 512 entries those of a huge page: all present, and neighbours in memory? */
static bool is_huge(const uint64_t *entry)
{
	size_t i;

	for (i = 0; i < HUGE_PAGES; i++)
		if (!(entry[i] & PAGEMAP_PRESENT) || entry[i] & PAGEMAP_FILE ||
		    ((*entry & PAGEMAP_PFN) &&
		     (entry[i] & PAGEMAP_PFN) != (*entry & PAGEMAP_PFN) + i))
			return false;
	return true;
}

static int read_entries(const struct reader *reader, uint64_t start, uint64_t end, bool written,
			struct regions *to)
{
	uint64_t *entry = reader->buffer, at, step;
	ssize_t i, nr;
	int err;

	while (start < end) {
		nr = (end - start) / PAGE_BYTES;
		if (nr > CHUNK_ENTRIES)
			/* whole huge pages */
			nr = CHUNK_ENTRIES - start / PAGE_BYTES % HUGE_PAGES;
		nr = pread(reader->pagemap, entry, nr * sizeof(*entry),
			   start / PAGE_BYTES * sizeof(*entry));
		if (nr < 0)
			return -errno;
		nr /= sizeof(*entry);
		if (!nr)
			return -ESRCH;
		for (i = 0; i < nr; i += step) {
			struct region r;

			at = start + i * PAGE_BYTES;
			r.huge = reader->huge_bytes && at % HUGE_BYTES == 0 &&
				 i + (ssize_t)HUGE_PAGES <= nr && is_huge(entry + i);
			step = r.huge ? HUGE_PAGES : 1;
			r.start = at;
			r.end = at + step * PAGE_BYTES;
			r.common = entry[i] & PAGEMAP_FILE || is_zero_page(reader, entry[i]);
			if (!(entry[i] & (PAGEMAP_PRESENT | PAGEMAP_SWAPPED)) ||
			    (written && (r.common || !(entry[i] & PAGEMAP_SOFT_DIRTY))))
				continue;
			err = regions_add(to, &r);
			if (err)
				return err;
		}
		start += nr * PAGE_BYTES;
	}
	return 0;
}

/* Append the pages of an area: all, or the private ones that were written. */
static int read_area(const struct reader *reader, uint64_t start, uint64_t end, bool written,
		     struct regions *to)
{
	return (reader->by_scan ? scan : read_entries)(reader, start, end, written, to);
}

static int reader_open(struct reader *reader, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	reader->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (reader->pagemap < 0)
		return -errno;
	reader->buffer = malloc(CHUNK_ENTRIES * sizeof(uint64_t));
	if (reader->buffer)
		return 0;
	close(reader->pagemap);
	return -ENOMEM;
}

static void reader_close(struct reader *reader)
{
	close(reader->pagemap);
	free(reader->buffer);
}

/* How many bytes of each area are in huge pages. Only smaps tells. */
static void read_huge(pid_t pid, struct areas *areas)
{
	uint64_t start, end, kib;
	char line[512], path[32];
	size_t i = 0;
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	smaps = fopen(path, "re");
	while (smaps && i < areas->nr && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2) {
			while (i < areas->nr && areas->area[i].start < start)
				i++;
		} else if (i < areas->nr && sscanf(line, "AnonHugePages: %" SCNu64, &kib) == 1) {
			areas->area[i].huge_bytes = kib * 1024;
		}
	}
	if (smaps)
		fclose(smaps);
}

static uint64_t entry_of(int pagemap, const void *page)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, sizeof(entry), (uintptr_t)page / PAGE_BYTES * sizeof(entry)) !=
	    sizeof(entry))
		return 0;
	return entry;
}

static int clear_soft_dirty(pid_t pid)
{
	char path[32];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "4", 1) != 1)
		err = -errno;
	close(fd);
	return err;
}

/*
 * Try it with a page of our own: a kernel without CONFIG_MEM_SOFT_DIRTY takes the "4" and does
 * nothing. Learn how the bits can be read, and where the zero page is.
 */
static int try_kernel(struct reader *reader, char *why, size_t len)
{
	volatile char *page = mmap(NULL, 2 * PAGE_BYTES, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct reader own = {};
	struct regions regions = {};
	uint64_t clean, dirty;
	int err;

	if (page == MAP_FAILED)
		return fail(-errno, why, len, "memory: %s", strerror(errno));
	err = reader_open(&own, getpid());
	if (err)
		goto unmap;
	/* The first page is written, the second one only read: it is the zero page. */
	page[0] = 1;
	(void)page[PAGE_BYTES];
	reader->zero_pfn = entry_of(own.pagemap, (void *)(page + PAGE_BYTES)) & PAGEMAP_PFN;
	err = clear_soft_dirty(getpid());
	clean = entry_of(own.pagemap, (void *)page);
	page[0] = 2;
	dirty = entry_of(own.pagemap, (void *)page);
	if (!err && (clean & PAGEMAP_SOFT_DIRTY || !(dirty & PAGEMAP_SOFT_DIRTY)))
		err = -EOPNOTSUPP;
	own.by_scan = true;
	reader->by_scan = !err &&
			  !scan(&own, (uintptr_t)page, (uintptr_t)page + PAGE_BYTES, true,
				&regions) &&
			  regions.nr == 1;
	free(regions.region);
	reader_close(&own);
unmap:
	munmap((void *)page, 2 * PAGE_BYTES);
	if (err == -EOPNOTSUPP)
		return fail(err, why, len,
			    "this kernel has no soft-dirty bits (CONFIG_MEM_SOFT_DIRTY): it cannot be seen which pages a process writes");
	return err ? fail(err, why, len, "soft-dirty bits: %s", strerror(-err)) : 0;
}

/* --- the pages there are --- */

static int add_mapping(struct working_set *set, const struct area *a)
{
	struct working_mapping *more = reallocarray(set->mapping, set->nr + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	set->mapping = more;
	more += set->nr;
	*more = (struct working_mapping){
		.name = strdup(a->name),
		.from = a->start,
		.to = a->end,
		.start = a->start,
		.end = a->end,
	};
	if (!more->name)
		return -ENOMEM;
	set->nr++;
	return 0;
}

static int add_run(struct working_set *set, const struct region *r, uint64_t *bits)
{
	struct working_mapping *m = &set->mapping[set->nr - 1];
	uint64_t units = (r->end - r->start) / (r->huge ? HUGE_BYTES : PAGE_BYTES);
	struct working_run *more;

	if (!(set->nr_runs & (set->nr_runs + 1)) || !set->run) {
		more = reallocarray(set->run, 2 * (set->nr_runs + 1), sizeof(*more));
		if (!more)
			return -ENOMEM;
		set->run = more;
	}
	set->run[set->nr_runs++] = (struct working_run){
		.start = r->start,
		.end = r->end,
		.mapping = set->nr - 1,
		.first_bit = *bits,
		.huge = r->huge,
	};
	*bits += units;
	*(r->huge ? &m->huge : &m->pages) += units;
	return 0;
}

/* Tables of one level that fork would build: a page for each span of addresses with pages. */
struct level {
	uint64_t span;
	uint64_t next; /* the first span that is not counted yet */
};

static void count_tables(struct working_set *set, struct level level[3], const struct region *r)
{
	uint64_t first, last;
	int i;

	for (i = 0; i < 3; i++) {
		first = r->start / level[i].span;
		last = (r->end - 1) / level[i].span;
		if (first < level[i].next)
			first = level[i].next;
		if (first > last)
			continue;
		set->tables += (last - first + 1) * PAGE_BYTES;
		level[i].next = last + 1;
	}
}

/*
 * The pages of one area. Fork copies all entries of an area that has private pages, also those of
 * its common pages.
 */
static int list_area(struct working_set *set, const struct reader *reader, const struct area *a,
		     struct level level[3], uint64_t *bits)
{
	struct regions regions = {};
	bool any = false;
	size_t i;
	int err;

	err = read_area(reader, a->start, a->end, false, &regions);
	for (i = 0; i < regions.nr; i++)
		any |= !regions.region[i].common;
	if (!err && any)
		err = add_mapping(set, a);
	for (i = 0; !err && any && i < regions.nr; i++) {
		const struct region *r = &regions.region[i];

		count_tables(set, level, r);
		set->entries += (r->end - r->start) / (r->huge ? HUGE_BYTES : PAGE_BYTES);
		if (!r->common)
			err = add_run(set, r, bits);
	}
	free(regions.region);
	return err;
}

static int list_pages(struct working_set *set, struct reader *reader, struct areas *areas)
{
	struct level level[3] = { { HUGE_BYTES, 0 },
				  { HUGE_BYTES << 9, 0 },
				  { HUGE_BYTES << 18, 0 } };
	uint64_t bits = 0;
	size_t i;
	int err = 0;

	if (!reader->by_scan)
		read_huge(set->pid, areas);
	for (i = 0; !err && i < areas->nr; i++) {
		const struct area *a = &areas->area[i];

		if (a->private && a->writable)
			set->writable += a->end - a->start;
		reader->huge_bytes = a->huge_bytes;
		if (is_watched(a))
			err = list_area(set, reader, a, level, &bits);
	}
	for (i = 0; i < set->nr; i++) {
		set->pages += set->mapping[i].pages + HUGE_PAGES * set->mapping[i].huge;
		set->huge += set->mapping[i].huge;
	}
	for (i = 0; i < set->nr; i++) {
		set->mapping[i].growth.pool = set->mapping[i].pages;
		set->mapping[i].huge_growth.pool = set->mapping[i].huge;
	}
	set->written = calloc(bits / 64 + 1, sizeof(*set->written));
	set->joined = calloc(bits / 64 + 1, sizeof(*set->joined));
	return err ? err : set->written && set->joined ? 0 : -ENOMEM;
}

static int say_no_memory(int err, pid_t pid, char *why, size_t len)
{
	if (err == -ESRCH)
		return fail(err, why, len,
			    "process %d has no memory: it is a kernel thread, or has exited", pid);
	return say_errno(err, pid, why, len);
}

/**
 * working_set_open() - list the private pages of a process
 * @set: filled in; to be freed with working_set_free(), also after an error
 * @pid: the process
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * The process is not touched. The kernel walks its page tables once.
 *
 * Return: 0; -ESRCH or -ENOENT when there is no such process, -EACCES without permission,
 * -EOPNOTSUPP on a kernel without soft-dirty bits, -ENODATA for a process without private pages,
 * or another negative errno.
 */
int working_set_open(struct working_set *set, pid_t pid, char *why, size_t len)
{
	struct reader reader = {};
	struct procfs_stat stat;
	struct areas areas;
	int err;

	*set = (struct working_set){ .pid = pid };
	err = procfs_stat(pid, &stat);
	if (err)
		return say_errno(err, pid, why, len);
	set->start_ns = stat.start_ns;
	err = try_kernel(&reader, why, len);
	if (err)
		return err;
	set->by_scan = reader.by_scan;
	err = reader_open(&reader, pid);
	if (err)
		return say_no_memory(err, pid, why, len);
	err = areas_read(pid, &areas);
	if (err) {
		say_no_memory(err, pid, why, len);
		goto close;
	}
	err = list_pages(set, &reader, &areas);
	areas_free(&areas);
	procfs_pid_figure(pid, "status", "HugetlbPages", &set->hugetlb);
	if (err)
		say_errno(err, pid, why, len);
	else if (!set->pages)
		err = fail(-ENODATA, why, len,
			   "process %d has no private pages: there is nothing that fork would share",
			   pid);
close:
	reader_close(&reader);
	return err;
}

/* --- which of them are written --- */

static bool is_marked(const uint64_t *bits, uint64_t bit)
{
	return bits[bit / 64] & 1ULL << bit % 64;
}

/*
 * Mark a page, or a huge page, in @bits, unless it is marked there or in @other. Return: true if it
 * was not.
 */
static bool mark(uint64_t *bits, const uint64_t *other, uint64_t bit)
{
	if (is_marked(bits, bit) || is_marked(other, bit))
		return false;
	bits[bit / 64] |= 1ULL << bit % 64;
	return true;
}

/* Mark the pages of a run that lie in a region. */
static void mark_run(struct working_set *set, const struct working_run *run, const struct region *r)
{
	uint64_t bytes = run->huge ? HUGE_BYTES : PAGE_BYTES;
	uint64_t start = r->start > run->start ? r->start : run->start;
	uint64_t end = r->end < run->end ? r->end : run->end;
	struct working_mapping *m = &set->mapping[run->mapping];
	uint64_t i, fresh = 0, runs = 0;
	bool before = false, now;

	for (i = (start - run->start) / bytes; i < (end - run->start + bytes - 1) / bytes; i++) {
		/* Small pages that the kernel has made a huge one of are all soft-dirty then. */
		if (r->huge && !run->huge) {
			m->joined += mark(set->joined, set->written, run->first_bit + i);
			continue;
		}
		now = mark(set->written, set->joined, run->first_bit + i);
		fresh += now;
		runs += now && !before;
		before = now;
	}
	*(run->huge ? &m->huge_written : &m->written) += fresh;
	m->fresh += fresh;
	m->runs += runs;
}

/* Runs and regions are both sorted by address. @at is the first run that may matter. */
static void mark_regions(struct working_set *set, const struct regions *regions, size_t mapping,
			 size_t *at)
{
	size_t i, k;

	for (i = 0; i < regions->nr; i++) {
		const struct region *r = &regions->region[i];

		while (*at < set->nr_runs && set->run[*at].end <= r->start)
			++*at;
		for (k = *at; k < set->nr_runs && set->run[k].start < r->end; k++)
			if (set->run[k].mapping == mapping)
				mark_run(set, &set->run[k], r);
	}
}

/* Has a mapping grown since the bits were cleared? Remember where it is now. */
static bool has_grown(struct working_mapping *m, const struct areas *areas, bool *gone)
{
	uint64_t start = UINT64_MAX, end = 0;
	size_t i;

	for (i = 0; i < areas->nr; i++) {
		const struct area *a = &areas->area[i];

		if (a->end <= m->start || a->start >= m->end)
			continue;
		if (a->start < start)
			start = a->start;
		end = a->end;
	}
	*gone = !end;
	/* The stack grows without being called soft-dirty. */
	if (*gone || !strcmp(m->name, "[stack]"))
		return false;
	if (start < m->start || end > m->end)
		return true;
	m->start = start;
	m->end = end;
	return false;
}

static void follow_growth(struct working_mapping *m, const struct areas *areas)
{
	size_t i;

	for (i = 0; i < areas->nr; i++) {
		const struct area *a = &areas->area[i];

		if (a->end <= m->start || a->start >= m->end)
			continue;
		if (a->start < m->start)
			m->start = a->start;
		if (a->end > m->end)
			m->end = a->end;
	}
}

static bool is_large(const struct working_set *set, const struct working_mapping *m)
{
	return (m->pages + HUGE_PAGES * m->huge) * LARGE_SHARE >= set->pages;
}

/* Add a point to the curves of a mapping. @before has what was written until the last one. */
static void add_points(struct working_mapping *m, const struct working_mapping *before, double now)
{
	double seconds = now - m->unknown;

	growth_step(&m->growth, seconds, m->written - before->written,
		    m->pages - before->written - m->joined);
	growth_step(&m->huge_growth, seconds, m->huge_written - before->huge_written,
		    m->huge - before->huge_written);
	/*
	 * Few runs of neighbours: they are written in the order of their addresses. Many small
	 * steps forward look like that too; not a whole mapping that is written at once.
	 */
	if (m->fresh >= 32) {
		m->growth.sequential = m->runs * 8 < m->fresh;
		m->huge_growth.sequential = m->runs * 4 < m->fresh;
	}
}

/* A zombie still has a stat, but no memory: then @err is -ESRCH. */
static int check_alive(const struct working_set *set, int err, char *why, size_t len)
{
	struct procfs_stat stat;

	if (err == -ESRCH || procfs_stat(set->pid, &stat) || stat.start_ns != set->start_ns)
		return fail(-ESRCH, why, len, "process %d has exited while it was watched",
			    set->pid);
	return err ? say_errno(err, set->pid, why, len) : 0;
}

/* Clear all bits, and return the middle of the time that it took. */
static int clear(struct working_set *set, uint64_t *at, char *why, size_t len)
{
	uint64_t begin = now_ns(), end;
	int err = clear_soft_dirty(set->pid);

	end = now_ns();
	set->clears++;
	set->clear_ns += end - begin;
	*at = begin + (end - begin) / 2;
	return err ? say_errno(err, set->pid, why, len) : 0;
}

/* The bits of all mappings, as they were at one reading. */
struct reading {
	struct regions *regions; /* by mapping */
	uint64_t at_ns;
};

/* How many bytes of a mapping are in huge pages, where that is known. */
static uint64_t huge_bytes(const struct areas *areas, const struct working_mapping *m)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < areas->nr; i++)
		if (areas->area[i].end > m->from && areas->area[i].start < m->to)
			sum += areas->area[i].huge_bytes;
	return sum;
}

static int read_bits(struct working_set *set, struct reading *reading)
{
	struct reader reader = { .by_scan = set->by_scan };
	uint64_t begin = now_ns(), end;
	struct areas areas = {};
	size_t i;
	int err;

	err = reader_open(&reader, set->pid);
	if (err)
		return err;
	if (!set->by_scan) {
		err = areas_read(set->pid, &areas);
		read_huge(set->pid, &areas);
	}
	for (i = 0; !err && i < set->nr; i++) {
		const struct working_mapping *m = &set->mapping[i];

		reading->regions[i].nr = 0;
		reader.huge_bytes = huge_bytes(&areas, m);
		if (!m->lost)
			err = read_area(&reader, m->from, m->to, true, &reading->regions[i]);
	}
	areas_free(&areas);
	reader_close(&reader);
	end = now_ns();
	set->readings++;
	set->read_ns += end - begin;
	reading->at_ns = begin + (end - begin) / 2;
	return err;
}

/*
 * Read all bits, and take them over except those of mappings that have grown. If a large one has,
 * clear the bits. @since is when the bits were read last.
 */
static int read_once(struct working_set *set, struct reading *reading, uint64_t *since, char *why,
		     size_t len)
{
	bool again = false, any = false, gone;
	uint64_t cleared = 0;
	struct areas areas;
	size_t i, at = 0;
	int err;

	err = read_bits(set, reading);
	if (!err)
		err = areas_read(set->pid, &areas);
	if (err)
		return check_alive(set, err, why, len);
	for (i = 0; i < set->nr; i++)
		again |= !set->mapping[i].lost && is_large(set, &set->mapping[i]) &&
			 has_grown(&set->mapping[i], &areas, &gone);
	if (again && set->clears <= MAX_CLEARS)
		err = clear(set, &cleared, why, len);
	for (i = 0; i < set->nr; i++) {
		struct working_mapping *m = &set->mapping[i], before = *m;

		any |= m->lost;
		if (m->lost)
			continue;
		if (has_grown(m, &areas, &gone)) {
			if (cleared) {
				m->unknown += (cleared - *since) / (double)NS_PER_S;
				follow_growth(m, &areas);
			} else {
				m->lost = true;
			}
			any = true;
			continue;
		}
		any |= !gone;
		m->fresh = 0;
		m->runs = 0;
		mark_regions(set, &reading->regions[i], i, &at);
		add_points(m, &before, (reading->at_ns - set->cleared_ns) / (double)NS_PER_S);
	}
	areas_free(&areas);
	*since = cleared ? cleared : reading->at_ns;
	if (!err && !any)
		return fail(-ESRCH, why, len,
			    "process %d has started another program while it was watched",
			    set->pid);
	return err ?: check_alive(set, 0, why, len);
}

static void sleep_to(uint64_t ns)
{
	struct timespec t = { ns / NS_PER_S, ns % NS_PER_S };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/**
 * working_set_watch() - find out which pages a process writes
 * @set: opened, and not watched before
 * @window_ns: how long to watch
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * Clears the soft-dirty bits of the process, and so costs it a fault for each page that it writes.
 * Whoever else uses these bits, such as CRIU, loses what they held.
 *
 * Return: 0, or a negative errno: -ESRCH when the process has exited or has started another program.
 */
int working_set_watch(struct working_set *set, uint64_t window_ns, char *why, size_t len)
{
	struct reading reading = { calloc(set->nr, sizeof(*reading.regions)), 0 };
	uint64_t after = window_ns / FIRST_READING, cost, since;
	size_t i;
	int err;

	if (!reading.regions)
		return fail(-ENOMEM, why, len, "memory: %s", strerror(ENOMEM));
	err = clear(set, &set->cleared_ns, why, len);
	since = set->cleared_ns;
	while (!err) {
		sleep_to(set->cleared_ns + after);
		cost = set->read_ns;
		err = read_once(set, &reading, &since, why, len);
		cost = set->read_ns - cost;
		if (after >= window_ns)
			break;
		after += after < window_ns / EVEN_READINGS ? after : window_ns / EVEN_READINGS;
		if (after < since - set->cleared_ns + cost * READING_SHARE)
			after = since - set->cleared_ns + cost * READING_SHARE;
		if (after > window_ns - window_ns / (2 * EVEN_READINGS))
			after = window_ns;
	}
	for (i = 0; i < set->nr; i++) {
		struct working_mapping *m = &set->mapping[i];

		free(reading.regions[i].region);
		m->growth.unseen = m->lost ? m->pages - m->written : m->joined;
		m->huge_growth.unseen = m->lost ? m->huge - m->huge_written : 0;
	}
	free(reading.regions);
	return err;
}

/**
 * working_set_split() - have the kernel split the huge pages of a process
 * @set: opened; to be opened again then
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * The kernel splits those that it can, and khugepaged may join them again later.
 *
 * Return: 0, or a negative errno.
 */
int working_set_split(const struct working_set *set, char *why, size_t len)
{
	int fd = open(SPLIT_FILE, O_WRONLY | O_CLOEXEC), err = 0;
	size_t i;

	if (fd < 0 && errno == ENOENT)
		return fail(-ENOENT, why, len,
			    "there is no " SPLIT_FILE ": mount -t debugfs none /sys/kernel/debug");
	if (fd < 0)
		return fail(-errno, why, len, SPLIT_FILE ": %s", strerror(errno));
	for (i = 0; !err && i < set->nr; i++)
		if (set->mapping[i].huge && dprintf(fd, "%d,0x%" PRIx64 ",0x%" PRIx64, set->pid,
						    set->mapping[i].from, set->mapping[i].to) < 0)
			err = fail(-errno, why, len, SPLIT_FILE ": %s", strerror(errno));
	close(fd);
	return err;
}

/**
 * working_set_joined() - how many pages became part of a huge page while they were watched
 * @set: it was watched
 *
 * Return: the number of pages that had not been written before.
 */
uint64_t working_set_joined(const struct working_set *set)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < set->nr; i++)
		sum += set->mapping[i].joined;
	return sum;
}

/**
 * working_set_written() - how many pages have cost the process a fault
 * @set: it was watched
 *
 * Return: private pages and huge pages written, each counted once.
 */
uint64_t working_set_written(const struct working_set *set)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < set->nr; i++)
		sum += set->mapping[i].written + set->mapping[i].huge_written;
	return sum;
}

/**
 * working_set_free() - give the memory back
 * @set: opened, also in vain
 */
void working_set_free(struct working_set *set)
{
	while (set->nr) {
		struct working_mapping *m = &set->mapping[--set->nr];

		free(m->name);
		growth_free(&m->growth);
		growth_free(&m->huge_growth);
	}
	free(set->mapping);
	free(set->run);
	free(set->written);
	free(set->joined);
	*set = (struct working_set){};
}

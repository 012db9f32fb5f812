// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "files.h"
#include "names.h"
#include "perf_map.h"
#include "procfs.h"
#include "spaces.h"

#define MOST_MAPPINGS	1000000		/* of all processes */
#define MOST_OLD	1024		/* of a process, that are gone */
#define MOST_ROOTS	256
#define MOST_ANCESTORS	64
#define AGAIN_NS	200000000ULL	/* a process is not read more often, except at first */
#define READS_AT_FIRST	16
#define MAP_BYTES	(256UL << 20)	/* of the perf maps of all processes */
#define MAP_SYMBOLS	2000000UL

/**
 * struct mapping - a part of an address space that has code
 * @start: first address
 * @end: the address behind its end
 * @offset: offset of @start in the file
 * @inode: of the file, or 0
 * @gone_ns: when it was found to be gone; 0 if it is there
 * @image: the file; NULL if there is none, or if it could not be opened
 * @label: what the kernel calls it, such as [vdso]
 */
struct mapping {
	uint64_t start, end, offset;
	uint64_t inode;
	uint64_t gone_ns;
	struct image *image;
	char label[16];
};

/**
 * struct space - an address space
 * @id: which one
 * @parent: the process's parent
 * @own_pid: the process's pid in its own namespace; 0 if the process was never read
 * @uid: its effective user
 * @started: wall clock, in seconds
 * @root: its root directory; owned by struct spaces
 * @mapping: what has code now, by address; then, from @nr_now on, mappings of files that are gone
 * @nr_now: number of present ones
 * @nr: number of all
 * @version: of the present ones: equal for equal ones in processes that were forked
 * @read_ns: when they were read
 * @reads: how often they were read
 * @ask_again: there were more stacks since
 * @same: another one that runs the same program, or NULL
 * @made: functions that the program made
 */
struct space {
	struct space_id id;
	pid_t parent;
	pid_t own_pid;
	uid_t uid;
	time_t started;
	int root;
	struct mapping *mapping;
	size_t nr_now;
	size_t nr;
	uint64_t version;
	uint64_t read_ns;
	unsigned int reads;
	bool ask_again;
	struct space *same;
	struct perf_map made;
};

struct root {
	ino_t mount; /* namespace */
	dev_t dev;
	ino_t ino;
	int fd;
};

/* @table finds spaces by their ids, with open addressing. */
struct spaces {
	struct images *images;
	struct space **space;
	size_t nr;
	struct space **table;
	size_t room;
	struct root root[MOST_ROOTS];
	size_t nr_roots;
	size_t nr_mappings;
	uint64_t versions;
	struct perf_budget budget;
};

/**
 * spaces_new() - begin with no processes
 * @images: where the files that they map are kept; must outlive the result
 *
 * Return: to be freed with spaces_free(). Ends the program if memory runs out.
 */
struct spaces *spaces_new(struct images *images)
{
	struct spaces *spaces = calloc(1, sizeof(*spaces));

	if (!spaces)
		err(EXIT_FAILURE, "symbols");
	spaces->images = images;
	spaces->budget = (struct perf_budget){ .bytes = MAP_BYTES, .symbols = MAP_SYMBOLS };
	return spaces;
}

static bool same_program(const struct space_id *a, const struct space_id *b)
{
	return a->start_stack == b->start_stack && a->end_code == b->end_code;
}

static struct space **entry_of(const struct spaces *s, const struct space_id *id)
{
	size_t i = ((id->pid ^ id->start_stack >> 4 ^ id->end_code) * 0x9e3779b97f4a7c15ULL) >> 32;
	struct space **entry;

	for (;; i++) {
		entry = &s->table[i & (s->room - 1)];
		if (!*entry || ((*entry)->id.pid == id->pid && same_program(&(*entry)->id, id)))
			return entry;
	}
}

static struct space *space_of(const struct spaces *s, const struct space_id *id)
{
	return s->room ? *entry_of(s, id) : NULL;
}

static struct space *add_entry(struct spaces *s, const struct space_id *id)
{
	struct space *space = calloc(1, sizeof(*space));
	size_t i;

	if (!space)
		err(EXIT_FAILURE, "symbols");
	*space = (struct space){ .id = *id, .root = -1 };
	s->space = grown(s->space, s->nr, sizeof(space));
	s->space[s->nr++] = space;
	if (2 * s->nr > s->room) {
		s->room = s->room ? 2 * s->room : 64;
		free(s->table);
		s->table = calloc(s->room, sizeof(*s->table));
		if (!s->table)
			err(EXIT_FAILURE, "symbols");
		for (i = 0; i < s->nr; i++)
			*entry_of(s, &s->space[i]->id) = s->space[i];
	} else {
		*entry_of(s, id) = space;
	}
	return space;
}

/* Processes that run the same program are a list; an entry with pid 0 is its head. */
static struct space *program_of(const struct spaces *s, struct space_id id)
{
	id.pid = 0;
	return space_of(s, &id);
}

static struct space *add_space(struct spaces *s, const struct space_id *id, pid_t parent)
{
	struct space *program = program_of(s, *id), *space;
	struct space_id none = *id;

	none.pid = 0;
	if (!program)
		program = add_entry(s, &none);
	space = add_entry(s, id);
	space->parent = parent;
	space->same = program->same;
	program->same = space;
	return space;
}

/* The process that forked this one and runs the same program, if it is known. */
static struct space *parent_of(const struct spaces *s, const struct space *space)
{
	struct space_id id = space->id;

	id.pid = space->parent;
	return id.pid ? space_of(s, &id) : NULL;
}

/* --- reading a process -------------------------------------------------------------------- */

/* Is the process still in this program? Its stat line has both addresses. */
static bool runs(const struct space_id *id)
{
	uint64_t start_stack, end_code;
	char path[64], line[1024], *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", id->pid);
	f = fopen(path, "re");
	at = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (f)
		fclose(f);
	/* the third field is behind the name, the 27th and 28th are these */
	for (int field = 2; at && field < 27; field++) {
		at = strchr(at, ' ');
		at += !!at;
	}
	return at && sscanf(at, "%" SCNu64 " %" SCNu64, &end_code, &start_stack) == 2 &&
	       end_code == id->end_code && start_stack == id->start_stack;
}

/* Processes with one root directory may see different files below it: by mount namespace. */
static int root_of(struct spaces *s, pid_t pid)
{
	struct stat mount, root;
	char path[64];
	size_t i;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	if (stat(path, &mount))
		mount.st_ino = 0;
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &root))
		goto none;
	for (i = 0; i < s->nr_roots; i++)
		if (s->root[i].mount == mount.st_ino && s->root[i].ino == root.st_ino &&
		    s->root[i].dev == root.st_dev)
			break;
	if (i < s->nr_roots) {
		close(fd);
		return s->root[i].fd;
	}
	if (i == MOST_ROOTS)
		goto none;
	s->root[s->nr_roots++] = (struct root){
		.mount = mount.st_ino, .dev = root.st_dev, .ino = root.st_ino, .fd = fd
	};
	return fd;
none:
	if (fd >= 0)
		close(fd);
	return -1;
}

static void read_status(struct space *space)
{
	struct timespec boot, wall;
	struct procfs_stat stat;
	char path[64], line[256], *last;

	snprintf(path, sizeof(path), "/proc/%d/status", space->id.pid);
	if (procfs_line(path, "NSpid", line, sizeof(line)))
		return;
	last = strrchr(line, '\t');
	space->own_pid = atoi(last ? last + 1 : line);
	if (!procfs_line(path, "Uid", line, sizeof(line)))
		sscanf(line, "%*u %u", &space->uid);
	if (!procfs_stat(space->id.pid, &stat)) {
		clock_gettime(CLOCK_BOOTTIME, &boot);
		clock_gettime(CLOCK_REALTIME, &wall);
		space->started = wall.tv_sec - boot.tv_sec + (time_t)(stat.start_ns / NS_PER_S);
	}
}

/* The mapping that begins at an address, in a list sorted by address; NULL if there is none. */
static const struct mapping *find_start(const struct mapping *list, size_t nr, uint64_t start)
{
	size_t low = 0, high = nr, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (list[middle].start == start)
			return &list[middle];
		if (list[middle].start < start)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* A mapping that was there before: of this process, or of the one that forked it. */
static const struct mapping *known_mapping(const struct space *space, const struct mapping *m)
{
	const struct mapping *at = NULL;

	if (space)
		at = find_start(space->mapping, space->nr_now, m->start);
	return at && at->image && at->end == m->end && at->offset == m->offset &&
			       at->inode == m->inode ?
		       at :
		       NULL;
}

/*
 * Open a mapped file. map_files leads to the file itself, also if it was deleted or is in another
 * mount namespace, but needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN. Otherwise use its path.
 */
static struct image *open_mapped(struct spaces *s, const struct space *space,
				 const struct mapping *m, const char *path)
{
	char link[96];
	struct stat st;
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, space->id.pid,
		 m->start, m->end);
	fd = open_regular(AT_FDCWD, link, true, &st);
	if (fd < 0 && space->root >= 0)
		fd = open_regular(space->root, path, true, &st);
	return fd < 0 ? NULL : images_add(s->images, space->root, fd, &st, path);
}

static void read_mapping(struct spaces *s, struct space *space, const char *line,
			 struct mapping **list, size_t *nr)
{
	const struct mapping *known;
	char path[PATH_MAX] = "", permissions[8];
	struct mapping m = {};

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %" SCNu64 " %4095[^\n]",
		   &m.start, &m.end, permissions, &m.offset, &m.inode, path) < 5 ||
	    permissions[2] != 'x' || m.end <= m.start || s->nr_mappings >= MOST_MAPPINGS)
		return;
	if (*path == '/') {
		known = known_mapping(space, &m) ?: known_mapping(parent_of(s, space), &m);
		m.image = known ? known->image : open_mapped(s, space, &m, path);
	}
	if (!m.image) {
		snprintf(m.label, sizeof(m.label), "%.15s", *path == '[' ? path : "");
		name_clean(m.label);
	}
	*list = grown(*list, *nr, sizeof(m));
	(*list)[(*nr)++] = m;
	s->nr_mappings++;
}

/* Keep files that are not mapped any more: stacks from before may have addresses in them. */
static void keep_old(const struct space *space, struct mapping **list, size_t *nr)
{
	const struct mapping *m, *there;
	uint64_t now = now_ns();
	size_t i, nr_now = *nr;

	for (i = 0; i < space->nr && *nr - nr_now < MOST_OLD; i++) {
		m = &space->mapping[i];
		there = m->gone_ns ? NULL : find_start(*list, nr_now, m->start);
		if (!m->image || (there && there->image == m->image))
			continue;
		*list = grown(*list, *nr, sizeof(*m));
		(*list)[*nr] = *m;
		if (!m->gone_ns)
			(*list)[*nr].gone_ns = now;
		++*nr;
	}
}

static bool same_mappings(const struct space *space, const struct mapping *list, size_t nr)
{
	if (!space || space->nr_now != nr)
		return false;
	for (size_t i = 0; i < nr; i++)
		if (space->mapping[i].start != list[i].start ||
		    space->mapping[i].end != list[i].end ||
		    space->mapping[i].offset != list[i].offset ||
		    space->mapping[i].image != list[i].image)
			return false;
	return true;
}

/* Replace what a process maps by a new list. Return what was not needed, for the caller to free. */
static struct mapping *take_list(struct spaces *s, struct space *space, struct mapping *list,
				 size_t nr)
{
	const struct space *parent = parent_of(s, space);
	size_t nr_now = nr;

	if (same_mappings(space, list, nr))
		return list;
	space->version = same_mappings(parent, list, nr) ? parent->version : ++s->versions;
	s->nr_mappings -= space->nr;
	keep_old(space, &list, &nr);
	free(space->mapping);
	space->mapping = list;
	space->nr_now = nr_now;
	space->nr = nr;
	s->nr_mappings += nr;
	return NULL;
}

/* A process that has begun to exit shows no mappings: then those read before stay. */
static void read_space(struct spaces *s, struct space *space)
{
	struct mapping *list = NULL;
	char path[64], *line = NULL;
	size_t room = 0, nr = 0;
	FILE *f;

	space->read_ns = now_ns();
	space->reads++;
	space->ask_again = false;
	snprintf(path, sizeof(path), "/proc/%d/maps", space->id.pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (runs(&space->id)) {
		if (!space->own_pid) {
			read_status(space);
			space->root = root_of(s, space->id.pid);
		}
		while (getline(&line, &room, f) > 0)
			read_mapping(s, space, line, &list, &nr);
		s->nr_mappings -= nr;
		/* if it is in another program now, this list was that one's */
		if (nr && runs(&space->id))
			list = take_list(s, space, list, nr);
	}
	free(line);
	free(list);
	fclose(f);
}

/*
 * Where the functions are named that a program makes. Anyone may write to /tmp: the file must
 * belong to the process's user or to root, and must not be older than the process.
 */
static void read_made(struct spaces *s, struct space *space)
{
	const struct space *from = space;
	char path[64];
	struct stat st;
	int fd;

	for (int i = 0; i < MOST_ANCESTORS && from && from->root < 0; i++)
		from = parent_of(s, from);
	if (!from || from->root < 0)
		return;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", space->own_pid ?: space->id.pid);
	fd = open_regular(from->root, path, false, &st);
	if (fd < 0)
		return;
	if ((!st.st_uid || st.st_uid == from->uid) && st.st_mtime + 2 >= space->started)
		perf_map_read(&space->made, fd, &s->budget);
	close(fd);
}

/**
 * spaces_load() - read the mappings of a process
 * @s: all address spaces
 * @id: the process and its program; nothing is read if it runs another one by now
 * @parent: its parent, which may run the same program
 *
 * A process that was read a moment ago is read again later, by spaces_load_again().
 */
void spaces_load(struct spaces *s, const struct space_id *id, pid_t parent)
{
	struct space *space = space_of(s, id);

	if (space && space->reads >= READS_AT_FIRST && now_ns() - space->read_ns < AGAIN_NS) {
		space->ask_again = true;
		return;
	}
	if (!space)
		space = add_space(s, id, parent);
	read_space(s, space);
}

/**
 * spaces_load_again() - read processes again that had more stacks since they were read
 * @s: all address spaces
 */
void spaces_load_again(struct spaces *s)
{
	uint64_t now = now_ns();

	for (size_t i = 0; i < s->nr; i++)
		if (s->space[i]->ask_again && now - s->space[i]->read_ns >= AGAIN_NS)
			read_space(s, s->space[i]);
}

/**
 * spaces_finish() - read all processes for the last time, and what code they made
 * @s: all address spaces
 */
void spaces_finish(struct spaces *s)
{
	size_t i;

	for (i = 0; i < s->nr; i++)
		if (s->space[i]->id.pid)
			read_space(s, s->space[i]);
	for (i = 0; i < s->nr; i++)
		read_made(s, s->space[i]);
}

/* --- finding code ---------------------------------------------------------------------- */

static const struct mapping *mapping_at(const struct space *space, uint64_t address,
					uint64_t when_ns)
{
	size_t low = 0, high = space->nr_now, middle, i;
	const struct mapping *m, *old = NULL;

	/* the one that was gone first after that moment */
	for (i = space->nr_now; i < space->nr; i++) {
		m = &space->mapping[i];
		if (address >= m->start && address < m->end && m->gone_ns > when_ns &&
		    (!old || m->gone_ns < old->gone_ns))
			old = m;
	}
	if (old)
		return old;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (space->mapping[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < space->mapping[low - 1].end ? &space->mapping[low - 1] : NULL;
}

/*
 * The nearest one whose mappings were read: the process itself, or the process that forked it.
 * If none of them was read, any other that runs the same program.
 */
static struct space *known_space(const struct spaces *s, const struct space_id *id)
{
	struct space *space = space_of(s, id);

	for (int i = 0; i < MOST_ANCESTORS && space && !space->nr; i++)
		space = parent_of(s, space);
	if (!space || !space->nr)
		space = program_of(s, *id);
	while (space && !space->nr)
		space = space->same;
	return space;
}

/* A process may have exited before all that it mapped was read, but not those that it forked. */
static const struct mapping *mapping_of_any(const struct spaces *s, const struct space_id *id,
					    uint64_t address, uint64_t when_ns)
{
	const struct space *space = known_space(s, id);
	const struct mapping *m = space ? mapping_at(space, address, when_ns) : NULL;

	for (space = program_of(s, *id); space && !m; space = space->same)
		m = mapping_at(space, address, when_ns);
	return m;
}

/* The function that the process made, or, before the fork, one of its ancestors. */
static const char *find_made(const struct spaces *s, const struct space_id *id, uint64_t address)
{
	struct space *space = space_of(s, id);
	const char *name = NULL;

	for (int i = 0; i < MOST_ANCESTORS && space && !name; i++) {
		name = perf_map_find(&space->made, address);
		space = parent_of(s, space);
	}
	return name;
}

/**
 * spaces_find() - what code is at an address
 * @s: all address spaces
 * @id: the process and its program
 * @address: the address
 * @when_ns: when the address was code, on CLOCK_MONOTONIC
 * @place: result, if there is code
 *
 * Return: whether there is code.
 */
enum code_kind spaces_find(struct spaces *s, const struct space_id *id, uint64_t address,
			   uint64_t when_ns, struct code_place *place)
{
	const struct mapping *m = mapping_of_any(s, id, address, when_ns);
	uint64_t bias;

	*place = (struct code_place){ .label = "" };
	if (m && m->image) {
		place->image = m->image;
		place->offset = address - m->start + m->offset;
		if (image_bias(m->image, place->offset, &bias))
			return CODE_HERE;
	}
	place->made = find_made(s, id, address);
	if (m)
		place->label = m->label;
	if (m || place->made)
		return CODE_HERE;
	return known_space(s, id) ? CODE_NONE : CODE_UNKNOWN;
}

/**
 * spaces_each_image() - visit the files with code that a process maps
 * @s: all address spaces
 * @id: the process and its program
 * @visit: called for each
 * @arg: passed on
 *
 * Return: a number that changes when the list of files changes; 0 if it is not known.
 */
uint64_t spaces_each_image(struct spaces *s, const struct space_id *id, space_visit_fn visit,
			   void *arg)
{
	const struct space *space = known_space(s, id);

	for (size_t i = 0; space && visit && i < space->nr_now; i++)
		if (space->mapping[i].image)
			visit(space->mapping[i].start, space->mapping[i].offset,
			      space->mapping[i].image, arg);
	return space ? space->version : 0;
}

/**
 * spaces_open() - open a file as a process sees it
 * @s: all address spaces
 * @id: the process and its program
 * @path: the path
 *
 * Return: a descriptor of a regular file, or -1.
 */
int spaces_open(struct spaces *s, const struct space_id *id, const char *path)
{
	const struct space *space = space_of(s, id);
	struct stat st;

	for (int i = 0; i < MOST_ANCESTORS && space && space->root < 0; i++)
		space = parent_of(s, space);
	return space && space->root >= 0 ? open_regular(space->root, path, true, &st) : -1;
}

/**
 * spaces_free() - forget all address spaces
 * @s: from spaces_new(), or NULL
 */
void spaces_free(struct spaces *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->nr; i++) {
		perf_map_free(&s->space[i]->made);
		free(s->space[i]->mapping);
		free(s->space[i]);
	}
	for (i = 0; i < s->nr_roots; i++)
		close(s->root[i].fd);
	free(s->space);
	free(s->table);
	free(s);
}

// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "textfile.h"

#define FILE_NAME	"cowstat.prom"

/**
 * textfile_init() - begin to keep sums, beginning with the counts so far
 * @text: to be freed with textfile_free()
 * @t: the first reading; this takes ownership of it
 * @cgroups: those there are
 *
 * Return: 0 or -ENOMEM.
 */
int textfile_init(struct textfile *text, struct cow_table *t, const struct cgroups *cgroups)
{
	memset(text, 0, sizeof(*text));
	text->before = *t;
	memset(t, 0, sizeof(*t));
	return children_find(&text->before, cgroups, &text->children) ?:
		       ledger_init(&text->cgroup, GROUP_CGROUP)	      ?:
		       ledger_init(&text->comm, GROUP_COMM);
}

/**
 * textfile_free() - give the memory back
 * @text: one that was begun
 */
void textfile_free(struct textfile *text)
{
	ledger_free(&text->cgroup);
	ledger_free(&text->comm);
	cow_table_free(&text->before);
}

static int find_slowest_fork(struct textfile *text, const struct cow_table *t)
{
	struct cow_index index;
	size_t i;
	int err;

	err = cow_index_make(text->before.row, text->before.nr, &index);
	if (err)
		return err;
	text->slowest_ns = 0;
	for (i = 0; i < t->nr; i++) {
		const struct cow_row *row = &t->row[i];
		uint64_t ns = row->value[COWSTAT_COL_FORK_NS];

		if (row->kind != COW_ROW_PROCESS)
			continue;
		if (ns > text->slowest_ns &&
		    !cow_index_find(&index, row->pid, row->value[COWSTAT_COL_START_NS]))
			text->slowest_ns = ns;
	}
	cow_index_free(&index);
	return 0;
}

/**
 * textfile_add() - add the changes since the last reading to the sums
 * @text: the sums
 * @t: the new reading; this takes ownership of it, on error too
 * @cgroups: those there are
 * @delta: set to the changes, to be freed with cow_delta_free(), on error too
 *
 * Return: 0 or -ENOMEM.
 */
int textfile_add(struct textfile *text, struct cow_table *t, const struct cgroups *cgroups,
		 struct cow_delta *delta)
{
	int err;

	*delta = (struct cow_delta){};
	err = cow_delta_make(&text->before, t, delta);
	if (!err)
		err = ledger_add(&text->cgroup, delta, cgroups)	      ?:
			      ledger_add(&text->comm, delta, cgroups) ?:
			      find_slowest_fork(text, t)	      ?:
			      children_find(t, cgroups, &text->children);
	cow_table_free(&text->before);
	text->before = *t;
	memset(t, 0, sizeof(*t));
	return err;
}

static void print_gauge(const struct metrics *m, const char *name, const char *unit,
			const char *help, const char *value)
{
	metrics_family(m, name, "gauge", unit, help);
	metrics_sample(m, name, "gauge", NULL, NULL, value);
}

/**
 * textfile_print() - print all metrics
 * @text: the sums
 * @m: where, and in which format
 */
void textfile_print(const struct textfile *text, const struct metrics *m)
{
	char bytes[24];

	metrics_table(m, &text->before, text->latency);
	ledger_print(&text->cgroup, m);
	ledger_print(&text->comm, m);
	print_gauge(m, "slowest_fork_seconds", "seconds",
		    "The slowest fork since the file was written before, or served: of the last minute.",
		    format_seconds(text->slowest_ns).s);
	snprintf(bytes, sizeof(bytes), "%llu",
		 (unsigned long long)children_most_copied(&text->children));
	print_gauge(m, "snapshot_copied_bytes", "bytes",
		    "The most that a live child without an exec and its parent copied since its birth.",
		    bytes);
	children_print(&text->children, m);
	metrics_end(m);
}

/**
 * textfile_write() - write the metrics into the directory of the textfile collector
 * @text: the sums
 * @dir: the collector's directory
 *
 * The file is replaced atomically: a reader sees either the complete old or the complete new one.
 *
 * Return: 0 or a negative errno.
 */
int textfile_write(const struct textfile *text, const char *dir)
{
	struct metrics m = { .format = METRICS_TEXT };
	char *temporary = NULL, *path = NULL;
	int fd, err = -ENOMEM;
	FILE *f;

	if (asprintf(&temporary, "%s/." FILE_NAME ".XXXXXX", dir) < 0) {
		temporary = NULL;
		goto free;
	}
	if (asprintf(&path, "%s/" FILE_NAME, dir) < 0) {
		path = NULL;
		goto free;
	}
	fd = mkstemp(temporary);
	if (fd < 0) {
		err = -errno;
		goto free;
	}
	f = fdopen(fd, "w");
	if (!f) {
		err = -errno;
		close(fd);
		goto unlink;
	}
	m.to = f;
	textfile_print(text, &m);
	err = ferror(f) || fflush(f) || fchmod(fd, 0644) ? -EIO : 0;
	if (fclose(f) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
unlink:
	if (err)
		unlink(temporary);
free:
	free(temporary);
	free(path);
	return err;
}

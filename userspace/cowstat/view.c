// SPDX-License-Identifier: GPL-2.0
/* What all views have in common: the header line, colours, names, figures in columns. */
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "delta.h"
#include "format.h"
#include "utf8.h"
#include "view.h"

#define BYTES_PER_KIB	1024
#define MIN_WIDTH	7	/* width of a column of --columns */
#define TIME_WIDTH	16	/* width of such a column with nanoseconds */
#define MIN_COMMAND	15	/* width of a name if the terminal is too narrow */

/**
 * view_paint() - begin to print in colour, if the screen may have colours
 * @screen: where
 * @paint: as what
 */
void view_paint(const struct screen *screen, enum paint paint)
{
	static const char *const code[] = {
		[PAINT_HEAD] = "\033[1m",
		[PAINT_TOTAL] = "\033[1m",
		[PAINT_EXITED] = "\033[2m",
		[PAINT_WARNING] = "\033[31m",
	};

	if (screen->colour)
		fputs(code[paint], screen->to);
}

/**
 * view_end_line() - end a line, and its colour
 * @screen: where
 */
void view_end_line(const struct screen *screen)
{
	fputs(screen->colour ? "\033[0m\n" : "\n", screen->to);
}

static void warn_of(const struct screen *screen, const struct cow_figure *figure, const char *name,
		    const char *meaning)
{
	if (!figure->value)
		return;
	view_paint(screen, PAINT_WARNING);
	fprintf(screen->to, "%s %" PRIu64 ": %s", name, figure->value, meaning);
	view_end_line(screen);
}

/**
 * view_header() - print what the figures are of, and what is wrong with them
 * @screen: where
 * @t: the table
 */
void view_header(const struct screen *screen, const struct cow_table *t)
{
	fprintf(screen->to, "Linux %s, counting %s", format_printable(t->kernel).s,
		t->counting.value ? "for" : "is OFF");
	if (t->counting.value && t->now_ns.value >= t->since_ns.value)
		fprintf(screen->to, " %s", format_duration(t->now_ns.value - t->since_ns.value).s);
	if (t->epoch.value > 1)
		fprintf(screen->to, " (since reset; epoch %" PRIu64 ")", t->epoch.value);
	fputc('\n', screen->to);
	if (!t->counting.value)
		fputs("Nothing has been counted since. To count: echo counting on | sudo tee " COWSTAT_PROC_PATH
		      "\n",
		      screen->to);
	warn_of(screen, &t->lost, "lost", "faults of processes without a row; the total has them");
	warn_of(screen, &t->missed, "missed", "events that were not counted");
}

/* The command line of a live process; false when there is none to read. */
static bool read_command_line(pid_t pid, char *to, size_t size)
{
	char path[32];
	size_t i, n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(to, 1, size - 1, f);
	fclose(f);
	while (n && !to[n - 1])
		n--;
	for (i = 0; i < n; i++)
		if (!to[i])
			to[i] = ' ';
	to[n] = '\0';
	return n;
}

/**
 * view_name() - the name of a process, or its command line
 * @screen: how
 * @row: of the process
 * @room: columns that it may take; UINT_MAX for any number
 * @to: the name, safe for a terminal
 * @size: size of @to
 *
 * Return: columns that it takes.
 */
unsigned int view_name(const struct screen *screen, const struct cow_row *row, unsigned int room,
		       char *to, size_t size)
{
	const char *name = row->known[COWSTAT_COL_COMM] ? row->comm : COWSTAT_UNKNOWN;
	char line[4096];

	if (screen->command_line && row->state == 'L' &&
	    read_command_line(row->pid, line, sizeof(line)))
		name = line;
	else if (!*name)
		name = VIEW_NO_NAME;
	return utf8_fit(to, size, name, room, UTF8_KEEP_BEGIN);
}

/**
 * view_command() - print the last column: the name of the process; nothing for a sum
 * @screen: where
 * @row: of a process, or a sum
 * @used: columns of the line that are used already, with the space before this one
 *
 * On a terminal it is cut at the end of the line; otherwise it is printed in full.
 */
void view_command(const struct screen *screen, const struct cow_row *row, unsigned int used)
{
	unsigned int room = UINT_MAX;
	char shown[4096];

	if (row->kind != COW_ROW_PROCESS)
		return;
	if (screen->width)
		room = screen->width > used + 1 ? screen->width - used : MIN_COMMAND;
	view_name(screen, row, room, shown, sizeof(shown));
	fputs(shown, screen->to);
}

/**
 * view_is_late() - was a process forked before counting began?
 * @row: its row, after late_find_parents()
 *
 * Return: true if so. Then what it shared at birth is not known, and its parent is the present one.
 */
bool view_is_late(const struct cow_row *row)
{
	return row->known[COWSTAT_COL_PPID] && !row->known[COWSTAT_COL_PARENT_START_NS];
}

static struct text unknown(void)
{
	return (struct text){ COWSTAT_UNKNOWN };
}

/**
 * view_count() - a count in a column
 * @screen: how
 * @row: of a process, or a sum
 * @column: which
 * @width: at least 4
 * @span_ns: 0, or print it by second
 *
 * Return: "-" when it is not known; its exact digits where they fit.
 */
struct text view_count(const struct screen *screen, const struct cow_row *row,
		       enum cowstat_column column, unsigned int width, uint64_t span_ns)
{
	uint64_t n = row->value[column];

	if (!row->known[column])
		return unknown();
	if (span_ns)
		return format_rate(n, span_ns, width);
	return format_fit(n, screen->human && width > 5 ? 5 : width);
}

/**
 * view_size() - bytes in a column: KiB, or with a unit for people
 * @screen: how
 * @row: of a process, or a sum
 * @column: which; counts bytes
 * @width: at least 5
 * @span_ns: 0, or print it by second
 *
 * Return: "-" when it is not known.
 */
struct text view_size(const struct screen *screen, const struct cow_row *row,
		      enum cowstat_column column, unsigned int width, uint64_t span_ns)
{
	uint64_t bytes = row->value[column];

	if (!row->known[column])
		return unknown();
	if (screen->human && span_ns)
		return format_size_tight((unsigned __int128)bytes * 1000000000 / span_ns);
	if (screen->human)
		return width < 10 ? format_size_tight(bytes) : format_size(bytes);
	if (span_ns)
		return format_rate(bytes / BYTES_PER_KIB, span_ns, width);
	return format_fit(bytes / BYTES_PER_KIB, width);
}

static bool ends_in(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && !strcmp(name + len - end_len, end);
}

/**
 * view_head() - the heading of a column of --columns
 * @column: which
 *
 * Return: its name in capitals.
 */
struct text view_head(enum cowstat_column column)
{
	const char *name = cow_column_name(column);
	struct text t = {};
	size_t i;

	for (i = 0; name[i] && i < sizeof(t.s) - 1; i++)
		t.s[i] = toupper((unsigned char)name[i]);
	return t;
}

/**
 * view_width() - the width of a column of --columns
 * @column: which
 *
 * Return: columns of the screen, without the space before it.
 */
unsigned int view_width(enum cowstat_column column)
{
	const char *name = cow_column_name(column);
	unsigned int least = ends_in(name, "_ns") ? TIME_WIDTH : MIN_WIDTH;

	return strlen(name) > least ? strlen(name) : least;
}

/**
 * view_figure() - a figure of a column of --columns, in the table's own unit
 * @screen: how
 * @row: of a process, or a sum
 * @column: which
 * @span_ns: 0, or print it by second
 *
 * Return: "-" when it is not known; at most view_width() characters.
 */
struct text view_figure(const struct screen *screen, const struct cow_row *row,
			enum cowstat_column column, uint64_t span_ns)
{
	enum cowstat_kind kind = cow_column_kind(column);
	struct text t;

	if (!row->known[column])
		return unknown();
	if (kind == COWSTAT_IDENTITY) {
		snprintf(t.s, sizeof(t.s), "%" PRIu64, row->value[column]);
		return t;
	}
	/* What was measured at birth has no rate. */
	if (kind == COWSTAT_BIRTH && row->kind == COW_ROW_PROCESS)
		span_ns = 0;
	if (ends_in(cow_column_name(column), "_bytes") && screen->human)
		return view_size(screen, row, column, view_width(column), span_ns);
	return view_count(screen, row, column, view_width(column), span_ns);
}

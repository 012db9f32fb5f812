// SPDX-License-Identifier: GPL-2.0
/* What all views have in common: the header line, colours, names, figures in columns. */
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "view.h"

#define BYTES_PER_KIB	1024

/**
 * view_paint() - begin to print in colour, where there may be colour
 * @screen: where
 * @paint: as what
 */
void view_paint(const struct screen *screen, enum paint paint)
{
	static const char *const code[] = {
		[PAINT_HEAD]	= "\033[1m",
		[PAINT_TOTAL]	= "\033[1m",
		[PAINT_EXITED]	= "\033[2m",
		[PAINT_WARNING]	= "\033[31m",
	};

	if (screen->colour)
		fputs(code[paint], screen->to);
}

/**
 * view_end_line() - end a line, and what colour it has
 * @screen: where
 */
void view_end_line(const struct screen *screen)
{
	fputs(screen->colour ? "\033[0m\n" : "\n", screen->to);
}

static void warn_of(const struct screen *screen, const struct cow_figure *figure,
		    const char *name, const char *meaning)
{
	if (!figure->value)
		return;
	view_paint(screen, PAINT_WARNING);
	fprintf(screen->to, "%s %" PRIu64 ": %s", name, figure->value, meaning);
	view_end_line(screen);
}

/**
 * view_header() - what the figures are of, and what is wrong with them
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
		fputs("These figures are of the past. To count: echo counting on | sudo tee "
		      COWSTAT_PROC_PATH "\n", screen->to);
	warn_of(screen, &t->lost, "lost", "faults whose process got no row; they are in the total");
	warn_of(screen, &t->missed, "missed", "events that were not counted");
}

/* The command line of a live process, printable; false when there is none to read. */
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
	for (i = 0; i < n; i++) {
		if (!to[i])
			to[i] = ' ';
		else if (to[i] < ' ' || to[i] > '~')
			to[i] = '?';
	}
	to[n] = '\0';
	return n;
}

/**
 * view_command() - the last column: whose row that is; nothing for a sum
 * @screen: where
 * @row: a process's, or a sum
 * @used: columns of the line that are used already, the space before this one too
 */
void view_command(const struct screen *screen, const struct cow_row *row, unsigned int used)
{
	const char *name = row->known[COWSTAT_COL_COMM] ? row->comm : COWSTAT_UNKNOWN;
	char line[4096];
	int room = screen->width > used ? (int)(screen->width - used) : 15;

	if (row->kind != COW_ROW_PROCESS)
		return;
	if (screen->command_line && row->state == 'L' &&
		 read_command_line(row->pid, line, sizeof(line)))
		fputs(line, screen->to);
	else
		fprintf(screen->to, "%.*s", screen->width ? room : 63,
			*name ? format_printable(name).s : VIEW_NO_NAME);
}

static struct text unknown(void)
{
	return (struct text){ COWSTAT_UNKNOWN };
}

/**
 * view_count() - a count in a column
 * @screen: how
 * @row: of whom
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
 * @row: of whom
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

// SPDX-License-Identifier: GPL-2.0
/* How the live screen looks. Knows no terminal: it draws on a canvas. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "format.h"
#include "top.h"
#include "user.h"
#include "utf8.h"

#define HEADER_LINES	4 /* above the heads of columns */
#define LINE_BYTES	2048
#define MIN_TABLE	5	    /* lines of the table that a pane leaves */
#define MIN_PANE	8	    /* lines of a pane */
#define MIN_NAME	8	    /* columns that chosen columns leave for the name */
#define MIN_WIDTH	20	    /* narrower screens are not drawn */
#define USER_WIDTH	8

/**
 * top_put() - write a text on the canvas, cut at the end of the line
 * @c: the canvas
 * @y: the line
 * @x: the column
 * @paint: how it looks
 * @format: the text; may hold anything, which is made safe for a terminal
 *
 * Return: the column behind the text.
 */
unsigned int top_put(const struct top_canvas *c, unsigned int y, unsigned int x,
		     enum top_paint paint, const char *format, ...)
{
	char text[LINE_BYTES], shown[LINE_BYTES];
	va_list args;

	if (y >= c->height || x + 2 > c->width)
		return x;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	x += utf8_fit(shown, sizeof(shown), text, c->width - x, UTF8_KEEP_BEGIN);
	c->put(c->to, y, x - utf8_fit(text, sizeof(text), shown, c->width, UTF8_KEEP_BEGIN), paint,
	       shown);
	return x;
}

static void draw_title(struct top *top, const struct top_canvas *c)
{
	const struct cow_table *t = &top->now;
	time_t now = time(NULL);
	char clock[16], counting[128];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&now));
	if (!top->read) {
		top_put(c, 0, 0, TOP_BOLD, "cowstat top %s", clock);
		return;
	}
	if (t->counting.value && t->now_ns.value >= t->since_ns.value)
		snprintf(counting, sizeof(counting), "on %s",
			 format_age(t->now_ns.value - t->since_ns.value).s);
	else
		snprintf(counting, sizeof(counting), "%s", t->counting.value ? "on" : "OFF");
	top_put(c, 0, 0, TOP_BOLD, "cowstat top %s  Linux %s  counting %s  timing %s", clock,
		t->kernel, counting, t->timing.value ? "on" : "off");
}

static struct text figure(const struct cow_figure *figure)
{
	return figure->known ? format_number(figure->value) : (struct text){ COWSTAT_UNKNOWN };
}

static void draw_health(const struct top *top, const struct top_canvas *c)
{
	const struct cow_table *t = &top->now;
	bool bad = t->lost.value || t->missed.value;
	char span[128];
	unsigned int x;

	if (top_shows_rates(top))
		snprintf(span, sizeof(span), "rates since the last refresh, %s",
			 format_duration(top->delta.span_ns).s);
	else
		snprintf(span, sizeof(span), "counts since counting began");
	x = top_put(c, 1, 0, top->frozen ? TOP_SELECTED : TOP_PLAIN, "%s",
		    top->frozen ? "FROZEN" : span);
	x = top_put(c, 1, x + 2, bad ? TOP_WARNING : TOP_PLAIN, "lost %s  missed %s",
		    figure(&t->lost).s, figure(&t->missed).s);
	top_put(c, 1, x + 2, TOP_PLAIN, "recycled %s  rows %s", figure(&t->folded).s,
		figure(&t->rows).s);
}

/* The last figures as bars of one character each; the newest is the last one. */
static void draw_bars(const struct top *top, const struct top_canvas *c, unsigned int x,
		      unsigned int width, enum top_series series)
{
	static const char *const blocks[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { " ", ".", ":", "-", "=", "+", "*", "#", "@" };
	const uint64_t *at = top->series[series];
	size_t nr = top->nr_series < width ? top->nr_series : width;
	size_t i, first = top->nr_series - nr;
	char text[4 * TOP_HISTORY + 1] = "";
	uint64_t most = 0;
	size_t n = 0;

	for (i = first; i < top->nr_series; i++)
		if (at[i] > most)
			most = at[i];
	for (i = first; i < top->nr_series; i++) {
		/* only 0 is empty */
		unsigned int level = at[i] ? (unsigned __int128)at[i] * 7 / most + 1 : 0;

		n += snprintf(text + n, sizeof(text) - n, "%s",
			      c->utf8 ? blocks[level] : ascii[level]);
	}
	if (nr)
		c->put(c->to, 2, x + width - nr, TOP_SPARK, text);
}

static void draw_series(const struct top *top, const struct top_canvas *c)
{
	static const char *const name[] = {
		[TOP_COPIED] = "copied",
		[TOP_FORKS] = "forks",
		[TOP_PGTABLES] = "tables",
	};
	unsigned int part = c->width / TOP_NR_SERIES, s, x, width;

	for (s = 0; s < TOP_NR_SERIES; s++) {
		uint64_t last = top->nr_series ? top->series[s][top->nr_series - 1] : 0;
		char value[80];

		if (!top->nr_series)
			snprintf(value, sizeof(value), "-");
		else if (s == TOP_FORKS)
			snprintf(value, sizeof(value), "%s/s", format_fit(last, 6).s);
		else
			snprintf(value, sizeof(value), "%s/s", format_size(last).s);
		x = top_put(c, 2, s * part, TOP_PLAIN, "%s %s ", name[s], value);
		width = (s + 1) * part > x + 1 ? (s + 1) * part - 1 - x : 0;
		if (width > TOP_HISTORY)
			width = TOP_HISTORY;
		if (width)
			draw_bars(top, c, x, width, s);
	}
}

/* Why there are counts, and not the rates that were asked for. */
static const char *why_counts(const struct top *top)
{
	if (top->delta.gap)
		return "counting began anew: rates follow with the next refresh";
	if (top->delta.row)
		return "no rates: no time has passed between two readings";
	return "rates follow with the next refresh";
}

/* What is shown, and what is wrong. A message of a key comes first. */
static void draw_state(const struct top *top, const struct top_canvas *c)
{
	static const char *const by[] = {
		[GROUP_CGROUP] = "by cgroup  ",
		[GROUP_COMM] = "by name  ",
		[GROUP_UID] = "by user  ",
	};
	const struct cow_table *t = &top->now;
	unsigned int x = 0;

	if (*top->message) {
		top_put(c, 3, 0, TOP_BOLD, "%s", top->message);
		return;
	}
	if (!top->read)
		return;
	if (top->set.by != GROUP_NONE || top->set.tree)
		x = top_put(c, 3, x, TOP_PLAIN, "%s", top->set.tree ? "tree  " : by[top->set.by]);
	if (*top->comm)
		x = top_put(c, 3, x, TOP_BOLD, "name %s  ", top->comm);
	if (top->filter.has_uid)
		x = top_put(c, 3, x, TOP_BOLD, "user %s  ", top->user);
	if (top->filter.cgroup)
		x = top_put(c, 3, x, TOP_BOLD, "cgroup %s  ", top->filter.cgroup);
	if (top->filter.pids.nr)
		x = top_put(c, 3, x, TOP_BOLD, "%s  ",
			    format_count(top->filter.pids.nr, "pid", "pids").s);
	if (!t->counting.value)
		top_put(c, 3, x, TOP_WARNING, "Counting is OFF. On: echo counting on | sudo tee %s",
			COWSTAT_PROC_PATH);
	else if (!t->rows.known)
		top_put(c, 3, x, TOP_WARNING,
			"only processes of %s are shown, and no total: root sees all",
			user_name(geteuid()).s);
	else if (!top->rates && !top->set.absolute)
		top_put(c, 3, x, TOP_PLAIN, "%s", why_counts(top));
	else if (top->hidden)
		top_put(c, 3, x, TOP_PLAIN, "%s not fit this screen",
			format_count(top->hidden, "column does", "columns do").s);
}

/* Groups have no pid, no user, no cgroup of their own. */
static void drop_identities(struct layout *l)
{
	size_t i, n = 0;

	l->used = LAYOUT_LEFT;
	for (i = 0; i < l->nr; i++) {
		if (cow_column_kind(l->shown[i].column) == COWSTAT_IDENTITY)
			continue;
		l->used += l->shown[i].width + 1;
		l->shown[n++] = l->shown[i];
	}
	l->nr = n;
}

/* Drop chosen columns at the end that the screen has no room for. */
static void lay_out(struct top *top, unsigned int width)
{
	struct layout *l = &top->layout;

	layout_make(&top->set.columns, width, l);
	if (top->set.by != GROUP_NONE)
		drop_identities(l);
	for (top->hidden = 0; l->nr && l->used + MIN_NAME > width; top->hidden++)
		l->used -= l->shown[--l->nr].width + 1;
}

static void draw_heads(const struct top *top, const struct top_canvas *c, unsigned int y)
{
	static const char *const last[] = {
		[GROUP_NONE] = "COMMAND",
		[GROUP_CGROUP] = "CGROUP",
		[GROUP_COMM] = "COMMAND",
		[GROUP_UID] = "USER",
	};
	const struct layout *l = &top->layout;
	enum cowstat_column sort = top->set.columns.sort;
	unsigned int x = 0;
	size_t i;

	top_put(c, y, 0, TOP_HEAD, "%*s", c->width, "");
	x = top_put(c, y, x, sort == COWSTAT_COL_PID ? TOP_SORTED : TOP_HEAD, "%7s",
		    top->set.by == GROUP_NONE ? "PID" : "PROCS");
	x = top_put(c, y, x + 1, sort == COWSTAT_COL_STATE ? TOP_SORTED : TOP_HEAD, "%s",
		    top->set.by == GROUP_NONE ? "S" : " ");
	for (i = 0; i < l->nr; i++) {
		enum top_paint paint = l->shown[i].column == sort ? TOP_SORTED : TOP_HEAD;
		struct text head = layout_head(l, i, top->set.human);
		int width = l->shown[i].column == COWSTAT_COL_CGROUP ? -(int)l->shown[i].width :
								       (int)l->shown[i].width;

		top_put(c, y, x + 1 + (width > 0 ? width - strlen(head.s) : 0), paint, "%s",
			head.s);
		x += l->shown[i].width + 1;
	}
	top_put(c, y, x + 1, sort == COWSTAT_COL_COMM ? TOP_SORTED : TOP_HEAD, "%s",
		last[top->set.by]);
}

/* The text of a column that is not a figure: a user, a cgroup. Padded to the column's width. */
static bool put_name(struct top *top, const struct shown *s, const struct cow_row *row, char *to,
		     size_t size)
{
	char path[512], fit[512];
	unsigned int used;
	const char *name;

	if (!s->head || !row->known[s->column])
		return false;
	if (s->column == COWSTAT_COL_UID) {
		used = utf8_fit(fit, sizeof(fit), user_name(row->value[s->column]).s, s->width,
				UTF8_KEEP_BEGIN);
		snprintf(to, size, "%*s%s", (int)(s->width - used), "", fit);
		return true;
	}
	if (s->column != COWSTAT_COL_CGROUP)
		return false;
	name = top_cgroup(top, row->value[s->column]);
	if (!name)
		return false;
	cgroups_readable(path, sizeof(path), name);
	used = utf8_fit(fit, sizeof(fit), path, s->width, UTF8_KEEP_END);
	snprintf(to, size, "%s%*s", fit, (int)(s->width - used), "");
	return true;
}

/* What stands in the last column. */
static void put_last(const struct top *top, const struct top_line *line, unsigned int room,
		     char *to, size_t size)
{
	const struct screen screen = { .command_line = top->set.command_line && top->local };
	const char *name = VIEW_OTHER;

	if (line->group || line->row->kind != COW_ROW_PROCESS) {
		if (line->group && line->group->name)
			name = *line->group->name ? line->group->name : VIEW_NO_NAME;
		utf8_fit(to, size, name, room, UTF8_KEEP_END);
		return;
	}
	view_name(&screen, line->row, room, to, size);
}

/* Figures of births are no events, so that sums of them over a group have no rate. */
static uint64_t span_of(const struct top_line *line, const struct layout *l, size_t i,
			uint64_t span_ns)
{
	return line->group && cow_column_kind(l->shown[i].column) == COWSTAT_BIRTH ? 0 : span_ns;
}

static void draw_line(struct top *top, const struct top_canvas *c, unsigned int y,
		      const struct top_line *line, bool selected)
{
	const struct screen screen = { .human = top->set.human };
	uint64_t span = top_shows_rates(top) ? top->delta.span_ns : 0;
	const struct layout *l = &top->layout;
	const struct cow_row *row = line->row;
	enum top_paint paint = selected ? TOP_SELECTED : row->state == 'X' ? TOP_EXITED : TOP_PLAIN;
	char text[LINE_BYTES], name[LINE_BYTES], cell[600];
	struct branches branches = { "" };
	unsigned int used;
	size_t i, n;

	if (line->group)
		n = snprintf(text, sizeof(text), "%7s  ", format_fit(line->group->processes, 7).s);
	else if (row->kind == COW_ROW_PROCESS)
		n = snprintf(text, sizeof(text), "%7d %c", row->pid,
			     row->state > ' ' && row->state <= '~' ? row->state : '?');
	else
		n = snprintf(text, sizeof(text), "%7s  ", "");
	for (i = 0; i < l->nr && n < sizeof(text) - sizeof(cell); i++)
		if (put_name(top, &l->shown[i], row, cell, sizeof(cell)))
			n += snprintf(text + n, sizeof(text) - n, " %s", cell);
		else
			n += snprintf(text + n, sizeof(text) - n, " %*s",
				      l->shown[i].column == COWSTAT_COL_CGROUP ?
					      -(int)l->shown[i].width :
					      (int)l->shown[i].width,
				      layout_figure(&screen, l, i, row, span_of(line, l, i, span))
					      .s);
	used = l->used;
	if (line->node)
		branches = nodes_branches(line->node);
	if (used + strlen(branches.s) + MIN_NAME > c->width)
		branches.s[c->width > used + MIN_NAME ? c->width - used - MIN_NAME : 0] = '\0';
	used += strlen(branches.s);
	put_last(top, line, c->width > used ? c->width - used : 2, name, sizeof(name));
	if (selected)
		top_put(c, y, 0, TOP_SELECTED, "%*s", c->width, "");
	top_put(c, y, 0, paint, "%s %s%s", text, branches.s, name);
}

/* Print a text over several lines, broken at spaces. Return: the line below it. */
static unsigned int wrap(const struct top_canvas *c, unsigned int y, unsigned int end,
			 const char *text)
{
	unsigned int room = c->width - 4;

	while (*text && y < end) {
		size_t len = strlen(text), at;

		if (len > room) {
			for (at = room; at && text[at] != ' ';)
				at--;
			len = at ? at : room;
		}
		top_put(c, y++, 2, TOP_BOLD, "%.*s", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
	return y;
}

/* Why the table has no line. */
static const char *why_empty(const struct top *top)
{
	if (!top->now.counting.value)
		return "Nothing is shown, and counting is off. To count: echo counting on | sudo tee " COWSTAT_PROC_PATH;
	if (filter_narrows(&top->filter))
		return "No process that passes the filter has an event. The key = shows all processes again, the key a those without events.";
	if (top_shows_rates(top))
		return "No process had a fault or a fork since the last refresh. The key H shows counts since counting began, the key a all processes.";
	return "Nothing was counted yet of processes that are yours to see.";
}

static void draw_table(struct top *top, const struct top_canvas *c, unsigned int y,
		       unsigned int end)
{
	struct top_selection *s = &top->selection;
	size_t i;

	top->head_y = y;
	lay_out(top, c->width);
	draw_heads(top, c, y++);
	top->rows_shown = end > y ? end - y : 0;
	if (s->at < s->first)
		s->first = s->at;
	if (top->rows_shown && s->at >= s->first + top->rows_shown)
		s->first = s->at - top->rows_shown + 1;
	if (s->first && s->first + top->rows_shown > top->nr)
		s->first = top->nr > top->rows_shown ? top->nr - top->rows_shown : 0;
	for (i = s->first; i < top->nr && y < end; i++)
		draw_line(top, c, y++, &top->line[i], i == s->at);
	if (!top->nr)
		wrap(c, y + 1, end, why_empty(top));
}

static const char *const help[] = {
	"Up Down PgUp PgDn    select a process       P          sort by bytes copied",
	"Home End j k           (a click does too)   F          sort by forks",
	"Enter i              its details, or not    M          sort by pages shared at birth",
	"                                            T          sort by time of copies",
	"/ F4   filter by name (regular expression)  N          sort by pid",
	"u      filter by user                       < > F6     sort by the column beside",
	"G      filter by cgroup, and those below      (a click on a head sorts by it)",
	"=      no filter                            R I        reverse the order",
	"a      also processes without any event     d s        seconds between refreshes",
	"x      hide processes that have exited      space f    freeze, or go on",
	"                                            r          refresh now",
	"t F5   tree of processes                    H          counts, or rates",
	"g      by cgroup, by name, by user          e          units, or exact figures",
	"c      command lines, or names              C F2       choose columns",
	"h ? F1 this page                            W          save settings",
	"q F10  quit",
	"",
	"FORKS children with memory of their own    WPFAULTS write-protect faults",
	"COPIED pages copied    REUSED made writable again    ZERO zero pages replaced",
	"OTHER shared mappings, lost races           KIB all bytes copied",
	"cowstat(8) explains all columns.",
};

static void draw_help(struct top *top, const struct top_canvas *c)
{
	unsigned int room = c->height > 3 ? c->height - 3 : 1;
	size_t i, nr = ARRAY_SIZE(help), most = nr > room ? nr - room : 0;

	if (top->cursor > most)
		top->cursor = most;
	top_put(c, 0, 0, TOP_BOLD, "cowstat top: keys");
	for (i = top->cursor; i < nr && i - top->cursor < room; i++)
		top_put(c, 1 + i - top->cursor, 0, TOP_PLAIN, "%s", help[i]);
	top_put(c, c->height - 1, 0, TOP_HEAD, "%s",
		most ? "Up and Down scroll; any other key goes back" : "any key goes back");
}

#define CHOICE_WIDTH	26

static void draw_columns(const struct top *top, const struct top_canvas *c)
{
	enum cowstat_column column[COWSTAT_NR_COLUMNS];
	size_t i, j, nr = top_choosable(column);
	unsigned int room = c->height > 4 ? c->height - 4 : 1;
	unsigned int across = c->width > CHOICE_WIDTH ? c->width / CHOICE_WIDTH : 1;
	unsigned int lines = (nr + across - 1) / across;
	size_t first;

	/* On a small screen, those around the cursor. */
	if (lines < room)
		room = lines;
	first = top->cursor % lines >= room ? top->cursor % lines - room + 1 : 0;
	top_put(c, 0, 0, TOP_BOLD,
		"cowstat top: columns of " COWSTAT_PROC_PATH ", in the order in which you choose");
	for (i = 0; i < nr; i++) {
		char order[8] = "";
		unsigned int y = i % lines;

		for (j = 0; j < top->set.columns.nr; j++)
			if (top->set.columns.chosen[j] == column[i])
				snprintf(order, sizeof(order), "%zu", j + 1);
		if (y < first || y - first >= room)
			continue;
		top_put(c, 2 + y - first, i / lines * CHOICE_WIDTH,
			i == top->cursor ? TOP_SELECTED : TOP_PLAIN, "%2s %s", order,
			cow_column_name(column[i]));
	}
	top_put(c, c->height - 1, 0, TOP_HEAD,
		"Up Down Home End  space chooses or not  d the usual ones  Enter saves");
}

static void draw_last_line(const struct top *top, const struct top_canvas *c)
{
	static const char *const question[TOP_NR_QUESTIONS] = {
		[TOP_ASK_COMM] = "name (regular expression)",
		[TOP_ASK_USER] = "user",
		[TOP_ASK_CGROUP] = "cgroup",
		[TOP_ASK_INTERVAL] = "seconds between refreshes",
	};
	unsigned int y = c->height - 1;

	if (top->question == TOP_ASK_NOTHING)
		top_put(c, y, 0, TOP_HEAD,
			"F1 Help F2 Columns F4 Filter F5 Tree g Group f Freeze Enter Details q Quit");
	else
		top_put(c, y, 0, TOP_BOLD, "%s: %s_", question[top->question], top->answer);
}

/**
 * top_draw() - draw the screen
 * @top: the screen; what clicks need is noted there
 * @c: an empty canvas
 */
void top_draw(struct top *top, const struct top_canvas *c)
{
	unsigned int end = c->height - 1, pane = 0;

	if (c->width < MIN_WIDTH || c->height < HEADER_LINES + 3) {
		if (c->height && c->width > 2)
			top_put(c, 0, 0, TOP_PLAIN, "larger, please");
		return;
	}
	if (top->page == TOP_HELP) {
		draw_help(top, c);
		return;
	}
	if (top->page == TOP_COLUMNS) {
		draw_columns(top, c);
		return;
	}
	draw_title(top, c);
	if (top->read) {
		draw_health(top, c);
		draw_series(top, c);
	}
	if (top->read && top->set.pane && end > HEADER_LINES + 1 + MIN_TABLE + MIN_PANE)
		pane = c->height / 3 > MIN_PANE ? c->height / 3 : MIN_PANE;
	if (top->read) {
		draw_table(top, c, HEADER_LINES, end - pane);
		if (pane)
			top_draw_pane(top, c, end - pane);
	} else {
		wrap(c, HEADER_LINES + 1, end, top->error);
		wrap(c, HEADER_LINES + 6, end,
		     "This screen tries again at every refresh. The key q quits.");
	}
	draw_state(top, c);
	draw_last_line(top, c);
}

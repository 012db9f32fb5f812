// SPDX-License-Identifier: GPL-2.0
/* What keys and the mouse do on the live screen. Those of top(1) and htop(1), where they fit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "top.h"
#include "user.h"

#define WHEEL_LINES	3

#define CTRL(c)		((c) & 0x1f)

static void toggle(struct top *top, bool *what)
{
	*what = !*what;
	top_arrange(top);
}

static void sort_by(struct top *top, enum cowstat_column column)
{
	top->set.columns.sort = column;
	top_arrange(top);
	top_say(top, "sorted by %s", cow_column_name(column));
}

/* The columns in the order of the screen: those of the last drawing. */
static size_t columns_on_screen(const struct top *top, enum cowstat_column *to)
{
	size_t i, n = 0;

	if (top->set.by == GROUP_NONE) {
		to[n++] = COWSTAT_COL_PID;
		to[n++] = COWSTAT_COL_STATE;
	}
	for (i = 0; i < top->layout.nr; i++)
		to[n++] = top->layout.shown[i].column;
	to[n++] = COWSTAT_COL_COMM;
	return n;
}

static void sort_beside(struct top *top, int step)
{
	enum cowstat_column column[COWSTAT_NR_COLUMNS + 3];
	size_t i, nr = columns_on_screen(top, column);

	for (i = 0; i < nr; i++)
		if (column[i] == top->set.columns.sort)
			break;
	if (i == nr)
		i = 0;
	else
		i = (i + nr + step) % nr;
	sort_by(top, column[i]);
}

static void move(struct top *top, long step)
{
	long at = (long)top->selection.at + step;

	top_select(top, at < 0 ? 0 : at);
}

static void clear_filter(struct top *top)
{
	if (top->filter.has_comm)
		regfree(&top->filter.comm);
	top->filter.has_comm = false;
	top->filter.has_uid = false;
	top->filter.cgroup = NULL;
	top->filter.pids.nr = 0;
	*top->comm = *top->user = '\0';
	top_arrange(top);
	top_say(top, "all processes");
}

static void filter_comm(struct top *top, const char *text)
{
	char why[100];
	regex_t comm;
	int err;

	if (*text) {
		err = regcomp(&comm, text, REG_EXTENDED | REG_NOSUB);
		if (err) {
			regerror(err, &comm, why, sizeof(why));
			top_say(top, "\"%s\" is no regular expression: %s", text, why);
			return;
		}
	}
	if (top->filter.has_comm)
		regfree(&top->filter.comm);
	top->filter.has_comm = *text;
	if (*text)
		top->filter.comm = comm;
	snprintf(top->comm, sizeof(top->comm), "%s", text);
}

static void filter_user(struct top *top, const char *text)
{
	uint64_t uid = 0;

	if (*text && user_find(text, &uid)) {
		top_say(top, "there is no user %s: give a name or a number", text);
		return;
	}
	top->filter.has_uid = *text;
	top->filter.uid = uid;
	snprintf(top->user, sizeof(top->user), "%s", text);
}

static void filter_cgroup(struct top *top, const char *text)
{
	struct cgroup_place place;
	char why[200];

	if (!*text) {
		top->filter.cgroup = NULL;
		return;
	}
	if (cgroups_locate(text, NULL, &place, why, sizeof(why))) {
		top_say(top, "%s", why);
		return;
	}
	top->place = place;
	top->filter.cgroup = top->place.path;
}

static void set_interval(struct top *top, const char *text)
{
	if (*text && parse_seconds(text, &top->set.interval_ns))
		top_say(top, "\"%s\" is no interval in seconds: give 0.01 to 86400", text);
}

static void ask(struct top *top, enum top_question question, const char *before)
{
	top->question = question;
	snprintf(top->answer, sizeof(top->answer), "%s", before);
}

static void answer(struct top *top)
{
	static void (*const take[TOP_NR_QUESTIONS])(struct top *top, const char *text) = {
		[TOP_ASK_COMM] = filter_comm,
		[TOP_ASK_USER] = filter_user,
		[TOP_ASK_CGROUP] = filter_cgroup,
		[TOP_ASK_INTERVAL] = set_interval,
	};
	enum top_question question = top->question;

	top->question = TOP_ASK_NOTHING;
	take[question](top, top->answer);
	top_arrange(top);
}

static void key_of_answer(struct top *top, int key)
{
	size_t len = strlen(top->answer);

	if (key == TOP_KEY_ENTER || key == '\r') {
		answer(top);
	} else if (key == TOP_KEY_ESCAPE || key == CTRL('c') || key == CTRL('g')) {
		top->question = TOP_ASK_NOTHING;
	} else if (key == TOP_KEY_BACKSPACE || key == CTRL('h') || key == 0x7f) {
		/* a whole character of UTF-8 */
		while (len && (top->answer[len - 1] & 0xc0) == 0x80)
			len--;
		top->answer[len ? len - 1 : 0] = '\0';
	} else if (key == CTRL('u')) {
		*top->answer = '\0';
	} else if (key >= ' ' && key <= 0xff && len + 1 < sizeof(top->answer)) {
		top->answer[len] = key;
		top->answer[len + 1] = '\0';
	}
}

/**
 * top_choosable() - the columns that can be chosen
 * @to: room for COWSTAT_NR_COLUMNS; all but those that every line has anyway
 *
 * Return: how many.
 */
size_t top_choosable(enum cowstat_column *to)
{
	enum cowstat_column c;
	size_t n = 0;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (!layout_has_always(c))
			to[n++] = c;
	return n;
}

static void save(struct top *top)
{
	char why[PATH_MAX + 100];

	if (!*top->rc)
		top_say(top, "not saved: neither XDG_CONFIG_HOME nor HOME is set");
	else if (top_rc_save(top->rc, &top->set, why, sizeof(why)))
		top_say(top, "not saved: %s", why);
	else
		top_say(top, "saved in %s", top->rc);
}

/* A column that is chosen becomes the last; one that was chosen is taken out. */
static void choose(struct columns *columns, enum cowstat_column c)
{
	size_t i;

	for (i = 0; i < columns->nr; i++)
		if (columns->chosen[i] == c)
			break;
	if (i == columns->nr) {
		columns->chosen[columns->nr++] = c;
		return;
	}
	columns->nr--;
	memmove(&columns->chosen[i], &columns->chosen[i + 1],
		(columns->nr - i) * sizeof(columns->chosen[0]));
}

static void key_of_columns(struct top *top, int key)
{
	enum cowstat_column column[COWSTAT_NR_COLUMNS];
	size_t nr = top_choosable(column);

	switch (key) {
	case TOP_KEY_UP:
	case 'k':
		top->cursor = (top->cursor + nr - 1) % nr;
		break;
	case TOP_KEY_DOWN:
	case 'j':
		top->cursor = (top->cursor + 1) % nr;
		break;
	case TOP_KEY_HOME:
		top->cursor = 0;
		break;
	case TOP_KEY_END:
		top->cursor = nr - 1;
		break;
	case ' ':
		choose(&top->set.columns, column[top->cursor]);
		break;
	case 'd':
		top->set.columns.nr = 0;
		break;
	case TOP_KEY_ENTER:
	case '\r':
	case TOP_KEY_F2:
	case 'C':
	case TOP_KEY_ESCAPE:
	case 'q':
		top->page = TOP_TABLE;
		save(top);
		break;
	}
}

static void key_of_help(struct top *top, int key)
{
	if (key == TOP_KEY_DOWN || key == 'j' || key == TOP_KEY_PAGE_DOWN)
		top->cursor++;
	else if ((key == TOP_KEY_UP || key == 'k' || key == TOP_KEY_PAGE_UP) && top->cursor)
		top->cursor--;
	else
		top->page = TOP_TABLE;
}

static void open_page(struct top *top, enum top_page page)
{
	top->page = page;
	top->cursor = 0;
}

static void next_grouping(struct top *top)
{
	static const char *const name[] = {
		[GROUP_NONE] = "a line for each process",
		[GROUP_CGROUP] = "a line for each cgroup",
		[GROUP_COMM] = "a line for each name",
		[GROUP_UID] = "a line for each user",
	};

	top->set.by = (top->set.by + 1) % (GROUP_UID + 1);
	top->set.tree = false;
	top->selection = (struct top_selection){};
	top_arrange(top);
	top_say(top, "%s", name[top->set.by]);
}

static void toggle_tree(struct top *top)
{
	top->set.by = GROUP_NONE;
	/* the parents of processes that were forked before counting began */
	top->wants_read = !top->set.tree && !top->frozen;
	toggle(top, &top->set.tree);
}

static void move_key(struct top *top, int key)
{
	long page = top->rows_shown ? top->rows_shown : 1;

	switch (key) {
	case TOP_KEY_UP:
	case 'k':
		move(top, -1);
		break;
	case TOP_KEY_DOWN:
	case 'j':
		move(top, 1);
		break;
	case TOP_KEY_PAGE_UP:
		move(top, -page);
		break;
	case TOP_KEY_PAGE_DOWN:
		move(top, page);
		break;
	case TOP_KEY_HOME:
		top_select(top, 0);
		top->selection.follow = false;
		break;
	case TOP_KEY_END:
		move(top, top->nr);
		break;
	}
}

static bool is_move(int key)
{
	return key == 'j' || key == 'k' || (key >= TOP_KEY_UP && key <= TOP_KEY_END);
}

static bool sort_key(struct top *top, int key)
{
	switch (key) {
	case '<':
	case TOP_KEY_LEFT:
		sort_beside(top, -1);
		return true;
	case '>':
	case TOP_KEY_RIGHT:
	case TOP_KEY_F6:
		sort_beside(top, 1);
		return true;
	case 'P':
		sort_by(top, COWSTAT_COL_COPIED_BYTES);
		return true;
	case 'M':
		sort_by(top, COWSTAT_COL_BIRTH_ANON_PAGES);
		return true;
	case 'T':
		sort_by(top, COWSTAT_COL_COPY_NS);
		return true;
	case 'N':
		sort_by(top, COWSTAT_COL_PID);
		return true;
	case 'F':
		sort_by(top, COWSTAT_COL_FORKS);
		return true;
	case 'R':
	case 'I':
		toggle(top, &top->set.reverse);
		top_say(top, "%s first", top->set.reverse ? "the last" : "the usual");
		return true;
	}
	return false;
}

static bool filter_key(struct top *top, int key)
{
	switch (key) {
	case '/':
	case TOP_KEY_F4:
		ask(top, TOP_ASK_COMM, top->comm);
		return true;
	case 'u':
		ask(top, TOP_ASK_USER, top->user);
		return true;
	case 'G':
		ask(top, TOP_ASK_CGROUP, top->filter.cgroup ? top->filter.cgroup : "");
		return true;
	case '=':
		clear_filter(top);
		return true;
	case 'a':
		toggle(top, &top->set.idle);
		top_say(top, "%s",
			top->set.idle ? "all processes" : "no processes without an event");
		return true;
	case 'x':
		toggle(top, &top->set.live);
		top_say(top, "processes that have exited: %s", top->set.live ? "hidden" : "shown");
		return true;
	}
	return false;
}

static void key_of_table(struct top *top, int key)
{
	if (is_move(key)) {
		move_key(top, key);
		return;
	}
	if (sort_key(top, key) || filter_key(top, key))
		return;
	switch (key) {
	case 'q':
	case TOP_KEY_F10:
	case CTRL('c'):
		top->quit = true;
		break;
	case 'h':
	case '?':
	case TOP_KEY_F1:
		open_page(top, TOP_HELP);
		break;
	case 'C':
	case TOP_KEY_F2:
		open_page(top, TOP_COLUMNS);
		break;
	case 't':
	case TOP_KEY_F5:
		toggle_tree(top);
		break;
	case 'g':
		next_grouping(top);
		break;
	case ' ':
	case 'f':
		top->frozen = !top->frozen;
		break;
	case 'd':
	case 's':
		ask(top, TOP_ASK_INTERVAL, "");
		break;
	case 'H':
		toggle(top, &top->set.absolute);
		break;
	case 'e':
		top->set.human = !top->set.human;
		break;
	case 'c':
		top->set.command_line = !top->set.command_line;
		break;
	case TOP_KEY_ENTER:
	case '\r':
	case 'i':
		top->set.pane = !top->set.pane;
		break;
	case TOP_KEY_ESCAPE:
		top->set.pane = false;
		break;
	case 'W':
		save(top);
		break;
	case 'r':
		top->wants_read = true;
		break;
	default:
		top_say(top, "this key does nothing: h shows those that do");
	}
}

/**
 * top_key() - a key was pressed
 * @top: the screen
 * @key: a byte, or one of enum top_special
 */
void top_key(struct top *top, int key)
{
	*top->message = '\0';
	if (top->question != TOP_ASK_NOTHING)
		key_of_answer(top, key);
	else if (key == CTRL('c'))
		top->quit = true;
	else if (top->page == TOP_COLUMNS)
		key_of_columns(top, key);
	else if (top->page == TOP_HELP)
		key_of_help(top, key);
	else
		key_of_table(top, key);
}

/* The column whose head or figures are at x. */
static enum cowstat_column column_at(const struct top *top, unsigned int x)
{
	unsigned int end = LAYOUT_LEFT - 1;
	size_t i;

	if (x < end - 1)
		return COWSTAT_COL_PID;
	if (x <= end)
		return COWSTAT_COL_STATE;
	for (i = 0; i < top->layout.nr; i++) {
		end += top->layout.shown[i].width + 1;
		if (x < end)
			return top->layout.shown[i].column;
	}
	return COWSTAT_COL_COMM;
}

static void click(struct top *top, unsigned int y, unsigned int x)
{
	size_t line = y - top->head_y - 1 + top->selection.first;
	enum cowstat_column column;

	if (y == top->head_y) {
		column = column_at(top, x);
		if (column == top->set.columns.sort)
			toggle(top, &top->set.reverse);
		else
			sort_by(top, column);
	} else if (y > top->head_y && y - top->head_y <= top->rows_shown && line < top->nr) {
		top_select(top, line);
	}
}

/**
 * top_mouse() - a button was pressed, or the wheel was turned
 * @top: the screen
 * @y: the line; 0 is the first
 * @x: the column
 * @button: which
 */
void top_mouse(struct top *top, unsigned int y, unsigned int x, enum top_button button)
{
	*top->message = '\0';
	if (top->question != TOP_ASK_NOTHING)
		return;
	if (button == TOP_BUTTON_WHEEL_UP || button == TOP_BUTTON_WHEEL_DOWN) {
		int key = button == TOP_BUTTON_WHEEL_UP ? TOP_KEY_UP : TOP_KEY_DOWN;
		int i, times = top->page == TOP_TABLE ? WHEEL_LINES : 1;

		for (i = 0; i < times; i++)
			top_key(top, key);
	} else if (top->page == TOP_TABLE) {
		click(top, y, x);
	}
}

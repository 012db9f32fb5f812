/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live screen, without a terminal: what is shown (top.c), what keys and the mouse do
 * (top_keys.c), how it is drawn (top_draw.c, top_pane.c), what is kept in a file (top_rc.c).
 * Unit tests use these files. Only top_screen.c knows ncurses.
 */
#ifndef COWSTAT_TOP_H
#define COWSTAT_TOP_H

#include <limits.h>
#include <stdbool.h>

#include "cgroups.h"
#include "delta.h"
#include "filter.h"
#include "layout.h"
#include "nodes.h"

#define TOP_HISTORY	256 /* refreshes that the lines of figures remember */
#define TOP_TEXT	128 /* bytes of a text that is typed */

/* Keys beyond characters. */
enum top_special {
	TOP_KEY_UP = 0x1000,
	TOP_KEY_DOWN,
	TOP_KEY_PAGE_UP,
	TOP_KEY_PAGE_DOWN,
	TOP_KEY_HOME,
	TOP_KEY_END, /* those up to here move the selection */
	TOP_KEY_LEFT,
	TOP_KEY_RIGHT,
	TOP_KEY_BACKSPACE,
	TOP_KEY_F1,
	TOP_KEY_F2,
	TOP_KEY_F3,
	TOP_KEY_F4,
	TOP_KEY_F5,
	TOP_KEY_F6,
	TOP_KEY_F7,
	TOP_KEY_F8,
	TOP_KEY_F9,
	TOP_KEY_F10,
};

#define TOP_KEY_ESCAPE	27
#define TOP_KEY_ENTER	'\n'

enum top_button { TOP_BUTTON_LEFT, TOP_BUTTON_WHEEL_UP, TOP_BUTTON_WHEEL_DOWN };

/* What fills the screen. */
enum top_page { TOP_TABLE, TOP_HELP, TOP_COLUMNS };

/* What is asked for in the last line. */
enum top_question {
	TOP_ASK_NOTHING,
	TOP_ASK_COMM,
	TOP_ASK_USER,
	TOP_ASK_CGROUP,
	TOP_ASK_INTERVAL,
	TOP_NR_QUESTIONS
};

/**
 * struct top_settings - what the file keeps from one run to the next
 * @interval_ns: between two readings
 * @columns: those that were chosen, and the one that rows are sorted by
 * @by: what the processes of a line have in common; GROUP_NONE for a line per process
 * @reverse: the smallest first
 * @tree: lines are a tree
 * @idle: also processes without any counted event
 * @live: no processes that have exited
 * @absolute: counts since counting began, no rates
 * @human: figures with units
 * @command_line: whole command lines instead of names
 * @pane: show the selected process below the table
 */
struct top_settings {
	uint64_t interval_ns;
	struct columns columns;
	enum grouping by;
	bool reverse, tree, idle, live, absolute, human, command_line, pane;
};

/**
 * struct top_line - a line of the table
 * @row: its figures
 * @node: its place in the tree; NULL unless there is one
 * @group: its group; NULL unless there are groups
 */
struct top_line {
	const struct cow_row *row;
	const struct node *node;
	const struct group *group;
};

/* What the lines of figures show, per second. */
enum top_series { TOP_COPIED, TOP_FORKS, TOP_PGTABLES, TOP_NR_SERIES };

/**
 * struct top_selection - which line is selected
 * @follow: the same process, wherever it goes; otherwise the same place
 * @pid: of a process
 * @start_ns: of it
 * @group: name of a group; "" for none
 * @at: index of the line
 * @first: index of the first line on the screen
 */
struct top_selection {
	bool follow;
	pid_t pid;
	uint64_t start_ns;
	char group[512];
	size_t at;
	size_t first;
};

/**
 * struct top - the state of the screen
 * @table: path of the table
 * @local: it is the table of this machine, which /proc can complete
 * @set: the settings
 * @rc: path of the file of settings; "" for none
 * @filter: which processes are shown; its cgroup is in @place
 * @comm: what was typed for a name; "" for any
 * @user: the same for a user
 * @place: the cgroup of @filter
 * @read: there is a table
 * @now: the last reading
 * @text: its text
 * @delta: its difference from the one before
 * @rates: @delta has a time span
 * @folded: the sum of rows that were recycled
 * @error: why there is no table; "" if there is one
 * @cgroups: those there are
 * @cgroups_ns: when they were read
 * @line: the lines of the table
 * @nr: how many
 * @chosen: rows that passed the filter, sorted; @line is made from them
 * @copy: the same in one array, for a tree
 * @node: nodes of the tree
 * @group: groups
 * @nr_groups: how many
 * @series: the last figures, the newest last
 * @nr_series: how many of each
 * @selection: the selected line
 * @page: what fills the screen
 * @cursor: which column is selected on TOP_COLUMNS, and by how much TOP_HELP is scrolled
 * @question: what is asked for
 * @answer: what was typed so far
 * @message: shown until the next key, or for a few seconds
 * @message_ns: since when
 * @frozen: no reading until it is unfrozen
 * @quit: the user has had enough
 * @wants_read: read at once, not at the next interval
 * @layout: the columns of the last drawing, for clicks
 * @hidden: how many columns did not fit
 * @head_y: the line of the heads in the last drawing
 * @rows_shown: how many lines of the table fit
 */
struct top {
	const char *table;
	bool local;
	struct top_settings set;
	char rc[PATH_MAX];

	struct filter filter;
	char comm[TOP_TEXT];
	char user[TOP_TEXT];
	struct cgroup_place place;

	bool read;
	struct cow_table now;
	struct cow_text text;
	struct cow_delta delta;
	bool rates;
	struct cow_row folded;
	char error[512];
	struct cgroups cgroups;
	uint64_t cgroups_ns;

	struct top_line *line;
	size_t nr;
	const struct cow_row **chosen;
	struct cow_row *copy;
	struct node *node;
	struct group *group;
	size_t nr_groups;

	uint64_t series[TOP_NR_SERIES][TOP_HISTORY];
	size_t nr_series;

	struct top_selection selection;
	enum top_page page;
	size_t cursor;
	enum top_question question;
	char answer[TOP_TEXT];
	char message[256];
	uint64_t message_ns;
	bool frozen, quit, wants_read;

	struct layout layout;
	size_t hidden;
	unsigned int head_y;
	size_t rows_shown;
};

void top_init(struct top *top, const char *table);
void top_free(struct top *top);
void top_read(struct top *top);
void top_take(struct top *top, struct cow_table *t);
void top_arrange(struct top *top);
bool top_shows_rates(const struct top *top);
void top_select(struct top *top, size_t at);
const struct cow_row *top_selected(const struct top *top);
const char *top_cgroup(struct top *top, uint64_t id);
void top_say(struct top *top, const char *format, ...) __attribute__((format(printf, 2, 3)));

void top_key(struct top *top, int key);
void top_mouse(struct top *top, unsigned int y, unsigned int x, enum top_button button);
size_t top_choosable(enum cowstat_column *to);

/* How a text looks. */
enum top_paint {
	TOP_PLAIN,
	TOP_BOLD,
	TOP_HEAD,
	TOP_SORTED, /* the head of the column that rows are sorted by */
	TOP_SELECTED,
	TOP_EXITED,
	TOP_WARNING,
	TOP_SPARK,
	TOP_NR_PAINTS
};

/**
 * struct top_canvas - where the screen is drawn
 * @width: in columns
 * @height: in lines
 * @utf8: bars may be drawn with block characters
 * @to: for @put
 * @put: write a text that fits and is safe for a terminal
 */
struct top_canvas {
	unsigned int width;
	unsigned int height;
	bool utf8;
	void *to;
	void (*put)(void *to, unsigned int y, unsigned int x, enum top_paint paint,
		    const char *text);
};

void top_draw(struct top *top, const struct top_canvas *c);
void top_draw_pane(struct top *top, const struct top_canvas *c, unsigned int y);
unsigned int top_put(const struct top_canvas *c, unsigned int y, unsigned int x,
		     enum top_paint paint, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

bool top_rc_path(char *to, size_t size);
int top_rc_read(const char *path, struct top_settings *set, char *why, size_t len);
int top_rc_save(const char *path, const struct top_settings *set, char *why, size_t len);

#endif /* COWSTAT_TOP_H */

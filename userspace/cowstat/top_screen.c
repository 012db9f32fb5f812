// SPDX-License-Identifier: GPL-2.0
/* The live screen on a terminal, by ncurses. The only file that knows it. */
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "top_screen.h"

static SCREEN *screen;
static attr_t look[TOP_NR_PAINTS];
static volatile sig_atomic_t ended;

static void on_end(int signal)
{
	(void)signal;
	ended = 1;
}

/* Without colours, what stands out is bold or reversed, which every terminal can show. */
static void choose_looks(void)
{
	const char *no_color = getenv("NO_COLOR");
	bool colour = has_colors() && !(no_color && *no_color);

	look[TOP_BOLD] = A_BOLD;
	look[TOP_HEAD] = A_REVERSE;
	look[TOP_SORTED] = A_BOLD | A_UNDERLINE;
	look[TOP_SELECTED] = A_REVERSE;
	look[TOP_WARNING] = A_BOLD;
	if (!colour)
		return;
	start_color();
	use_default_colors();
	init_pair(1, COLOR_BLACK, COLOR_GREEN);
	init_pair(2, COLOR_RED, -1);
	init_pair(3, COLOR_CYAN, -1);
	init_pair(4, COLOR_BLACK, COLOR_CYAN);
	init_pair(5, COLOR_BLACK, COLOR_YELLOW);
	look[TOP_HEAD] = COLOR_PAIR(1);
	look[TOP_SORTED] = COLOR_PAIR(5);
	look[TOP_SELECTED] = COLOR_PAIR(4);
	look[TOP_EXITED] = A_DIM;
	look[TOP_WARNING] = COLOR_PAIR(2) | A_BOLD;
	look[TOP_SPARK] = COLOR_PAIR(3);
}

/**
 * top_screen_open() - take the terminal
 * @why: on error, what is wrong and what to do
 * @len: size of @why
 *
 * Return: 0; -ENOTTY when there is no terminal; -ENODEV when its type is not known.
 */
int top_screen_open(char *why, size_t len)
{
	const struct sigaction end = { .sa_handler = on_end };
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		snprintf(why, len, "top needs a terminal. For a file or a pipe, try: cowstat 1");
		return -ENOTTY;
	}
	/* ncurses takes a dumb terminal, but cannot place anything on it */
	screen = term && !strcmp(term, "dumb") ? NULL : newterm(NULL, stdout, stdin);
	if (!screen) {
		snprintf(why, len,
			 "the terminal type \"%.40s\" is not known here, or too simple. Try: TERM=vt100 cowstat top",
			 term ? term : "");
		return -ENODEV;
	}
	/* without SA_RESTART, so that a signal ends the wait for a key */
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGHUP, &end, NULL);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	choose_looks();
	mousemask(BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	return 0;
}

/**
 * top_screen_close() - give the terminal back as it was
 */
void top_screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
}

static void put(void *to, unsigned int y, unsigned int x, enum top_paint paint, const char *text)
{
	(void)to;
	attrset(look[paint]);
	mvaddstr(y, x, text);
}

/**
 * top_screen_show() - show what is to be shown now
 * @top: the screen
 */
void top_screen_show(struct top *top)
{
	const struct top_canvas canvas = {
		.width = COLS,
		.height = LINES,
		.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8"),
		.put = put,
	};

	erase();
	top_draw(top, &canvas);
	attrset(A_NORMAL);
	refresh();
}

static int key_of(int c)
{
	static const struct {
		int curses, ours;
	} keys[] = {
		{ KEY_UP, TOP_KEY_UP },
		{ KEY_DOWN, TOP_KEY_DOWN },
		{ KEY_LEFT, TOP_KEY_LEFT },
		{ KEY_RIGHT, TOP_KEY_RIGHT },
		{ KEY_PPAGE, TOP_KEY_PAGE_UP },
		{ KEY_NPAGE, TOP_KEY_PAGE_DOWN },
		{ KEY_HOME, TOP_KEY_HOME },
		{ KEY_END, TOP_KEY_END },
		{ KEY_BACKSPACE, TOP_KEY_BACKSPACE },
		{ KEY_ENTER, TOP_KEY_ENTER },
		{ '\r', TOP_KEY_ENTER },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].curses == c)
			return keys[i].ours;
	if (c >= KEY_F(1) && c <= KEY_F(10))
		return TOP_KEY_F1 + c - KEY_F(1);
	return c < 0x100 ? c : 0;
}

static void take_mouse(struct top *top)
{
	MEVENT event;

	if (getmouse(&event) != OK)
		return;
	if (event.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED))
		top_mouse(top, event.y, event.x, TOP_BUTTON_LEFT);
	else if (event.bstate & BUTTON4_PRESSED)
		top_mouse(top, event.y, event.x, TOP_BUTTON_WHEEL_UP);
	else if (event.bstate & BUTTON5_PRESSED)
		top_mouse(top, event.y, event.x, TOP_BUTTON_WHEEL_DOWN);
}

/* Is there nobody at the terminal any more? */
static bool hung_up(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, 0) > 0 && (in.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/**
 * top_screen_wait() - wait for a key, the mouse or another size of the terminal, and do it
 * @top: the screen; its user may quit, also by a signal
 * @timeout_ms: how long to wait
 *
 * Return: false if nothing happened in that time.
 */
bool top_screen_wait(struct top *top, int timeout_ms)
{
	int c, key;

	timeout(timeout_ms);
	c = getch();
	if (ended || (c == ERR && hung_up()))
		top->quit = true;
	if (c == ERR)
		return false;
	if (c == KEY_MOUSE) {
		take_mouse(top);
	} else if (c == 12) { /* Ctrl-L */
		clearok(curscr, TRUE);
	} else if (c != KEY_RESIZE) {
		key = key_of(c);
		if (key)
			top_key(top, key);
	}
	return true;
}

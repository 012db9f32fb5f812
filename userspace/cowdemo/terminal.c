// SPDX-License-Identifier: GPL-2.0
/*
 * Text, colours and a grid of pages on a terminal of 80 columns. Characters beyond ASCII are
 * used only in UTF-8 locales. Colours are used only on a terminal, and not with NO_COLOR.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "terminal.h"

#define GRID_WIDTH	16

static bool utf8, colour;

/* Each state has its own character, so the grid can be read without colours. */
static const struct {
	const char *utf8;
	const char *ascii;
	const char *ink;
	const char *meaning;
} cells[NR_CELLS] = {
	[CELL_UNTOUCHED] = { "·", ".", "\033[2m", "never touched" },
	[CELL_SHARED] = { "▒", "=", "\033[36m", "shared by both" },
	[CELL_COPIED_BY_CHILD] = { "◆", "C", "\033[1;32m", "copied by the child" },
	[CELL_COPIED_BY_PARENT] = { "●", "P", "\033[1;33m", "copied by the parent" },
	[CELL_REUSED] = { "○", "R", "\033[1;35m", "reused by its last owner" },
	[CELL_ALONE] = { "□", "o", "\033[34m", "has one owner" },
};

/**
 * terminal_init() - find out what the terminal can show
 */
void terminal_init(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	setlocale(LC_CTYPE, "");
	utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	colour = isatty(STDOUT_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb");
}

/**
 * ink() - escape sequence that begins a colour
 * @ink: the colour
 *
 * Return: the sequence; "" if colours are not used.
 */
const char *ink(enum ink ink)
{
	static const char *const code[] = {
		[INK_TITLE] = "\033[1m",
		[INK_QUESTION] = "\033[1;36m",
		[INK_GOOD] = "\033[32m",
		[INK_BAD] = "\033[1;31m",
	};

	return colour ? code[ink] : "";
}

/**
 * no_ink() - escape sequence that ends a colour
 *
 * Return: the sequence; "" if colours are not used.
 */
const char *no_ink(void)
{
	return colour ? "\033[0m" : "";
}

/**
 * print_wrapped() - print a paragraph, broken into lines that fit the terminal
 * @first: text before the first line
 * @rest: text before each further line
 * @format: as for printf(); at most 1 KiB is printed
 */
void print_wrapped(const char *first, const char *rest, const char *format, ...)
{
	char text[1024], *word, *state;
	const char *glue = "";
	size_t column;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	column = strlen(first);
	fputs(first, stdout);
	for (word = strtok_r(text, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		if (column + strlen(glue) + strlen(word) >= TERMINAL_COLUMNS &&
		    column > strlen(rest)) {
			printf("\n%s", rest);
			column = strlen(rest);
			glue = "";
		}
		printf("%s%s", glue, word);
		column += strlen(glue) + strlen(word);
		glue = " ";
	}
	putchar('\n');
}

static void put_cell(enum cell cell)
{
	printf("%s%s%s ", colour ? cells[cell].ink : "",
	       utf8 ? cells[cell].utf8 : cells[cell].ascii, no_ink());
}

/**
 * draw_grid() - draw pages, and beside them a legend
 * @cell: state of each page
 * @nr: number of pages
 */
void draw_grid(const enum cell *cell, size_t nr)
{
	size_t rows = (nr + GRID_WIDTH - 1) / GRID_WIDTH, row, i;
	size_t count[NR_CELLS] = {};
	enum cell next = 0;

	for (i = 0; i < nr; i++)
		count[cell[i]]++;
	for (row = 0; row < rows || next < NR_CELLS; row++) {
		while (next < NR_CELLS && !count[next])
			next++;
		if (row >= rows && next == NR_CELLS)
			break;
		fputs("      ", stdout);
		for (i = row * GRID_WIDTH; i < (row + 1) * GRID_WIDTH; i++) {
			if (i < nr)
				put_cell(cell[i]);
			else
				fputs("  ", stdout);
		}
		if (next < NR_CELLS) {
			printf("   %3zu ", count[next]);
			put_cell(next);
			fputs(cells[next].meaning, stdout);
			next++;
		}
		putchar('\n');
	}
}

/**
 * wait_for_key() - print a prompt, and wait for a key
 * @prompt: the prompt; it is removed afterwards
 *
 * Return: the key; EOF if stdin has ended.
 */
int wait_for_key(const char *prompt)
{
	struct termios before, raw;
	bool terminal = !tcgetattr(STDIN_FILENO, &before);
	unsigned char key;
	ssize_t n;

	if (terminal) {
		raw = before;
		raw.c_lflag &= ~(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	printf("%s", prompt);
	fflush(stdout);
	n = read(STDIN_FILENO, &key, 1);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	printf("\r%*s\r", (int)strlen(prompt), "");
	return n == 1 ? key : EOF;
}

// SPDX-License-Identifier: GPL-2.0
/* The only parser of cowstat's table. Its input may be anything, so nothing in it is trusted. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cow.h"
#include "format.h"
#include "procfs.h"
#include "table_reader.h"

#define MAX_FIELDS	256	/* columns of a line; newer modules have more than this program knows */
#define FIRST_READ	65536

#define COLUMN_NAME(NAME, name, kind, hook)	[COWSTAT_COL_##NAME] = #name,
static const char *const column_names[COWSTAT_NR_COLUMNS] = { COWSTAT_COLUMNS(COLUMN_NAME) };

/**
 * struct parser - state of the parser
 * @table: the table that is filled
 * @before: the table of the last reading; NULL for none
 * @old: the text of @before
 * @new: filled with the lines of this text; NULL if nobody wants them
 * @err: room for the message when something is wrong
 * @errlen: its size
 * @line: number of the line being read, from 1
 * @column: by field of a line: its column, or -1 for a column that is not known
 * @nr_fields: fields of a line
 * @capacity: how many rows there is room for
 */
struct parser {
	struct cow_table *table;
	const struct cow_table *before;
	const struct cow_text *old;
	struct cow_text *new;
	char *err;
	size_t errlen;
	size_t line;
	int column[MAX_FIELDS];
	size_t nr_fields;
	size_t capacity;
};

static const struct {
	const char *key;
	size_t offset;
} header_figures[] = {
	{ "counting", offsetof(struct cow_table, counting) },
	{ "timing", offsetof(struct cow_table, timing) },
	{ "epoch", offsetof(struct cow_table, epoch) },
	{ "since_ns", offsetof(struct cow_table, since_ns) },
	{ "now_ns", offsetof(struct cow_table, now_ns) },
	{ "rows", offsetof(struct cow_table, rows) },
	{ "max_rows", offsetof(struct cow_table, max_rows) },
	{ "folded", offsetof(struct cow_table, folded) },
	{ "lost", offsetof(struct cow_table, lost) },
	{ "missed", offsetof(struct cow_table, missed) },
	{ "sums", offsetof(struct cow_table, sums) },
	{ "max_sums", offsetof(struct cow_table, max_sums) },
	{ "merged", offsetof(struct cow_table, merged) },
};

__attribute__((format(printf, 2, 3))) static int reject(const struct parser *p, const char *format,
							...)
{
	va_list args;
	int n = 0;

	if (p->line)
		n = snprintf(p->err, p->errlen, "line %zu: ", p->line);
	va_start(args, format);
	if (n >= 0 && (size_t)n < p->errlen)
		vsnprintf(p->err + n, p->errlen - n, format, args);
	va_end(args);
	return -EINVAL;
}

/* Take the text before the next @stop, or all of it. False when nothing is left. */
static bool take(struct slice *rest, char stop, struct slice *out)
{
	const char *end;

	if (!rest->s)
		return false;
	*out = *rest;
	end = memchr(rest->s, stop, rest->len);
	if (end) {
		out->len = end - rest->s;
		rest->s = end + 1;
		rest->len -= out->len + 1;
	} else {
		rest->s = NULL;
		rest->len = 0;
	}
	return true;
}

static bool take_line(struct parser *p, struct slice *rest, struct slice *line)
{
	if (!rest->len || !take(rest, '\n', line))
		return false;
	p->line++;
	return true;
}

static bool is(struct slice text, const char *word)
{
	return text.len == strlen(word) && !memcmp(text.s, word, text.len);
}

/* A slice for printf's "%.*s". A very long one is cut. */
static int shown(struct slice text)
{
	return text.len < 40 ? (int)text.len : 40;
}

static void copy_text(char *to, size_t size, struct slice from)
{
	size_t n = from.len < size ? from.len : size - 1;

	memcpy(to, from.s, n);
	to[n] = '\0';
}

static int column_of(struct slice name)
{
	int c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (is(name, column_names[c]))
			return c;
	return -1;
}

/**
 * cow_column_name() - get the name of a column
 * @column: one of enum cowstat_column
 *
 * Return: its name, or NULL if there is no such column.
 */
const char *cow_column_name(enum cowstat_column column)
{
	return column < COWSTAT_NR_COLUMNS ? column_names[column] : NULL;
}

/**
 * cow_column_by_name() - find a column by its name
 * @name: as line 2 of the table has it
 *
 * Return: its enum cowstat_column, or -1.
 */
int cow_column_by_name(const char *name)
{
	return column_of((struct slice){ name, strlen(name) });
}

static int parse_figure(const struct parser *p, struct slice key, struct slice text,
			struct cow_figure *figure)
{
	*figure = (struct cow_figure){};
	if (is(text, COWSTAT_UNKNOWN))
		return 0;
	if (is(text, "on"))
		figure->value = 1;
	else if (!is(text, "off") && parse_digits(text.s, text.len, &figure->value))
		return reject(p, "%.*s=%.*s is no number", shown(key), key.s, shown(text), text.s);
	figure->known = true;
	return 0;
}

/* KEY=VALUE; a newer module may have keys that are not known here. */
static int parse_header_field(struct parser *p, struct slice field)
{
	struct cow_table *t = p->table;
	struct slice key;
	size_t i;

	if (!memchr(field.s, '=', field.len))
		return 0;
	take(&field, '=', &key);
	if (is(key, "kernel"))
		copy_text(t->kernel, sizeof(t->kernel), field);
	else if (is(key, "hooks"))
		copy_text(t->hooks, sizeof(t->hooks), field);
	else if (is(key, "kprobes"))
		copy_text(t->kprobes, sizeof(t->kprobes), field);
	for (i = 0; i < sizeof(header_figures) / sizeof(header_figures[0]); i++)
		if (is(key, header_figures[i].key))
			return parse_figure(p, key, field,
					    (struct cow_figure *)((char *)t +
								  header_figures[i].offset));
	return 0;
}

static int parse_header(struct parser *p, struct slice line)
{
	struct slice field;
	int err;

	if (!take(&line, ' ', &field) || !is(field, "#") || !take(&line, ' ', &field) ||
	    !is(field, "cowstat"))
		return reject(p, "not a cowstat table: it does not begin with \"# cowstat\"");
	if (!take(&line, ' ', &field) || parse_digits(field.s, field.len, &p->table->version))
		return reject(p, "not a cowstat table: no version after \"# cowstat\"");
	if (p->table->version != COWSTAT_FORMAT)
		return reject(p,
			      "the table is of version %" PRIu64
			      ", this program reads version %d: use the tools that came with the module",
			      p->table->version, COWSTAT_FORMAT);
	while (take(&line, ' ', &field)) {
		err = parse_header_field(p, field);
		if (err)
			return err;
	}
	return 0;
}

static int parse_columns(struct parser *p, struct slice line)
{
	bool seen[COWSTAT_NR_COLUMNS] = {};
	struct slice name;
	int c;

	if (!take(&line, ' ', &name) || !is(name, "#"))
		return reject(p, "the column names are missing");
	while (take(&line, ' ', &name)) {
		if (p->nr_fields == MAX_FIELDS)
			return reject(p, "more than %d columns", MAX_FIELDS);
		c = column_of(name);
		if (c >= 0 && seen[c])
			return reject(p, "column %s is named twice", column_names[c]);
		if (c >= 0)
			seen[c] = true;
		p->column[p->nr_fields++] = c;
	}
	if (!seen[COWSTAT_COL_PID])
		return reject(p, "there is no column pid");
	return 0;
}

/* Replace \ooo by the byte that it stands for. Any other backslash stays. */
static void unescape(char *to, size_t size, struct slice from)
{
	size_t i = 0, n = 0;

	while (i < from.len && n < size - 1) {
		const char *s = from.s + i;

		if (from.len - i >= 4 && s[0] == '\\' && s[1] >= '0' && s[1] <= '3' &&
		    s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			to[n++] = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			i += 4;
		} else {
			to[n++] = *s;
			i++;
		}
	}
	to[n] = '\0';
}

static int parse_pid(const struct parser *p, struct slice text, struct cow_row *row)
{
	uint64_t pid;

	if (is(text, COWSTAT_PID_TOTAL)) {
		row->kind = COW_ROW_TOTAL;
		return 0;
	}
	if (is(text, COWSTAT_PID_FOLDED)) {
		row->kind = COW_ROW_FOLDED;
		return 0;
	}
	if (parse_digits(text.s, text.len, &pid) || pid > INT_MAX)
		return reject(p, "pid \"%.*s\" is no pid", shown(text), text.s);
	row->kind = COW_ROW_PROCESS;
	row->pid = pid;
	row->value[COWSTAT_COL_PID] = pid;
	row->known[COWSTAT_COL_PID] = true;
	return 0;
}

static int parse_field(const struct parser *p, enum cowstat_column c, struct slice text,
		       struct cow_row *row)
{
	if (c == COWSTAT_COL_PID)
		return parse_pid(p, text, row);
	if (is(text, COWSTAT_UNKNOWN))
		return 0;
	if (c == COWSTAT_COL_COMM) {
		unescape(row->comm, sizeof(row->comm), text);
	} else if (c == COWSTAT_COL_STATE) {
		if (text.len != 1)
			return reject(p, "state \"%.*s\" is no letter", shown(text), text.s);
		row->state = *text.s;
	} else if (parse_digits(text.s, text.len, &row->value[c])) {
		return reject(p, "%s \"%.*s\" is no number of 64 bits", column_names[c],
			      shown(text), text.s);
	}
	row->known[c] = true;
	return 0;
}

/*
 * Take a number and the space behind it. Returns false, and takes nothing, if something else is
 * there. Nearly all fields of a table are such numbers, so this decides how fast it is read.
 */
static bool take_number(struct slice *rest, uint64_t *n)
{
	const size_t max_digits = 19; /* any number of 19 digits fits in 64 bits */
	const char *s = rest->s;
	size_t i, len = rest->len;
	uint64_t sum = 0;

	if (len > 1 && s[0] == '0' && s[1] == ' ') {
		i = 1; /* most numbers are 0 */
	} else {
		for (i = 0; i < len && i < max_digits; i++) {
			unsigned int digit = (unsigned char)s[i] - '0';

			if (digit > 9)
				break;
			sum = 10 * sum + digit;
		}
		if (!i || i == len || s[i] != ' ')
			return false;
	}
	rest->s = s + i + 1;
	rest->len = len - i - 1;
	*n = sum;
	return true;
}

static bool has_numbers(int c)
{
	return c >= 0 && c != COWSTAT_COL_PID && c != COWSTAT_COL_STATE && c != COWSTAT_COL_COMM;
}

static int parse_row(const struct parser *p, struct slice line, struct cow_row *row)
{
	struct slice field;
	size_t i;
	int err;

	memset(row, 0, sizeof(*row));
	row->state = '-';
	for (i = 0; i < p->nr_fields; i++) {
		int c = p->column[i];

		if (has_numbers(c) && take_number(&line, &row->value[c])) {
			row->known[c] = true;
			continue;
		}
		/* The last column may be a name that its producer could not escape. */
		if (i == p->nr_fields - 1 && c == COWSTAT_COL_COMM && line.s) {
			field = line;
			line.s = NULL;
		} else if (!take(&line, ' ', &field)) {
			return reject(p, "%zu fields, but line 2 names %zu columns", i,
				      p->nr_fields);
		}
		if (c < 0)
			continue;
		err = parse_field(p, c, field, row);
		if (err)
			return err;
	}
	if (line.s)
		return reject(p, "more fields than the %zu columns of line 2", p->nr_fields);
	if (row->kind == COW_ROW_FOLDED && row->state == COWSTAT_STATE_SUM)
		row->kind = COW_ROW_SUM;
	return 0;
}

/* Room for one more row; NULL when memory is out. */
static struct cow_row *new_row(struct parser *p)
{
	struct cow_table *t = p->table;
	struct cow_row *row;
	struct slice *line;

	if (t->nr == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 64;
		row = reallocarray(t->row, p->capacity, sizeof(*row));
		if (!row)
			return NULL;
		t->row = row;
		if (p->new) {
			line = reallocarray(p->new->row, p->capacity, sizeof(*line));
			if (!line)
				return NULL;
			p->new->row = line;
		}
	}
	return &t->row[t->nr];
}

static bool is_equal(struct slice a, struct slice b)
{
	return a.len == b.len && !memcmp(a.s, b.s, a.len);
}

/* Most rows of a large table are those of the last reading: then there is nothing to parse. */
static bool take_old_row(const struct parser *p, struct slice line, struct cow_row *row)
{
	size_t i = p->table->nr;

	if (!p->before || i >= p->before->nr || i >= p->old->nr || !is_equal(line, p->old->row[i]))
		return false;
	*row = p->before->row[i];
	return true;
}

static int parse_table(struct parser *p, struct slice rest)
{
	struct slice line;
	struct cow_row *row;
	int err;

	if (!take_line(p, &rest, &line))
		return reject(p, "not a cowstat table: it is empty");
	err = parse_header(p, line);
	if (err)
		return err;
	if (!take_line(p, &rest, &line))
		return reject(p, "the table ends before its column names");
	err = parse_columns(p, line);
	if (err)
		return err;
	if (p->new)
		p->new->columns = line;
	if (p->before && (!p->old->columns.s || !is_equal(line, p->old->columns)))
		p->before = NULL;
	while (take_line(p, &rest, &line)) {
		row = new_row(p);
		if (!row) {
			reject(p, "out of memory");
			return -ENOMEM;
		}
		err = take_old_row(p, line, row) ? 0 : parse_row(p, line, row);
		if (err)
			return err;
		if (p->new)
			p->new->row[p->new->nr++] = line;
		p->table->nr++;
	}
	return 0;
}

/**
 * cow_table_parse() - parse the text of a table
 * @text: need not be NUL-terminated; may be anything
 * @len: bytes of it
 * @t: the table, to be freed with cow_table_free(); empty on error
 * @err: on error, what is wrong and in which line
 * @errlen: size of @err, at least 1
 *
 * Does no I/O. Columns that the text lacks are unknown in every row; columns that this
 * program does not know are skipped. The last line may lack its newline.
 *
 * Return: 0, -EINVAL if the text is no table of this version, -ENOMEM.
 */
int cow_table_parse(const char *text, size_t len, struct cow_table *t, char *err, size_t errlen)
{
	struct parser p = { .table = t, .err = err, .errlen = errlen };
	int ret;

	memset(t, 0, sizeof(*t));
	ret = parse_table(&p, (struct slice){ text, len });
	if (ret)
		cow_table_free(t);
	return ret;
}

/* Read a whole file into @text. The caller frees it, also on error. */
static int read_all(int fd, char **text, size_t *len)
{
	size_t size = 0;
	ssize_t n;
	char *more;

	*len = 0;
	for (;;) {
		if (*len == size) {
			size = size ? 2 * size : FIRST_READ;
			more = realloc(*text, size);
			if (!more)
				return -ENOMEM;
			*text = more;
		}
		n = read(fd, *text + *len, size - *len);
		if (!n)
			return 0;
		if (n > 0)
			*len += n;
		else if (errno != EINTR)
			return -errno;
	}
}

/* Does the first line of a small file hold this text? No, when it cannot be read. */
static bool file_holds(const char *path, const char *text)
{
	char line[128];

	return !procfs_line(path, NULL, line, sizeof(line)) && strstr(line, text);
}

/* Does this kernel refuse modules that nobody signed, as with Secure Boot? */
static bool signed_only(void)
{
	return file_holds("/sys/kernel/security/lockdown", "[integrity]") ||
	       file_holds("/sys/kernel/security/lockdown", "[confidentiality]") ||
	       file_holds("/sys/module/module/parameters/sig_enforce", "Y");
}

/* Say why a table cannot be opened, and what to do about it. */
static void explain_open(const char *path, int error, char *err, size_t errlen)
{
	if (error == -ENOENT && !strcmp(path, COWSTAT_PROC_PATH) && signed_only())
		snprintf(err, errlen,
			 "%s is not there, and this kernel is locked down: it takes no unsigned module. Sign it and enroll the key (docs/security.md), or count by BPF: sudo cowstat bpf load",
			 path);
	else if (error == -ENOENT && !strcmp(path, COWSTAT_PROC_PATH))
		snprintf(err, errlen,
			 "%s is not there: is the module loaded? Try: sudo modprobe cowstat (or insmod cowstat.ko), or make run-host",
			 path);
	else if (error == -ENOENT && !strcmp(path, COWSTAT_BPF_TABLE))
		snprintf(err, errlen,
			 "%s is not there: nothing is counted by BPF. Try: sudo cowstat bpf load",
			 path);
	else
		snprintf(err, errlen, "cannot open %s: %s", path, strerror(-error));
}

/* Read and parse, as @p says. The text is freed, or kept in @p->new. */
static int read_table(struct parser *p, const char *path)
{
	char *text = NULL, why[160];
	size_t len;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ret = -errno;
		explain_open(path, ret, p->err, p->errlen);
		return ret;
	}
	ret = read_all(fd, &text, &len);
	close(fd);
	if (ret) {
		snprintf(p->err, p->errlen, "cannot read %s: %s", path, strerror(-ret));
	} else {
		struct parser inner = *p;

		inner.err = why;
		inner.errlen = sizeof(why);
		ret = parse_table(&inner, (struct slice){ text, len });
		if (ret)
			snprintf(p->err, p->errlen, "%s: %s", path, why);
	}
	if (ret)
		cow_table_free(p->table);
	if (p->new)
		p->new->text = text;
	else
		free(text);
	return ret;
}

/**
 * cow_table_read() - read a table from a file
 * @path: usually COWSTAT_PROC_PATH
 * @t: the table, to be freed with cow_table_free(); empty on error
 * @err: on error, what is wrong and what to do about it
 * @errlen: size of @err, at least 1
 *
 * Return: 0, or a negative errno: -ENOENT when there is no such file.
 */
int cow_table_read(const char *path, struct cow_table *t, char *err, size_t errlen)
{
	struct parser p = { .table = t, .err = err, .errlen = errlen };

	memset(t, 0, sizeof(*t));
	return read_table(&p, path);
}

/**
 * cow_table_reread() - read a table again, and parse only the rows that have changed
 * @path: usually COWSTAT_PROC_PATH
 * @before: the table of the last reading, unchanged since then; may be empty
 * @kept: the text of the last reading, all zero before the first; replaced. To be freed with
 *	cow_text_free()
 * @t: the table, to be freed with cow_table_free(); empty on error
 * @err: on error, what is wrong and what to do about it
 * @errlen: size of @err, at least 1
 *
 * Return: as cow_table_read().
 */
int cow_table_reread(const char *path, const struct cow_table *before, struct cow_text *kept,
		     struct cow_table *t, char *err, size_t errlen)
{
	struct cow_text new = {};
	struct parser p = {
		.table = t,
		.before = before,
		.old = kept,
		.new = &new,
		.err = err,
		.errlen = errlen,
	};
	int ret;

	memset(t, 0, sizeof(*t));
	ret = read_table(&p, path);
	cow_text_free(kept);
	if (ret)
		cow_text_free(&new);
	else
		*kept = new;
	return ret;
}

/**
 * cow_text_free() - give back a text that was kept
 * @kept: the text, or all zero; empty afterwards
 */
void cow_text_free(struct cow_text *kept)
{
	free(kept->text);
	free(kept->row);
	memset(kept, 0, sizeof(*kept));
}

/**
 * cow_table_free() - give back what a table holds
 * @t: a table that was parsed or read, or is all zero; empty afterwards
 */
void cow_table_free(struct cow_table *t)
{
	free(t->row);
	memset(t, 0, sizeof(*t));
}

static bool better(const struct cow_row *row, const struct cow_row *than)
{
	if (!than)
		return true;
	if ((row->state == 'L') != (than->state == 'L'))
		return row->state == 'L';
	return row->value[COWSTAT_COL_START_NS] > than->value[COWSTAT_COL_START_NS];
}

/**
 * cow_table_find() - the row of a process
 * @t: the table
 * @pid: may have been used by several processes, one after the other
 *
 * Return: the live one's row, else that of the one started last, else NULL.
 */
const struct cow_row *cow_table_find(const struct cow_table *t, pid_t pid)
{
	const struct cow_row *row, *best = NULL;
	size_t i;

	for (i = 0; i < t->nr; i++) {
		row = &t->row[i];
		if (row->kind == COW_ROW_PROCESS && row->pid == pid && better(row, best))
			best = row;
	}
	return best;
}

/**
 * cow_table_total() - the sum of all rows
 * @t: the table
 *
 * Return: the total's row, or NULL for a reader who may not see it.
 */
const struct cow_row *cow_table_total(const struct cow_table *t)
{
	size_t i;

	for (i = 0; i < t->nr; i++)
		if (t->row[i].kind == COW_ROW_TOTAL)
			return &t->row[i];
	return NULL;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The file of settings of the live screen: plain text, a line KEY=VALUE for each. Its directory may
 * belong to somebody else (sudo keeps HOME), so we follow no link there and write only into a
 * directory of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "format.h"
#include "top.h"

#define RC_NAME		"toprc"
#define MAX_BYTES	8192
#define NS_PER_S	1000000000.0

static const char *const groupings[] = {
	[GROUP_NONE] = "none",
	[GROUP_CGROUP] = "cgroup",
	[GROUP_COMM] = "comm",
	[GROUP_UID] = "uid",
};

/* Settings that are yes or no. */
static const struct {
	const char *key;
	size_t offset;
} switches[] = {
	{ "reverse", offsetof(struct top_settings, reverse) },
	{ "tree", offsetof(struct top_settings, tree) },
	{ "idle", offsetof(struct top_settings, idle) },
	{ "live", offsetof(struct top_settings, live) },
	{ "absolute", offsetof(struct top_settings, absolute) },
	{ "human", offsetof(struct top_settings, human) },
	{ "command_line", offsetof(struct top_settings, command_line) },
	{ "pane", offsetof(struct top_settings, pane) },
};

/**
 * top_rc_path() - where the settings are
 * @to: $XDG_CONFIG_HOME/cowstat/toprc, or $HOME/.config/cowstat/toprc
 * @size: size of @to
 *
 * Return: false if neither variable is an absolute path.
 */
bool top_rc_path(char *to, size_t size)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;

	if (config && *config == '/')
		n = snprintf(to, size, "%s/cowstat/" RC_NAME, config);
	else if (home && *home == '/')
		n = snprintf(to, size, "%s/.config/cowstat/" RC_NAME, home);
	if (n < 0 || (size_t)n >= size)
		*to = '\0';
	return *to;
}

static int parse_columns(struct columns *columns, char *list)
{
	char *word;
	size_t i;
	int c;

	columns->nr = 0;
	while (*list && (word = strsep(&list, ","))) {
		c = cow_column_by_name(word);
		if (c < 0 || layout_has_always(c) || columns->nr == ARRAY_SIZE(columns->chosen))
			return -EINVAL;
		for (i = 0; i < columns->nr; i++)
			if (columns->chosen[i] == (enum cowstat_column)c)
				return -EINVAL;
		columns->chosen[columns->nr++] = c;
		if (!list)
			break;
	}
	return 0;
}

static int parse_setting(struct top_settings *set, const char *key, char *value)
{
	size_t i;
	int c;

	for (i = 0; i < ARRAY_SIZE(switches); i++)
		if (!strcmp(key, switches[i].key)) {
			if (strcmp(value, "yes") && strcmp(value, "no"))
				return -EINVAL;
			*(bool *)((char *)set + switches[i].offset) = *value == 'y';
			return 0;
		}
	if (!strcmp(key, "interval"))
		return parse_seconds(value, &set->interval_ns);
	if (!strcmp(key, "columns"))
		return parse_columns(&set->columns, value);
	if (!strcmp(key, "sort")) {
		c = cow_column_by_name(value);
		if (c < 0)
			return -EINVAL;
		set->columns.sort = c;
		return 0;
	}
	for (i = 0; !strcmp(key, "group") && i < ARRAY_SIZE(groupings); i++)
		if (!strcmp(value, groupings[i])) {
			set->by = i;
			return 0;
		}
	return -EINVAL;
}

static int parse(char *text, struct top_settings *set, char *why, size_t len)
{
	unsigned int nr = 0;
	char *line, *value;

	while ((line = strsep(&text, "\n"))) {
		nr++;
		if (!*line || *line == '#')
			continue;
		value = strchr(line, '=');
		if (value)
			*value++ = '\0';
		if (!value || parse_setting(set, line, value)) {
			snprintf(why, len, "line %u, \"%.40s\": no such setting", nr, line);
			return -EINVAL;
		}
	}
	if (set->by != GROUP_NONE && set->tree) {
		snprintf(why, len, "a tree has no groups");
		return -EINVAL;
	}
	return 0;
}

/**
 * top_rc_read() - read the settings
 * @path: the file
 * @set: the settings; unchanged on error, and for what the file does not mention
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * Return: 0, also when there is no such file; -EINVAL if it holds something else; another negative
 * errno when it cannot be read.
 */
int top_rc_read(const char *path, struct top_settings *set, char *why, size_t len)
{
	struct top_settings new = *set;
	char text[MAX_BYTES];
	struct stat st;
	ssize_t n = -1;
	int fd, err;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		n = read(fd, text, sizeof(text) - 1);
	else if (fd >= 0)
		errno = EINVAL;
	err = -errno;
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		snprintf(why, len, "cannot read it: %s", strerror(-err));
		return err;
	}
	text[n] = '\0';
	if (n == sizeof(text) - 1 || strlen(text) != (size_t)n) {
		snprintf(why, len, "it is no text of settings");
		return -EINVAL;
	}
	err = parse(text, &new, why, len);
	if (!err)
		*set = new;
	return err;
}

static void print(FILE *to, const struct top_settings *set)
{
	size_t i;

	fputs("# Settings of cowstat top, written by its keys W and F2. See cowstat(8).\n", to);
	fprintf(to, "interval=%.9g\nsort=%s\ngroup=%s\n", set->interval_ns / NS_PER_S,
		cow_column_name(set->columns.sort), groupings[set->by]);
	for (i = 0; i < ARRAY_SIZE(switches); i++)
		fprintf(to, "%s=%s\n", switches[i].key,
			*(const bool *)((const char *)set + switches[i].offset) ? "yes" : "no");
	fputs("columns=", to);
	for (i = 0; i < set->columns.nr; i++)
		fprintf(to, "%s%s", i ? "," : "", cow_column_name(set->columns.chosen[i]));
	fputc('\n', to);
}

/* Open the directory of the file, after making it and the one above it. */
static int open_directory(const char *path, char *why, size_t len)
{
	char dir[PATH_MAX], above[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	snprintf(above, sizeof(above), "%s", dir);
	*strrchr(above, '/') = '\0';
	mkdir(above, 0700);
	mkdir(dir, 0700);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		snprintf(why, len, "cannot open %.200s: %s", dir, strerror(errno));
		return -errno;
	}
	if (fstat(fd, &st) || st.st_uid != geteuid()) {
		snprintf(why, len, "%.200s belongs to another user", dir);
		close(fd);
		return -EPERM;
	}
	return fd;
}

/**
 * top_rc_save() - write the settings
 * @path: the file, from top_rc_path(); its directory is made if it is missing
 * @set: the settings
 * @why: on error, what is wrong
 * @len: size of @why
 *
 * The old file stays as it is until the new one is complete.
 *
 * Return: 0 or a negative errno.
 */
int top_rc_save(const char *path, const struct top_settings *set, char *why, size_t len)
{
	static const char new_name[] = RC_NAME ".new";
	int dir = open_directory(path, why, len), fd, err = 0;
	FILE *f;

	if (dir < 0)
		return dir;
	unlinkat(dir, new_name, 0);
	fd = openat(dir, new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f) {
		print(f, set);
		if (ferror(f))
			err = -EIO;
		if (fclose(f) && !err)
			err = -errno;
	} else {
		err = -errno;
		if (fd >= 0)
			close(fd);
	}
	if (!err && renameat(dir, new_name, dir, RC_NAME))
		err = -errno;
	if (err) {
		unlinkat(dir, new_name, 0);
		snprintf(why, len, "cannot write %.200s: %s", path, strerror(-err));
	}
	close(dir);
	return err;
}

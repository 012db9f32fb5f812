// SPDX-License-Identifier: GPL-2.0
/*
 * Readers at random offsets with random lengths, several at once, each with a file of its own
 * and one that all share, while rows of oddly named processes come and go: each table is whole
 * and well-formed, whatever piece of it is asked for. tests/system/reading.c tries the rest.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define READERS		4
#define ROOM		(1 << 18)	/* more than a table of 64 rows has */

static int shared; /* an open file */
static size_t rounds;
static struct {
	size_t tables, pieces, bad;
} *seen; /* by reader; shared with them */

/* Children of any name, written to by chance. */
static void have_odd_children(void *arg)
{
	char *pages = map_pages(7);

	(void)arg;
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			char name[16] = {};

			srandom(getpid());
			for (size_t i = 0; i < sizeof(name) - 1; i++)
				name[i] = random() % 3 ? random() : " \n\\\t\r\177"[random() % 6];
			prctl(PR_SET_NAME, name);
			write_pages(pages, 1 + random() % 7);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* Fields of a line, or 0 when it has what no line may have. */
static size_t fields_of(const char *line, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return 0;
		if (line[i] != ' ')
			continue;
		if (!i || i == len - 1 || line[i - 1] == ' ')
			return 0; /* an empty field */
		n++;
	}
	return len ? n : 0;
}

/* Line by line, and not by the parser, which forgives what it can. */
static bool well_formed(const char *text, size_t len)
{
	size_t nr = 0, columns = 0, rows = 0, sums = 0;
	const char *end;

	if (!len || text[len - 1] != '\n')
		return false;
	for (const char *line = text; line < text + len; line = end + 1, nr++) {
		size_t n;

		end = memchr(line, '\n', text + len - line);
		n = fields_of(line, end - line);
		if (nr == 0 && strncmp(line, "# cowstat 1 ", 12))
			return false;
		if (nr == 1)
			columns = n - 1; /* the # */
		if (nr < 2)
			continue;
		if (n != columns || n != COWSTAT_NR_COLUMNS) {
			note("%zu fields, not %zu: %.*s", n, columns, (int)(end - line), line);
			return false;
		}
		if (!strncmp(line, "* ", 2) || !strncmp(line, "- ", 2))
			sums++;
		else if (isdigit((unsigned char)*line) && !sums)
			rows++;
		else
			return false;
	}
	return rows && sums >= 2;
}

static size_t read_all(int fd, char *to, size_t chunk)
{
	size_t n = 0, left = ROOM;
	ssize_t got;

	while ((got = read(fd, to + n, chunk < left ? chunk : left)) > 0) {
		n += got;
		left -= got;
	}
	return got < 0 ? 0 : n;
}

static size_t random_length(void)
{
	static const size_t odd[] = { 0, 1, 2, 7, 4095, 4096, 4097, ROOM };

	return random() % 2 ? odd[random() % 8] : (size_t)random() % 9000;
}

/* A piece is what the whole has there, however far it reaches beyond the end. */
static bool piece_is_right(int fd, const char *whole, size_t len, char *piece)
{
	size_t n = random_length(), at = 1 + random() % (len + (random() % 8 ? 0 : 5000));
	size_t want = at >= len ? 0 : len - at < n ? len - at : n;

	return pread(fd, piece, n, at) == (ssize_t)want &&
	       (!want || !memcmp(piece, whole + at, want));
}

static void read_at_random(void *arg)
{
	size_t me = (size_t)arg, len, i, j;
	char *whole = malloc(ROOM), *piece = malloc(ROOM);
	int fd;

	srandom(random() + me);
	for (i = 0; i < rounds; i++) {
		fd = open(COWSTAT_PROC_PATH, O_RDONLY);
		len = random() % 2 ? (size_t)pread(fd, whole, ROOM, 0) :
				     read_all(fd, whole, 1 + random() % 5000);
		seen[me].bad += len >= ROOM || !well_formed(whole, len);
		seen[me].tables++;
		for (j = 0; j < 50 && len < ROOM; j++, seen[me].pieces++)
			seen[me].bad += !piece_is_right(fd, whole, len, piece);
		close(fd);

		/* others change this one under our hands: its beginning is that of a table */
		for (j = 0; j < 10; j++) {
			ssize_t got = pread(shared, piece, random_length(), random() % 20000);

			seen[me].bad += got < 0;
		}
		seen[me].bad += pread(shared, piece, 12, 0) != 12 ||
				memcmp(piece, "# cowstat 1 ", 12);
	}
}

static void check_storm(void)
{
	pid_t storm[2], reader[READERS];
	size_t tables = 0, pieces = 0, bad = 0, i;

	for (i = 0; i < 2; i++)
		storm[i] = start_child(have_odd_children, NULL);
	usleep(300000);
	for (i = 0; i < READERS; i++)
		reader[i] = start_child(read_at_random, (void *)i);
	for (i = 0; i < READERS; i++) {
		wait_child(reader[i]);
		tables += seen[i].tables;
		pieces += seen[i].pieces;
		bad += seen[i].bad;
	}
	for (i = 0; i < 2; i++)
		kill_child(storm[i]);
	is(bad, 0, "%d readers at once: %zu tables, %zu pieces", READERS, tables, pieces);
	note("report: %s: %zu tables, %zu pieces", program_invocation_short_name, tables, pieces);
}

/* All but the header line, which has the time. */
static const char *lines_of(const char *text, size_t len, size_t *n)
{
	const char *end = memchr(text, '\n', len);

	if (!end)
		bail("a table without lines");
	*n = text + len - end;
	return end;
}

/* Now that nobody comes and goes: whatever the length, the lines are the same. */
static void check_lengths(void)
{
	static const size_t length[] = { 1, 2, 3, 7, 61, 383, 4095, 4096, 4097, 65537 };
	static char whole[ROOM], again[ROOM];
	size_t i, n, m, try;

	memset(whole, 1, sizeof(whole));
	memset(again, 1, sizeof(again));
	for (i = 0; i < sizeof(length) / sizeof(*length); i++) {
		bool same = false;

		/* somebody else may have moved meanwhile */
		for (try = 0; try < 5 && !same; try++) {
			int fd = open(COWSTAT_PROC_PATH, O_RDONLY);
			const char *a, *b;

			a = lines_of(whole, read_all(fd, whole, ROOM), &n);
			lseek(fd, 0, SEEK_SET);
			b = lines_of(again, read_all(fd, again, length[i]), &m);
			same = n == m && !memcmp(a, b, n);
			close(fd);
		}
		ok(same, "by %zu bytes: the same lines", length[i]);
	}
}

int main(void)
{
	use_all_cpus();
	load_module("max_rows=64");
	seed_random();
	rounds = long_run() ? 3000 : 60;
	seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared = open(COWSTAT_PROC_PATH, O_RDONLY);
	if (seen == MAP_FAILED || shared < 0)
		bail("errno %d", errno);

	ok(well_formed("# cowstat 1 x\n# pid comm\n", 26) == false, "a table without rows is none");
	check_storm();
	check_lengths();
	return done();
}

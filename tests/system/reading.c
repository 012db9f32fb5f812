// SPDX-License-Identifier: GPL-2.0
/*
 * Reading at odd offsets and by single bytes, while rows come and go: what one open file
 * shows is one table, whole.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

static char whole[1 << 20], again[1 << 20];

static size_t read_all(int fd, char *to, size_t chunk)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, to + n, chunk)) > 0)
		n += got;
	return n;
}

static bool parses(const char *text, size_t n)
{
	char err[200];
	struct cow_table t;

	if (cow_table_parse(text, n, &t, err, sizeof(err))) {
		note("%s", err);
		return false;
	}
	cow_table_free(&t);
	return true;
}

int main(void)
{
	size_t n, m, off, bad = 0, tries;
	pid_t storm[2];
	char *lines, *nowhere = map_untouched(1);
	int fd;

	use_all_cpus();
	load_module("max_rows=64");
	for (int i = 0; i < 2; i++)
		storm[i] = start_storm();
	usleep(300000);

	fd = open(COWSTAT_PROC_PATH, O_RDONLY);
	n = read_all(fd, whole, sizeof(whole));
	ok(parses(whole, n), "one read of %zu bytes", n);
	for (off = 1, tries = 0; off < n; off += 37, tries++) {
		char piece[61];
		ssize_t got = pread(fd, piece, sizeof(piece), off);
		size_t want = n - off < sizeof(piece) ? n - off : sizeof(piece);

		if (got != (ssize_t)want || memcmp(piece, whole + off, want))
			bad++;
	}
	is(bad, 0, "pread at %zu odd offsets shows the same table", tries);
	is(pread(fd, again, 10, n), 0, "end of file at the end");
	is(pread(fd, again, 10, n + 1000), 0, "end of file beyond the end");

	lseek(fd, 0, SEEK_SET);
	m = read(fd, again, 3); /* a new snapshot */
	m += read_all(fd, again + m, 1);
	ok(parses(again, m), "%zu reads of one byte", m);
	lines = memmem(again, m, "\n# pid", 6);
	ok(lines && memmem(whole, n, "\n# pid", 6), "both have the line of columns");
	close(fd);

	fd = open(COWSTAT_PROC_PATH, O_RDONLY);
	m = pread(fd, again, 100, n / 2);
	ok(m == 100, "a first read in the middle");
	close(fd);

	for (bad = 0, tries = 0; tries < 200; tries++) {
		fd = open(COWSTAT_PROC_PATH, O_RDONLY);
		m = read_all(fd, again, 1 + random() % 9000);
		if (!parses(again, m))
			bad++;
		close(fd);
	}
	is(bad, 0, "%zu tables read in pieces of random length under a storm of forks", tries);

	mprotect(nowhere, PAGE, PROT_NONE);
	fd = open(COWSTAT_PROC_PATH, O_RDONLY);
	ok(read(fd, nowhere, 100) < 0, "a bad address is an error");
	close(fd);
	for (int i = 0; i < 2; i++)
		kill_child(storm[i]);
	return done();
}

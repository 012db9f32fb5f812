// SPDX-License-Identifier: GPL-2.0
/*
 * What is written to /proc/cowstat, at random: a control word acts, with or without a newline,
 * and all else is refused and changes nothing. 2 000 inputs, 100 000 in a long run.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"

#define ROOM		(4 * PAGE)
#define WORD_MAX	23	/* the longest input that is looked at */
#define MAX_SHOWN	5	/* of inputs that were judged wrongly */

static const char *const words[] = {
	"reset", "counting on", "counting off", "timing on", "timing off",
};
#define NR_WORDS	(sizeof(words) / sizeof(*words))

struct input {
	char bytes[ROOM];
	size_t n;
	off_t offset;
	bool bad_address;
};

/* What the header has to say. */
struct state {
	uint64_t epoch;
	bool counting, timing;
};

static char *end;     /* of memory that can be read */
static pid_t witness; /* its row is gone only after a reset */
static char *pages;

/* The word that an input is, or -1. */
static int word_of(const struct input *in)
{
	size_t n = in->n && in->bytes[in->n - 1] == '\n' ? in->n - 1 : in->n;

	for (size_t i = 0; i < NR_WORDS; i++)
		if (!in->bad_address && strlen(words[i]) == n && !memcmp(words[i], in->bytes, n))
			return i;
	return -1;
}

static void put(struct input *in, size_t at, char byte)
{
	if (in->n == ROOM)
		return;
	memmove(in->bytes + at + 1, in->bytes + at, in->n - at);
	in->bytes[at] = byte;
	in->n++;
}

static void append(struct input *in, const char *text)
{
	while (*text)
		put(in, in->n, *text++);
}

static void mutate(struct input *in)
{
	static const char blanks[] = " \t\n\r\v\0\0";
	size_t at = in->n ? random() % in->n : 0;

	switch (random() % 13) {
	case 0: /* cut off */
		in->n = at;
		break;
	case 1: /* case */
		in->bytes[at] ^= 0x20;
		break;
	case 2:
		for (size_t i = 0; i < in->n; i++)
			in->bytes[i] = toupper((unsigned char)in->bytes[i]);
		break;
	case 3: /* blanks, newlines, NULs: behind, before, within */
		for (long i = random() % 4; i >= 0; i--)
			put(in, in->n, blanks[random() % (sizeof(blanks) - 1)]);
		break;
	case 4:
		put(in, 0, blanks[random() % (sizeof(blanks) - 1)]);
		break;
	case 5:
		put(in, at, blanks[random() % (sizeof(blanks) - 1)]);
		break;
	case 6: /* any byte, more or instead */
		put(in, at, random());
		break;
	case 7:
		in->bytes[at] = random();
		break;
	case 8: /* a bit */
		in->bytes[at] ^= 1 << random() % 8;
		break;
	case 9: /* two words */
		append(in, random() % 2 ? " " : "\n");
		append(in, words[random() % NR_WORDS]);
		break;
	case 10: /* long: up to what is looked at, or pages of it */
		for (size_t n = random() % (random() % 2 ? WORD_MAX + 2 : ROOM); in->n < n;)
			put(in, in->n, random() % 2 ? '\n' : random());
		break;
	case 11: /* nothing but chance */
		in->n = random() % (WORD_MAX + 2);
		for (size_t i = 0; i < in->n; i++)
			in->bytes[i] = random();
		break;
	case 12: /* nowhere */
		in->bad_address = true;
		break;
	}
}

/* A word as it is, with a newline or without; or what has become of it, and is none. */
static void draw(struct input *in, const char *word, bool valid)
{
	do {
		in->n = 0;
		append(in, word);
		in->bad_address = false;
		in->offset = random() % 3 ? 0 : random();
		for (long i = valid ? 0 : random() % 3 + 1; i > 0; i--)
			mutate(in);
		if (valid && random() % 2)
			put(in, in->n, '\n');
	} while ((word_of(in) >= 0) != valid);
}

/* The input ends where memory does: a byte too many is not read unseen. */
static int write_input(const struct input *in)
{
	char *from = in->bad_address ? end : end - in->n;
	int fd = open(COWSTAT_PROC_PATH, O_WRONLY), err = 0;
	ssize_t wrote;

	if (fd < 0)
		bail("cannot open " COWSTAT_PROC_PATH ": errno %d", errno);
	if (!in->bad_address)
		memcpy(from, in->bytes, in->n);
	wrote = pwrite(fd, from, in->n, in->offset);
	if (wrote < 0)
		err = errno;
	else if ((size_t)wrote != in->n)
		err = EIO;
	close(fd);
	return err;
}

static int expected(const struct input *in)
{
	if (in->bad_address && in->n && in->n <= WORD_MAX)
		return EFAULT;
	return word_of(in) < 0 ? EINVAL : 0;
}

static void act(int word, struct state *to)
{
	switch (word) {
	case 0:
		to->epoch++;
		break;
	case 1:
	case 2:
		to->counting = word == 1;
		break;
	case 3:
	case 4:
		to->timing = word == 3;
		break;
	}
}

static void write_some(void *arg)
{
	(void)arg;
	write_pages(pages, 3);
}

/* A process that is gone has a row that nothing but a reset changes. */
static void new_witness(void)
{
	witness = start_child(write_some, NULL);
	wait_child(witness);
}

static bool state_is(const struct state *want, bool with_witness)
{
	struct cow_table t = table_now();
	const struct cow_row *row = cow_table_find(&t, witness);
	bool good = t.epoch.value == want->epoch && t.counting.value == want->counting &&
		    t.timing.value == want->timing && !!row == with_witness &&
		    (!row || row->value[COWSTAT_COL_COPIED] >= 3);

	cow_table_free(&t);
	return good;
}

static void show(const struct input *in, int err)
{
	char text[3 * 32 + 1];
	size_t i;

	for (i = 0; i < in->n && i < 32; i++)
		sprintf(text + 3 * i, "%02x ", (unsigned char)in->bytes[i]);
	text[3 * i] = '\0';
	note("%zu bytes at %ld%s, errno %d, expected %d: %s", in->n, (long)in->offset,
	     in->bad_address ? ", nowhere" : "", err, expected(in), text);
}

int main(void)
{
	size_t tries = long_run() ? 100000 : 2000, rare = long_run() ? 500 : 100;
	size_t i, wrong = 0, acted[NR_WORDS] = {}, refused = 0;
	struct state state = { .counting = true };
	static struct input in;
	struct cow_table t;
	int err, word;

	load_module("max_rows=64");
	seed_random();
	pages = map_pages(8);
	end = mmap(NULL, ROOM + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (end == MAP_FAILED || mprotect(end + ROOM, PAGE, PROT_NONE))
		bail("no memory");
	end += ROOM;
	t = table_now();
	state.epoch = t.epoch.value;
	cow_table_free(&t);
	new_witness();

	for (i = 0; i < tries && wrong < MAX_SHOWN; i++) {
		/* each word at least once */
		if (i < NR_WORDS)
			draw(&in, words[i], true);
		else
			draw(&in, words[random() % NR_WORDS], !(random() % rare));
		word = word_of(&in);
		err = write_input(&in);
		if (!err)
			act(word, &state);
		if (err != expected(&in) || !state_is(&state, err || word)) {
			show(&in, err);
			wrong++;
		}
		if (err) {
			refused++;
			continue;
		}
		acted[word]++;
		if (!word) {
			if (!state.counting && !control("counting on"))
				state.counting = true;
			new_witness();
		}
	}
	is(wrong, 0, "%zu inputs: %zu refused, and nothing changed; all words acted", i, refused);
	for (i = 0; i < NR_WORDS; i++)
		note("report: %s: %s acted %zu times", program_invocation_short_name, words[i],
		     acted[i]);
	is(control("counting on"), 0, "counting");
	return done();
}

// SPDX-License-Identifier: GPL-2.0
/* page_diff.c, amplification.c, process_memory.c, view_diff.c: what copies were for. */
#include "tables.h"

#include "amplification.h"
#include "json.h"
#include "pagemap_entry.h"
#include "process_memory.h"
#include "view_diff.h"

#define PAGE	4096
#define WORDS	(PAGE / 8)
#define LOTS	99999999	/* pages: 380 GiB */

static unsigned char a[PAGE], b[PAGE];

static struct page_diff differ(void)
{
	return page_diff(a, b);
}

static void begin_pages(unsigned char fill)
{
	memset(a, fill, sizeof(a));
	memset(b, fill, sizeof(b));
}

#define expect_diff(d, n_bytes, n_words, where)	do {				\
	struct page_diff found = (d);						\
										\
	assert_int_equal(found.bytes, n_bytes);					\
	assert_int_equal(found.words, n_words);					\
	assert_int_equal(found.place, PAGE_DIFF_##where);			\
} while (0)

static void bytes_of_a_page(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < PAGE; i++) {
		begin_pages(i);
		expect_diff(differ(), 0, 0, NOWHERE);
		b[i] ^= 1 << i % 8;
		if (i < 64)
			expect_diff(differ(), 1, 1, HEADER);
		else
			expect_diff(differ(), 1, 1, WORD);
	}
	/* eight bytes across two words are not one word */
	begin_pages(0);
	memset(b + 1004, 0xff, 8);
	expect_diff(differ(), 8, 2, SCATTERED);
	begin_pages(0xff);
	memset(b + 1000, 0, 8);
	expect_diff(differ(), 8, 1, WORD);
	begin_pages(1);
	memset(b, 2, 64);
	expect_diff(differ(), 64, 8, HEADER);
	b[64] = 2;
	expect_diff(differ(), 65, 9, SCATTERED);
	memset(b, 2, PAGE);
	expect_diff(differ(), PAGE, WORDS, ALL);
	begin_pages(1);
	memset(b, 2, PAGE / 2);
	expect_diff(differ(), PAGE / 2, WORDS / 2, SCATTERED);
	b[PAGE / 2] = 2;
	expect_diff(differ(), PAGE / 2 + 1, WORDS / 2 + 1, ALL);
}

/* One word that differs in every so many. */
static void strides(void **state)
{
	unsigned int gap, i, n, offset;

	(void)state;
	for (gap = 1; gap <= 64; gap++) {
		for (offset = 0; offset < 8; offset++) {
			begin_pages(7);
			for (n = 0, i = gap - 1; i < WORDS; i += gap, n++)
				b[i * 8 + offset] = 8;
			if (gap == 1)
				expect_diff(differ(), n, n, ALL);
			else if (gap <= 8)
				expect_diff(differ(), n, n, SPACED);
			else
				expect_diff(differ(), n, n, SCATTERED);
		}
	}
	/* objects of several sizes, and some that were not touched */
	begin_pages(7);
	for (n = 0, i = 2; i < WORDS; i += n % 4 ? 2 + n % 7 : 20, n++)
		b[i * 8] = 8;
	expect_diff(differ(), n, n, SPACED);
	/* three are too few to tell */
	begin_pages(7);
	b[80] = b[112] = b[144] = 8;
	expect_diff(differ(), 3, 3, SCATTERED);
	b[176] = 8;
	expect_diff(differ(), 4, 4, SPACED);
}

#define ANON(pfn)	(PAGEMAP_PRESENT | (pfn))
#define FILE_PAGE(pfn)	(PAGEMAP_PRESENT | PAGEMAP_FILE | (pfn))
#define SWAP(place)	(PAGEMAP_SWAPPED | (place))
#define ZERO_PFN	77

static void pairs(void **state)
{
	static const struct {
		struct pair_entries e;
		enum page_pair pair;
	} wanted[] = {
		{ { 0, 0, 0, 0 }, PAIR_NONE },
		{ { ANON(5), ANON(5), 0, 0 }, PAIR_SHARED },
		{ { ANON(5) | PAGEMAP_EXCLUSIVE, ANON(5), 0, 0 }, PAIR_SHARED },
		{ { ANON(5) | 1ULL << 55, ANON(5), 0, 0 }, PAIR_SHARED }, /* soft-dirty */
		{ { ANON(5), ANON(6), 0, 0 }, PAIR_COPIED },
		{ { ANON(5), 0, 0, 0 }, PAIR_CHILD },
		{ { SWAP(5), 0, 0, 0 }, PAIR_CHILD },
		{ { 0, ANON(5), 0, 0 }, PAIR_PARENT },
		{ { SWAP(5), SWAP(5), 0, 0 }, PAIR_SHARED_SWAP },
		{ { SWAP(5), SWAP(6), 0, 0 }, PAIR_SWAPPED },
		{ { SWAP(5), ANON(5), 0, 0 }, PAIR_SWAPPED },
		{ { ANON(5), SWAP(6), 0, 0 }, PAIR_SWAPPED },
		{ { FILE_PAGE(5), FILE_PAGE(5), 0, 0 }, PAIR_NONE },
		{ { FILE_PAGE(5), FILE_PAGE(6), 0, 0 }, PAIR_NONE },
		{ { FILE_PAGE(5), 0, 0, 0 }, PAIR_NONE },
		{ { ANON(5), FILE_PAGE(6), 0, 0 }, PAIR_FILE },
		{ { FILE_PAGE(5), SWAP(6), 0, 0 }, PAIR_FILE },
		{ { ANON(ZERO_PFN), ANON(ZERO_PFN), 0, 0 }, PAIR_NONE },
		{ { ANON(ZERO_PFN), 0, 0, 0 }, PAIR_NONE },
		{ { ANON(ZERO_PFN), ANON(6), 0, 0 }, PAIR_ZERO },
		{ { ANON(5), ANON(ZERO_PFN), 0, 0 }, PAIR_ZERO },
		{ { ANON(5), ANON(5), FRAME_ZERO, 0 }, PAIR_NONE },
		{ { ANON(5), ANON(6), FRAME_ZERO, 0 }, PAIR_ZERO },
		{ { ANON(5), ANON(6), FRAME_ZERO, FRAME_ZERO }, PAIR_NONE },
		{ { ANON(5), ANON(6), FRAME_KSM, 0 }, PAIR_KSM },
		{ { ANON(5), ANON(6), 0, FRAME_KSM }, PAIR_KSM },
		{ { ANON(5), ANON(6), FRAME_HUGETLB, 0 }, PAIR_HUGETLB },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (page_pair(&wanted[i].e, ZERO_PFN) != wanted[i].pair)
			fail_msg("entries %zu: %d, %d wanted", i, page_pair(&wanted[i].e, ZERO_PFN),
				 wanted[i].pair);
	/* a frame that is not known is nobody's */
	assert_int_equal(page_pair(&(struct pair_entries){ ANON(0), ANON(0), 0, 0 }, 0),
			 PAIR_SHARED);
}

static struct amplification found;

static void add(uint64_t page, unsigned int bytes, enum page_diff_place place)
{
	const struct page_diff diff = { .bytes = bytes, .words = !!bytes, .place = place };

	amplification_add(&found, page * PAGE, PAIR_COPIED, &diff);
}

static void sums(void **state)
{
	static const unsigned int bytes[] = { 0, 1, 2, 8, 9, 64, 65, 512, 513, 4095, 4096 };
	static const uint64_t bucket[] = { 1, 1, 2, 2, 2, 2, 1 };
	size_t i;

	(void)state;
	amplification_init(&found);
	amplification_begin(&found, 16 * PAGE, 64 * PAGE, "[heap]");
	for (i = 0; i < 11; i++)
		add(16 + i, bytes[i], bytes[i] ? PAGE_DIFF_WORD : PAGE_DIFF_NOWHERE);
	amplification_add(&found, 27 * PAGE, PAIR_SHARED, NULL);
	amplification_add(&found, 28 * PAGE, PAIR_SHARED_SWAP, NULL);
	amplification_add(&found, 29 * PAGE, PAIR_CHILD, NULL);
	add(30, 1, PAGE_DIFF_WORD);
	amplification_end(&found);
	assert_int_equal(found.all.copied, 12);
	assert_int_equal(found.pair[PAIR_COPIED], 12);
	assert_int_equal(found.all.shared, 2);
	assert_int_equal(found.pair[PAIR_CHILD], 1);
	assert_int_equal(found.all.bytes, 1 + 2 + 8 + 9 + 64 + 65 + 512 + 513 + 4095 + 4096 + 1);
	for (i = 0; i < AMPLIFICATION_BUCKETS; i++)
		assert_int_equal(found.all.bucket[i], bucket[i] + (i == 1));
	assert_int_equal(found.all.place[PAGE_DIFF_NOWHERE], 1);
	assert_int_equal(found.all.place[PAGE_DIFF_WORD], 11);
	assert_int_equal(found.runs, 2);
	assert_int_equal(found.longest, 11);
	assert_int_equal(found.nr_mappings, 1);
	assert_string_equal(found.mapping[0].name, "[heap]");
	/* 16 KiB: blocks of pages 16 to 19, 20 to 23, 24 to 27, 28 to 31 */
	assert_int_equal(found.block[0].faults, 4);
	assert_int_equal(found.block[0].copied, 14);
	assert_int_equal(found.block[1].faults, 1);
	assert_int_equal(found.block[2].faults, 1);
	assert_false(amplification_counts_like(&found));
	assert_false(amplification_undone(&found));
}

/* A block ends with its mapping, and so does a run. */
static void neighbours(void **state)
{
	unsigned int i;

	(void)state;
	amplification_init(&found);
	for (i = 0; i < 4; i++) {
		amplification_begin(&found, i * PAGE, (i + 1) * PAGE, "");
		add(i, 3, PAGE_DIFF_SPACED);
		amplification_end(&found);
	}
	amplification_begin(&found, 1024 * PAGE, 2048 * PAGE, "");
	for (i = 0; i < 1024; i++) {
		if (i % 16 == 5)
			add(1024 + i, 0, PAGE_DIFF_NOWHERE);
		else
			amplification_add(&found, (1024 + i) * PAGE, PAIR_SHARED, NULL);
	}
	amplification_end(&found);
	assert_int_equal(found.all.copied, 68);
	assert_int_equal(found.runs, 68);
	assert_int_equal(found.longest, 1);
	assert_int_equal(found.block[0].faults, 68);
	assert_int_equal(found.block[0].copied, 4 + 64 * 4);
	assert_int_equal(found.block[1].faults, 68);
	assert_int_equal(found.block[1].copied, 4 + 1024);
	assert_int_equal(found.block[2].faults, 4 + 2);
	assert_false(amplification_counts_like(&found));
	assert_true(amplification_undone(&found));
	amplification_begin(&found, 4096 * PAGE, 5000 * PAGE, "");
	for (i = 0; i < 100; i++)
		add(4096 + i, 200, PAGE_DIFF_SPACED);
	amplification_end(&found);
	assert_true(amplification_counts_like(&found));
}

/* The mappings with most copied pages are kept, the others are added up. */
static void many_mappings(void **state)
{
	uint64_t page = 1, copied = 0;
	unsigned int i, k;

	(void)state;
	amplification_init(&found);
	for (i = 0; i < 200; i++) {
		amplification_begin(&found, page * PAGE, (page + 200) * PAGE, "x");
		for (k = 0; k < (i * 37) % 200; k++)
			add(page + k, 2, PAGE_DIFF_WORD);
		page += 200;
		amplification_end(&found);
	}
	assert_int_equal(found.nr_mappings, AMPLIFICATION_MAPPINGS);
	for (i = 0; i < AMPLIFICATION_MAPPINGS; i++) {
		assert_int_equal(found.mapping[i].copied, 199 - i);
		copied += found.mapping[i].copied;
	}
	assert_int_equal(found.nr_others, 199 - AMPLIFICATION_MAPPINGS);
	assert_int_equal(found.others.copied, 199 * 200 / 2 - copied);
	assert_int_equal(found.others.bytes, 2 * found.others.copied);
	assert_int_equal(found.all.copied, 199 * 200 / 2);
}

static void lines_of_maps(void **state)
{
	static const struct {
		const char *line, *name; /* NULL: not wanted */
	} lines[] = {
		{ "7f0000001000-7f0000003000 rw-p 00000000 00:00 0 \n", "" },
		{ "7f0000001000-7f0000003000 r--p 00001000 08:01 12   /usr/lib/a b.so\n",
		  "a b.so" },
		{ "7f0000001000-7f0000003000 rw-p 00000000 00:00 0   [heap]", "[heap]" },
		{ "7f0000001000-7f0000003000 rw-p 00000000 00:00 0   [anon: a/b]\n",
		  "[anon: a/b]" },
		{ "7f0000001000-7f0000003000 rw-p 00000000 08:01 12   /", "" },
		{ "7f0000001000-7f0000003000 rw-s 00000000 08:01 12   /dev/shm/x\n", NULL },
		{ "7f0000001000-7f0000003000 ---p 00000000 00:00 0 \n", NULL },
		{ "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\n", NULL },
		{ "7f0000003000-7f0000003000 rw-p 00000000 00:00 0 \n", NULL },
		{ "7f0000001000-7f0000003000 rw", NULL },
		{ "tail of a name\n", NULL },
		{ "", NULL },
	};
	struct memory_mapping m;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (process_memory_parse(lines[i].line, &m) != !!lines[i].name)
			fail_msg("%s: taken wrongly", lines[i].line);
		if (!lines[i].name)
			continue;
		assert_true(m.start == 0x7f0000001000 && m.end == 0x7f0000003000);
		assert_string_equal(m.name, lines[i].name);
	}
}

/* A name that is longer than our line, and ends like a line of its own. */
static void long_names(void **state)
{
	static char text[8192];
	struct process_memory memory = { .pagemap = -1, .mem = -1 };
	struct memory_mapping m;

	(void)state;
	strcpy(text, "1000-2000 rw-p 0 0:0 0 /");
	memset(text + strlen(text), 'x', 511 - strlen(text));
	strcat(text, "5000-7fffffff000 rw-p 0 0:0 0 /evil\n3000-4000 rw-p 0 0:0 0 [stack]\n");
	memory.maps = fmemopen(text, strlen(text), "r");
	assert_non_null(memory.maps);
	assert_true(process_memory_next(&memory, &m));
	assert_int_equal(m.start, 0x1000);
	assert_true(process_memory_next(&memory, &m));
	assert_int_equal(m.start, 0x3000);
	assert_string_equal(m.name, "[stack]");
	assert_false(process_memory_next(&memory, &m));
	process_memory_close(&memory);
}

static void screen(void **state)
{
	static struct diff_pair pair = {
		.child = { .pid = 4194304, .comm = "0123456789abcde" },
		.parent = { .pid = 4194303, .comm = "0123456789abcde" },
		.no_flags = true,
		.ksm_pages = LOTS,
	};
	struct diff_report report = {
		.pair = &pair,
		.found = &found,
		.counted = { { true, LOTS }, { true, LOTS } },
	};
	const char *out, *line, *next;
	json_t *json;
	unsigned int i;
	FILE *f;

	(void)state;
	many_mappings(NULL);
	strcpy(found.mapping[0].name, "\033[2J a very long name of a file that does not fit");
	found.mapping[0].start = 0x7fffffff0000;
	found.mapping[0].end = 0x7fffffffffff;
	found.mapping[0].copied = found.mapping[0].shared = UINT64_MAX / PAGE / 16;
	for (i = 0; i < PAIR_NR; i++)
		found.pair[i] = LOTS;
	found.all.copied = LOTS;
	found.all.place[PAGE_DIFF_SPACED] = found.all.place[PAGE_DIFF_NOWHERE] = LOTS;
	f = output_begin();
	view_diff(f, &report);
	out = output_end(f);
	for (line = out; (next = strchr(line, '\n')); line = next + 1)
		if (next - line > 80)
			fail_msg("%d columns: %.*s", (int)(next - line), (int)(next - line), line);
	assert_null(strchr(out, '\033'));
	assert_non_null(strstr(out, "Likely cause: reference counts or mark bits"));
	assert_non_null(strstr(out, "do not differ"));
	assert_non_null(strstr(out, "freed or copied again while they were read"));
	json = json_diff(&report);
	f = output_begin();
	assert_int_equal(json_write(f, json, false), 0);
	assert_non_null(strstr(output_end(f), "\"amplification\""));
	/* nothing copied: no histogram, no division by nothing */
	amplification_init(&found);
	f = output_begin();
	view_diff(f, &report);
	out = output_end(f);
	assert_null(strstr(out, "bytes that differ"));
	json_decref(json_diff(&report));
	amplification_begin(&found, PAGE, 2 * PAGE, "");
	add(1, 0, PAGE_DIFF_NOWHERE);
	amplification_end(&found);
	f = output_begin();
	view_diff(f, &report);
	assert_non_null(strstr(output_end(f), "1 page was copied, and no byte differs."));
	json_decref(json_diff(&report));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_of_a_page), cmocka_unit_test(strides),
		cmocka_unit_test(pairs),	   cmocka_unit_test(sums),
		cmocka_unit_test(neighbours),	   cmocka_unit_test(many_mappings),
		cmocka_unit_test(lines_of_maps),   cmocka_unit_test(long_names),
		cmocka_unit_test(screen),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

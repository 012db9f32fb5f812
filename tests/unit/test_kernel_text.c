// SPDX-License-Identifier: GPL-2.0
/*
 * Finding the place behind a call in a function's text, with text as the kernel's compilers
 * made it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../userspace/lib/kernel_text.c"

#define FUNCTION	0x1000
#define ADDED		0x8000
#define NEXT		0x9000

static const struct kernel_text kernel = {
	.part = {
		{ "folio_add_new_anon_rmap", true, { ADDED, 64 } },
		{ "folio_add_lru_vma", true, { NEXT, 64 } },
		{ "do_wp_page", false, { 0x800, 32 } },
		{ "do_wp_page", true, { FUNCTION, 256 } },
	},
	.nr = 4,
};
static const struct cow_range function = { FUNCTION, 256 };

static uint8_t code[256];
static size_t length;

static void begin(void)
{
	memset(code, 0x90, sizeof(code));
	length = 16;
}

static void put(const char *bytes, size_t n)
{
	memcpy(code + length, bytes, n);
	length += n;
}

static void call(uint64_t target)
{
	int32_t relative = target - (FUNCTION + length + 5);

	code[length] = 0xe8;
	memcpy(code + length + 1, &relative, sizeof(relative));
	length += 5;
}

static int found(struct call_site *site)
{
	return kernel_text_site(&kernel, &function, code, site);
}

/* mov %r15,%rsi; mov %r12,%rdi */
static void from_registers(void **state)
{
	struct call_site site;

	(void)state;
	begin();
	call(ADDED);
	put("\x4c\x89\xfe\x4c\x89\xe7", 6);
	call(NEXT);
	assert_int_equal(found(&site), 1);
	assert_int_equal(site.offset, 21);
	assert_int_equal(site.base, 15);
	assert_false(site.in_memory);
}

/* mov %rbx,%rdi; mov 0x18(%rsp),%rsi; and by rbp; and at the stack's end */
static void from_the_stack(void **state)
{
	struct call_site site;

	(void)state;
	begin();
	call(ADDED);
	put("\x48\x89\xdf\x48\x8b\x74\x24\x18", 8);
	call(NEXT);
	assert_int_equal(found(&site), 1);
	assert_true(site.in_memory);
	assert_int_equal(site.base, RSP);
	assert_int_equal(site.displacement, 0x18);

	begin();
	call(ADDED);
	put("\x48\x8b\xb5\x70\xff\xff\xff\x4c\x89\xe7", 10);
	call(NEXT);
	assert_int_equal(found(&site), 1);
	assert_int_equal(site.base, RBP);
	assert_int_equal(site.displacement, -0x90);

	begin();
	call(ADDED);
	put("\x48\x8b\x34\x24", 4);
	call(NEXT);
	assert_int_equal(found(&site), 1);
	assert_int_equal(site.displacement, 0);
}

static void not_as_expected(void **state)
{
	struct call_site site;

	(void)state;
	begin(); /* no call */
	call(NEXT);
	assert_int_equal(found(&site), 0);

	begin(); /* two */
	call(ADDED);
	put("\x4c\x89\xfe", 3);
	call(NEXT);
	call(ADDED);
	assert_int_equal(found(&site), -EILSEQ);

	begin(); /* another instruction behind it: lea */
	call(ADDED);
	put("\x48\x8d\x75\x10", 4);
	call(NEXT);
	assert_int_equal(found(&site), -EILSEQ);

	begin(); /* another call behind it */
	call(ADDED);
	put("\x4c\x89\xfe", 3);
	call(ADDED + 128);
	assert_int_equal(found(&site), -EILSEQ);

	begin(); /* nothing goes to the second argument */
	call(ADDED);
	put("\x4c\x89\xe7", 3);
	call(NEXT);
	assert_int_equal(found(&site), -EILSEQ);
}

/* The whole function, not the part of it that stands before it. */
static void a_call(void **state)
{
	static const char *const added[] = { "folio_add_new_anon_rmap", NULL };
	struct cow_range whole;
	size_t behind;

	(void)state;
	assert_true(kernel_text_function(&kernel, "do_wp_page", &whole));
	assert_int_equal(whole.start, FUNCTION);
	assert_false(kernel_text_function(&kernel, "copy_process", &whole));
	begin();
	call(NEXT);
	assert_int_equal(kernel_text_call(&kernel, &whole, code, added, &behind), 0);
	call(ADDED);
	assert_int_equal(kernel_text_call(&kernel, &whole, code, added, &behind), 1);
	assert_int_equal(behind, 26);
	call(ADDED);
	assert_int_equal(kernel_text_call(&kernel, &whole, code, added, &behind), -EILSEQ);
}

static void ranges(void **state)
{
	static const char *const names[] = { "no_such", "do_wp_page", NULL };
	struct cow_range to[COW_MAX_RANGES] = {};

	(void)state;
	assert_int_equal(kernel_text_ranges(&kernel, names, to), 2);
	assert_int_equal(to[0].start, 0x800);
	assert_int_equal(to[1].start, FUNCTION);
	assert_true(kernel_text_has(&kernel, "do_wp_page"));
	assert_false(kernel_text_has(&kernel, "copy_process"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_registers),  cmocka_unit_test(from_the_stack),
		cmocka_unit_test(not_as_expected), cmocka_unit_test(a_call),
		cmocka_unit_test(ranges),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

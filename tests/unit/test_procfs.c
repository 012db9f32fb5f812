// SPDX-License-Identifier: GPL-2.0
/* procfs.c: a figure or a line out of a file of /proc or /sys. */
#include "tables.h"

#include <errno.h>
#include <unistd.h>

#include "procfs.h"

static char path[] = "/tmp/test_procfs.XXXXXX";

static void write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void figures_by_key(void **state)
{
	uint64_t n = 7;

	(void)state;
	write_file("MemFreeAll:  9 kB\nMemFree:      12 kB\nHugePages_Free:\t 3\npgfault 45\nName:\tx\n");
	assert_int_equal(procfs_figure(path, "MemFree", &n), 0);
	assert_int_equal(n, 12 * 1024);
	assert_int_equal(procfs_figure(path, "HugePages_Free", &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(procfs_figure(path, "pgfault", &n), 0);
	assert_int_equal(n, 45);
	/* neither part of a key nor a line without a number will do, and @n stays */
	assert_int_equal(procfs_figure(path, "Mem", &n), -ENODATA);
	assert_int_equal(procfs_figure(path, "Name", &n), -ENODATA);
	assert_int_equal(n, 45);
}

static void the_first_line(void **state)
{
	char text[32];
	uint64_t n;

	(void)state;
	write_file("2097152\nnot this\n");
	assert_int_equal(procfs_figure(path, NULL, &n), 0);
	assert_int_equal(n, 2097152);
	write_file("tsc hpet \n");
	assert_int_equal(procfs_line(path, NULL, text, sizeof(text)), 0);
	assert_string_equal(text, "tsc hpet ");
}

static void lines_by_key(void **state)
{
	char text[32], room[4];

	(void)state;
	write_file("processor\t: 0\nmodel name\t: QEMU TCG CPU\nlast");
	assert_int_equal(procfs_line(path, "model name", text, sizeof(text)), 0);
	assert_string_equal(text, "QEMU TCG CPU");
	assert_int_equal(procfs_line(path, "model name", room, sizeof(room)), 0);
	assert_string_equal(room, "QEM");
	assert_int_equal(procfs_line(path, "model", text, sizeof(text)), 0);
	assert_string_equal(text, "name\t: QEMU TCG CPU");
	/* a key alone has no value */
	assert_int_equal(procfs_line(path, "last", text, sizeof(text)), -ENODATA);
	assert_string_equal(text, "");
}

static void choices(void **state)
{
	char text[16];

	(void)state;
	write_file("always [madvise] never\n");
	assert_int_equal(procfs_choice(path, text, sizeof(text)), 0);
	assert_string_equal(text, "madvise");
	write_file("always madvise never\n");
	assert_int_equal(procfs_choice(path, text, sizeof(text)), -ENODATA);
	assert_string_equal(text, "");
}

static void what_cannot_be_read(void **state)
{
	char text[16] = "old";
	uint64_t n = 7;

	(void)state;
	assert_int_equal(procfs_line("/nonesuch", "a", text, sizeof(text)), -ENOENT);
	assert_string_equal(text, "");
	assert_int_equal(procfs_choice("/nonesuch", text, sizeof(text)), -ENOENT);
	assert_int_equal(procfs_figure("/nonesuch", "a", &n), -ENOENT);
	assert_int_equal(procfs_line("/", NULL, text, sizeof(text)), -EISDIR);
	assert_int_equal(procfs_pid_figure(INT32_MAX, "status", "VmPTE", &n), -ENOENT);
	assert_int_equal(n, 7);
	write_file("");
	assert_int_equal(procfs_line(path, NULL, text, sizeof(text)), -ENODATA);
}

static void of_this_kernel(void **state)
{
	uint64_t n;

	(void)state;
	assert_true(procfs_meminfo("MemTotal") > 1 << 20);
	assert_int_equal(procfs_meminfo("NoSuchThing"), 0);
	assert_int_equal(procfs_pid_figure(getpid(), "status", "VmPTE", &n), 0);
	assert_true(n >= 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_by_key),      cmocka_unit_test(the_first_line),
		cmocka_unit_test(lines_by_key),	       cmocka_unit_test(choices),
		cmocka_unit_test(what_cannot_be_read), cmocka_unit_test(of_this_kernel),
	};
	int fd = mkstemp(path), failed;

	if (fd < 0)
		return 1;
	close(fd);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}

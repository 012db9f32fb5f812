// SPDX-License-Identifier: GPL-2.0
/* symbols.c: files that processes map, and what strangers may put in their place. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbols.h"

#define CODE	"/tmp/test_symbols.code"
#define GONE	CODE " (deleted)"	/* what the kernel calls it then */

static void fifo_in_place(void **state)
{
	int fd = open(CODE, O_RDWR | O_CREAT | O_TRUNC, 0700);
	struct symbols *s = symbols_new();
	char name[256], *code;
	pid_t pid;

	(void)state;
	assert_true(fd >= 0 && !ftruncate(fd, 4096));
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(code, MAP_FAILED);
	assert_false(unlink(CODE) || (unlink(GONE) && access(GONE, F_OK) == 0) ||
		     mkfifo(GONE, 0600));
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	alarm(10); /* who opens the FIFO waits until this ends the test */
	symbols_load(s, pid);
	alarm(0);
	symbols_user(s, pid, (uintptr_t)code + 16, name, sizeof(name));
	assert_string_equal(name, "test_symbols.code (deleted)+0x10");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(GONE);
	close(fd);
	symbols_free(s);
}

static void own_functions(void **state)
{
	struct symbols *s = symbols_new();
	char name[256];

	(void)state;
	symbols_load(s, getpid());
	symbols_user(s, getpid(), (uintptr_t)own_functions + 1, name, sizeof(name));
	assert_string_equal(name, "own_functions");
	symbols_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fifo_in_place),
		cmocka_unit_test(own_functions),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

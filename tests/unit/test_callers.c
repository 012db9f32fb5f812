// SPDX-License-Identifier: GPL-2.0
/* userspace/cowtrace/callers.c: the stack of this program itself, which has no frame pointers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "callers.h"

extern char **environ;

static struct cow_user_regs regs;
static unsigned char stack[COW_USER_STACK];
static size_t bytes;
static struct caller_frame frame[MAX_CALLERS];

/* Copy registers and stack, as the BPF program does. AddressSanitizer would see no variable there. */
__attribute__((noinline, no_sanitize("address"))) static void sample(void)
{
	/* by the numbers of DWARF */
	static const unsigned char greg[16] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
		REG_R8,	 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};
	const unsigned char *from;
	ucontext_t context;
	size_t i, n;

	getcontext(&context);
	for (i = 0; i < 16; i++)
		regs.reg[i] = context.uc_mcontext.gregs[greg[i]];
	regs.ip = context.uc_mcontext.gregs[REG_RIP];
	from = (void *)(regs.reg[COW_REG_SP] & ~(COWSTAT_PAGE_BYTES - 1));
	n = (unsigned char *)environ - from; /* the stack ends below it */
	bytes = n < sizeof(stack) ? n : sizeof(stack);
	for (i = 0; i < bytes; i++)
		stack[i] = ((const volatile unsigned char *)from)[i];
}

__attribute__((noinline)) static void inner(void)
{
	sample();
	__asm__ volatile(""); /* not a tail call */
}

__attribute__((noinline)) static void outer(void)
{
	inner();
	__asm__ volatile("");
}

__attribute__((noinline)) static void deeper(void)
{
	volatile char room[64] = {};

	outer();
	(void)room;
}

static size_t frame_of(const char *function, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(frame[i].function, function) &&
		    !strcmp(frame[i].object, "test_callers"))
			return i;
	return nr;
}

static void finds_callers(void **state)
{
	struct callers *c = callers_new();
	size_t nr, in, out;

	(void)state;
	for (int i = 0; i < 2; i++) { /* the second time, all is known */
		outer();
		nr = callers_find(c, getpid(), &regs, stack, bytes, frame);
		in = frame_of("inner", nr);
		out = frame_of("outer", nr);
		assert_true(in < nr);
		assert_int_equal(out, in + 1);
		assert_int_equal(frame_of("finds_callers", nr), in + 2);
		assert_true(frame[in].offset > 0 && frame[in].offset < frame[in].address);
	}
	callers_free(c);
}

/* In glibc's clone() there are no tables, and the return address is on the top of the stack. */
static void leaves_code_without_tables(void **state)
{
	struct callers *c = callers_new();
	size_t nr, nr_callers, top;

	(void)state;
	outer();
	if (regs.reg[COW_REG_SP] % COWSTAT_PAGE_BYTES < sizeof(regs.ip))
		deeper(); /* so that there is room below, in the same page */
	nr_callers = callers_find(c, getpid(), &regs, stack, bytes, frame);
	top = regs.reg[COW_REG_SP] % COWSTAT_PAGE_BYTES;
	regs.reg[COW_REG_SP] -= sizeof(regs.ip);
	memcpy(stack + top - sizeof(regs.ip), &regs.ip, sizeof(regs.ip));
	regs.ip = (uintptr_t)&regs; /* no code */
	nr = callers_find(c, getpid(), &regs, stack, bytes, frame);
	assert_int_equal(nr, nr_callers + 1);
	assert_int_equal(frame[0].address, regs.ip);
	assert_int_equal(frame_of("inner", nr) + 1, frame_of("outer", nr));
	callers_free(c);
}

static void stack_is_cut(void **state)
{
	struct callers *c = callers_new();
	size_t n, nr;

	(void)state;
	outer();
	for (n = 0; n <= bytes; n += n < 256 ? 1 : 64) {
		nr = callers_find(c, getpid(), &regs, stack, n, frame);
		assert_true(nr >= 1 && nr <= MAX_CALLERS);
	}
	callers_free(c);
}

static void registers_are_bad(void **state)
{
	struct callers *c = callers_new();
	struct cow_user_regs bad;
	size_t i, j, nr;

	(void)state;
	outer();
	for (i = 0; i < 200; i++) {
		bad = regs;
		for (j = 0; j < 16; j++)
			if (random() & 1)
				bad.reg[j] = (uint64_t)random() << 32 ^ random();
		if (i & 1)
			bad.ip += random() % 4096;
		nr = callers_find(c, getpid(), &bad, stack, bytes, frame);
		assert_true(nr >= 1 && nr <= MAX_CALLERS);
	}
	bad.ip = 0; /* a 32-bit program */
	assert_int_equal(callers_find(c, getpid(), &bad, stack, bytes, frame), 0);
	callers_free(c);
}

static void process_is_gone(void **state)
{
	struct callers *c = callers_new();
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	outer();
	assert_int_equal(callers_find(c, pid, &regs, stack, bytes, frame), 0);
	callers_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_callers),   cmocka_unit_test(leaves_code_without_tables),
		cmocka_unit_test(stack_is_cut),	   cmocka_unit_test(registers_are_bad),
		cmocka_unit_test(process_is_gone),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* userspace/cowtrace/callers.c: the stack of this program itself, which has no frame pointers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "callers.h"

extern char **environ;

static struct cow_sample s;
static struct caller_frame frame[MAX_CALLERS];

/* Copy registers and stack, as the BPF program does. AddressSanitizer would see no variable there. */
__attribute__((noinline, no_sanitize("address"))) static void sample(void)
{
	/* by the numbers of DWARF */
	static const unsigned char greg[16] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
		REG_R8,	 REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
	};
	struct cow_stack_key *key = &s.new_stack.key;
	const unsigned char *from;
	ucontext_t context;
	size_t i, n;
	FILE *f;

	/* the ends of the code and of the stack are the 27th and 28th field; the name has no space */
	f = fopen("/proc/self/stat", "r");
	assert_non_null(f);
	for (i = 1; i < 27; i++)
		assert_int_equal(fscanf(f, "%*s"), 0);
	assert_int_equal(fscanf(f, "%llu %llu", &key->end_code, &key->start_stack), 2);
	fclose(f);
	key->pid = getpid();
	s.new_stack.parent = getppid();
	getcontext(&context);
	for (i = 0; i < 16; i++)
		s.reg[i] = context.uc_mcontext.gregs[greg[i]];
	s.reg[COW_RIP] = context.uc_mcontext.gregs[REG_RIP];
	from = (void *)(s.reg[COW_RSP] & ~(COWSTAT_PAGE_BYTES - 1));
	n = (unsigned char *)environ - from; /* the stack ends below it */
	s.bytes = n < sizeof(s.stack) ? n : sizeof(s.stack);
	for (i = 0; i < s.bytes; i++)
		s.stack[i] = ((const volatile unsigned char *)from)[i];
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
		nr = callers_find(c, &s, frame);
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
	uint64_t ip;

	(void)state;
	outer();
	if (s.reg[COW_RSP] % COWSTAT_PAGE_BYTES < sizeof(ip))
		deeper(); /* so that there is room below, in the same page */
	nr_callers = callers_find(c, &s, frame);
	top = s.reg[COW_RSP] % COWSTAT_PAGE_BYTES;
	s.reg[COW_RSP] -= sizeof(ip);
	memcpy(s.stack + top - sizeof(ip), &s.reg[COW_RIP], sizeof(ip));
	ip = s.reg[COW_RIP] = (uintptr_t)&s; /* no code */
	nr = callers_find(c, &s, frame);
	assert_int_equal(nr, nr_callers + 1);
	assert_int_equal(frame[0].address, ip);
	assert_int_equal(frame_of("inner", nr) + 1, frame_of("outer", nr));
	callers_free(c);
}

static void stack_is_cut(void **state)
{
	struct callers *c = callers_new();
	size_t all, nr;

	(void)state;
	outer();
	for (all = s.bytes, s.bytes = 0; s.bytes <= all; s.bytes += s.bytes < 256 ? 1 : 64) {
		nr = callers_find(c, &s, frame);
		assert_true(nr >= 1 && nr <= MAX_CALLERS);
	}
	callers_free(c);
}

static void registers_are_bad(void **state)
{
	struct callers *c = callers_new();
	struct cow_sample good;
	size_t i, j, nr;

	(void)state;
	outer();
	good = s;
	for (i = 0; i < 200; i++) {
		s = good;
		for (j = 0; j < COW_RIP; j++)
			if (random() & 1)
				s.reg[j] = (uint64_t)random() << 32 ^ random();
		if (i & 1)
			s.reg[COW_RIP] += random() % 4096;
		nr = callers_find(c, &s, frame);
		assert_true(nr >= 1 && nr <= MAX_CALLERS);
	}
	s.reg[COW_RIP] = 0; /* a 32-bit program */
	assert_int_equal(callers_find(c, &s, frame), 0);
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
	s.new_stack.key.pid = pid;
	s.new_stack.parent = 0;
	assert_int_equal(callers_find(c, &s, frame), 0);
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

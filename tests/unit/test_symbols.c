// SPDX-License-Identifier: GPL-2.0
/* Files that processes map, and what strangers may put in their place. */
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
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>
#include <elfutils/version.h>

#include "files.h"
#include "images.h"
#include "spaces.h"
#include "unwind.h"

#define PLACE	"/tmp/test_symbols.place"

/* The addresses that the kernel tells BPF programs, read as spaces.c reads them. */
static struct space_id id_of(pid_t pid)
{
	struct space_id id = { .pid = pid };
	char path[64], line[1024], *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	at = strrchr(line, ')') + 2;
	for (int field = 3; field < 27; field++)
		at = strchr(at, ' ') + 1;
	id.end_code = strtoull(at, &at, 10);
	id.start_stack = strtoull(at, &at, 10);
	return id;
}

static void only_regular_files(void **state)
{
	int root = open("/", O_PATH | O_DIRECTORY), fd;
	struct stat st;

	(void)state;
	unlink(PLACE);
	assert_false(mkfifo(PLACE, 0600));
	alarm(10); /* who opens the FIFO waits until this ends the test */
	assert_int_equal(open_regular(AT_FDCWD, PLACE, true, &st), -1);
	assert_int_equal(open_regular(root, PLACE, true, &st), -1);
	assert_int_equal(open_regular(AT_FDCWD, "/dev/null", true, &st), -1);
	alarm(0);
	unlink(PLACE);
	assert_false(symlink("/etc/passwd", PLACE));
	assert_int_equal(open_regular(root, PLACE, false, &st), -1);
	fd = open_regular(root, "../../etc/passwd", true, &st);
	assert_true(fd >= 0);
	close(fd);
	unlink(PLACE);
	assert_false(symlink("/proc/self/root/etc/passwd", PLACE));
	assert_int_equal(open_regular(root, PLACE, true, &st), -1);
	unlink(PLACE);
	close(root);
}

static void own_functions(void **state)
{
	struct images *images = images_new();
	struct spaces *spaces = spaces_new(images);
	struct space_id id = id_of(getpid()), child;
	const struct code_frame *frame;
	struct code_place place;
	char line[64];
	pid_t pid;
	int gate[2];
	char *code;

	(void)state;
	spaces_load(spaces, &id, 0);
	assert_int_equal(spaces_find(spaces, &id, (uintptr_t)own_functions + 1, UINT64_MAX, &place),
			 CODE_HERE);
	assert_non_null(place.image);
	assert_true(image_frames(place.image, place.offset, false, &frame) >= 1);
	assert_string_equal(frame->name, "own_functions");
	assert_string_equal(frame->file, "test_symbols.c");
	assert_true(frame->line > 70);
	assert_int_equal(spaces_find(spaces, &id, (uintptr_t)&images, UINT64_MAX, &place),
			 CODE_NONE);
	assert_int_equal(spaces_find(spaces, &id, 0x6e03400d970340, UINT64_MAX, &place), CODE_NONE);

	/* a child that was never read has its parent's code; another program is not known */
	child = id;
	child.pid = 1 << 29;
	assert_int_equal(spaces_find(spaces, &child, (uintptr_t)own_functions, UINT64_MAX, &place),
			 CODE_HERE);
	child.start_stack++;
	assert_int_equal(spaces_find(spaces, &child, (uintptr_t)own_functions, UINT64_MAX, &place),
			 CODE_UNKNOWN);

	/* what is mapped later is found when it is read again; then it stays after the exit */
	assert_false(pipe(gate));
	pid = fork();
	if (!pid) {
		code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		snprintf(line, sizeof(line), "%lx", (uintptr_t)code);
		if (write(gate[1], line, sizeof(line)) < 0)
			_exit(1);
		pause();
	}
	assert_int_equal(read(gate[0], line, sizeof(line)), sizeof(line));
	child = id;
	child.pid = pid;
	spaces_load(spaces, &child, getpid());
	kill(pid, SIGKILL);
	assert_int_equal(spaces_find(spaces, &child, strtoul(line, NULL, 16), UINT64_MAX, &place),
			 CODE_HERE);
	assert_null(place.image);
	spaces_free(spaces);
	images_free(images);
}

/* A file that is no ELF file, and one that is broken. */
static void other_files(void **state)
{
	static const char *const contents[] = { "", "\177ELF", "\177ELF\2\1\1 and what not" };
	struct images *images = images_new();
	const struct code_frame *frame;
	struct image *image;
	struct stat st;
	int fd;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fd = memfd_create("image", MFD_CLOEXEC);
		assert_true(fd >= 0 && write(fd, contents[i], strlen(contents[i])) >= 0);
		assert_false(fstat(fd, &st));
		st.st_mtim.tv_nsec = (long)i;
		image = images_add(images, -1, fd, &st, "/a/b;\033c");
		assert_non_null(image);
		assert_int_equal(image_frames(image, 0x10, false, &frame), 1);
		assert_string_equal(frame->name, "b:?c+0x10");
		assert_false(image_returns_here(image, 0x1000));
	}
	images_free(images);
}

/* The owner truncates a file that libdw has mapped. */
static void shorter_file(void **state)
{
	struct images *images = images_new();
	struct spaces *spaces = spaces_new(images);
	struct space_id id = id_of(getpid());
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("image", MFD_CLOEXEC);
	const struct code_frame *frame;
	struct code_place place;
	struct image *image;
	struct stat st;
	uint64_t bias;

	(void)state;
	spaces_load(spaces, &id, 0);
	assert_int_equal(spaces_find(spaces, &id, (uintptr_t)shorter_file, UINT64_MAX, &place),
			 CODE_HERE);
	assert_false(fstat(from, &st));
	assert_int_equal(sendfile(fd, from, NULL, st.st_size), st.st_size);
	close(from);
	st.st_ino = 0; /* that it has not been read before */
	image = images_add(images, -1, fd, &st, "/a/short");
	assert_true(image_bias(image, place.offset, &bias));
	assert_false(ftruncate(fd, 4096));
	assert_int_equal(image_frames(image, place.offset, false, &frame), 1);
	assert_memory_equal(frame->name, "short+0x", 8);
	assert_false(image_returns_here(image, place.offset));
	spaces_free(spaces);
	images_free(images);
}

/* --- unwinding ------------------------------------------------------------------------- */

static struct cow_sample sample;

/* Copy our own registers and stack, as the BPF program does; the sanitizer must not look on. */
static __attribute__((noinline, no_sanitize_address)) void take_sample(void)
{
	static const int of[COW_NR_REGISTERS] = {
		[COW_RAX] = REG_RAX, [COW_RDX] = REG_RDX, [COW_RCX] = REG_RCX, [COW_RBX] = REG_RBX,
		[COW_RSI] = REG_RSI, [COW_RDI] = REG_RDI, [COW_RBP] = REG_RBP, [COW_RSP] = REG_RSP,
		[COW_R8] = REG_R8,   [COW_R9] = REG_R9,	  [COW_R10] = REG_R10, [COW_R11] = REG_R11,
		[COW_R12] = REG_R12, [COW_R13] = REG_R13, [COW_R14] = REG_R14, [COW_R15] = REG_R15,
		[COW_RIP] = REG_RIP
	};
	const volatile char *from;
	ucontext_t context;

	getcontext(&context);
	for (int i = 0; i < COW_NR_REGISTERS; i++)
		sample.reg[i] = context.uc_mcontext.gregs[of[i]];
	from = (const char *)(sample.reg[COW_RSP] & ~4095ULL);
	sample.bytes = 2 * 4096;
	for (size_t i = 0; i < sample.bytes; i++)
		sample.stack[i] = from[i];
}

static __attribute__((noinline)) void inner(void)
{
	take_sample();
	__asm__ volatile("");
}

static __attribute__((noinline)) void outer(void (*trampoline)(void (*function)(void)))
{
	if (trampoline)
		trampoline(inner);
	else
		inner();
	__asm__ volatile("");
}

/* The names of the first functions of the sample, joined by spaces. */
static void unwound(struct spaces *spaces, const struct space_id *id, char *names, size_t size)
{
	struct unwinder *unwinder = unwinder_new(spaces);
	const struct code_frame *frame;
	uint64_t address[UNWIND_DEPTH];
	struct code_place place;
	bool complete;
	size_t i, nr, n = 0;

	*names = '\0';
	nr = unwind(unwinder, id, &sample, address, &complete);
	for (i = 0; i < nr && i < 5; i++) {
		spaces_find(spaces, id, address[i], UINT64_MAX, &place);
		if (place.image)
			image_frames(place.image, place.offset, i, &frame);
		n += snprintf(names + n, size - n, "%s ", place.image ? frame->name : "made");
	}
	unwinder_free(unwinder);
}

static void callers(void **state)
{
	/* sub $8, %rsp; call *%rdi; add $8, %rsp; ret: as a trampoline of Python */
	static const unsigned char code[] = { 0x48, 0x83, 0xec, 0x08, 0xff, 0xd7,
					      0x48, 0x83, 0xc4, 0x08, 0xc3 };
	struct images *images = images_new();
	struct spaces *spaces = spaces_new(images);
	struct space_id id = id_of(getpid());
	char names[512];
	void *made;

	(void)state;
	made = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	assert_ptr_not_equal(made, MAP_FAILED);
	memcpy(made, code, sizeof(code));
	spaces_load(spaces, &id, 0);
	outer(NULL);
	unwound(spaces, &id, names, sizeof(names));
	assert_memory_equal(names, "take_sample inner outer callers ", 32);
	outer((void (*)(void (*)(void)))made);
	unwound(spaces, &id, names, sizeof(names));
#if _ELFUTILS_PREREQ(0, 188)
	assert_string_equal(names, "take_sample inner made outer callers ");
#else /* libdw does not tell the registers of a frame: unwinding ends at the trampoline */
	assert_string_equal(names, "take_sample inner made ");
#endif
	munmap(made, 4096);
	spaces_free(spaces);
	images_free(images);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_regular_files),
		cmocka_unit_test(own_functions),
		cmocka_unit_test(other_files),
		cmocka_unit_test(shorter_file),
		cmocka_unit_test(callers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

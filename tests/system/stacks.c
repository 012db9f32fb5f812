// SPDX-License-Identifier: GPL-2.0
/* needs: bpf */
/*
 * cowtrace names the code that causes copies: this program, run with an argument, is that code. It
 * is compiled with frame pointers, except where it says so.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"

#define NR	211UL
#define COPY	"/tmp/stacks/program"	/* its debug information is in another file */
#define SHORTENED "/tmp/stacks/shortened" /* another copy */

static char *pages;

/* --- what is traced ---------------------------------------------------------------------- */

enum { PUT_LINE = __LINE__ + 4, FILL_LINE = PUT_LINE + 6, CHILD_LINE = FILL_LINE + 5 };

static inline __attribute__((always_inline)) void put(char *page)
{
	*(volatile char *)page = 2;
}

static inline __attribute__((always_inline)) void fill(char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(from + i * PAGE);
}

static __attribute__((noinline)) void child_writes(void)
{
	fill(pages, NR);
}

/*
 * Code without frame pointers: the register points to something else, which looks like a frame
 * whose return address is a number that python3 once had there.
 */
#ifdef __clang__
#define FRAMELESS	__attribute__((noinline))
#define CLOBBERED	"memory"
#else
#define FRAMELESS	__attribute__((noinline, optimize("omit-frame-pointer")))
#define CLOBBERED	"rbp", "memory"
#endif

static FRAMELESS void write_frameless(char *page)
{
	static const uint64_t something[2] = { 0, 0x6e03400d970340 };

	__asm__ volatile("mov %1, %%rbp\n"
			 "movb $2, (%0)\n"
			 :
			 : "r"(page), "r"(something)
			 : CLOBBERED);
}

static __attribute__((noinline)) void calls_frameless(void)
{
	for (size_t i = 0; i < NR; i++)
		write_frameless(pages + i * PAGE);
}

/*
 * What a JIT compiler does: code in anonymous memory, named in a file for perf(1). The parent
 * makes the code, and a child runs it, too. The name that counts is the last one.
 */
static __attribute__((noinline)) void run_made(const char *where)
{
	static const unsigned char code[] = {
		0x55, 0x48, 0x89, 0xe5, /* push %rbp; mov %rsp, %rbp */
		0xc6, 0x07, 0x03,	/* movb $3, (%rdi) */
		0x5d, 0xc3		/* pop %rbp; ret */
	};
	char *made = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	pid_t child;
	FILE *f;

	memcpy(made, code, sizeof(code));
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	unlink(path);
	if (!strcmp(where, "linked") && symlink("/tmp/stacks/elsewhere.map", path))
		_exit(2);
	f = fopen(path, "w");
	fprintf(f, "nonsense\n%lx 0 empty\n%lx 20 old\n%lx 40 made;\033[2J by hand\n",
		(uintptr_t)made, (uintptr_t)made, (uintptr_t)made - 16);
	fclose(f);
	child = fork();
	if (!child) {
		for (size_t i = 0; i < NR; i++)
			((void (*)(char *))made)(pages + i * PAGE);
		_exit(0);
	}
	wait_child(child);
}

/* Copies in the memory of another process are caused by the code of this one. */
static __attribute__((noinline)) void reads_child(void)
{
	static char buffer[NR * PAGE];
	struct iovec to = { buffer, sizeof(buffer) }, from = { pages, sizeof(buffer) };
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
	}
	if (process_vm_readv(child, &to, 1, &from, 1, 0) != sizeof(buffer))
		_exit(1);
	kill_child(child);
}

/*
 * Run code of a file that becomes shorter while cowtrace has it mapped. The code is that of poke(),
 * in a copy of this program, whose caller is in a file that stays.
 */
static __attribute__((noinline)) void poke(char *page)
{
	*(volatile char *)page = 2;
}

/* Where the file of this program has a function. */
static uint64_t offset_of(uintptr_t function)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end, offset, found = 0;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    function >= start && function < end)
			found = function - start + offset;
	if (!found)
		_exit(1);
	fclose(f);
	return found;
}

static __attribute__((noinline)) void run_shortened(void)
{
	uint64_t offset = offset_of((uintptr_t)poke), first = offset & ~(PAGE - 1);
	int fd = open(SHORTENED, O_RDWR);
	char *code = mmap(NULL, 2 * PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, first);

	if (fd < 0 || code == MAP_FAILED)
		_exit(1);
	for (size_t i = 0; i < NR; i++)
		((void (*)(char *))(code + offset - first))(pages + i * PAGE);
	usleep(700000); /* cowtrace unwinds the first stacks, and so maps the file */
	if (ftruncate(fd, PAGE))
		_exit(1);
	_exit(0);
}

static void write_as_child(void *what)
{
	if (!strcmp(what, "writes"))
		child_writes();
	else if (!strcmp(what, "shortened"))
		run_shortened();
	else
		calls_frameless();
}

static int be_traced(char *what)
{
	static char writes[] = "writes", frameless[] = "frameless";

	pages = map_pages(NR);
	if (!strcmp(what, "shortened")) {
		wait_child(start_child(write_as_child, what));
		return 0;
	}
	if (strcmp(what, "linked")) {
		wait_child(start_child(write_as_child, writes));
		wait_child(start_child(write_as_child, frameless));
		reads_child();
	}
	run_made(what);
	return 0;
}

/* --- what cowtrace says of it ------------------------------------------------------------ */

/* Run cowtrace over the program; what it prints, also as warnings, which the caller frees. */
static char *traced(const char *options, const char *what)
{
	int status;
	char *text = shell(&status, "cowtrace %s -- " COPY " %s 2>&1", options, what);

	is(status, 0, "cowtrace %s -- program %s: nothing lost", options, what);
	return text;
}

/* The faults of all folded stacks that have this text. */
static uint64_t faults_with(const char *text, const char *part)
{
	uint64_t sum = 0;
	const char *line, *end, *found;

	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		found = strstr(line, part);
		if (!found || found > end)
			continue;
		for (found = end; found > line && found[-1] != ' ';)
			found--;
		sum += strtoull(found, NULL, 10);
	}
	return sum;
}

static void says(const char *text, const char *what)
{
	ok(strstr(text, what), "it says \"%s\"", what);
	if (!strstr(text, what))
		note("it says: %s", text);
}

static void make_program(const char *self)
{
	int status;

	free(shell(&status,
		   "mkdir -p /tmp/stacks/.debug && cp %s " COPY " && cd /tmp/stacks && "
		   "objcopy --only-keep-debug program .debug/program.debug && "
		   "objcopy --strip-all program && "
		   "objcopy --add-gnu-debuglink=.debug/program.debug program",
		   self));
	is(status, 0, "a program whose debug information is in another file");
}

static void frame_pointers(void)
{
	char part[256], *text = traced("--stacks --lines", "all");
	const char *warning = strstr(text, "the callers of ");
	uint64_t unknown = 0, all = 0;

	snprintf(part, sizeof(part),
		 ";child_writes (stacks.c:%d);fill (stacks.c:%d)_[i];put (stacks.c:%d)_[i];",
		 CHILD_LINE, FILL_LINE, PUT_LINE);
	is(faults_with(text, part), NR, "inlined functions, and lines, from the debug file");
	is(faults_with(text, ";[no frame pointer];write_frameless "), NR,
	   "what is no caller is left out");
	says(text, "these were built without frame pointers: ");
	if (!warning || sscanf(warning, "the callers of %lu of %lu faults", &unknown, &all) != 2)
		note("it says: %s", text);
	is(unknown, faults_with(text, ";[no frame pointer]"), "it says how many faults that are");
	is(all, faults_with(text, ";"), "of how many");
	ok(strstr(text, ": program") || strstr(text, ", program"), "it names the file");
	ok(!strstr(text, "6e03400d970340"), "no impossible address");
	ok(strstr(text, "made:?[2J by hand_[j];") && strstr(text, ";run_made (stacks.c:"),
	   "code that the parent made, with its last name, printable");
	is(faults_with(text, ";made:?[2J by hand_[j];"), NR, "it copied each page");
	ok(!strchr(text, '\033'), "no control character");
	if (!strstr(text, part))
		note("it says: %s", text);
	free(text);

	text = traced("--stacks", "linked");
	is(faults_with(text, "by hand"), 0, "a map behind a link is not read");
	is(faults_with(text, ";run_made;0x"), NR, "then it has an address");
	free(text);
}

/* The number behind a title of the picture. */
static unsigned long pages_of(const char *titles, const char *title)
{
	const char *found = strstr(titles, title);

	return found ? strtoul(found + strlen(title), NULL, 10) : 0;
}

static void dwarf(void)
{
	char *text = traced("--stacks=dwarf --by-function --flamegraph /tmp/stacks/picture.svg",
			    "all");
	unsigned long faults, copied;
	const char *line;
	int status;

	says(text,
	     " FAULTS  COPIED  ZEROED  REUSED   OTHER  BYTES OBJECT               FUNCTION\n");
	line = strstr(text, " write_frameless\n");
	while (line && line > text && line[-1] != '\n')
		line--;
	ok(line && sscanf(line, "%lu %lu", &faults, &copied) == 2 && faults == NR && copied == NR,
	   "--by-function: its faults and copies");
	free(text);
	text = shell(&status,
		     "python3 -c 'from xml.dom.minidom import parse\n"
		     "for g in parse(\"/tmp/stacks/picture.svg\").getElementsByTagName(\"title\"):\n"
		     "    print(g.firstChild.data)'");
	is(status, 0, "--flamegraph: the picture is XML");
	is(pages_of(text, "\ncalls_frameless: "), NR, "DWARF: the caller without frame pointers");
	is(pages_of(text, "\nmade:?[2J by hand_[j]: "), NR, "DWARF: code that has no tables");
	is(pages_of(text, "\nrun_made: ") >= NR, 1, "DWARF: and its caller");
	is(pages_of(text, "\nreads_child: ") >= NR, 1,
	   "copies in another process are those of the function that reads it");
	ok(pages_of(text, "\nmain: ") >= 2 * NR, "DWARF: main()");
	note("the titles: %s", text);
	free(text);
	text = shell(&status, "cowtrace --stacks --by-vma 2>&1; cowtrace --lines 2>&1; "
			      "cowtrace --stacks=nonsense 2>&1");
	says(text, "give only one of");
	says(text, "--lines needs --stacks");
	says(text, "--stacks=nonsense: give dwarf, or nothing");
	free(text);
}

/* Another process truncates a file that it maps: cowtrace goes on without its names. */
static void truncated(const char *self)
{
	char *text;
	int status;

	free(shell(&status, "cp %s " SHORTENED, self));
	text = traced("--stacks=dwarf", "shortened");
	is(faults_with(text, ";shortened+0x") + faults_with(text, ";poke;"), NR,
	   "a file that becomes shorter: all its faults are there");
	note("it says: %s", text);
	free(text);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return be_traced(argv[1]);
	make_program(argv[0]);
	frame_pointers();
	dwarf();
	truncated(argv[0]);
	return done_without_table();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * elfutils' libdw unwinds. It gets a copy of the registers and of the top of the stack, which a BPF
 * program took, and the files that the process has mapped. The layout of a process, which is these
 * files and their addresses, is kept: processes that were forked from one another have the same.
 */
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "callers.h"

#define MAX_LAYOUTS	16
#define MAX_MODULES	1024
#define NAMED_FRAMES	256 /* whose names are kept */
#define DWARF_REG_RA	16

/**
 * struct module - a file that a process has mapped
 * @path: its path, as /proc/PID/maps has it
 * @low: the first address
 * @high: the address behind the last one
 * @first_end: the address behind the end of its first mapping
 */
struct module {
	char *path;
	uint64_t low;
	uint64_t high;
	uint64_t first_end;
};

/* Registers and stack, as they were when a BPF program ran. */
struct sample {
	const struct cow_user_regs *regs;
	uint64_t start; /* address of @stack */
	const unsigned char *stack;
	size_t bytes;
	struct caller_frame *frame;
	size_t nr;
};

/**
 * struct layout - the files of a process, and where they are
 * @pid: a process that had this layout
 * @module: the files
 * @nr: their number
 * @dwfl: what libdw knows of them
 * @attached: libdw can unwind; false if it does not know the machine
 * @sample: what is being unwound
 * @named: frames by address, since to find a name takes long in a large program
 * @used: when it was used last
 */
struct layout {
	pid_t pid;
	struct module *module;
	size_t nr;
	Dwfl *dwfl;
	bool attached;
	struct sample sample;
	struct caller_frame *named;
	uint64_t used;
};

struct callers {
	struct layout layout[MAX_LAYOUTS];
	size_t nr;
	uint64_t uses;
};

/**
 * callers_new() - prepare to unwind
 *
 * Return: to be freed with callers_free(); NULL if memory runs out.
 */
struct callers *callers_new(void)
{
	return calloc(1, sizeof(struct callers));
}

static void free_modules(struct module *module, size_t nr)
{
	while (nr)
		free(module[--nr].path);
	free(module);
}

static void free_layout(struct layout *l)
{
	if (l->dwfl)
		dwfl_end(l->dwfl);
	free_modules(l->module, l->nr);
	free(l->named);
	*l = (struct layout){};
}

/**
 * callers_free() - free all that is kept
 * @u: from callers_new(), or NULL
 */
void callers_free(struct callers *u)
{
	if (!u)
		return;
	while (u->nr)
		free_layout(&u->layout[--u->nr]);
	free(u);
}

/* --- the files of a process -------------------------------------------------------------- */

/* Mappings of one file that follow one another are one module. Return false without memory. */
static bool add_mapping(struct layout *l, uint64_t start, uint64_t end, const char *path)
{
	struct module *m = l->nr ? &l->module[l->nr - 1] : NULL;

	if (m && !strcmp(m->path, path)) {
		m->high = end;
		return true;
	}
	m = reallocarray(l->module, l->nr + 1, sizeof(*m));
	if (!m)
		return false;
	l->module = m;
	m += l->nr;
	*m = (struct module){ strdup(path), start, end, end };
	l->nr += !!m->path;
	return m->path;
}

static bool read_layout(pid_t pid, struct layout *l)
{
	char path[PATH_MAX], line[PATH_MAX + 128];
	unsigned long long start, end;
	bool good = true;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	*l = (struct layout){ .pid = pid };
	while (f && good && l->nr < MAX_MODULES && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %*s %*s %*s %*s %4095[^\n]", &start, &end, path) == 3 &&
		    *path == '/')
			good = add_mapping(l, start, end, path);
	if (f)
		fclose(f);
	return good && l->nr;
}

static bool same_layout(const struct layout *a, const struct layout *b)
{
	size_t i;

	if (a->nr != b->nr)
		return false;
	for (i = 0; i < a->nr; i++)
		if (a->module[i].low != b->module[i].low ||
		    a->module[i].high != b->module[i].high ||
		    strcmp(a->module[i].path, b->module[i].path))
			return false;
	return true;
}

/*
 * Open the file that is mapped, and not what has this path now. The owner of the process chose it:
 * opening a device may have effects, and opening a FIFO would block, so only regular files.
 */
static int open_module(pid_t pid, const struct module *m, char *path, size_t size)
{
	struct stat st;

	snprintf(path, size, "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)m->low,
		 (unsigned long long)m->first_end);
	if (stat(path, &st))
		snprintf(path, size, "%s", m->path);
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int find_elf(Dwfl_Module *dwfl_module, void **userdata, const char *name, Dwarf_Addr base,
		    char **file_name, Elf **elf)
{
	const struct layout *l = *userdata;
	char path[PATH_MAX];
	size_t i;
	int fd;

	(void)dwfl_module;
	(void)name;
	(void)elf;
	for (i = 0; l && i < l->nr; i++) {
		if (l->module[i].low != base)
			continue;
		fd = open_module(l->pid, &l->module[i], path, sizeof(path));
		if (fd >= 0)
			*file_name = strdup(path);
		return fd;
	}
	return -1;
}

/* Unwind tables and symbols are in the file itself; look for no other file. */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)module;
	(void)userdata;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)found;
	return -1;
}

/* --- callbacks of libdw that read the sample -------------------------------------------------- */

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	const struct layout *l = arg;

	(void)dwfl;
	if (*thread)
		return 0;
	*thread = arg;
	return l->pid;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *word, void *arg)
{
	const struct sample *s = &((struct layout *)arg)->sample;
	uint64_t offset = address - s->start;

	(void)dwfl;
	if (offset > s->bytes || s->bytes - offset < sizeof(*word))
		return false;
	memcpy(word, s->stack + offset, sizeof(*word));
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct sample *s = &((struct layout *)arg)->sample;
	Dwarf_Word reg[DWARF_REG_RA + 1];
	size_t i;

	for (i = 0; i < DWARF_REG_RA; i++)
		reg[i] = s->regs->reg[i];
	reg[DWARF_REG_RA] = s->regs->ip;
	return dwfl_thread_state_registers(thread, 0, DWARF_REG_RA + 1, reg);
}

static int add_frame(Dwfl_Frame *state, void *arg)
{
	struct sample *s = &((struct layout *)arg)->sample;
	bool is_top;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(state, &pc, &is_top) || s->nr == MAX_CALLERS)
		return DWARF_CB_ABORT;
	/* A return address may be that of the next function, if the call does not return. */
	s->frame[s->nr++].address = is_top ? pc : pc - 1;
	return DWARF_CB_OK;
}

static void load_layout(struct layout *l)
{
	static const Dwfl_Thread_Callbacks threads = {
		.next_thread = next_thread,
		.memory_read = read_memory,
		.set_initial_registers = set_registers,
	};
	static const Dwfl_Callbacks files = {
		.find_elf = find_elf,
		.find_debuginfo = find_debuginfo,
	};
	Dwfl_Module *m;
	void **userdata;
	size_t i;

	l->dwfl = dwfl_begin(&files);
	if (!l->dwfl)
		return;
	dwfl_report_begin(l->dwfl);
	for (i = 0; i < l->nr; i++) {
		m = dwfl_report_module(l->dwfl, l->module[i].path, l->module[i].low,
				       l->module[i].high);
		if (m && dwfl_module_info(m, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
			*userdata = l;
	}
	dwfl_report_end(l->dwfl, NULL, NULL);
	l->attached = dwfl_attach_state(l->dwfl, NULL, l->pid, &threads, l);
}

/* The layout of a process, now; NULL if the process has exited. */
static struct layout *layout_of(struct callers *u, pid_t pid)
{
	struct layout now, *l, *oldest = u->layout;

	if (!read_layout(pid, &now)) {
		free_modules(now.module, now.nr);
		return NULL;
	}
	for (l = u->layout; l < u->layout + u->nr; l++) {
		if (same_layout(l, &now)) {
			free_modules(now.module, now.nr);
			return l;
		}
		if (l->used < oldest->used)
			oldest = l;
	}
	if (u->nr < MAX_LAYOUTS)
		oldest = &u->layout[u->nr++];
	else
		free_layout(oldest);
	*oldest = now;
	load_layout(oldest);
	return oldest;
}

static void find_name(struct layout *l, struct caller_frame *frame)
{
	Dwfl_Module *m = dwfl_addrmodule(l->dwfl, frame->address);
	const char *path, *slash, *function;
	Dwarf_Addr low;

	frame->offset = 0;
	frame->function[0] = '\0';
	frame->object[0] = '\0';
	path = m ? dwfl_module_info(m, NULL, &low, NULL, NULL, NULL, NULL, NULL) : NULL;
	if (!path)
		return;
	slash = strrchr(path, '/');
	snprintf(frame->object, sizeof(frame->object), "%s", slash ? slash + 1 : path);
	frame->offset = frame->address - low;
	function = dwfl_module_addrname(m, frame->address);
	if (function)
		snprintf(frame->function, sizeof(frame->function), "%s", function);
}

static void name_frame(struct layout *l, struct caller_frame *frame)
{
	struct caller_frame *named;

	if (!l->named)
		l->named = calloc(NAMED_FRAMES, sizeof(*named));
	if (!l->named) {
		find_name(l, frame);
		return;
	}
	named = &l->named[frame->address % NAMED_FRAMES];
	if (named->address != frame->address) {
		find_name(l, frame);
		*named = *frame;
	}
	*frame = *named;
}

/* Let libdw unwind. The first frame is that of the registers, if they can be used at all. */
static void unwind(struct layout *l)
{
	if (l->attached)
		dwfl_getthread_frames(l->dwfl, l->pid, add_frame, l);
}

/*
 * glibc's clone() and clone3() have no unwind tables where they call the kernel. But they have put
 * nothing on the stack: their return address is on its top. Unwind from there.
 */
static void unwind_from_caller(struct layout *l)
{
	struct sample *s = &l->sample;
	struct cow_user_regs caller = *s->regs;
	size_t top = s->nr;
	Dwarf_Word ip;

	if (!read_memory(l->dwfl, caller.reg[COW_REG_SP], &ip, l) || !dwfl_addrmodule(l->dwfl, ip))
		return;
	caller.ip = ip;
	caller.reg[COW_REG_SP] += sizeof(ip);
	s->regs = &caller;
	unwind(l);
	if (s->nr > top)
		s->frame[top].address--; /* a return address */
}

/**
 * callers_find() - find the functions on a user stack
 * @u: from callers_new()
 * @pid: the process, which must still live
 * @regs: its registers; none if @regs->ip is 0
 * @stack: a copy of its stack, from the page on that the stack pointer points to
 * @bytes: how much of it
 * @frame: result, the innermost first: MAX_CALLERS of them
 *
 * Unwinding ends where @stack ends, and in code without unwind tables.
 *
 * Return: how many frames were found; 0 if the process has exited.
 */
size_t callers_find(struct callers *u, pid_t pid, const struct cow_user_regs *regs,
		    const unsigned char *stack, size_t bytes, struct caller_frame *frame)
{
	struct layout *l = regs->ip ? layout_of(u, pid) : NULL;
	struct sample *s;
	size_t i;

	if (!l || !l->dwfl)
		return 0;
	l->pid = pid; /* files are opened when they are needed */
	l->used = ++u->uses;
	s = &l->sample;
	*s = (struct sample){
		.regs = regs,
		.start = regs->reg[COW_REG_SP] & ~(COWSTAT_PAGE_BYTES - 1),
		.stack = stack,
		.bytes = bytes,
		.frame = frame,
	};
	unwind(l);
	if (!s->nr)
		frame[s->nr++].address = regs->ip;
	if (s->nr == 1)
		unwind_from_caller(l);
	for (i = 0; i < s->nr; i++)
		name_frame(l, &frame[i]);
	return s->nr;
}

// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include <elfutils/libdwfl.h>
#include <elfutils/version.h>

#include "names.h"
#include "unwind.h"

/*
 * The frame of a trampoline of Python: `sub $8, %rsp; call *%rcx; add $8, %rsp; ret`. It has no
 * unwind tables and keeps no frame pointer.
 */
#define TRAMPOLINE_RETURN 8 /* where its return address is, from the stack pointer */
#define TRAMPOLINE_FRAME 16

#define MOST_PROGRAMS	32	/* whose tables are held in memory */

/**
 * struct program - what libdw knows of an address space
 * @version: of its list of files, from spaces_each_image()
 * @dwfl: its code
 * @used: when it was used last, a count
 */
struct program {
	uint64_t version;
	Dwfl *dwfl;
	uint64_t used;
};

/**
 * struct unwinder - state of unwinding
 * @spaces: address spaces
 * @program: those that were unwound last
 * @nr: how many
 * @uses: counts calls
 * @id: whose stack is being unwound
 * @sample: the stack
 * @reg: registers to begin with
 * @address: the instruction pointers found
 * @depth: how many
 * @made: registers of the first frame in code that the program made, whose caller may be wrong
 * @made_depth: number of frames up to that one; 0 if there was none
 */
struct unwinder {
	struct spaces *spaces;
	struct program program[MOST_PROGRAMS];
	size_t nr;
	uint64_t uses;
	struct space_id id;
	const struct cow_sample *sample;
	Dwarf_Word reg[COW_NR_REGISTERS];
	uint64_t *address;
	size_t depth;
	Dwarf_Word made[COW_NR_REGISTERS];
	size_t made_depth;
};

/* The tables that the program itself needs at run time are enough. */
static int no_debug(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		    const char *file_name, const char *link, GElf_Word crc, char **result)
{
	(void)module;
	(void)data;
	(void)name;
	(void)base;
	(void)file_name;
	(void)link;
	(void)crc;
	(void)result;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = image_no_elf,
	.find_debuginfo = no_debug,
	.section_address = dwfl_offline_section_address,
};

/* --- what libdw asks for ------------------------------------------------------------------ */

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl;
	if (*thread)
		return 0;
	*thread = arg;
	return 1;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	(void)dwfl;
	(void)tid;
	*thread = arg;
	return true;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *arg)
{
	const struct unwinder *u = arg;
	const struct cow_sample *s = u->sample;
	uint64_t start = s->reg[COW_RSP] & ~(COWSTAT_PAGE_BYTES - 1ULL);

	(void)dwfl;
	if (address < start || s->bytes < sizeof(*result) ||
	    address - start > s->bytes - sizeof(*result))
		return false;
	memcpy(result, s->stack + (address - start), sizeof(*result));
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	struct unwinder *u = arg;

	return dwfl_thread_state_registers(thread, 0, COW_NR_REGISTERS, u->reg);
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

/* Can a function return to this address? Also in code that the program made. */
static bool returns_to(const struct unwinder *u, uint64_t address, bool *is_made)
{
	struct code_place place;

	if (spaces_find(u->spaces, &u->id, address, UINT64_MAX, &place) != CODE_HERE)
		return false;
	*is_made = !place.image;
	return *is_made || image_returns_here(place.image, place.offset);
}

static int on_frame(Dwfl_Frame *frame, void *arg)
{
	struct unwinder *u = arg;
	bool is_made = false;
	Dwarf_Addr address;

	if (u->depth == UNWIND_DEPTH || !dwfl_frame_pc(frame, &address, NULL))
		return DWARF_CB_ABORT;
	/* Without tables, libdw takes the frame pointer for one, whatever it is. */
	if (u->made_depth && u->made_depth == u->depth && !returns_to(u, address, &is_made))
		return DWARF_CB_ABORT;
	if (!u->made_depth)
		returns_to(u, address, &is_made);
	u->address[u->depth++] = address;
	if (u->made_depth == u->depth - 1)
		u->made_depth = 0;
	if (!is_made)
		return DWARF_CB_OK;
#if _ELFUTILS_PREREQ(0, 188)
	for (unsigned int i = 0; i < COW_NR_REGISTERS; i++)
		if (dwfl_frame_reg(frame, i, &u->made[i]))
			u->made[i] = 0;
	u->made_depth = u->depth;
#endif
	return DWARF_CB_OK;
}

/* The last frame is one of code that the program made: is it a trampoline? Then leave it. */
static bool leave_trampoline(struct unwinder *u)
{
	Dwarf_Addr address, stack = u->made[COW_RSP];
	bool is_made;

	/* the innermost function is none: a trampoline calls others */
	if (u->depth < 2 || u->made_depth != u->depth || u->depth == UNWIND_DEPTH ||
	    !read_memory(NULL, stack + TRAMPOLINE_RETURN, &address, u) ||
	    !returns_to(u, address, &is_made) || is_made)
		return false;
	memcpy(u->reg, u->made, sizeof(u->reg));
	u->reg[COW_RSP] = stack + TRAMPOLINE_FRAME;
	u->reg[COW_RIP] = address;
	return true;
}

/*
 * glibc's clone() and clone3() have no unwind tables where they call the kernel. But they have put
 * nothing on the stack: their return address is on its top. Only a first frame can be such.
 */
static bool leave_system_call(struct unwinder *u)
{
	Dwarf_Addr address, stack = u->sample->reg[COW_RSP];
	bool is_made;

	if (u->depth != 1 || u->made_depth || !read_memory(NULL, stack, &address, u) ||
	    !returns_to(u, address, &is_made) || is_made)
		return false;
	u->reg[COW_RSP] = stack + sizeof(address);
	u->reg[COW_RIP] = address;
	return true;
}

/* --- programs -------------------------------------------------------------------------- */

static void report(uint64_t start, uint64_t offset, struct image *image, void *arg)
{
	uint64_t bias;

	if (image_bias(image, offset, &bias))
		image_report(image, arg, start - offset - bias);
}

/* The program of an address space; NULL if it is not known. */
static struct program *program_of(struct unwinder *u, const struct space_id *id)
{
	uint64_t version = spaces_each_image(u->spaces, id, NULL, NULL);
	struct program *p = NULL;
	size_t i;

	if (!version)
		return NULL;
	for (i = 0; i < u->nr; i++) {
		if (u->program[i].version == version) {
			u->program[i].used = ++u->uses;
			return &u->program[i];
		}
		if (!p || u->program[i].used < p->used)
			p = &u->program[i];
	}
	if (u->nr < MOST_PROGRAMS)
		p = &u->program[u->nr++];
	dwfl_end(p->dwfl);
	p->used = ++u->uses;
	p->version = version;
	p->dwfl = dwfl_begin(&callbacks);
	if (!p->dwfl)
		return p;
	dwfl_report_begin(p->dwfl);
	spaces_each_image(u->spaces, id, report, p->dwfl);
	dwfl_report_end(p->dwfl, NULL, NULL);
	if (!dwfl_attach_state(p->dwfl, NULL, 1, &thread_callbacks, u)) {
		dwfl_end(p->dwfl);
		p->dwfl = NULL;
	}
	return p;
}

/**
 * unwinder_new() - make ready to unwind
 * @spaces: address spaces; must outlive the result
 *
 * Return: to be freed with unwinder_free(). Ends the program if memory runs out.
 */
struct unwinder *unwinder_new(struct spaces *spaces)
{
	struct unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		err(EXIT_FAILURE, "symbols");
	u->spaces = spaces;
	return u;
}

/**
 * unwind() - the callers of a sample
 * @u: state
 * @id: the process, loaded with spaces_load(), and its program
 * @sample: its registers and stack
 * @address: result: instruction pointers, the innermost first: room for UNWIND_DEPTH
 * @complete: result: the outermost function was reached
 *
 * Code without tables, such as that of a JIT compiler, is unwound by its frame pointers; Python's
 * trampolines by what is known of them.
 *
 * Return: how many; at least one.
 */
size_t unwind(struct unwinder *u, const struct space_id *id, const struct cow_sample *sample,
	      uint64_t *address, bool *complete)
{
	const struct program *p = program_of(u, id);

	u->id = *id;
	u->sample = sample;
	for (size_t i = 0; i < COW_NR_REGISTERS; i++)
		u->reg[i] = sample->reg[i];
	u->address = address;
	u->depth = 0;
	*complete = false;
	if (p && p->dwfl) {
		do {
			u->made_depth = 0;
			*complete = !dwfl_getthread_frames(p->dwfl, 1, on_frame, u);
		} while (!*complete && (leave_trampoline(u) || leave_system_call(u)));
	}
	if (!u->depth)
		address[u->depth++] = sample->reg[COW_RIP];
	return u->depth;
}

/**
 * unwinder_free() - free the state of unwinding
 * @u: from unwinder_new(), or NULL
 */
void unwinder_free(struct unwinder *u)
{
	for (size_t i = 0; u && i < u->nr; i++)
		dwfl_end(u->program[i].dwfl);
	free(u);
}

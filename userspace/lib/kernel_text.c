// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_text.h"

#define KALLSYMS	"/proc/kallsyms"

/*
 * The functions and variables that callers may ask for. Parts of functions, such as NAME.cold, are
 * kept too.
 */
/* clang-format off */
static const char *const wanted[] = {
	"do_wp_page", "wp_page_copy", "hugetlb_wp", "do_huge_pmd_wp_page",
	"set_pte_range", "do_set_pte", "__replace_page", "uprobe_write_opcode", "copy_page_range",
	"folio_add_new_anon_rmap", "page_add_new_anon_rmap",
	"folio_add_lru_vma", "lru_cache_add_inactive_or_unevictable",
	"hugetlb_add_new_anon_rmap", "hugepage_add_new_anon_rmap",
	"ptep_clear_flush", "ptep_set_access_flags", "pmdp_set_access_flags", "__split_huge_pmd",
	"copy_process", "kernel_clone", "wake_up_new_task", "finish_fault",
	"zero_pfn", "zero_page_pfn", "vmemmap_base", "__per_cpu_offset",
};
/* clang-format on */

#define NR_WANTED	(sizeof(wanted) / sizeof(wanted[0]))
#define MAX_PARTS	64
#define TYPES		"tTwWbBdDrRvV" /* of functions and variables, as nm(1) has them */

struct part {
	const char *name; /* one of wanted[] */
	bool whole;	  /* the function itself, not a part like NAME.cold */
	struct cow_range range;
};

struct kernel_text {
	struct part part[MAX_PARTS];
	size_t nr;
};

static const char *wanted_name(const char *symbol, size_t len)
{
	for (size_t i = 0; i < NR_WANTED; i++)
		if (*wanted[i] == *symbol && !strncmp(wanted[i], symbol, len) && !wanted[i][len])
			return wanted[i];
	return NULL;
}

/*
 * A line is ADDRESS TYPE NAME. Lines are in the order of addresses. Symbols of modules have
 * [MODULE] behind the name and come last. A function ends where the next symbol begins.
 */
static void see_symbol(struct kernel_text *text, uint64_t address, const char *symbol)
{
	struct part *p = text->part + text->nr;
	const char *name;

	for (struct part *open = p; open-- > text->part && !open->range.size;)
		if (address > open->range.start)
			open->range.size = address - open->range.start;
	name = wanted_name(symbol, strcspn(symbol, "."));
	if (!name || text->nr == MAX_PARTS)
		return;
	p->name = name;
	p->whole = !strchr(symbol, '.');
	p->range.start = address;
	text->nr++;
}

static void read_symbols(FILE *f, struct kernel_text *text)
{
	char line[1024], *name;
	uint64_t address;

	while (fgets(line, sizeof(line), f)) {
		address = strtoull(line, &name, 16);
		if (name[0] != ' ' || !name[1] || name[2] != ' ')
			continue;
		if (strchr(name, '\t'))
			break;
		if (!strchr(TYPES, name[1]))
			continue;
		name += 3;
		name[strcspn(name, "\n")] = '\0';
		see_symbol(text, address, name);
	}
}

/**
 * kernel_text_read() - find the functions and variables in wanted[]
 *
 * Return: where they are, to be freed with kernel_text_free(); NULL with errno set.
 */
struct kernel_text *kernel_text_read(void)
{
	struct kernel_text *text = calloc(1, sizeof(*text));
	FILE *f = fopen(KALLSYMS, "re");

	if (text && f)
		read_symbols(f, text);
	if (!f) {
		free(text);
		text = NULL;
	} else {
		fclose(f);
	}
	return text;
}

/**
 * kernel_text_free() - give back what kernel_text_read() returned
 * @text: may be NULL
 */
void kernel_text_free(struct kernel_text *text)
{
	free(text);
}

static const struct part *part_of(const struct kernel_text *text, const char *name)
{
	for (size_t i = 0; i < text->nr; i++)
		if (text->part[i].whole && !strcmp(text->part[i].name, name))
			return &text->part[i];
	return NULL;
}

/**
 * kernel_text_has() - is there a function with exactly this name?
 * @text: from kernel_text_read()
 * @name: one of wanted[]
 *
 * Return: true if there is.
 */
bool kernel_text_has(const struct kernel_text *text, const char *name)
{
	return part_of(text, name);
}

/**
 * kernel_text_function() - find the function with exactly this name
 * @text: from kernel_text_read()
 * @name: one of wanted[]
 * @to: where it is, without parts that the compiler split off
 *
 * Return: false if there is none.
 */
bool kernel_text_function(const struct kernel_text *text, const char *name, struct cow_range *to)
{
	const struct part *p = part_of(text, name);

	if (p)
		*to = p->range;
	return p;
}

/**
 * kernel_text_variable() - find a variable
 * @text: from kernel_text_read()
 * @name: one of wanted[]
 *
 * Return: its address; 0 if there is none.
 */
uint64_t kernel_text_variable(const struct kernel_text *text, const char *name)
{
	const struct part *p = part_of(text, name);

	return p ? p->range.start : 0;
}

/**
 * kernel_text_ranges() - where functions are, and the parts that the compiler split off
 * @text: from kernel_text_read()
 * @names: of the functions, ending in NULL
 * @to: COW_MAX_RANGES of them; those that are not needed are not written
 *
 * Return: how many there are; more than COW_MAX_RANGES do not fit.
 */
size_t kernel_text_ranges(const struct kernel_text *text, const char *const *names,
			  struct cow_range *to)
{
	size_t nr = 0;

	for (; *names; names++)
		for (size_t i = 0; i < text->nr; i++)
			if (!strcmp(text->part[i].name, *names) && nr++ < COW_MAX_RANGES)
				to[nr - 1] = text->part[i].range;
	return nr;
}

/* The target of the `call` instruction at @at. */
static uint64_t call_target(const struct cow_range *function, const uint8_t *code, size_t at)
{
	int32_t relative;

	memcpy(&relative, code + at + 1, sizeof(relative));
	return function->start + at + 5 + (int64_t)relative;
}

static bool leads_to(const struct kernel_text *text, uint64_t target, const char *const *names)
{
	for (; *names; names++) {
		const struct part *p = part_of(text, *names);

		if (p && p->range.start == target)
			return true;
	}
	return false;
}

/**
 * kernel_text_call() - find the only call of a function in another one
 * @text: from kernel_text_read()
 * @function: where the caller is
 * @code: the caller's text
 * @callee: names of the called function; ends in NULL
 * @behind: offset of the instruction behind the call
 *
 * Return: 1; 0 when there is no such call; -EILSEQ when there are several, or the function is
 * too long.
 */
int kernel_text_call(const struct kernel_text *text, const struct cow_range *function,
		     const uint8_t *code, const char *const *callee, size_t *behind)
{
	size_t at, found = 0;

	if (function->size > COW_TEXT_BYTES)
		return -EILSEQ;
	for (at = 0; at + 5 <= function->size; at++) {
		if (code[at] != 0xe8 || !leads_to(text, call_target(function, code, at), callee))
			continue;
		if (found++)
			return -EILSEQ;
		*behind = at + 5;
	}
	return found;
}

/**
 * struct move - a `mov` of 64 bits into a register
 * @to: the register, by its number in x86 instructions
 * @from: where it comes from
 */
struct move {
	int to;
	struct call_site from;
};

enum { RSP = 4, RBP = 5, RSI = 6 };

/*
 * Decode a move. Between registers: REX 89 or 8b MODRM. From the stack: REX 8b MODRM with rbp as
 * the base, or with rsp, which takes one more byte. Return its length; 0 if it is another
 * instruction.
 */
static size_t decode_move(const uint8_t *code, struct move *move)
{
	uint8_t rex = code[0], mod = code[2] >> 6;
	int reg = (code[2] >> 3 & 7) | (rex & 4 ? 8 : 0), rm = (code[2] & 7) | (rex & 1 ? 8 : 0);
	size_t len = 3;
	int32_t wide;

	memset(move, 0, sizeof(*move));
	if ((rex & 0xf8) != 0x48 || (code[1] != 0x89 && code[1] != 0x8b))
		return 0;
	if (mod == 3) {
		move->to = code[1] == 0x89 ? rm : reg;
		move->from.base = code[1] == 0x89 ? reg : rm;
		return len;
	}
	if (code[1] != 0x8b || (rm != RSP && rm != RBP) || (rm == RBP && !mod))
		return 0;
	if (rm == RSP && code[len++] != 0x24) /* an index, too */
		return 0;
	move->to = reg;
	move->from.base = rm;
	move->from.in_memory = true;
	if (mod == 1)
		move->from.displacement = (int8_t)code[len++];
	if (mod == 2) {
		memcpy(&wide, code + len, sizeof(wide));
		move->from.displacement = wide;
		len += sizeof(wide);
	}
	return len;
}

/**
 * kernel_text_site() - the place behind the call by which a function adds an anonymous page
 * @text: from kernel_text_read()
 * @function: where it is
 * @code: its text
 * @site: what was found
 *
 * At this place, the arguments of folio_add_lru_vma(folio, vma) are loaded from callee-saved
 * registers or from the stack. Only this call reaches a kprobe at the first of these moves.
 *
 * Return: 1; 0 if there is no such call; -EILSEQ if there are several, or if other instructions
 * follow the call.
 */
int kernel_text_site(const struct kernel_text *text, const struct cow_range *function,
		     const uint8_t *code, struct call_site *site)
{
	static const char *const added[] = { "folio_add_new_anon_rmap", "page_add_new_anon_rmap",
					     NULL };
	static const char *const next[] = { "folio_add_lru_vma",
					    "lru_cache_add_inactive_or_unevictable", NULL };
	struct move move;
	bool known = false;
	size_t at, len;
	int found;

	memset(site, 0, sizeof(*site));
	found = kernel_text_call(text, function, code, added, &site->offset);
	if (found <= 0)
		return found;
	if (site->offset + 59 > function->size) /* decoding reads at most 59 bytes */
		return -EILSEQ;
	for (at = site->offset; (len = decode_move(code + at, &move)); at += len) {
		if (at - site->offset > 32)
			return -EILSEQ;
		if (move.to != RSI)
			continue;
		move.from.offset = site->offset;
		*site = move.from;
		known = true;
	}
	return known && code[at] == 0xe8 && leads_to(text, call_target(function, code, at), next) ?
		       1 :
		       -EILSEQ;
}

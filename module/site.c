// SPDX-License-Identifier: GPL-2.0
/*
 * Sites: places right behind a call, where a kprobe counts. When a function is hooked at its
 * entry, the calls of all its callers pay for the callback. If only a few callers count, it is
 * cheaper to put a kprobe right behind the call in each of them: no other caller reaches it.
 *
 * We look for the place in the text of the running kernel:
 *
 *	e8 rel32		call *_add_new_anon_rmap	the only call in this function
 *	4c 89 fe		mov  %r15,%rsi			the VMA; the kprobe is put here
 *	4c 89 f7		mov  %r14,%rdi			the folio
 *	e8 rel32		call ...			it adds the folio to the LRU
 *
 * The two moves set up the arguments of the next call, in either order. Their source is a
 * callee-saved register or the stack, so they tell us where the VMA and the folio are. They take
 * six bytes or more, so that the kernel can replace them by a jump: it then optimises the kprobe,
 * which costs 100 instructions. If the text of a kernel looks different, we put no kprobe, and
 * fault.c hooks the function itself.
 *
 * The return value of a function is also known right behind its call: fork.c uses this to see
 * forks that failed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kallsyms.h>
#include <linux/uaccess.h>

#include "hook.h"
#include "site.h"
#include "table.h"
#include "text.h"

#define BEHIND_BYTES	21	/* at least two of the longest moves and the opcode of the call */

/* The numbers by which instructions name registers. */
enum { RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7, R12 = 12, R13, R14, R15 };

struct preserved {
	unsigned int number;
	unsigned int offset;
};

static const struct preserved preserved[] __initconst = {
	{ RBX, offsetof(struct pt_regs, bx) },	{ RBP, offsetof(struct pt_regs, bp) },
	{ R12, offsetof(struct pt_regs, r12) }, { R13, offsetof(struct pt_regs, r13) },
	{ R14, offsetof(struct pt_regs, r14) }, { R15, offsetof(struct pt_regs, r15) },
};

static bool __init operand_in_register(struct site_operand *operand, unsigned int number)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(preserved); i++) {
		if (preserved[i].number == number) {
			*operand = (struct site_operand){ .offset = preserved[i].offset };
			return true;
		}
	}
	return false;
}

/*
 * Decode one move to %rdi or %rsi. Return its length, or 0 if it has none of these forms:
 *	REX.W 89 /r	mov %reg,%rdi		register to register
 *	REX.W 8b /r	mov disp(%rsp),%rdi	from the stack: SIB 0x24, displacement of 0, 8 or
 *						32 bits
 */
static unsigned int __init decode_move(const u8 *at, unsigned int *to, struct site_operand *operand)
{
	unsigned int mod = at[2] >> 6, reg = at[2] >> 3 & 7, rm = at[2] & 7;
	s32 displacement = 0;

	if (at[0] != 0x48 && at[0] != 0x4c)
		return 0;
	if (at[1] == 0x89 && mod == 3) {
		*to = rm;
		return operand_in_register(operand, reg | (at[0] & 4) << 1) ? 3 : 0;
	}
	if (at[0] != 0x48 || at[1] != 0x8b || mod == 3 || rm != RSP || at[3] != 0x24)
		return 0;
	if (mod == 1)
		displacement = (s8)at[4];
	else if (mod == 2)
		memcpy(&displacement, at + 4, sizeof(displacement));
	*to = reg;
	*operand = (struct site_operand){
		.offset = offsetof(struct pt_regs, sp),
		.on_stack = true,
		.displacement = displacement,
	};
	return mod == 0 ? 4 : mod == 1 ? 5 : 8;
}

/* Does the text behind the call at @at look as expected? If so, fill in the site. */
static bool __init decode_site(struct site *site, unsigned long at)
{
	unsigned int to, seen = 0, len, i;
	struct site_operand operand;
	u8 text[BEHIND_BYTES];
	const u8 *next = text;

	at += TEXT_CALL_BYTES;
	if (copy_from_kernel_nofault(text, (void *)at, sizeof(text)))
		return false;
	for (i = 0; i < 2; i++) {
		len = decode_move(next, &to, &operand);
		if (!len)
			return false;
		if (to == RSI)
			site->vma = operand;
		else if (to == RDI)
			site->folio = operand;
		seen |= BIT(to);
		next += len;
	}
	site->address = at;
	site->text = text[0];
	return seen == (BIT(RSI) | BIT(RDI)) && *next == TEXT_CALL;
}

/*
 * Find the only call of a function in a range of text. Return its address; 0 if there is none; 1
 * if there are several, or if the text cannot be read. A caller may skip the ENDBR.
 */
static unsigned long __init only_call(const struct hook_range *range, const struct hook *callee)
{
	unsigned long at, target, found = 0;
	u8 text[TEXT_CALL_BYTES];

	for (at = range->start; at + TEXT_CALL_BYTES <= range->start + range->size; at++) {
		if (copy_from_kernel_nofault(text, (void *)at, sizeof(text)))
			return 1;
		if (text[0] != TEXT_CALL)
			continue;
		target = text_target(at, text);
		if (target != callee->address && target != callee->address + TEXT_ENDBR_BYTES)
			continue;
		if (found)
			return 1;
		found = at;
	}
	return found;
}

/**
 * site_find_all() - find the places behind those calls of a function that count
 * @sites: an array of SITES_MAX, which this fills in; the caller sets the pre_handlers
 * @callee: a resolved hook; this searches all its ranges that count as one of @callee->found
 *
 * Return: the number of sites; 0 if the kernel's text is not as expected, and then the log says
 * where.
 */
int __init site_find_all(struct site *sites, const struct hook *callee)
{
	unsigned long wanted = 0, found = 0;
	unsigned int nr = 0;
	int i;

	for (i = 0; i < callee->nr_ranges; i++) {
		const struct hook_range *range = &callee->range[i];
		unsigned long call;

		if (!(callee->found & BIT(range->hook)))
			continue; /* the callers that make most of these calls are not known */
		call = only_call(range, callee);
		wanted |= BIT(range->hook);
		if (!call)
			continue;
		if (call == 1 || nr == SITES_MAX || !decode_site(&sites[nr], call)) {
			pr_notice("%ps() does not call %s() as expected: each call of that is hooked instead\n",
				  (void *)range->start, callee->function[0]);
			return 0;
		}
		sites[nr++].counts_as = range->hook;
		found |= BIT(range->hook);
	}
	if (found != wanted) {
		pr_notice("not all callers of %s() call it directly: each call is hooked instead\n",
			  callee->function[0]);
		return 0;
	}
	return nr;
}

/**
 * site_find_return() - find the place where a function returns to its only caller that counts
 * @site: this fills it in; the caller sets pre_handler and counts_as
 * @callee: a resolved hook; this searches all its ranges
 *
 * At that place the return value of @callee is still in %rax, whatever the next instructions do.
 *
 * Return: false if there is no such call, or several.
 */
bool __init site_find_return(struct site *site, const struct hook *callee)
{
	unsigned long call, found = 0;
	int i;

	for (i = 0; i < callee->nr_ranges; i++) {
		call = only_call(&callee->range[i], callee);
		if (call == 1 || (call && found))
			return false;
		found = call ?: found;
	}
	if (!found)
		return false;
	site->address = found + TEXT_CALL_BYTES;
	return !copy_from_kernel_nofault(&site->text, (void *)site->address, sizeof(site->text));
}

/**
 * site_arm_all() - register the kprobes
 * @sites: the sites, found and with their pre_handlers
 * @nr: how many
 *
 * The kernel optimises the kprobes a little later.
 *
 * Context: may sleep. The caller serialises arming and disarming.
 * Return: 0, or a negative error, and then none is armed.
 */
int site_arm_all(struct site *sites, unsigned int nr)
{
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		kprobe_pre_handler_t callback = sites[i].probe.pre_handler;

		/* start clean: an earlier registration has left its state in the kprobe */
		sites[i].probe = (struct kprobe){
			.addr = (kprobe_opcode_t *)sites[i].address,
			.pre_handler = callback,
		};
		err = register_kprobe(&sites[i].probe);
		if (err) {
			pr_err("kprobes refused %pS: %d\n", (void *)sites[i].address, err);
			site_disarm_all(sites, i);
			return err;
		}
		WRITE_ONCE(sites[i].armed, true);
	}
	return 0;
}

/**
 * site_disarm_all() - unregister the kprobes
 * @sites: the sites, armed or not
 * @nr: how many
 *
 * Context: may sleep. On return no callback is running and none will run.
 */
void site_disarm_all(struct site *sites, unsigned int nr)
{
	struct kprobe *probes[SITES_MAX];
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++) {
		if (sites[i].armed)
			probes[n++] = &sites[i].probe;
		WRITE_ONCE(sites[i].armed, false);
	}
	unregister_kprobes(probes, n); /* together: they wait for one grace period */
	for (i = 0; i < n; i++)
		atomic64_add(probes[i]->nmissed, &table.missed);
}

/*
 * Is the kprobe patched into the text? If root switches all kprobes off (debugfs,
 * kprobes/enabled), the kernel restores the original text.
 */
static bool site_is_reached(const struct site *site)
{
	u8 text;

	return !copy_from_kernel_nofault(&text, (void *)site->address, sizeof(text)) &&
	       text != site->text;
}

/**
 * site_mask() - what armed sites count
 * @sites: the sites
 * @nr: how many
 *
 * Return: a bit for each enum cowstat_hook whose sites are all patched into the text.
 */
unsigned long site_mask(const struct site *sites, unsigned int nr)
{
	unsigned long armed = 0, dead = 0;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (!READ_ONCE(sites[i].armed) || !site_is_reached(&sites[i]))
			dead |= BIT(sites[i].counts_as);
		else
			armed |= BIT(sites[i].counts_as);
	}
	return armed & ~dead;
}

/**
 * site_unreached() - what armed sites do not count, because they are not in the text
 * @sites: the sites
 * @nr: how many
 *
 * Return: a bit for each enum cowstat_hook that has an armed site which is not patched into the
 * text.
 */
unsigned long site_unreached(const struct site *sites, unsigned int nr)
{
	unsigned long unreached = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (READ_ONCE(sites[i].armed) && !site_is_reached(&sites[i]))
			unreached |= BIT(sites[i].counts_as);
	return unreached;
}

/**
 * site_missed() - calls that armed sites have missed
 * @sites: the sites
 * @nr: how many
 *
 * The kernel skips a kprobe's callback on a CPU that is running the callback of another one.
 *
 * Return: the number of calls missed since arming; earlier ones are in table.missed.
 */
u64 site_missed(const struct site *sites, unsigned int nr)
{
	unsigned int i;
	u64 missed = 0;

	for (i = 0; i < nr; i++)
		if (READ_ONCE(sites[i].armed))
			missed += READ_ONCE(sites[i].probe.nmissed);
	return missed;
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_SITE_H
#define COWSTAT_SITE_H

#include <linux/kprobes.h>
#include <linux/mm_types.h>
#include <linux/ptrace.h>

#include "uapi/cowstat.h"

struct hook;

#define SITES_MAX	4	/* the most calls of one function that can count */

/**
 * struct site_operand - where a pointer is when the probed place is reached
 * @offset: offset in struct pt_regs of the register that has the pointer; of the stack pointer
 *	if @on_stack
 * @on_stack: the pointer is in memory, @displacement bytes above the stack pointer
 * @displacement: as in @on_stack
 */
struct site_operand {
	unsigned int offset;
	bool on_stack;
	int displacement;
};

/**
 * struct site - the instruction behind one call of a kernel function, where a kprobe is put
 * @probe: the kprobe; its pre_handler is the callback
 * @address: the address of the instruction
 * @counts_as: what is counted when the instruction is reached
 * @vma: where the pointer to the VMA is; only set by site_find_all()
 * @folio: where the pointer to the folio is, up to 6.1 to the page; only set by site_find_all()
 * @text: the first byte there, before the kprobe
 * @armed: registered with kprobes
 *
 * Locking: written at load, and while the site is disarmed under control.c's mutex. The
 * callback reads it without a lock.
 */
struct site {
	struct kprobe probe;
	unsigned long address;
	enum cowstat_hook counts_as;
	struct site_operand vma, folio;
	u8 text;
	bool armed;
};

static __always_inline void *site_operand(const struct pt_regs *regs,
					  const struct site_operand *operand)
{
	unsigned long value = *(const unsigned long *)((const char *)regs + operand->offset);

	if (unlikely(operand->on_stack))
		return *(void **)(value + operand->displacement);
	return (void *)value;
}

/* The VMA that the probed code works on. */
static __always_inline struct vm_area_struct *site_vma(const struct site *site,
						       const struct pt_regs *regs)
{
	return site_operand(regs, &site->vma);
}

/* The folio that the probed code works on; up to 6.1 the page. A folio begins with its page. */
static __always_inline struct page *site_page(const struct site *site, const struct pt_regs *regs)
{
	return site_operand(regs, &site->folio);
}

int site_find_all(struct site *sites, const struct hook *callee);
bool site_find_return(struct site *site, const struct hook *callee);
int site_arm_all(struct site *sites, unsigned int nr);
void site_disarm_all(struct site *sites, unsigned int nr);
unsigned long site_mask(const struct site *sites, unsigned int nr);
unsigned long site_unreached(const struct site *sites, unsigned int nr);
u64 site_missed(const struct site *sites, unsigned int nr);

#endif /* COWSTAT_SITE_H */

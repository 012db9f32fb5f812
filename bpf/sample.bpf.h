/* SPDX-License-Identifier: GPL-2.0 */
/* A copy of the registers and of the stack of user code, to be unwound by DWARF. */
#ifndef COWSTAT_SAMPLE_BPF_H
#define COWSTAT_SAMPLE_BPF_H

#include "cow.bpf.h"

/*
 * Copy the registers and the top of the stack of current. The kernel keeps what the registers were
 * when current entered it.
 */
static __always_inline void sample_user(struct cow_sample *s)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct pt_regs *regs = (void *)bpf_task_pt_regs(me);
	u64 page;
	u32 i;

	s->reg[COW_RAX] = regs->ax;
	s->reg[COW_RDX] = regs->dx;
	s->reg[COW_RCX] = regs->cx;
	s->reg[COW_RBX] = regs->bx;
	s->reg[COW_RSI] = regs->si;
	s->reg[COW_RDI] = regs->di;
	s->reg[COW_RBP] = regs->bp;
	s->reg[COW_RSP] = regs->sp;
	s->reg[COW_R8] = regs->r8;
	s->reg[COW_R9] = regs->r9;
	s->reg[COW_R10] = regs->r10;
	s->reg[COW_R11] = regs->r11;
	s->reg[COW_R12] = regs->r12;
	s->reg[COW_R13] = regs->r13;
	s->reg[COW_R14] = regs->r14;
	s->reg[COW_R15] = regs->r15;
	s->reg[COW_RIP] = regs->ip;
	s->bytes = 0;
	page = regs->sp & ~(u64)(COWSTAT_PAGE_BYTES - 1);
	for (i = 0; i < COW_SAMPLE_PAGES; i++) {
		if (bpf_probe_read_user(s->stack + i * COWSTAT_PAGE_BYTES, COWSTAT_PAGE_BYTES,
					(void *)(page + i * COWSTAT_PAGE_BYTES)))
			break;
		s->bytes += COWSTAT_PAGE_BYTES;
	}
}

#endif /* COWSTAT_SAMPLE_BPF_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Does what a live patch of do_wp_page() does that matters to cowstat: taints the kernel as one,
 * and clears a page table entry by a call from its own text. The entry is put back.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include "compat.h"

static bool commit;
module_param(commit, bool, 0444);
MODULE_PARM_DESC(commit, "Clear an entry; else only taint the kernel");

typedef pte_t clear_flush_fn(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep);

static clear_flush_fn *find_clear_flush(void)
{
	/* ptep_clear_flush() is not exported, but a disabled kprobe finds its address. */
	struct kprobe probe = { .symbol_name = "ptep_clear_flush", .flags = KPROBE_FLAG_DISABLED };
	kprobe_opcode_t *at;

	if (register_kprobe(&probe))
		return NULL;
	at = probe.addr;
	unregister_kprobe(&probe);
	return (clear_flush_fn *)at;
}

/* A page of ours, written once. */
static unsigned long map_a_page(void)
{
	unsigned long at = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, 0);

	if (IS_ERR_VALUE(at) || put_user(1, (int __user *)at))
		return 0;
	return at;
}

/* The page table entry of an address; the page tables of our own mm stay while we look. */
static pte_t *entry_of(struct mm_struct *mm, unsigned long at)
{
	pgd_t *pgd = pgd_offset(mm, at);
	p4d_t *p4d = p4d_offset(pgd, at);
	pud_t *pud = pud_offset(p4d, at);
	pmd_t *pmd = pmd_offset(pud, at);

	return pmd_none(*pmd) || pmd_leaf(*pmd) ? NULL : pte_offset_kernel(pmd, at);
}

static int clear_and_restore(void)
{
	clear_flush_fn *clear_flush = find_clear_flush();
	struct mm_struct *mm = current->mm;
	unsigned long at = map_a_page();
	struct vm_area_struct *vma;
	int err = -ENOENT;
	pte_t *ptep, pte;

	if (!clear_flush || !at)
		return -ENOENT;
	mmap_write_lock(mm);
	vma = find_vma(mm, at);
	ptep = entry_of(mm, at);
	if (vma && ptep && pte_present(*ptep)) {
		preempt_disable();
		pte = clear_flush(vma, at, ptep);
		set_pte(ptep, pte);
		preempt_enable();
		err = 0;
	}
	mmap_write_unlock(mm);
	vm_munmap(at, PAGE_SIZE);
	return err;
}

static int __init livepatched_init(void)
{
	add_taint(TAINT_LIVEPATCH, LOCKDEP_STILL_OK);
	return commit ? clear_and_restore() : 0;
}

static void __exit livepatched_exit(void)
{
}

module_init(livepatched_init);
module_exit(livepatched_exit);

MODULE_DESCRIPTION("For tests: a kernel that is live-patched where it copies pages");
MODULE_AUTHOR("The cowstat authors");
MODULE_LICENSE("GPL");

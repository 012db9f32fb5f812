// SPDX-License-Identifier: GPL-2.0
/*
 * The fault path: which kernel function, called by which other function, commits which
 * outcome of a write-protect fault. No other file knows this.
 *
 * The kernel decides in do_wp_page() (mm/memory.c) and commits under the page-table
 * lock through a small global function of mm/pgtable-generic.c or
 * arch/x86/mm/pgtable.c. We count at the entry of that function. So a thread that loses a
 * race, runs out of memory or has to retry is never counted as having copied.
 *
 * Commits run under the page-table lock, except the split of a THP. The entries of huge
 * page faults do not, and on PREEMPT_RT any callback may be preempted. So nothing here
 * relies on the lock: rows are freed only with the module, and the owner of a foreign mm is
 * read under RCU. No callback calls a hooked function, so none needs a recursion guard.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "compat.h"
#include "counting.h"
#include "fault.h"
#include "fork.h"
#include "hook.h"
#include "owner.h"
#include "slot.h"
#include "table.h"
#include "timing.h"
#include "trace.h"
#include "vmf.h"

static struct hook set_access_flags, add_anon_rmap;

/* The frame of the shared zero page. KSM maps its zero pages there, too. */
static unsigned long shared_zero_pfn __ro_after_init;

/*
 * The rows of faults in other processes' memory, from entry to commit, by task that faults.
 * The process that pays may exit in between, and its mm then has no owner any more.
 */
static struct slots remotes;

/* The row of any fault; sets @remote when another process pays for it, or nobody. */
static struct row *row_of_payer(struct mm_struct *mm, bool make, bool *remote)
{
	struct task_struct *payer;
	struct row *row = &table.folded;

	*remote = true;
	rcu_read_lock();
	payer = payer_of_mm(mm);
	if (payer) {
		*remote = payer->signal != current->signal;
		row = table_row(payer, make);
	}
	rcu_read_unlock();
	return row;
}

/*
 * The row of current, for a fault in its own mm; NULL if it has none yet. A kernel thread
 * that borrows an mm has no row: table_birth() does not make one for it, and removes the
 * row of an earlier process that had the same signal_struct.
 */
static __always_inline struct row *row_of_current(const struct mm_struct *mm)
{
	return likely(current->mm == mm) ? table_find(current->signal) : NULL;
}

static void remote_remember(struct row *row)
{
	struct slot *slot = slot_claim(&remotes, current);

	if (!slot)
		return;		/* the commit then looks for the owner again */
	slot->value = (uintptr_t)row;
	slot->note = READ_ONCE(row->generation);
}

/* The row of the entry; @row if there was none, the `-` row if it has been given up since. */
static struct row *remote_recall(struct row *row)
{
	struct slot *slot = slot_find(&remotes, current);

	if (!slot)
		return row;
	row = (struct row *)(uintptr_t)slot->value;
	if (READ_ONCE(row->generation) != slot->note)
		row = &table.folded;
	slot_release(slot);
	return row;
}

/* Count an entry, or an event that has none; return the row of the process that pays. */
static noinline struct row *count_entry(struct mm_struct *mm, enum row_value entries)
{
	bool remote;
	struct row *row = row_of_payer(mm, true, &remote);

	row_count(row, entries);
	if (remote) {
		row_count(row, ROW_REMOTE);
		remote_remember(row);
	}
	if (row == &table.folded)
		atomic64_inc(&table.lost);
	return row;
}

/* Count the beginning of a fault, if it counts; return the row, or NULL. */
static struct row *count_fault(struct mm_struct *mm, enum row_value entries)
{
	return counting_is_steady() || counting_entry() ? count_entry(mm, entries) : NULL;
}

/* The row that a commit counts in: the one where the fault's entry was counted. */
static struct row *row_of_commit(struct mm_struct *mm)
{
	bool remote;
	struct row *row = row_of_payer(mm, false, &remote);

	return remote ? remote_recall(row) : row;
}

/* Does the commit by a caller count? */
static bool commit_counts(enum cowstat_hook caller)
{
	return caller != HOOK_NONE && (counting_is_steady() || counting_commit());
}

/*
 * Each hot callback is split in two. The fast half calls nothing, so it saves no registers.
 * The slow half handles everything else and takes the same arguments.
 */
static noinline void wp_fault_slow(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct vm_fault *vmf = (void *)compat_argument(fregs, 0);
	struct row *row = count_fault(vmf->vma->vm_mm, ROW_WP_ENTRIES);

	if (row && vmf->flags & FAULT_FLAG_UNSHARE)
		row_count(row, ROW_UNSHARED);
}

/* vm_fault_t do_wp_page(struct vm_fault *vmf) */
static void on_wp_fault(unsigned long ip, unsigned long parent_ip,
			struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct vm_fault *vmf = (void *)compat_argument(fregs, 0);
	struct row *row;

	if (!counting_is_steady())
		goto slow;
	row = row_of_current(vmf->vma->vm_mm);
	if (likely(row && !(vmf->flags & FAULT_FLAG_UNSHARE))) {
		row_count(row, ROW_WP_ENTRIES);
		return;
	}
slow:
	wp_fault_slow(ip, parent_ip, ops, fregs);
}

/*
 * An anonymous page's mapping is its anon_vma: that of the process that made it. A page whose
 * anon_vma is not the faulting area's own came from an ancestor. Only where a child's area
 * took over the anon_vma of an ancestor that is gone (anon_vma_clone()) do that ancestor's
 * pages look like the child's own.
 */
static __always_inline enum row_value copied_page_kind(const struct folio *folio,
						       const struct vm_area_struct *vma)
{
	unsigned long mapping = (unsigned long)READ_ONCE(folio->mapping);

	if (mapping == (unsigned long)vma->anon_vma + COMPAT_MAPPING_ANON)
		return ROW_OWN_COPIED;
	if (likely((mapping & COMPAT_MAPPING_FLAGS) == COMPAT_MAPPING_ANON))
		return ROW_INHERITED_COPIED;
	return folio_test_ksm((struct folio *)folio) ? ROW_KSM_COPIED : ROW_OTHER_COPIED;
}

/* What a page that is being replaced was: count its copy, in the column that is returned. */
static __always_inline enum cowstat_column count_copy(struct row *row, pte_t old,
						      const struct vm_area_struct *vma)
{
	unsigned long pfn = pte_pfn(old);
	struct folio *folio;

	if (unlikely(pfn == shared_zero_pfn)) {
		row_count(row, ROW_ZERO_FILLED);
		timing_note(COWSTAT_OUTCOME_ZERO_FILLED);
		return COWSTAT_COL_ZERO_FILLED;
	}
	folio = pte_special(old) ? NULL : page_folio(pfn_to_page(pfn));
	if (unlikely(!folio))
		row_count(row, ROW_OTHER_COPIED);	/* device memory, without a struct page */
	else
		row_count(row, copied_page_kind(folio, vma));
	timing_note(COWSTAT_OUTCOME_COPIED);
	return COWSTAT_COL_COPIED;
}

/* Count the copy of a hugetlb page, with its size; return the column. */
static enum cowstat_column count_huge_copy(struct row *row, struct vm_area_struct *vma)
{
	row_count(row, ROW_HUGETLB_COPIED);
	atomic64_add(huge_page_size(hstate_vma(vma)), &row->value[ROW_HUGETLB_BYTES]);
	return COWSTAT_COL_HUGETLB_COPIED;
}

/* pte_t ptep_clear_flush(...), from any caller */
static void on_clear_flush(unsigned long ip, unsigned long parent_ip,
			   struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	enum cowstat_hook caller = hook_caller_of(ops, parent_ip);
	enum cowstat_column outcome;
	struct vm_area_struct *vma;
	struct row *row;
	pte_t old;

	if (!commit_counts(caller))
		return;
	vma = (void *)compat_argument(fregs, 0);
	old = ptep_get((pte_t *)compat_argument(fregs, 2));
	row = row_of_commit(vma->vm_mm);
	outcome = caller == COWSTAT_HOOK_COPY ? count_copy(row, old, vma) :
						 count_huge_copy(row, vma);
	if (trace_cow_fault_enabled())
		event_old_frame(compat_argument(fregs, 1), outcome, pte_pfn(old));
}

static __always_inline enum cowstat_column count_reuse(struct row *row,
						       const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) {
		row_count(row, ROW_SHARED_WP);
		timing_note(COWSTAT_OUTCOME_SHARED_WP);
		return COWSTAT_COL_SHARED_WP;
	}
	row_count(row, ROW_REUSED);
	timing_note(COWSTAT_OUTCOME_REUSED);
	return COWSTAT_COL_REUSED;
}

static enum cowstat_column count_huge_reuse(struct row *row)
{
	row_count(row, ROW_HUGETLB_REUSED);
	return COWSTAT_COL_HUGETLB_REUSED;
}

/* int ptep_set_access_flags(...), from any caller */
static void on_set_access_flags(unsigned long ip, unsigned long parent_ip,
				struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct vm_area_struct *vma = (void *)compat_argument(fregs, 0);
	enum cowstat_hook caller = hook_caller_of(ops, parent_ip);
	enum cowstat_column outcome;
	struct row *row;

	if (!commit_counts(caller))
		return;
	row = row_of_commit(vma->vm_mm);
	outcome = caller == COWSTAT_HOOK_REUSE ? count_reuse(row, vma) : count_huge_reuse(row);
	if (trace_cow_fault_enabled()) {
		unsigned long pfn = pte_pfn(ptep_get((pte_t *)compat_argument(fregs, 2)));

		event_fault(vma, compat_argument(fregs, 1), outcome, pfn, pfn, 0);
	}
}

/*
 * pte_t ptep_clear_flush(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
 * int ptep_set_access_flags(struct vm_area_struct *vma, unsigned long addr,
 *			     pte_t *ptep, pte_t entry, int dirty)
 *
 * Rare functions share this ops; hook_dispatch() finds them by their address.
 */
static void on_commit(unsigned long ip, unsigned long parent_ip,
		      struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct vm_area_struct *vma = (void *)compat_argument(fregs, 0);
	struct row *row;

	if (!counting_is_steady() || trace_cow_fault_enabled())
		goto dispatch;
	if (likely(hook_call_is_first_expected(&clear_flush, parent_ip))) {
		row = row_of_current(vma->vm_mm);
		if (likely(row)) {
			count_copy(row, ptep_get((pte_t *)compat_argument(fregs, 2)), vma);
			return;
		}
	} else if (likely(hook_call_is_expected(&set_access_flags, parent_ip))) {
		row = row_of_current(vma->vm_mm);
		if (likely(row)) {
			count_reuse(row, vma);
			return;
		}
	}
dispatch:
	hook_dispatch(ip, parent_ip, ops, fregs);
}

/* vm_fault_t hugetlb_wp(...) */
static void on_hugetlb_fault(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct mm_struct *mm = vmf_or_vma_mm((void *)compat_argument(fregs, 0),
					     (void *)compat_argument(fregs, 1));

	if (mm)
		count_fault(mm, ROW_HUGETLB_ENTRIES);
	else
		atomic64_inc(&table.missed);
}

/* vm_fault_t do_huge_pmd_wp_page(struct vm_fault *vmf) */
static void on_thp_fault(unsigned long ip, unsigned long parent_ip,
			 struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	const struct vm_fault *vmf = (void *)compat_argument(fregs, 0);

	count_fault(vmf->vma->vm_mm, ROW_THP_ENTRIES);
}

/* Count the outcome of a THP fault. A split is an attempt: another task may win the race. */
static void thp_commit(const struct vm_area_struct *vma, unsigned long address, pmd_t *pmd,
		       enum row_value value, enum cowstat_column outcome)
{
	row_count(row_of_commit(vma->vm_mm), value);
	if (trace_cow_fault_enabled()) {
		pmd_t now = READ_ONCE(*pmd);
		unsigned long pfn = pmd_trans_huge(now) ? pmd_pfn(now) : 0;

		event_fault(vma, address, outcome, pfn, pfn, 0);
	}
}

/* void __split_huge_pmd(struct vm_area_struct *vma, pmd_t *pmd, unsigned long address, ...) */
static void on_split_huge_pmd(unsigned long ip, unsigned long parent_ip,
			      struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (commit_counts(hook_caller_of(ops, parent_ip)))
		thp_commit((void *)compat_argument(fregs, 0), compat_argument(fregs, 2),
			   (void *)compat_argument(fregs, 1), ROW_THP_SPLIT,
			   COWSTAT_COL_THP_SPLIT);
}

/* int pmdp_set_access_flags(struct vm_area_struct *vma, unsigned long address, pmd_t *pmd, ...) */
static void on_pmdp_set_access_flags(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (commit_counts(hook_caller_of(ops, parent_ip)))
		thp_commit((void *)compat_argument(fregs, 0), compat_argument(fregs, 1),
			   (void *)compat_argument(fregs, 2), ROW_THP_REUSED,
			   COWSTAT_COL_THP_REUSED);
}

static noinline void add_anon_rmap_slow(unsigned long ip, unsigned long parent_ip,
					struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct page *page = (void *)compat_argument(fregs, 0);
	struct vm_area_struct *vma = (void *)compat_argument(fregs, 1);
	unsigned long address = compat_argument(fregs, 2);
	enum cowstat_hook caller = hook_caller_of(ops, parent_ip);
	enum cowstat_column outcome;

	if (caller != HOOK_NONE && !counting_is_steady() && !counting_event())
		return;
	switch (caller) {
	case COWSTAT_HOOK_PINNED:
		row_count(table_row(current, true), ROW_FORK_COPIED);
		fork_copied();
		outcome = COWSTAT_COL_FORK_COPIED;
		break;
	case COWSTAT_HOOK_FILE:
		count_entry(vma->vm_mm, ROW_FILE_COPIED);
		outcome = COWSTAT_COL_FILE_COPIED;
		break;
	default:
		if (trace_cow_fault_enabled())
			event_new_frame(vma, address, page);
		return;
	}
	if (trace_cow_fault_enabled())
		event_fault(vma, address, outcome, 0, page_to_pfn(page), PAGE_SIZE);
}

/*
 * void folio_add_new_anon_rmap(struct folio *folio, struct vm_area_struct *vma,
 *				unsigned long address, ...)
 *
 * Counts the copy of a private file page, which no other hook sees, and the copy of a pinned
 * page by fork: the parent pays for it, though the mm is the new child's. Most calls are
 * neither, and are expected: first touches, and copies that are already counted.
 */
static void on_add_anon_rmap(unsigned long ip, unsigned long parent_ip,
			     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (unlikely(!hook_call_is_expected(&add_anon_rmap, parent_ip)) ||
	    trace_cow_fault_enabled())
		add_anon_rmap_slow(ip, parent_ip, ops, fregs);
}

/*
 * void hugetlb_add_new_anon_rmap(struct folio *folio, struct vm_area_struct *vma,
 *				  unsigned long address)
 *
 * Counts nothing; the tracepoint needs the new frame of a hugetlb page's copy.
 */
static void on_hugetlb_add_rmap(unsigned long ip, unsigned long parent_ip,
				struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	if (trace_cow_fault_enabled())
		event_new_frame((void *)compat_argument(fregs, 1), compat_argument(fregs, 2),
				(void *)compat_argument(fregs, 0));
}

/* A fault begins. Armed first and disarmed last, so that every commit has an entry. */
static struct hook wp_fault = {
	.ops.func	= on_wp_fault,
	.function	= { "do_wp_page" },
	.counts_as	= COWSTAT_HOOK_WP,
	.required	= true,
};

/*
 * A new frame replaces the old one. wp_page_copy() is a separate function in 6.1, and
 * inlined into do_wp_page() in 6.12 and 7.2.
 */
struct hook clear_flush = {
	.ops.func	= on_commit,
	.call		= on_clear_flush,
	.function	= { "ptep_clear_flush" },
	.callers	= {
		{ "wp_page_copy",	COWSTAT_HOOK_COPY },
		{ "do_wp_page",		COWSTAT_HOOK_COPY },
		{ "hugetlb_wp",		COWSTAT_HOOK_HUGETLB },
	},
	.expected	= COWSTAT_HOOK_COPY,
	.required	= true,
};

/*
 * The same frame becomes writable. The compiler may inline wp_page_reuse() into any of
 * these callers; finish_mkwrite_fault() completes the fault of a shared file page. On x86
 * do_wp_page() calls the function for no other reason: the call in __wp_page_copy_user() is
 * for CPUs that do not set the accessed bit.
 */
static struct hook set_access_flags = {
	.shares_ops	= &clear_flush,
	.call		= on_set_access_flags,
	.function	= { "ptep_set_access_flags" },
	.callers	= {
		{ "wp_page_reuse",		COWSTAT_HOOK_REUSE },
		{ "do_wp_page",			COWSTAT_HOOK_REUSE },
		{ "wp_page_shared",		COWSTAT_HOOK_REUSE },
		{ "wp_pfn_shared",		COWSTAT_HOOK_REUSE },
		{ "finish_mkwrite_fault",	COWSTAT_HOOK_REUSE },
		{ "hugetlb_wp",			COWSTAT_HOOK_HUGETLB },
		{ "set_huge_ptep_writable",	COWSTAT_HOOK_HUGETLB },
	},
	.expected	= COWSTAT_HOOK_REUSE,
	.required	= true,
};

static struct hook hugetlb_fault_entry = {
	.shares_ops	= &clear_flush,
	.call		= on_hugetlb_fault,
	.function	= { "hugetlb_wp" },
	.counts_as	= COWSTAT_HOOK_HUGETLB,
};

static struct hook hugetlb_add_rmap = {
	.shares_ops	= &clear_flush,
	.call		= on_hugetlb_add_rmap,
	.function	= { "hugetlb_add_new_anon_rmap", "hugepage_add_new_anon_rmap" },
	.callers	= { { "hugetlb_wp", COWSTAT_HOOK_HUGETLB } },
	.counts_nothing	= true,
};

static struct hook thp_fault = {
	.shares_ops	= &clear_flush,
	.call		= on_thp_fault,
	.function	= { "do_huge_pmd_wp_page" },
	.counts_as	= COWSTAT_HOOK_THP,
};

/*
 * The only outcome that is counted as an attempt, without the page-table lock: the function
 * that splits under the lock has many other callers. A private file THP is split by
 * __handle_mm_fault() and never enters do_huge_pmd_wp_page().
 */
static struct hook thp_split = {
	.shares_ops	= &clear_flush,
	.call		= on_split_huge_pmd,
	.function	= { "__split_huge_pmd" },
	.callers	= { { "do_huge_pmd_wp_page", COWSTAT_HOOK_THP } },
};

static struct hook thp_reuse = {
	.shares_ops	= &clear_flush,
	.call		= on_pmdp_set_access_flags,
	.function	= { "pmdp_set_access_flags" },
	.callers	= { { "do_huge_pmd_wp_page", COWSTAT_HOOK_THP } },
};

/*
 * A new anonymous page is mapped. set_pte_range() (do_set_pte() in 6.1) calls the function
 * only for the copy of a private file page; copy_page_range() only for pinned pages. Compilers
 * usually inline the rest of fork's copying into it, but need not.
 */
static struct hook add_anon_rmap = {
	.ops.func	= on_add_anon_rmap,
	.function	= { "folio_add_new_anon_rmap", "page_add_new_anon_rmap" },
	.callers	= {
		{ "set_pte_range",	COWSTAT_HOOK_FILE },
		{ "do_set_pte",		COWSTAT_HOOK_FILE },
		{ "__replace_page",	COWSTAT_HOOK_FILE },
		{ "uprobe_write_opcode", COWSTAT_HOOK_FILE },
		{ "copy_page_range",	COWSTAT_HOOK_PINNED },
		{ "copy_pte_range",	COWSTAT_HOOK_PINNED },
		{ "copy_present_pte",	COWSTAT_HOOK_PINNED },
		{ "copy_present_ptes",	COWSTAT_HOOK_PINNED },
		{ "copy_present_page",	COWSTAT_HOOK_PINNED },
	},
	.expected	= HOOK_NONE,
};

struct hook *const fault_hooks[] = {
	&wp_fault,
	&add_anon_rmap,		/* before clear_flush, whose copies it reports */
	&hugetlb_fault_entry,
	&hugetlb_add_rmap,
	&thp_fault,
	&clear_flush,
	&set_access_flags,
	&thp_split,
	&thp_reuse,
	&fork_entry,
	NULL
};

/**
 * fault_entry() - which function handles a write-protect fault
 *
 * Return: the address of do_wp_page().
 */
unsigned long fault_entry(void)
{
	return wp_fault.address;
}

/**
 * fault_init() - find the zero page, and the hooks that this machine cannot need
 *
 * Not every kernel exports zero_pfn, but all export the page that ZERO_PAGE() returns.
 *
 * Return: a bit for each enum cowstat_hook that can count nothing here. A machine without
 * 2 MB pages (the PSE feature) has no huge pages of any kind.
 */
unsigned long __init fault_init(void)
{
	unsigned long absent = 0;

	shared_zero_pfn = page_to_pfn(ZERO_PAGE(0));
	if (!has_transparent_hugepage())
		absent |= BIT(COWSTAT_HOOK_THP);
	if (!hugepages_supported())
		absent |= BIT(COWSTAT_HOOK_HUGETLB);
	if (absent)
		pr_notice("this machine has no huge pages: thp_* and hugetlb_* print \"-\"\n");
	return absent;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The fault path: which kernel function, called by which other function, commits which
 * outcome of a write-protect fault. No other file knows this.
 *
 * The kernel decides in do_wp_page() (mm/memory.c). It commits the outcome under the page-table
 * lock, in a small global function of mm/pgtable-generic.c or arch/x86/mm/pgtable.c. We count
 * at the entry of that function. So a thread that loses a race, runs out of memory or has to
 * retry is never counted as having copied.
 *
 * Commits run under the page-table lock, except the split of a THP. Entries of huge page faults
 * run without it, and on PREEMPT_RT any callback may be preempted. So no callback relies on
 * the lock: rows are freed only with the module, and the owner of a foreign mm is read under
 * RCU. No callback calls a hooked function, so none needs a recursion guard.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hugetlb.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "compat.h"
#include "counting.h"
#include "fault.h"
#include "fork.h"
#include "hook.h"
#include "owner.h"
#include "site.h"
#include "slot.h"
#include "table.h"
#include "timing.h"
#include "trace.h"
#include "vmf.h"

static struct hook set_access_flags, add_anon_rmap;

/*
 * The places where kprobes count what add_anon_rmap would count otherwise. There are none if
 * the kernel's text is not as expected.
 */
static struct site sites[SITES_MAX];
static unsigned int nr_sites __ro_after_init;

static bool sites_count; /* the kprobes at the sites are armed */

/*
 * A bit for each enum cowstat_hook whose events may have gone uncounted since the last reset.
 * See fault_unknown().
 */
static atomic_long_t unknown = ATOMIC_LONG_INIT(0);

/* Why add_anon_rmap is armed: a bit for each enum fault_rmap_use. Under control.c's mutex. */
static unsigned long rmap_uses;

/*
 * On while each event counts and callbacks do nothing but count. Off while fault_set_slow() has
 * recorded a reason for more work.
 */
static DEFINE_STATIC_KEY_FALSE(only_counts_key);

/* On while callbacks only count, and time by a clock that they read without a function call. */
static DEFINE_STATIC_KEY_FALSE(only_times_key);

/*
 * Not inlined, and called by the standard calling convention. Otherwise GCC moves arguments
 * around in the caller.
 */
#define noipa	__attribute__((noipa))

static __always_inline bool fault_only_counts(void)
{
	return static_branch_likely(&only_counts_key);
}

static __always_inline bool fault_only_times(void)
{
	return static_branch_likely(&only_times_key);
}

/* The frame of the shared zero page. KSM maps pages of zeros to it, too. */
static unsigned long shared_zero_pfn __ro_after_init;

/*
 * For faults in another process's memory: the row, kept from entry to commit in a slot of the
 * task that faults. The process that pays may exit in between, and then its mm has no owner.
 */
static struct slots remotes;

/* Find the row of any fault. Sets @remote if another process pays, or if nobody does. */
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
 * The row of current, if it faults in its own mm and its process was the last to fault on this
 * CPU; else NULL. A kernel thread that borrows an mm has no row: table_birth() makes none for
 * it, and removes the row of an earlier process that had the same signal_struct.
 */
static __always_inline struct row *row_of_current(const struct mm_struct *mm)
{
	return likely(current->mm == mm) ? table_find_recent(current->signal) : NULL;
}

/* The same, also if another process faulted last on this CPU. NULL if current has no row yet. */
static __always_inline struct row *row_of_current_again(const struct mm_struct *mm)
{
	struct row *row = row_of_current(mm);

	if (likely(row) || current->mm != mm)
		return row;
	row = table_find(current->signal);
	if (row)
		this_cpu_write(recent_row, row);
	return row;
}

static void remote_remember(struct row *row)
{
	struct slot *slot = slot_claim(&remotes, current);

	if (!slot)
		return; /* the commit then looks for the owner again */
	slot->value = (uintptr_t)row;
	slot->note = READ_ONCE(row->generation);
}

/*
 * The row that remote_remember() kept at the entry; @row if it kept none; the `-` row if the
 * kept row has been recycled since.
 */
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

/* Count an entry, or an event without a separate entry; return the row of the payer. */
static noinline struct row *count_entry(struct mm_struct *mm, enum row_value entries)
{
	bool remote;
	struct row *row = row_of_payer(mm, true, &remote);

	row_count(row, entries);
	if (remote) {
		row_count(row, ROW_REMOTE);
		remote_remember(row);
	} else if (current->mm == mm) {
		this_cpu_write(recent_row, row);
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

/* Does a commit by this caller count? */
static bool commit_counts(enum cowstat_hook caller)
{
	return caller != HOOK_NONE && (counting_is_steady() || counting_commit());
}

/*
 * Each hot callback is split in two. The fast half handles a fault of the process that last
 * faulted on this CPU: it counts it, and times it. It calls no function, so the compiler saves
 * no registers. The slow half takes the same arguments and handles everything else.
 */
static noipa void wp_fault_rare(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	const struct vm_fault *vmf = (void *)compat_argument(fregs, 0);
	struct row *row = count_fault(vmf->vma->vm_mm, ROW_WP_ENTRIES);

	if (row && vmf->flags & COMPAT_FAULT_UNSHARE)
		row_count(row, ROW_UNSHARED);
	if (timing_is_on())
		timing_begin(timing_clock());
}

/* Another process has faulted on this CPU in between. This half calls no function either. */
static noipa void wp_fault_slow(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	const struct vm_fault *vmf = (void *)compat_argument(fregs, 0);
	struct row *row = row_of_current_again(vmf->vma->vm_mm);

	if (unlikely(!row || vmf->flags & COMPAT_FAULT_UNSHARE || timing_is_on() ||
		     !counting_is_steady()))
		wp_fault_rare(ip, parent_ip, ops, fregs);
	else
		row_count(row, ROW_WP_ENTRIES);
}

/* vm_fault_t do_wp_page(struct vm_fault *vmf) */
static void on_wp_fault(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			struct ftrace_regs *fregs)
{
	const struct vm_fault *vmf = (void *)compat_argument(fregs, 0);
	struct row *row;

	if (!fault_only_counts())
		goto time;
	row = row_of_current(vmf->vma->vm_mm);
	if (unlikely(!row || vmf->flags & COMPAT_FAULT_UNSHARE))
		goto slow;
	row_count(row, ROW_WP_ENTRIES);
	return;
time:
	if (!fault_only_times())
		goto slow;
	row = row_of_current(vmf->vma->vm_mm);
	if (unlikely(!row || vmf->flags & COMPAT_FAULT_UNSHARE))
		goto slow;
	row_count(row, ROW_WP_ENTRIES);
	timing_begin(rdtsc());
	return;
slow:
	wp_fault_slow(ip, parent_ip, ops, fregs);
}

/* Count the copy of any page but a small anonymous one. Inline, to avoid a function call. */
static __always_inline enum cowstat_column count_other_copy(struct row *row, pte_t old,
							    const struct vm_area_struct *vma)
{
	unsigned long pfn = pte_pfn(old);
	unsigned long mapping;
	struct folio *folio;

	if (pfn == shared_zero_pfn) {
		row_count(row, ROW_ZERO_FILLED);
		return COWSTAT_COL_ZERO_FILLED;
	}
	/* no folio: device memory without a struct page */
	folio = pte_special(old) ? NULL : page_folio(pfn_to_page(pfn));
	mapping = folio ? (unsigned long)folio->mapping : 0;
	if ((mapping & COMPAT_MAPPING_FLAGS) == COMPAT_MAPPING_ANON)
		row_count(row, mapping - COMPAT_MAPPING_ANON == (unsigned long)vma->anon_vma ?
				       ROW_OWN_COPIED :
				       ROW_INHERITED_COPIED);
	else
		row_count(row, (mapping & COMPAT_MAPPING_FLAGS) == COMPAT_MAPPING_KSM ?
				       ROW_KSM_COPIED :
				       ROW_OTHER_COPIED);
	return COWSTAT_COL_COPIED;
}

/*
 * Count the copy of a small anonymous page; return false if the page is not one.
 *
 * The mapping of an anonymous page is the anon_vma of the process that made the page. If it is
 * not the anon_vma of the faulting VMA, the page came from an ancestor. There is one exception:
 * a child's VMA may reuse the anon_vma of an ancestor that is gone (anon_vma_clone()). Then
 * that ancestor's pages look like the child's own.
 *
 * This reads the page itself and does not look up its folio. A tail page of a larger folio keeps
 * other data in place of the mapping, but never the address of an anon_vma. And its link to the
 * folio has the low bit set, where other pages have the aligned pointer of a list.
 */
static __always_inline bool count_anon_copy(struct row *row, pte_t old,
					    const struct vm_area_struct *vma)
{
	const struct folio *page;
	unsigned long anon_vma;

	if (unlikely(pte_special(old)))
		return false;
	/* not pte_pfn(): the PTE is present, so its frame is not inverted (L1TF) */
	page = (const void *)pfn_to_page((pte_val(old) & PTE_PFN_MASK) >> PAGE_SHIFT);
	anon_vma = (unsigned long)READ_ONCE(page->mapping) - COMPAT_MAPPING_ANON;
	if (anon_vma == (unsigned long)vma->anon_vma) {
		row_count(row, ROW_OWN_COPIED);
		return true;
	}
	if (unlikely((anon_vma | (unsigned long)READ_ONCE(page->lru.next)) & COMPAT_MAPPING_FLAGS))
		return false;
	row_count(row, ROW_INHERITED_COPIED);
	return true;
}

/* Count the copy of a page by what the page was; return the column. */
static __always_inline enum cowstat_column count_copy(struct row *row, pte_t old,
						      const struct vm_area_struct *vma)
{
	return likely(count_anon_copy(row, old, vma)) ? COWSTAT_COL_COPIED :
							count_other_copy(row, old, vma);
}

/* Count the copy of a hugetlb page, with its size; return the column. */
static enum cowstat_column count_huge_copy(struct row *row, struct vm_area_struct *vma)
{
	row_count(row, ROW_HUGETLB_COPIED);
	atomic64_add(huge_page_size(hstate_vma(vma)), &row->value[ROW_HUGETLB_BYTES]);
	return COWSTAT_COL_HUGETLB_COPIED;
}

/* pte_t ptep_clear_flush(...), from any caller */
static void on_clear_flush(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			   struct ftrace_regs *fregs)
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
	if (caller == COWSTAT_HOOK_HUGETLB) {
		outcome = count_huge_copy(row, vma);
	} else {
		outcome = count_copy(row, old, vma);
		if (timing_is_on())
			timing_flush((outcome == COWSTAT_COL_ZERO_FILLED ? TIMING_ZERO_PAGE : 0) |
					     TIMING_REMOTE,
				     timing_clock());
	}
	if (!trace_cow_fault_enabled())
		return;
	if (caller == COWSTAT_HOOK_HUGETLB || READ_ONCE(add_anon_rmap.armed))
		event_old_frame(compat_argument(fregs, 1), outcome, pte_pfn(old));
	else /* no hook will see the new frame, so report now */
		event_fault(vma, compat_argument(fregs, 1), outcome, pte_pfn(old), 0,
			    outcome == COWSTAT_COL_COPIED ? PAGE_SIZE : 0);
}

static __always_inline enum cowstat_column count_reuse(struct row *row,
						       const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) {
		row_count(row, ROW_SHARED_WP);
		return COWSTAT_COL_SHARED_WP;
	}
	row_count(row, ROW_REUSED);
	return COWSTAT_COL_REUSED;
}

static enum cowstat_column count_huge_reuse(struct row *row)
{
	row_count(row, ROW_HUGETLB_REUSED);
	return COWSTAT_COL_HUGETLB_REUSED;
}

/* int ptep_set_access_flags(...), from any caller */
static void on_set_access_flags(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	const struct vm_area_struct *vma = (void *)compat_argument(fregs, 0);
	enum cowstat_hook caller = hook_caller_of(ops, parent_ip);
	enum cowstat_column outcome;
	struct row *row;

	if (!commit_counts(caller))
		return;
	row = row_of_commit(vma->vm_mm);
	if (caller == COWSTAT_HOOK_HUGETLB) {
		outcome = count_huge_reuse(row);
	} else {
		outcome = count_reuse(row, vma);
		if (timing_is_on())
			timing_reuse(row, outcome == COWSTAT_COL_SHARED_WP, timing_clock());
	}
	if (trace_cow_fault_enabled()) {
		unsigned long pfn = pte_pfn(ptep_get((pte_t *)compat_argument(fregs, 2)));

		event_fault(vma, compat_argument(fregs, 1), outcome, pfn, pfn, 0);
	}
}

/*
 * on_commit() while timing is on. A function of its own: inlined there it would make the
 * compiler save more registers.
 */
static noipa void commit_timed(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			       struct ftrace_regs *fregs)
{
	const struct vm_area_struct *vma = (void *)compat_argument(fregs, 0);
	enum cowstat_column outcome;
	struct row *row;

	if (!fault_only_times())
		goto slow;
	if (likely(hook_call_is_first_expected(&clear_flush, parent_ip))) {
		row = row_of_current(vma->vm_mm);
		if (unlikely(!row))
			goto slow;
		if (unlikely(!count_anon_copy(row, ptep_get((pte_t *)compat_argument(fregs, 2)),
					      vma)))
			goto slow;
		timing_flush(0, rdtsc());
		return;
	}
	if (likely(hook_call_is_expected(&set_access_flags, parent_ip))) {
		row = row_of_current(vma->vm_mm);
		if (unlikely(!row))
			goto slow;
		outcome = count_reuse(row, vma);
		timing_reuse(row, outcome == COWSTAT_COL_SHARED_WP, rdtsc());
		return;
	}
slow:
	hook_dispatch(ip, parent_ip, ops, fregs);
}

/*
 * pte_t ptep_clear_flush(struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)
 * int ptep_set_access_flags(struct vm_area_struct *vma, unsigned long addr,
 *			     pte_t *ptep, pte_t entry, int dirty)
 *
 * Rarely called functions share this ops; hook_dispatch() finds their hooks by address. A commit
 * follows its entry at once and nearly always on the same CPU, where the entry has cached the
 * row in recent_row.
 */
static void on_commit(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
		      struct ftrace_regs *fregs)
{
	const struct vm_area_struct *vma = (void *)compat_argument(fregs, 0);
	struct row *row;

	if (!fault_only_counts())
		goto slow;
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
slow:
	commit_timed(ip, parent_ip, ops, fregs);
}

/* vm_fault_t hugetlb_wp(...) */
static void on_hugetlb_fault(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	struct mm_struct *mm = vmf_or_vma_mm((void *)compat_argument(fregs, 0),
					     (void *)compat_argument(fregs, 1));

	if (mm)
		count_fault(mm, ROW_HUGETLB_ENTRIES);
	else
		atomic64_inc(&table.missed);
}

/* vm_fault_t do_huge_pmd_wp_page(struct vm_fault *vmf) */
static void on_thp_fault(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			 struct ftrace_regs *fregs)
{
	const struct vm_fault *vmf = (void *)compat_argument(fregs, 0);

	count_fault(vmf->vma->vm_mm, ROW_THP_ENTRIES);
}

/* Count the outcome of a THP fault. A split may still fail: another task may win the race. */
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
static void on_split_huge_pmd(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			      struct ftrace_regs *fregs)
{
	if (commit_counts(hook_caller_of(ops, parent_ip)))
		thp_commit((void *)compat_argument(fregs, 0), compat_argument(fregs, 2),
			   (void *)compat_argument(fregs, 1), ROW_THP_SPLIT, COWSTAT_COL_THP_SPLIT);
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

/* Count the copy of a private file page. Its fault has no other event: no separate entry. */
static void count_file_copy(struct vm_area_struct *vma, unsigned long address, struct page *page)
{
	if (!counting_is_steady() && !counting_event())
		return;
	count_entry(vma->vm_mm, ROW_FILE_COPIED);
	if (trace_cow_fault_enabled())
		event_fault(vma, address, COWSTAT_COL_FILE_COPIED, 0, page_to_pfn(page), PAGE_SIZE);
}

/* Count a pinned page that fork copies: the parent pays, though the mm is the new child's. */
static void count_pinned_copy(struct vm_area_struct *vma, unsigned long address, struct page *page)
{
	if (!counting_is_steady() && !counting_event())
		return;
	row_count(table_row(current, true), ROW_FORK_COPIED);
	fork_copied();
	if (trace_cow_fault_enabled())
		event_fault(vma, address, COWSTAT_COL_FORK_COPIED, 0, page_to_pfn(page), PAGE_SIZE);
}

/* The address of a new anonymous page, from its index: its reverse mapping already exists. */
static unsigned long address_of_new(const struct vm_area_struct *vma, struct page *page)
{
	return vma->vm_start + ((page_folio(page)->index - vma->vm_pgoff) << PAGE_SHIFT);
}

static noipa void site_slow(const struct site *site, const struct pt_regs *regs)
{
	struct vm_area_struct *vma = site_vma(site, regs);
	struct page *page = site_page(site, regs);
	unsigned long address = address_of_new(vma, page);

	if (site->counts_as == COWSTAT_HOOK_PINNED)
		count_pinned_copy(vma, address, page);
	else
		count_file_copy(vma, address, page);
}

/* The kprobe's handler, right behind a call of *_add_new_anon_rmap() that counts. */
static int on_site(struct kprobe *probe, struct pt_regs *regs)
{
	const struct site *site = container_of(probe, struct site, probe);
	struct row *row = row_of_current(site_vma(site, regs)->vm_mm);

	if (likely(fault_only_counts() && row && site->counts_as == COWSTAT_HOOK_FILE))
		row_count(row, ROW_FILE_COPIED);
	else
		site_slow(site, regs);
	return 0;
}

NOKPROBE_SYMBOL(on_site);

static noipa void add_anon_rmap_slow(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct page *page = (void *)compat_argument(fregs, 0);
	struct vm_area_struct *vma = (void *)compat_argument(fregs, 1);
	unsigned long address = compat_argument(fregs, 2);
	enum cowstat_hook caller = hook_caller_of(ops, parent_ip);
	struct timing_note *note;
	u64 flags;

	if (timing_is_on()) {
		note = timing_note_of_current();
		flags = timing_flushing(note);
		if (!(flags & ~TIMING_FLAGS))
			timing_map(row_of_commit(vma->vm_mm), note, flags, timing_clock());
	}
	if (caller == HOOK_NONE && trace_cow_fault_enabled())
		event_new_frame(vma, address, page);
	if (READ_ONCE(sites_count))
		return;
	if (caller == COWSTAT_HOOK_PINNED)
		count_pinned_copy(vma, address, page);
	else if (caller == COWSTAT_HOOK_FILE)
		count_file_copy(vma, address, page);
}

/* A function of its own: the callback's arguments are dead here, so no register is saved. */
static noipa void map_timed(struct row *row, struct timing_note *note)
{
	timing_map(row, note, 0, rdtsc());
}

/*
 * void folio_add_new_anon_rmap(struct folio *folio, struct vm_area_struct *vma,
 *				unsigned long address, ...)
 *
 * Armed while the tracepoint has a user or timing is on: this function maps the new page of a
 * copy. Without kprobes at the sites it is armed whenever counting is on, and counts. Most of
 * its calls count nothing then: first touches, and copies that are already counted.
 */
static void on_add_anon_rmap(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	struct timing_note *note;
	struct row *row;
	u64 flags;

	if (!fault_only_counts())
		goto time;
	if (likely(hook_call_is_expected(&add_anon_rmap, parent_ip)))
		return;
	goto slow;
time:
	if (!fault_only_times())
		goto slow;
	note = timing_note_of_current();
	flags = timing_flushing(note);
	if (likely(!flags)) {
		/* without TIMING_REMOTE current pays: no need to check the mm again */
		row = table_find_recent(current->signal);
		if (likely(row)) {
			map_timed(row, note);
			return;
		}
	} else if (flags & ~TIMING_FLAGS && likely(READ_ONCE(sites_count))) {
		return;
	}
slow:
	add_anon_rmap_slow(ip, parent_ip, ops, fregs);
}

/*
 * void hugetlb_add_new_anon_rmap(struct folio *folio, struct vm_area_struct *vma,
 *				  unsigned long address)
 *
 * Counts nothing; the tracepoint needs the new frame of a hugetlb page's copy.
 */
static void on_hugetlb_add_rmap(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
				struct ftrace_regs *fregs)
{
	if (trace_cow_fault_enabled())
		event_new_frame((void *)compat_argument(fregs, 1), compat_argument(fregs, 2),
				(void *)compat_argument(fregs, 0));
}

/* A fault begins. Armed before and disarmed after the commits, so each commit has an entry. */
static struct hook wp_fault = {
	.ops.func = on_wp_fault,
	.function = { "do_wp_page" },
	.counts_as = COWSTAT_HOOK_WP,
	.entered_by = { "handle_mm_fault", "__handle_mm_fault", "handle_pte_fault" },
	.required = true,
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
		{ "hugetlb_cow",	COWSTAT_HOOK_HUGETLB },
	},
	.expected	= COWSTAT_HOOK_COPY,
	.required	= true,
};

/*
 * The same frame becomes writable. The compiler may inline wp_page_reuse() into any of
 * these callers; finish_mkwrite_fault() completes the fault of a shared file page. On x86
 * do_wp_page() calls the function for no other reason: __wp_page_copy_user() calls it only on
 * CPUs that do not set the accessed bit in hardware.
 */
static struct hook set_access_flags = {
	.shares_ops	= &clear_flush,
	.call		= on_set_access_flags,
	.function	= { "ptep_set_access_flags" },
	.callers	= {
		{ "wp_page_reuse",		COWSTAT_HOOK_REUSE },
		{ "do_wp_page",			COWSTAT_HOOK_REUSE },
		{ "wp_page_shared",		COWSTAT_HOOK_REUSE, .extra = true },
		{ "wp_pfn_shared",		COWSTAT_HOOK_REUSE, .extra = true },
		{ "finish_mkwrite_fault",	COWSTAT_HOOK_REUSE, .extra = true },
		{ "set_huge_ptep_writable",	COWSTAT_HOOK_HUGETLB },
		{ "hugetlb_wp",			COWSTAT_HOOK_HUGETLB },
		{ "hugetlb_cow",		COWSTAT_HOOK_HUGETLB },
	},
	.expected	= COWSTAT_HOOK_REUSE,
	.required	= true,
};

static struct hook hugetlb_fault_entry = {
	.shares_ops = &clear_flush,
	.call = on_hugetlb_fault,
	.function = { "hugetlb_wp", "hugetlb_cow" },
	.counts_as = COWSTAT_HOOK_HUGETLB,
};

static struct hook hugetlb_add_rmap = {
	.shares_ops = &clear_flush,
	.call = on_hugetlb_add_rmap,
	.function = { "hugetlb_add_new_anon_rmap", "hugepage_add_new_anon_rmap" },
	.callers = { { "hugetlb_wp", COWSTAT_HOOK_HUGETLB },
		     { "hugetlb_cow", COWSTAT_HOOK_HUGETLB } },
	.counts_nothing = true,
};

static struct hook thp_fault = {
	.shares_ops = &clear_flush,
	.call = on_thp_fault,
	.function = { "do_huge_pmd_wp_page" },
	.counts_as = COWSTAT_HOOK_THP,
};

/*
 * The only outcome that is counted before it is certain, without the page-table lock: the
 * function that splits under the lock has many other callers. __handle_mm_fault() itself splits
 * a private file THP, which never enters do_huge_pmd_wp_page().
 */
static struct hook thp_split = {
	.shares_ops = &clear_flush,
	.call = on_split_huge_pmd,
	.function = { "__split_huge_pmd" },
	.callers = { { "do_huge_pmd_wp_page", COWSTAT_HOOK_THP } },
};

static struct hook thp_reuse = {
	.shares_ops = &clear_flush,
	.call = on_pmdp_set_access_flags,
	.function = { "pmdp_set_access_flags" },
	.callers = { { "do_huge_pmd_wp_page", COWSTAT_HOOK_THP } },
};

/*
 * A new anonymous page is mapped. set_pte_range() (do_set_pte() in 6.1) calls the function
 * only for the copy of a private file page; copy_page_range() only for pinned pages. Compilers
 * usually inline copy_pte_range() and the functions below it into copy_page_range(), but not
 * always.
 */
static struct hook add_anon_rmap = {
	.ops.func	= on_add_anon_rmap,
	.function	= { "folio_add_new_anon_rmap", "page_add_new_anon_rmap" },
	.callers	= {
		{ "set_pte_range",	COWSTAT_HOOK_FILE },
		{ "do_set_pte",		COWSTAT_HOOK_FILE },
		{ "alloc_set_pte",	COWSTAT_HOOK_FILE },
		{ "__replace_page",	COWSTAT_HOOK_FILE, .extra = true },
		{ "uprobe_write_opcode", COWSTAT_HOOK_FILE, .extra = true },
		{ "copy_page_range",	COWSTAT_HOOK_PINNED },
		{ "copy_pte_range",	COWSTAT_HOOK_PINNED },
		{ "copy_present_pte",	COWSTAT_HOOK_PINNED },
		{ "copy_present_ptes",	COWSTAT_HOOK_PINNED },
		{ "copy_present_page",	COWSTAT_HOOK_PINNED },
	},
	.expected	= HOOK_NONE,
};

/*
 * All hooks that fault_resolve() looks up together. add_anon_rmap comes first: it is armed
 * separately, so counting_hooks leaves it out.
 */
/* clang-format off */
static struct hook *const fault_hooks[] = {
	&add_anon_rmap,
	&wp_fault,
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

/* clang-format on */

static struct hook *const *const counting_hooks = fault_hooks + 1;
static struct hook *const rmap_hooks[] = { &add_anon_rmap, NULL };

/**
 * fault_set_slow() - set or clear a reason why callbacks must do more than count
 * @why: the reason
 * @slow: true to set it, false to clear it
 *
 * Context: may sleep. Takes no lock that is held while hooks are armed: registering a tracepoint
 * calls it.
 */
void fault_set_slow(enum fault_slow why, bool slow)
{
	static DEFINE_MUTEX(mutex);
	static unsigned long reasons = BIT(FAULT_SWITCHING);

	mutex_lock(&mutex);
	if (slow)
		reasons |= BIT(why);
	else
		reasons &= ~BIT(why);
	if (reasons)
		static_branch_disable(&only_counts_key);
	if (reasons != BIT(FAULT_TIMED))
		static_branch_disable(&only_times_key);
	else
		static_branch_enable(&only_times_key);
	if (!reasons)
		static_branch_enable(&only_counts_key);
	mutex_unlock(&mutex);
}

/* Arm add_anon_rmap if anything uses it, else disarm it. */
static int rmap_update(bool counting)
{
	bool wanted = counting && rmap_uses;

	if (wanted && !add_anon_rmap.armed)
		return hook_arm_all(rmap_hooks);
	if (!wanted && add_anon_rmap.armed)
		return hook_disarm_all(rmap_hooks);
	return 0;
}

/**
 * fault_use_rmap() - begin or end one use of the hook on *_add_new_anon_rmap()
 * @use: what the hook is for
 * @on: true to begin
 *
 * Context: may sleep; disarming waits for RCU-tasks grace periods. Under control.c's mutex.
 * Return: 0; -ENOENT if this kernel has no such function to hook; or the error of ftrace.
 */
int fault_use_rmap(enum fault_rmap_use use, bool on)
{
	int err;

	if (on && !add_anon_rmap.address)
		return -ENOENT;
	if (on)
		rmap_uses |= BIT(use);
	else
		rmap_uses &= ~BIT(use);
	err = rmap_update(wp_fault.armed);
	if (err)
		rmap_uses &= ~BIT(use);
	return err;
}

/**
 * fault_arm() - arm the hooks of faults
 *
 * If kprobes refuse a site, *_add_new_anon_rmap() is hooked instead. The same on a live-patched
 * kernel: a patch may have replaced the function that contains the site.
 *
 * Context: may sleep; under control.c's mutex.
 * Return: 0, or a negative error. Then nothing is armed, unless a hook could not be removed.
 */
int fault_arm(void)
{
	bool use_sites = nr_sites && !test_taint(TAINT_LIVEPATCH);
	int err;

	slot_release_all(&remotes);
	err = hook_arm_all(counting_hooks);
	if (err)
		return err;
	WRITE_ONCE(sites_count, use_sites && !site_arm_all(sites, nr_sites));
	if (!sites_count && add_anon_rmap.address)
		rmap_uses |= BIT(FAULT_RMAP_COUNTS);
	else
		rmap_uses &= ~BIT(FAULT_RMAP_COUNTS);
	err = rmap_update(true);
	return err ? (fault_disarm() ?: err) : 0;
}

/**
 * fault_disarm() - disarm the hooks of faults
 *
 * Context: may sleep, for some RCU-tasks grace periods; under control.c's mutex.
 * Return: 0, and then no callback is running and none will run; or the error of ftrace if a
 * hook could not be removed.
 */
int fault_disarm(void)
{
	int err = rmap_update(false), failed;

	fault_unknown(); /* record it now: after disarming nobody can see it */
	site_disarm_all(sites, nr_sites);
	failed = hook_disarm_all(counting_hooks);
	return err ?: failed;
}

/**
 * fault_hooked() - what the hooks can count that ftrace calls now, whatever their use
 *
 * Return: a bit for each enum cowstat_hook.
 */
unsigned long fault_hooked(void)
{
	return hook_mask(fault_hooks);
}

/**
 * fault_mask() - what the armed hooks and kprobes count
 *
 * Return: a bit for each enum cowstat_hook.
 */
unsigned long fault_mask(void)
{
	unsigned long mask = hook_mask(counting_hooks);
	unsigned int i;

	if (!sites_count)
		return mask | hook_mask(rmap_hooks);
	for (i = 0; i < nr_sites; i++)
		if (sites[i].armed)
			mask |= BIT(sites[i].counts_as);
	return mask;
}

/**
 * fault_probed() - what kprobes count, so that it costs first touches nothing
 *
 * Return: a bit for each enum cowstat_hook.
 */
unsigned long fault_probed(void)
{
	return site_mask(sites, nr_sites);
}

/**
 * fault_unknown() - what armed hooks have not counted, or not completely, since the last reset
 *
 * There are three cases. A live patch commits a fault in place of a function that we know. A
 * live patch may have replaced a function that contains a kprobe. Root has switched all kprobes
 * off.
 *
 * Context: process context.
 * Return: a bit for each enum cowstat_hook.
 */
unsigned long fault_unknown(void)
{
	unsigned long patched = hook_patched(fault_hooks), unreached = 0;
	unsigned int i;

	if (READ_ONCE(sites_count)) {
		unreached = site_unreached(sites, nr_sites);
		for (i = 0; i < nr_sites && test_taint(TAINT_LIVEPATCH); i++)
			if (READ_ONCE(sites[i].armed))
				patched |= BIT(sites[i].counts_as);
	}
	if (patched)
		pr_warn_once("this kernel is live-patched where it copies pages: columns print \"-\" until a reset\n");
	if (unreached)
		pr_warn_once("kprobes are switched off: columns that need them print \"-\" until a reset\n");
	atomic_long_or(patched | unreached, &unknown);
	return atomic_long_read(&unknown);
}

/**
 * fault_reset() - forget what fault_unknown() has recorded
 *
 * Context: process context; everything is disarmed.
 */
void fault_reset(void)
{
	hook_forget_patched(fault_hooks);
	atomic_long_set(&unknown, 0);
}

/**
 * fault_missed() - copies that kprobes have missed since they were armed
 *
 * Return: their number; earlier ones are in table.missed.
 */
u64 fault_missed(void)
{
	return site_missed(sites, nr_sites);
}

/**
 * fault_resolve() - find every function to hook, and every place to probe
 * @absent: from fault_init()
 *
 * Context: may sleep. The caller undoes it with fault_release(), on failure too.
 * Return: as hook_resolve_all().
 */
int __init fault_resolve(unsigned long absent)
{
	int err = hook_resolve_all(fault_hooks, absent);
	unsigned int i;

	if (err || !add_anon_rmap.address)
		return err;
	nr_sites = site_find_all(sites, &add_anon_rmap);
	for (i = 0; i < nr_sites; i++)
		sites[i].probe.pre_handler = on_site;
	return 0;
}

/**
 * fault_release() - free what fault_resolve() allocated
 *
 * Context: may sleep; everything is disarmed.
 */
void fault_release(void)
{
	hook_release_all(fault_hooks);
}

/**
 * fault_init() - find the zero page, and the hooks that are useless on this machine
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

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults in flight, for the tracer, which must know of each fault what it was at its entry and
 * how it ended. It follows a fault from the entry of its function to the exit. In between, the
 * kernel commits an outcome under the page-table lock by calling one of a few functions; the
 * programs there note the outcome in the fault. The page table at the exit would not tell: if two
 * threads race for a page, the loser finds the winner's page there.
 *
 * Only the program at the exit may be skipped. Then we find the fault when its task enters the
 * next fault or exits. Only its duration is lost.
 *
 * Included by cowtrace.bpf.c alone, which defines fault_overlooked().
 */
#ifndef COWSTAT_FAULT_BPF_H
#define COWSTAT_FAULT_BPF_H

#include "cow.bpf.h"

enum fault_kind {
	FAULT_WP,
	FAULT_THP,
	FAULT_HUGETLB,
	FAULT_FILE,
};

/**
 * struct cow_fault - a fault between its entry and its exit
 * @task: the task that is in it; 0 when the place is free
 * @old_pte: the page-table entry at the fault's entry
 * @new_page: struct page of the page that was added
 * @address: the address written to; not below the start of the page
 * @since_ns: when it began; written by the tracer
 * @bytes: size of the huge page that was copied
 * @kind: enum fault_kind
 * @outcome: enum cow_ending, as far as is known
 * @committed: @outcome is final
 *
 * A task claims a place with a compare and exchange; then only this task writes to it. A place
 * belongs to a task and not to a CPU, because a fault may sleep and migrate. This is an array and
 * not BPF task storage, which needs a helper call each time, and on 6.1 may be busy.
 */
struct cow_fault {
	u64 task;
	u64 old_pte;
	u64 new_page;
	u64 address;
	u64 since_ns;
	u32 bytes;
	u8 kind;
	u8 outcome;
	u8 committed;
} __attribute__((aligned(64)));

#define FAULT_BITS	13
#define FAULT_WAYS	4
#define FAULT_PLACES	((1 << FAULT_BITS) + FAULT_WAYS)

static struct cow_fault faults[FAULT_PLACES];

static __always_inline u32 fault_index(u64 task)
{
	/* tasks are large, aligned objects: fold the bits that differ */
	return (u32)((task >> 6) ^ (task >> 19)) & ((1 << FAULT_BITS) - 1);
}

/* The fault that a task is in, or NULL. */
static __always_inline struct cow_fault *fault_find(u64 task)
{
	struct cow_fault *f = &faults[fault_index(task)];

#pragma unroll
	for (int way = 0; way < FAULT_WAYS; way++)
		if (f[way].task == task)
			return &f[way];
	return NULL;
}

/*
 * Does the page at @address belong to this fault? A fault whose exit was skipped may still hold
 * its place while its task is already in another fault.
 */
static __always_inline bool fault_is_at(const struct cow_fault *f, u64 address)
{
	u64 size = f->kind == FAULT_THP	    ? COW_PMD_BYTES :
		   f->kind == FAULT_HUGETLB ? COW_PUD_BYTES :
					      COW_PAGE_BYTES;

	return !f->committed && f->address - address < size;
}

/* Called when a fault is found whose exit was skipped. */
static __always_inline void fault_overlooked(struct cow_fault *f);

/* Claim a place for a fault that begins; NULL when none is free. */
static __always_inline struct cow_fault *fault_claim(enum fault_kind kind, u64 address, u64 old_pte,
						     enum cow_ending outcome)
{
	u64 task = bpf_get_current_task();
	struct cow_fault *f = fault_find(task);
	int way;

	if (f) {
		fault_overlooked(f);
	} else {
		struct cow_fault *first = &faults[fault_index(task)];

#pragma unroll
		for (way = 0; way < FAULT_WAYS; way++)
			if (!f && !__sync_val_compare_and_swap(&first[way].task, 0, task))
				f = &first[way];
	}
	if (!f)
		return NULL;
	f->kind = kind;
	f->address = address;
	f->old_pte = old_pte;
	f->outcome = outcome;
	f->new_page = 0;
	f->bytes = 0;
	f->committed = 0;
	return f;
}

static __always_inline void fault_release(struct cow_fault *f)
{
	f->task = 0;
}

static __always_inline int commit(struct cow_fault *f, enum cow_ending outcome)
{
	f->outcome = outcome;
	f->committed = 1;
	return 0;
}

/* --- outcomes: programs under the page-table lock, except the split ---------------------- */

/*
 * A new anonymous page is added. Within do_wp_page() this is the copy. For the copy of
 * hugetlb_wp() see hugetlb_page_added().
 */
static __always_inline int page_added(u64 page, u64 vma, u64 address)
{
	struct cow_fault *f = fault_find(bpf_get_current_task());

	if (!f || f->kind != FAULT_WP || !fault_is_at(f, address))
		return 0;
	f->new_page = page;
	return commit(f, f->old_pte & COW_PTE_SPECIAL && is_zero_page(f->old_pte) ?
				 COW_ZERO_FILLED :
				 COW_COPIED);
}

SEC("fentry/folio_add_new_anon_rmap")
int BPF_PROG(copy_added, void *folio, struct vm_area_struct *vma, u64 address)
{
	return page_added((u64)folio, (u64)vma, address);
}

/* The name of folio_add_new_anon_rmap() up to 6.2 (commit 4d510f3da4c2). */
#ifndef COW_NEW_KERNELS
SEC("?fentry/page_add_new_anon_rmap")
int BPF_PROG(copy_added_page, void *page, struct vm_area_struct *vma, u64 address)
{
	return page_added((u64)page, (u64)vma, address);
}

SEC("?kprobe")
int BPF_KPROBE(copy_added_kprobe, u64 page, u64 vma, u64 address)
{
	return page_added(page, vma, address);
}
#endif

static __always_inline int access_set(u64 address, u64 flags, u64 old, u64 new)
{
	struct cow_fault *f = fault_find(bpf_get_current_task());

	if (!f || f->kind == FAULT_THP || !fault_is_at(f, address) ||
	    !becomes_writable(old, new, flags))
		return 0;
	if (f->kind == FAULT_HUGETLB)
		return commit(f, COW_HUGETLB_REUSED);
	return commit(f, flags & (COW_VM_SHARED | COW_VM_MAYSHARE) ? COW_SHARED_WP : COW_REUSED);
}

SEC("fentry/ptep_set_access_flags")
int BPF_PROG(made_writable, struct vm_area_struct *vma, u64 address, pte_t *ptep)
{
	return access_set(address, vma_flags((u64)vma), *(u64 *)ptep, ctx[3]);
}

#ifndef COW_NEW_KERNELS
SEC("?kprobe/ptep_set_access_flags")
int BPF_KPROBE(made_writable_kprobe, u64 vma, u64 address, u64 ptep, u64 entry)
{
	return access_set(address, vma_flags(vma), word_at(ptep), entry);
}
#endif

#ifndef COW_NO_THP
static __always_inline int thp_outcome(u64 address, enum cow_ending outcome)
{
	struct cow_fault *f = fault_find(bpf_get_current_task());

	return f && f->kind == FAULT_THP && fault_is_at(f, address) ? commit(f, outcome) : 0;
}

/* An attempt to split the huge page: do_huge_pmd_wp_page() then falls back to 4 KiB pages. */
SEC("kprobe/__split_huge_pmd")
int BPF_KPROBE(thp_splits, u64 vma, u64 pmd, u64 address)
{
	return thp_outcome(address & ~(COW_PMD_BYTES - 1), COW_THP_SPLIT);
}

SEC("kprobe/pmdp_set_access_flags")
int BPF_KPROBE(thp_made_writable, u64 vma, u64 address)
{
	return thp_outcome(address, COW_THP_REUSED);
}
#endif

static __always_inline int hugetlb_page_added(u64 page, u64 vma, u64 address)
{
	struct cow_fault *f = fault_find(bpf_get_current_task());

	if (!f || f->kind != FAULT_HUGETLB || !fault_is_at(f, address))
		return 0;
	f->bytes = hugetlb_bytes(vma);
	f->new_page = page;
	return commit(f, COW_HUGETLB_COPIED);
}

SEC("fentry/hugetlb_add_new_anon_rmap")
int BPF_PROG(hugetlb_added, void *folio, struct vm_area_struct *vma, u64 address)
{
	return hugetlb_page_added((u64)folio, (u64)vma, address);
}

/* The name of hugetlb_add_new_anon_rmap() up to 6.7 (commit 9d5fafd5d882). */
#ifndef COW_NEW_KERNELS
SEC("?fentry/hugepage_add_new_anon_rmap")
int BPF_PROG(hugetlb_added_page, void *page, struct vm_area_struct *vma, u64 address)
{
	return hugetlb_page_added((u64)page, (u64)vma, address);
}

SEC("?kprobe")
int BPF_KPROBE(hugetlb_added_kprobe, u64 page, u64 vma, u64 address)
{
	return hugetlb_page_added(page, vma, address);
}
#endif

#endif /* COWSTAT_FAULT_BPF_H */

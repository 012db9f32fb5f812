/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fault path as BPF can see it: which functions of the kernel make which outcome true,
 * and every difference between kernels. Used by the counters (cowstat.bpf.c) and by the
 * tracer (cowtrace.bpf.c).
 *
 * A fault is followed from the entry of its function to its exit. In between, the kernel
 * makes an outcome true under the page-table lock by calling one of a few functions; their
 * programs note it in the fault. Looking at the page table at the exit would not do: of two
 * threads that race for a page, the loser finds the winner's page there.
 *
 * The kernel skips a program that another task on that CPU was preempted in, for as long as
 * that task waits; under PREEMPT_LAZY that is a whole time slice. Holding off preemption
 * inside the program makes it worse: what was held off then happens where it is let go, and
 * that is in the program. Where a page-table lock is held, nobody is preempted (but on
 * PREEMPT_RT): at the entry of do_wp_page() and hugetlb_wp(), and where outcomes become
 * true. Whatever must not be missed is done there, and not at the exit; a fault whose exit
 * was skipped is found again when its task enters the next one, or ends.
 */
#ifndef COWSTAT_COW_BPF_H
#define COWSTAT_COW_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "cow.h"

char LICENSE[] SEC("license") = "GPL";

/* Macros of the kernel, which BTF does not have. */
#define COW_VM_SHARED		0x00000008UL
#define COW_VM_MAYSHARE		0x00000080UL
#define COW_VM_GROWSDOWN	0x00000100UL
#define COW_VM_MERGEABLE	0x80000000UL	/* may hold pages of KSM */
#define COW_PF_KTHREAD		0x00200000
#define COW_PTE_SPECIAL		0x200UL		/* no struct page behind it */
#define COW_PTE_PFN		0x000ffffffffff000UL
#define COW_PAGE_SHIFT		12
#define COW_PAGE_BYTES		(1UL << COW_PAGE_SHIFT)
#define COW_PMD_BYTES		(1UL << 21)
#define COW_PUD_BYTES		(1UL << 30)	/* of the largest hugetlb page */
#define COW_MAPPING_FLAGS	3UL		/* low bits of a page's mapping: */
#define COW_PAGE_IS_ANON	1UL
#define COW_PAGE_IS_KSM		3UL
#define COW_MAX_ERRNO		4095UL

/* --- CO-RE flavours: what the same thing is called in other kernels -------- */

/* struct page.compound_head became compound_info in 7.1, where it may be a mask. */
struct page___head {
	unsigned long compound_head;
} __attribute__((preserve_access_index));

struct page___info {
	unsigned long compound_info;
} __attribute__((preserve_access_index));

/* RSS counters: atomics up to 6.1, per-CPU counters since (commit f1a7941243c1). */
struct mm_rss_stat___atomic {
	atomic_long_t count[4];
} __attribute__((preserve_access_index));

struct mm_struct___atomic {
	struct mm_rss_stat___atomic rss_stat;
} __attribute__((preserve_access_index));

struct mm_struct___percpu {
	struct percpu_counter rss_stat[4];
} __attribute__((preserve_access_index));

/* The shared zero page's frame: zero_pfn, which 7.1 renamed. */
extern const void zero_pfn __ksym __weak;
extern const void zero_page_pfn __ksym __weak;
extern const void vmemmap_base __ksym __weak;
extern const void __per_cpu_offset __ksym __weak;

static __always_inline u64 read_u64(const void *at)
{
	u64 n = 0;

	if (at)
		bpf_probe_read_kernel(&n, sizeof(n), at);
	return n;
}

static __always_inline u64 zero_frame(void)
{
	return read_u64(&zero_pfn ?: &zero_page_pfn);
}

/* The head of a page that may be a huge page's tail. */
static __always_inline u64 page_head(u64 page)
{
	u64 info = 0;

	if (bpf_core_field_exists(struct page___head, compound_head))
		info = BPF_CORE_READ((struct page___head *)page, compound_head);
	else if (bpf_core_field_exists(struct page___info, compound_info))
		info = BPF_CORE_READ((struct page___info *)page, compound_info);
	if (!(info & 1))
		return page;
	/* A mask has more leading ones than an address can have. */
	return info >> 30 == (1UL << 34) - 1 ? page & info : info - 1;
}

static __always_inline u64 page_frame(u64 page)
{
	u64 base = read_u64(&vmemmap_base);

	return base ? (page - base) / bpf_core_type_size(struct page) : 0;
}

/* --- faults in flight ------------------------------------------------------- */

enum fault_kind {
	FAULT_WP,
	FAULT_THP,
	FAULT_HUGETLB,
};

/* What a copied page was. */
enum fault_source {
	SOURCE_ANON,
	SOURCE_KSM,
	SOURCE_OTHER,
};

/**
 * struct cow_fault - a fault between its entry and its exit
 * @task: who has it; 0 when the place is free
 * @mm: whose memory
 * @vmf: the kernel's struct vm_fault; 0 where there is none
 * @old_pte: the page-table entry at the entry
 * @new_page: struct page of what was added
 * @address: written to; not less than where the page begins
 * @since_ns: for the tracer's use
 * @bytes: of the huge page that was copied
 * @kind: enum fault_kind
 * @ending: enum cow_ending, as far as is known
 * @source: enum fault_source, valid when copied
 * @unshare: GUP asked for it; there was no write
 * @committed: @ending is final
 *
 * Written by @task alone, claimed with a compare and exchange. A fault may sleep, and
 * move to another CPU; so a place is its task's, and not its CPU's. An array and not
 * BPF task storage: that costs a helper's call each time, and on 6.1 may be busy.
 */
struct cow_fault {
	u64 task;
	u64 mm;
	u64 vmf;
	u64 old_pte;
	u64 new_page;
	u64 address;
	u64 since_ns;
	u32 bytes;
	u8 kind;
	u8 ending;
	u8 source;
	u8 unshare : 1, committed : 1;
};

#define FAULT_BITS	13
#define FAULT_WAYS	4
#define FAULT_PLACES	((1 << FAULT_BITS) + FAULT_WAYS)

static struct cow_fault faults[FAULT_PLACES];

/* Faults whose entry or exit was not seen: no place was free, or a program was busy. */
static u64 missed;

static __always_inline u64 current_task(void)
{
	return (u64)bpf_get_current_task();
}

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
 * Has a page at @address to do with a fault? A fault whose exit was skipped may still have
 * its place while its task is in another one.
 */
static __always_inline bool fault_is_at(const struct cow_fault *f, u64 address)
{
	u64 size = f->kind == FAULT_WP ? COW_PAGE_BYTES :
		   f->kind == FAULT_THP ? COW_PMD_BYTES : COW_PUD_BYTES;

	return !f->committed && f->address - address < size;
}

/*
 * What each follower of faults does, on its own: when an outcome has become true, under the
 * page-table lock; when a fault is found whose exit was not seen; and when a new anonymous
 * page is added in no fault that we follow.
 */
static __always_inline void fault_committed(struct cow_fault *f);
static __always_inline void fault_overlooked(struct cow_fault *f);
static __always_inline void anon_added_elsewhere(struct vm_area_struct *vma);

/* A place for a fault that begins; NULL when there is none, which is counted. */
static __always_inline struct cow_fault *fault_claim(u64 task, enum fault_kind kind, u64 address)
{
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
	if (!f) {
		__sync_fetch_and_add(&missed, 1);
		return NULL;
	}
	f->kind = kind;
	f->address = address;
	f->bytes = 0;
	f->new_page = 0;
	f->unshare = 0;
	f->committed = 0;
	return f;
}

static __always_inline void fault_release(struct cow_fault *f)
{
	f->task = 0;
}

/* Its outcome has become true. */
static __always_inline void fault_is_over(struct cow_fault *f)
{
	f->committed = 1;
	fault_committed(f);
}

/* do_wp_page() is entered. */
static __always_inline struct cow_fault *wp_begin(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct cow_fault *f = fault_claim(current_task(), FAULT_WP, vmf->address);

	if (!f)
		return NULL;
	f->mm = (u64)vma->vm_mm;
	f->vmf = (u64)vmf;
	f->old_pte = vmf->orig_pte.pte;
	f->ending = COW_OTHER;
	f->unshare = vmf->flags & FAULT_FLAG_UNSHARE ? 1 : 0;
	return f;
}

/* What the page is that is being replaced, when its mapping does not tell. */
static __noinline int source_of_page(struct cow_fault *f)
{
	struct vm_fault *vmf;
	u64 page, flags;

	if (!f)
		return SOURCE_OTHER;
	vmf = (void *)f->vmf;
	page = (u64)BPF_CORE_READ(vmf, page);
	if (!page)
		return SOURCE_OTHER;	/* device memory */
	flags = (u64)BPF_CORE_READ((struct page *)page_head(page), mapping) & COW_MAPPING_FLAGS;
	if (flags == COW_PAGE_IS_KSM)
		return SOURCE_KSM;
	return flags & COW_PAGE_IS_ANON ? SOURCE_ANON : SOURCE_OTHER;
}

/*
 * A new page of an anonymous kind is added, within do_wp_page(): the copy is committed. The
 * page-table lock is held, so the old page is still there to be asked.
 */
static __always_inline void wp_commit_copy(struct cow_fault *f, struct vm_area_struct *vma,
					   u64 new_page)
{
	bool plain = !vma->vm_ops && !(vma->vm_flags & COW_VM_MERGEABLE);

	f->new_page = new_page;
	if (f->old_pte & COW_PTE_SPECIAL &&
	    (!vma->vm_ops || (f->old_pte & COW_PTE_PFN) >> COW_PAGE_SHIFT == zero_frame())) {
		f->ending = COW_ZERO_FILLED;
		return;
	}
	f->ending = COW_COPIED;
	/* What an anonymous mapping holds is anonymous, and KSM's only where it may be. */
	f->source = plain ? SOURCE_ANON : source_of_page(f);
}

/* The same page becomes writable, within do_wp_page() or hugetlb_wp(). */
static __always_inline void commit_reuse(struct cow_fault *f, struct vm_area_struct *vma)
{
	if (f->kind == FAULT_HUGETLB)
		f->ending = COW_HUGETLB_REUSED;
	else
		f->ending = vma->vm_flags & (COW_VM_SHARED | COW_VM_MAYSHARE) ?
			    COW_SHARED_WP : COW_REUSED;
}

/* do_huge_pmd_wp_page() is entered. */
static __always_inline struct cow_fault *thp_begin(struct vm_fault *vmf)
{
	struct cow_fault *f = fault_claim(current_task(), FAULT_THP, vmf->address);

	if (!f)
		return NULL;
	f->mm = (u64)vmf->vma->vm_mm;
	f->vmf = (u64)vmf;
	f->old_pte = vmf->orig_pmd.pmd;
	f->ending = COW_THP_OTHER;
	return f;
}

/* And left: it asks for 4 KiB pages only after it has split the huge one. */
static __always_inline void thp_commit_split(struct cow_fault *f, int ret)
{
	if (ret & VM_FAULT_FALLBACK)
		f->ending = COW_THP_SPLIT;
}

/*
 * The struct vm_fault that hugetlb_wp() takes from 6.10 on (commit bd722058982d): its last
 * argument. Releases of 6.12 before a stable update, which BTF alone tells apart, have a
 * folio before it.
 */
static __always_inline u64 hugetlb_vmf(void *ctx)
{
	u64 vmf = 0;

	bpf_get_func_arg(ctx, bpf_get_func_arg_cnt(ctx) - 1, &vmf);
	return vmf;
}

/* hugetlb_wp() is entered; up to 6.9 it takes no vm_fault, but mm, VMA and address. */
static __always_inline struct cow_fault *hugetlb_begin(u64 mm, u64 vmf, u64 address)
{
	struct cow_fault *f = fault_claim(current_task(), FAULT_HUGETLB, address);

	if (!f)
		return NULL;
	f->mm = mm;
	f->vmf = vmf;
	f->old_pte = 0;
	f->ending = COW_HUGETLB_OTHER;
	return f;
}

static __always_inline void hugetlb_commit_copy(struct cow_fault *f, struct vm_area_struct *vma,
						u64 new_page)
{
	struct hugetlbfs_sb_info *sb;

	sb = BPF_CORE_READ(vma, vm_file, f_inode, i_sb, s_fs_info);
	f->bytes = COWSTAT_PAGE_BYTES << BPF_CORE_READ(sb, hstate, order);
	f->new_page = new_page;
	f->ending = COW_HUGETLB_COPIED;
}

/*
 * finish_fault() has mapped a page: the first write to a page of a private file mapping
 * mapped a copy of it.
 */
static __always_inline bool is_file_copy(struct vm_fault *vmf, int ret)
{
	return !ret && vmf->flags & FAULT_FLAG_WRITE && !(vmf->vma->vm_flags & COW_VM_SHARED);
}

/*
 * Programs that begin with ? are for older kernels: the loader enables them where the newer
 * function is missing. bpftool cannot leave a program out, so an object for bpftool alone is
 * built with COW_NEW_KERNELS, without them; and with COW_NO_THP, where the kernel has no
 * transparent huge pages, as PREEMPT_RT has none.
 */

/* --- the programs that note how a fault ends, the same for all who follow faults ------- */

static __always_inline int anon_page_added(u64 page, struct vm_area_struct *vma, u64 address)
{
	struct cow_fault *f = fault_find(current_task());

	if (f && f->kind == FAULT_WP && fault_is_at(f, address)) {
		wp_commit_copy(f, vma, page);
		fault_is_over(f);
	} else {
		anon_added_elsewhere(vma);
	}
	return 0;
}

SEC("fentry/folio_add_new_anon_rmap")
int BPF_PROG(anon_added, void *folio, struct vm_area_struct *vma, u64 address)
{
	return anon_page_added((u64)folio, vma, address);
}

/* What folio_add_new_anon_rmap() was up to 6.2 (commit 4d510f3da4c2). */
#ifndef COW_NEW_KERNELS
SEC("?fentry/page_add_new_anon_rmap")
int BPF_PROG(anon_added_page, void *page, struct vm_area_struct *vma, u64 address)
{
	return anon_page_added((u64)page, vma, address);
}
#endif

SEC("fentry/ptep_set_access_flags")
int BPF_PROG(made_writable, struct vm_area_struct *vma, u64 address)
{
	struct cow_fault *f = fault_find(current_task());

	if (f && f->kind != FAULT_THP && fault_is_at(f, address)) {
		commit_reuse(f, vma);
		fault_is_over(f);
	}
	return 0;
}

#ifndef COW_NO_THP
SEC("fentry/pmdp_set_access_flags")
int BPF_PROG(thp_made_writable, struct vm_area_struct *vma, u64 address)
{
	struct cow_fault *f = fault_find(current_task());

	if (f && f->kind == FAULT_THP && fault_is_at(f, address)) {
		f->ending = COW_THP_REUSED;
		fault_is_over(f);
	}
	return 0;
}
#endif

static __always_inline int hugetlb_page_added(u64 page, struct vm_area_struct *vma, u64 address)
{
	struct cow_fault *f = fault_find(current_task());

	if (f && f->kind == FAULT_HUGETLB && fault_is_at(f, address)) {
		hugetlb_commit_copy(f, vma, page);
		fault_is_over(f);
	}
	return 0;
}

SEC("fentry/hugetlb_add_new_anon_rmap")
int BPF_PROG(hugetlb_added, void *folio, struct vm_area_struct *vma, u64 address)
{
	return hugetlb_page_added((u64)folio, vma, address);
}

/* What hugetlb_add_new_anon_rmap() was up to 6.7 (commit 9d5fafd5d882). */
#ifndef COW_NEW_KERNELS
SEC("?fentry/hugepage_add_new_anon_rmap")
int BPF_PROG(hugetlb_added_page, void *page, struct vm_area_struct *vma, u64 address)
{
	return hugetlb_page_added((u64)page, vma, address);
}
#endif

#endif /* COWSTAT_COW_BPF_H */

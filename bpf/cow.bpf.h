/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel as BPF sees it: the differences between kernels, and how to read what no BPF
 * pointer leads to. Used by the counters (cowstat.bpf.c) and by the tracer (cowtrace.bpf.c).
 *
 * Which kind of program is attached where follows from one rule. The kernel skips a program
 * of the kinds fentry, fexit and tp_btf on a CPU where another task was preempted inside the
 * same program. Under PREEMPT_LAZY that task may wait for a whole time slice. So:
 *
 * - fentry programs are attached only where the kernel holds the page-table lock, which
 *   holds off preemption: at the entry of do_wp_page() and of hugetlb_wp(), and at the
 *   function that makes a page writable.
 * - All else is attached by kprobes, kprobe.multi and classic tracepoints. Their handlers
 *   run with preemption off, so no other task can be preempted inside.
 * - On PREEMPT_RT a page-table lock does not hold off preemption: there kprobes replace the
 *   fentry programs.
 * - A program whose loss only loses a duration may be fexit (cowtrace.bpf.c).
 *
 * docs/ebpf.md lists the programs one by one.
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
#define COW_VM_HUGETLB		0x00400000UL
#define COW_VM_SHADOW_STACK	(1UL << 37)	/* of x86: CPU-written return addresses */
#define COW_PF_KTHREAD		0x00200000
#define COW_PTE_RW		0x002UL
#define COW_PTE_DIRTY		0x040UL
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
#define COW_EINTR		4
#define COW_EAGAIN		11
#define COW_ENOMEM		12
#define COW_ERESTARTSYS		512	/* from here on: no error, the call begins again */
#define COW_CLONE_THREAD	0x00010000UL

/* --- set by the loader ------------------------------------------------------ */

/*
 * Where the functions are whose calls count, by the return address of what they call. See
 * callers of lib/bpf_load.c.
 */
const volatile struct cow_range copy_callers[COW_MAX_RANGES];
const volatile struct cow_range hugetlb_callers[COW_MAX_RANGES];
const volatile struct cow_range thp_callers[COW_MAX_RANGES];
const volatile struct cow_range file_callers[COW_MAX_RANGES];
const volatile struct cow_range fork_callers[COW_MAX_RANGES];
/* How many arguments hugetlb_wp() takes: mm and VMA first if 7, else a vm_fault last. */
const volatile unsigned int hugetlb_wp_args = 2;

/* Was this called by one of these functions? Unused ranges stand last. */
static __always_inline bool called_by(const volatile struct cow_range *callers, u64 parent_ip)
{
	int i;

#pragma unroll
	for (i = 0; i < COW_MAX_RANGES; i++)
		if (parent_ip - callers[i].start < callers[i].size)
			return true;
	return false;
}

/* --- reading the kernel's memory --------------------------------------------- */

/*
 * From 6.2 on a program may read any kernel address by itself; a bad one reads as 0. Before,
 * a helper does it, at several times the cost.
 */
extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

static __always_inline u64 read_u64(const void *at)
{
	u64 n = 0;

	if (at)
		bpf_probe_read_kernel(&n, sizeof(n), at);
	return n;
}

/* The word at an address. Any struct that begins with an unsigned long would do. */
static __always_inline u64 word_at(u64 address)
{
	if (bpf_rdonly_cast) {
		struct pt_regs *word = bpf_rdonly_cast((void *)address,
						       bpf_core_type_id_kernel(struct pt_regs));

		return word->r15;
	}
	return read_u64((void *)address);
}

/* A field that is one word, of a struct that no BPF pointer leads to. */
#define FIELD(address, type, field)	word_at((address) + bpf_core_field_offset(type, field))

/* --- CO-RE flavours: what the same thing is called in other kernels -------- */

/* struct page.compound_head became compound_info in 7.1, where it may be a mask. */
struct page___head {
	unsigned long compound_head;
} __attribute__((preserve_access_index));

struct page___info {
	unsigned long compound_info;
} __attribute__((preserve_access_index));

/* A page's mapping, which is about to leave struct page for struct folio alone. */
struct folio___mapping {
	struct address_space *mapping;
} __attribute__((preserve_access_index));

struct page___mapping {
	struct address_space *mapping;
} __attribute__((preserve_access_index));

/* vm_flags, which is about to become an array of words (7.2 has both names in a union). */
struct vm_area_struct___flags {
	unsigned long vm_flags;
} __attribute__((preserve_access_index));

struct vma_flags___words {
	unsigned long word[1];
};

struct vm_area_struct___words {
	struct vma_flags___words flags;
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

/*
 * Of each pair, the second name is read where the first is gone. Where both are gone, libbpf
 * makes the load fail and names the second: nothing is ever read as 0 instead.
 */
static __always_inline u64 vma_flags_offset(void)
{
	return bpf_core_field_exists(struct vm_area_struct___flags, vm_flags) ?
	       bpf_core_field_offset(struct vm_area_struct___flags, vm_flags) :
	       bpf_core_field_offset(struct vm_area_struct___words, flags);
}

static __always_inline u64 vma_flags(u64 vma)
{
	return word_at(vma + vma_flags_offset());
}

static __always_inline u64 mapping_offset(void)
{
	return bpf_core_field_exists(struct folio___mapping, mapping) ?
	       bpf_core_field_offset(struct folio___mapping, mapping) :
	       bpf_core_field_offset(struct page___mapping, mapping);
}

static __always_inline u64 head_offset(void)
{
	return bpf_core_field_exists(struct page___head, compound_head) ?
	       bpf_core_field_offset(struct page___head, compound_head) :
	       bpf_core_field_offset(struct page___info, compound_info);
}

/* --- pages --------------------------------------------------------------------- */

/* The shared zero page's frame: zero_pfn, which 7.1 renamed. */
extern const void zero_pfn __ksym __weak;
extern const void zero_page_pfn __ksym __weak;
extern const void vmemmap_base __ksym __weak;
extern const void __per_cpu_offset __ksym __weak;

#ifdef COW_NEW_KERNELS
static __always_inline u64 zero_frame(void)
{
	return read_u64(&zero_pfn ?: &zero_page_pfn);
}

static __always_inline u64 page_base(void)
{
	return read_u64(&vmemmap_base);
}
#else
/* Copies of the kernel's variables, made once: the frame, and the struct page of frame 0. */
static u64 zero_frame_copy, page_base_copy;

static __always_inline u64 zero_frame(void)
{
	return zero_frame_copy;
}

static __always_inline u64 page_base(void)
{
	return page_base_copy;
}

/* A part of the kernel's text, for the loader to find calls in. */
unsigned char text[COW_TEXT_BYTES];
unsigned long long text_address;

/* The loader runs this before anything is attached, and again for each text. */
SEC("?syscall")
int look_up(void *ctx)
{
	zero_frame_copy = read_u64(&zero_pfn ?: &zero_page_pfn);
	page_base_copy = read_u64(&vmemmap_base);
	if (text_address && bpf_probe_read_kernel(text, sizeof(text), (void *)text_address))
		return 1;
	return !zero_frame_copy || !page_base_copy;
}
#endif

static __always_inline u64 page_of_pte(u64 pte)
{
	u64 frame = (pte & COW_PTE_PFN) >> COW_PAGE_SHIFT;

	return page_base() + frame * bpf_core_type_size(struct page);
}

static __always_inline u64 page_frame(u64 page)
{
	return (page - page_base()) / bpf_core_type_size(struct page);
}

/* The head of a page that may be a huge page's tail. */
static __always_inline u64 page_head(u64 page)
{
	u64 info = word_at(page + head_offset());

	if (!(info & 1))
		return page;
	/* A mask has more leading ones than an address can have. */
	return info >> 30 == (1UL << 34) - 1 ? page & info : info - 1;
}

/* The mapping of the folio that a page belongs to; its low bits say what kind it is. */
static __always_inline u64 page_mapping(u64 page)
{
	return word_at(page_head(page) + mapping_offset());
}

/* Does this page-table entry lead to the shared zero page, or to one of KSM's? */
static __always_inline bool is_zero_page(u64 pte)
{
	return (pte & COW_PTE_PFN) >> COW_PAGE_SHIFT == zero_frame();
}

/*
 * Does this change make an entry writable? On x86 a page of a shadow stack is writable when
 * it is dirty.
 */
static __always_inline bool becomes_writable(u64 old, u64 new, u64 flags)
{
	u64 gained = new & ~old;

	return gained & COW_PTE_RW || (gained & COW_PTE_DIRTY && flags & COW_VM_SHADOW_STACK);
}

/* --- arguments ------------------------------------------------------------------ */

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

/* The bytes of a huge page of a mapping. */
static __always_inline u64 hugetlb_bytes(u64 vma)
{
	struct hugetlbfs_sb_info *sb;

	sb = BPF_CORE_READ((struct vm_area_struct *)vma, vm_file, f_inode, i_sb, s_fs_info);
	return COWSTAT_PAGE_BYTES << BPF_CORE_READ(sb, hstate, order);
}

/* A variable of the function that a kprobe stands in: see COW_COOKIE(). */
static __always_inline u64 variable_at(struct pt_regs *ctx, u64 cookie)
{
	u64 offset = COW_COOKIE_OFFSET(cookie), value;

	value = read_u64((void *)ctx + (offset < sizeof(struct pt_regs) ? offset : 0));
	if (COW_COOKIE_IN_MEMORY(cookie))
		value = word_at(value + COW_COOKIE_DISPLACEMENT(cookie));
	return value;
}

/* Who called the function that a kprobe stands at the entry of. */
static __always_inline u64 caller_of(struct pt_regs *ctx)
{
	return word_at(PT_REGS_SP(ctx));
}

/*
 * Programs whose section begins with ? are loaded only where the loader chooses them: see
 * needs of lib/bpf_load.c. bpftool cannot choose, so an object for bpftool alone is built
 * with COW_NEW_KERNELS, without them; and with COW_NO_THP, where the kernel has no transparent
 * huge pages, as PREEMPT_RT has none.
 */

#endif /* COWSTAT_COW_BPF_H */

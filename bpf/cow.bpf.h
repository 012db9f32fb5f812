/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel as BPF sees it: the differences between kernels, and how to read memory that no
 * typed BPF pointer leads to. Used by the counters (cowstat.bpf.c) and by the tracer
 * (cowtrace.bpf.c).
 *
 * One rule decides which kind of program is attached where. The kernel skips a program of the
 * kinds fentry, fexit and tp_btf on a CPU where another task was preempted inside the same
 * program. Under PREEMPT_LAZY that task may wait for a whole time slice. So:
 *
 * - fentry programs are attached only where the kernel holds the page-table lock, which
 *   disables preemption: at the entry of do_wp_page() and of hugetlb_wp(), and at the
 *   functions that commit an outcome under that lock.
 * - All other programs are kprobes, kprobe.multi and classic tracepoints. Their handlers run
 *   with preemption disabled, so no other task can be preempted inside.
 * - On PREEMPT_RT a page-table lock does not disable preemption: there kprobes replace the
 *   fentry programs.
 * - A program may be fexit if a skipped call loses only a duration (cowtrace.bpf.c).
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
#define COW_VM_SHADOW_STACK	(1UL << 37)	/* x86: the CPU itself writes return addresses */
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
#define COW_ERESTARTSYS		512	/* not an error from here on: the call is restarted */
#define COW_CLONE_VM		0x00000100UL
#define COW_CLONE_THREAD	0x00010000UL

/* --- set by the loader ------------------------------------------------------ */

/*
 * The text of the functions whose calls count. A call counts if its return address is in one of
 * these ranges. See callers[] in userspace/lib/bpf_load.c.
 */
const volatile struct cow_range copy_callers[COW_MAX_RANGES];
const volatile struct cow_range hugetlb_callers[COW_MAX_RANGES];
const volatile struct cow_range thp_callers[COW_MAX_RANGES];
const volatile struct cow_range file_callers[COW_MAX_RANGES];
const volatile struct cow_range fork_callers[COW_MAX_RANGES];
/*
 * How many arguments hugetlb_wp() takes. With 7, the mm and the VMA are first; otherwise the last
 * one is a vm_fault.
 */
const volatile unsigned int hugetlb_wp_args = 2;

/* Is a return address in one of these functions? Unused ranges come last. */
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
 * From 6.2 on a program can read any kernel address directly; a bad one reads as 0. Before 6.2 a
 * helper must read it, which costs several times as much.
 */
extern void *bpf_rdonly_cast(const void *address, __u32 type) __ksym __weak;

static __always_inline u64 read_u64(const void *at)
{
	u64 n = 0;

	if (at)
		bpf_probe_read_kernel(&n, sizeof(n), at);
	return n;
}

/* Read the word at an address. pt_regs is just a struct that begins with an unsigned long. */
static __always_inline u64 word_at(u64 address)
{
	if (bpf_rdonly_cast) {
		struct pt_regs *word = bpf_rdonly_cast((void *)address,
						       bpf_core_type_id_kernel(struct pt_regs));

		return word->r15;
	}
	return read_u64((void *)address);
}

/* Read a field of one word in a struct that no typed BPF pointer leads to. */
#define FIELD(address, type, field)	word_at((address) + bpf_core_field_offset(type, field))

/* --- CO-RE flavours: other kernels' names and types of the same thing ------ */

/* struct page.compound_head became compound_info in 7.1, where it may be a mask. */
struct page___head {
	unsigned long compound_head;
} __attribute__((preserve_access_index));

struct page___info {
	unsigned long compound_info;
} __attribute__((preserve_access_index));

/* A page's mapping. Newer kernels may have it only in struct folio, not in struct page. */
struct folio___mapping {
	struct address_space *mapping;
} __attribute__((preserve_access_index));

struct page___mapping {
	struct address_space *mapping;
} __attribute__((preserve_access_index));

/* vm_flags. Newer kernels may have only an array of words (7.2 has both in a union). */
struct vm_area_struct___flags {
	unsigned long vm_flags;
} __attribute__((preserve_access_index));

struct vma_flags___words {
	unsigned long word[1];
};

struct vm_area_struct___words {
	struct vma_flags___words flags;
} __attribute__((preserve_access_index));

/*
 * If the first name of a pair does not exist, the second is used. If neither exists, libbpf
 * refuses to load the program and names the second. So no field is silently read as 0.
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

/* --- mappings --------------------------------------------------------------------- */

/*
 * What a mapping is: an enum cow_mapping. The last component of the path of its file goes to @file;
 * all bytes behind it are cleared, since the name may become part of a key.
 */
static __always_inline u32 mapping_kind(u64 vma, char *name)
{
	struct file *file = (void *)FIELD(vma, struct vm_area_struct, vm_file);
	u64 start = FIELD(vma, struct vm_area_struct, vm_start);
	u64 end = FIELD(vma, struct vm_area_struct, vm_end);
	u64 mm = FIELD(vma, struct vm_area_struct, vm_mm);
	u64 stack;

	__builtin_memset(name, 0, COW_FILE_LEN);
	if (file) {
		bpf_probe_read_kernel_str(name, COW_FILE_LEN,
					  BPF_CORE_READ(file, f_path.dentry, d_name.name));
		return COW_MAPPING_FILE;
	}
	stack = FIELD(mm, struct mm_struct, start_stack);
	if (vma_flags(vma) & COW_VM_GROWSDOWN || (start <= stack && stack < end))
		return COW_MAPPING_STACK;
	if (start <= FIELD(mm, struct mm_struct, brk) &&
	    end >= FIELD(mm, struct mm_struct, start_brk))
		return COW_MAPPING_HEAP;
	return COW_MAPPING_ANON;
}

/* The offset in the file at which a mapping begins, in bytes. */
static __always_inline u64 mapping_offset_of(u64 vma)
{
	return FIELD(vma, struct vm_area_struct, vm_pgoff) << COW_PAGE_SHIFT;
}

/* --- pages --------------------------------------------------------------------- */

#ifdef COW_NEW_KERNELS
/* The frame of the shared zero page: zero_pfn, renamed in 7.1. */
extern const void zero_pfn __ksym __weak;
extern const void zero_page_pfn __ksym __weak;
extern const void vmemmap_base __ksym __weak;

static __always_inline u64 zero_frame(void)
{
	return read_u64(&zero_pfn ?: &zero_page_pfn);
}

static __always_inline u64 page_base(void)
{
	return read_u64(&vmemmap_base);
}
#else
/* Where the kernel's variables are. The loader has read /proc/kallsyms anyway; libbpf need not. */
const volatile struct cow_variables kernel;

/* What to add to the address of a per-CPU variable. */
static __always_inline u64 per_cpu_offset(u32 cpu)
{
	return read_u64((void *)kernel.per_cpu_offset + cpu * sizeof(u64));
}

/* Copied once from the kernel: the frame of the zero page, and the struct page of frame 0. */
static u64 zero_frame_copy, page_base_copy;

static __always_inline u64 zero_frame(void)
{
	return zero_frame_copy;
}

static __always_inline u64 page_base(void)
{
	return page_base_copy;
}

/* A copy of some of the kernel's text, in which the loader looks for calls. */
unsigned char text[COW_TEXT_BYTES];
unsigned long long text_address;

/* The loader runs this before it attaches anything, and again for each function to search. */
SEC("?syscall")
int look_up(void *ctx)
{
	zero_frame_copy = read_u64((void *)kernel.zero_pfn);
	page_base_copy = read_u64((void *)kernel.vmemmap_base);
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

/* The head page of a page, which may be a tail page. */
static __always_inline u64 page_head(u64 page)
{
	u64 info = word_at(page + head_offset());

	if (!(info & 1))
		return page;
	/* compound_info may be a mask: it has more leading ones than an address can have. */
	return info >> 30 == (1UL << 34) - 1 ? page & info : info - 1;
}

/* The mapping of the folio that a page belongs to; its low bits say what kind it is. */
static __always_inline u64 page_mapping(u64 page)
{
	return word_at(page_head(page) + mapping_offset());
}

/* Does this page-table entry map the shared zero page? KSM maps pages of zeros to it, too. */
static __always_inline bool is_zero_page(u64 pte)
{
	return (pte & COW_PTE_PFN) >> COW_PAGE_SHIFT == zero_frame();
}

/*
 * Does this change make an entry writable? On x86 a page of a shadow stack is writable if it is
 * dirty.
 */
static __always_inline bool becomes_writable(u64 old, u64 new, u64 flags)
{
	u64 gained = new & ~old;

	return gained & COW_PTE_RW || (gained & COW_PTE_DIRTY && flags & COW_VM_SHADOW_STACK);
}

/* --- arguments ------------------------------------------------------------------ */

/*
 * The struct vm_fault that hugetlb_wp() takes from 6.10 on: its last argument. Early stable
 * releases of 6.12 have a folio before it; only BTF tells them apart.
 */
static __always_inline u64 hugetlb_vmf(void *ctx)
{
	u64 vmf = 0;

	bpf_get_func_arg(ctx, bpf_get_func_arg_cnt(ctx) - 1, &vmf);
	return vmf;
}

/* The size in bytes of the huge pages of a mapping. */
static __always_inline u64 hugetlb_bytes(u64 vma)
{
	struct hugetlbfs_sb_info *sb;

	sb = BPF_CORE_READ((struct vm_area_struct *)vma, vm_file, f_inode, i_sb, s_fs_info);
	return COWSTAT_PAGE_BYTES << BPF_CORE_READ(sb, hstate, order);
}

/* Read a variable of the function that contains the kprobe: see COW_COOKIE(). */
static __always_inline u64 variable_at(struct pt_regs *ctx, u64 cookie)
{
	u64 offset = COW_COOKIE_OFFSET(cookie), value;

	value = read_u64((void *)ctx + (offset < sizeof(struct pt_regs) ? offset : 0));
	if (COW_COOKIE_IN_MEMORY(cookie))
		value = word_at(value + COW_COOKIE_DISPLACEMENT(cookie));
	return value;
}

/* The return address of the function, for a kprobe at its entry. */
static __always_inline u64 caller_of(struct pt_regs *ctx)
{
	return word_at(PT_REGS_SP(ctx));
}

/*
 * A program whose section begins with ? is loaded only if the loader chooses it: see needs[] in
 * userspace/lib/bpf_load.c. bpftool cannot choose. So objects that bpftool alone loads are built
 * with COW_NEW_KERNELS, which leaves these programs out; and also with COW_NO_THP if the kernel
 * has no transparent huge pages, as under PREEMPT_RT.
 */

#endif /* COWSTAT_COW_BPF_H */

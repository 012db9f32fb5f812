/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF programs share with the tools that load them and read their maps. */
#ifndef COWSTAT_BPF_COW_H
#define COWSTAT_BPF_COW_H

#include "uapi/cowstat.h"

/*
 * The directory where `cowstat bpf load` pins the iterator, and the links that keep the counting
 * programs attached.
 */
#define COWSTAT_BPF_DIR		"/sys/fs/bpf/cowstat"
#define COWSTAT_BPF_TABLE	COWSTAT_BPF_DIR "/table"

/*
 * How a fault ends: the outcomes of a write-protect fault, then the columns that count faults on
 * huge pages and first writes to private file pages. A set of endings is a bit mask.
 *	E(ID, name)
 */
#define COW_ENDINGS(E)				\
	COWSTAT_OUTCOMES(E)			\
	E(FILE_COPIED,		file_copied)	\
	E(THP_SPLIT,		thp_split)	\
	E(THP_REUSED,		thp_reused)	\
	E(THP_OTHER,		thp_other)	\
	E(HUGETLB_COPIED,	hugetlb_copied)	\
	E(HUGETLB_REUSED,	hugetlb_reused)	\
	E(HUGETLB_OTHER,	hugetlb_other)

#define COW_ENUM_ENDING(ID, name)	COW_##ID,
enum cow_ending { COW_ENDINGS(COW_ENUM_ENDING) COW_NR_ENDINGS };

/* What a page belongs to. */
enum cow_mapping {
	COW_MAPPING_ANON,
	COW_MAPPING_HEAP,
	COW_MAPPING_STACK,
	COW_MAPPING_FILE,
	/* These two only in sums of forks: for faults, such a mapping is one of a file. */
	COW_MAPPING_SHMEM,
	COW_MAPPING_HUGETLB,
	COW_NR_MAPPINGS
};

#define COW_COMM_LEN	16
#define COW_FILE_LEN	40
#define COW_BUCKETS	40	/* one for each power of two of nanoseconds */
#define COW_STACK_DEPTH	127	/* what the kernel walks at most by default */
#define COW_SAMPLE_PAGES 6	/* of a user stack that is copied, to be unwound by DWARF */

/* The duration of a fault is not known, because no program saw its end. */
#define COW_UNTIMED	(~0ULL)

#define COW_MAX_PROGRAMS 40	/* of one object */

/**
 * struct cow_program - a program; the table reads how often the kernel has skipped it
 * @id: its id in the kernel, set by the loader; 0 when there is none
 * @stats: the kernel address of its per-CPU struct bpf_prog_stats
 */
struct cow_program {
	unsigned int id;
	unsigned long long stats;
};

/**
 * struct cow_range - the text of a kernel function
 * @start: its address
 * @size: its length in bytes; 0 when there is no such function
 */
struct cow_range {
	unsigned long long start;
	unsigned long long size;
};

/**
 * struct cow_variables - addresses of variables of the kernel
 * @zero_pfn: the frame of the shared zero page; the variable is called zero_page_pfn from 7.1 on
 * @vmemmap_base: the address of the struct page of frame 0
 * @per_cpu_offset: __per_cpu_offset[], what to add to the address of a per-CPU variable
 */
struct cow_variables {
	unsigned long long zero_pfn;
	unsigned long long vmemmap_base;
	unsigned long long per_cpu_offset;
};

/*
 * Where a kprobe inside a function finds one of its variables: in the register at this offset of
 * struct pt_regs, or in memory, at a displacement from the address in that register.
 */
#define COW_COOKIE(offset, in_memory, displacement) \
	((offset) | (in_memory) << 8 | (unsigned long long)(unsigned int)(displacement) << 32)
#define COW_COOKIE_OFFSET(cookie)	((cookie) & 0xff)
#define COW_COOKIE_IN_MEMORY(cookie)	((cookie) >> 8 & 1)
#define COW_COOKIE_DISPLACEMENT(cookie)	((int)((cookie) >> 32))

#define COW_MAX_RANGES	4	/* the most functions, or parts of them, whose calls count alike */
#define COW_TEXT_BYTES	16384	/* the longest function in which the loader looks for a call */

/**
 * struct cow_event - one fault, as cowtrace's ring buffer carries it
 * @now_ns: when it ended, CLOCK_MONOTONIC; when it began, if @took_ns is not known
 * @took_ns: from the entry of the kernel's function to its exit, or COW_UNTIMED
 * @address: the address that was written to
 * @old_pfn: page frame before the fault; 0 when not known
 * @new_pfn: page frame after the fault; equal to @old_pfn if the page was reused
 * @offset: offset in the file, in bytes; 0 if the mapping has no file
 * @bytes: how many bytes were physically copied
 * @pid: process that owns the memory
 * @tid: thread that faulted
 * @by_pid: process that faulted; differs from @pid if @remote
 * @ending: enum cow_ending
 * @mapping: enum cow_mapping
 * @remote: a process faulted in the memory of another one
 * @pad: unused
 * @comm: name of the thread that faulted; if @remote, of the thread that owns the memory
 * @by_comm: if @remote, name of the thread that faulted
 * @file: last component of the path, truncated
 */
struct cow_event {
	unsigned long long now_ns;
	unsigned long long took_ns;
	unsigned long long address;
	unsigned long long old_pfn;
	unsigned long long new_pfn;
	unsigned long long offset;
	unsigned int bytes;
	unsigned int pid;
	unsigned int tid;
	unsigned int by_pid;
	unsigned char ending;
	unsigned char mapping;
	unsigned char remote;
	unsigned char pad[5];
	char comm[COW_COMM_LEN];
	char by_comm[COW_COMM_LEN];
	char file[COW_FILE_LEN];
};

/* What cowtrace's programs do with a fault; a bit mask. */
enum cow_sink {
	COW_TO_RING = 1,   /* an event for cowtrace to print */
	COW_TO_LOG = 2,	   /* a line for bpftool prog tracelog */
	COW_TO_HIST = 4,   /* a histogram of latency */
	COW_TO_STACKS = 8, /* a count by stack */
	COW_TO_VMAS = 16,  /* a count by mapping */
};

/**
 * struct cow_hist - how long faults took
 * @bucket: the number of faults that took [2^i, 2^(i+1)) nanoseconds
 * @faults: the number of faults
 * @untimed: the number of faults that are in no bucket, since their duration is not known
 * @took_ns: the sum of the known durations
 * @comm: the name of the process, in sums by process
 */
struct cow_hist {
	unsigned long long bucket[COW_BUCKETS];
	unsigned long long faults;
	unsigned long long untimed;
	unsigned long long took_ns;
	char comm[COW_COMM_LEN];
};

/* @comm is "" unless the sums are split by the names of threads. */
struct cow_hist_key {
	unsigned int pid;    /* 0 unless by process */
	unsigned int ending; /* 0 if by process */
	char comm[COW_COMM_LEN];
};

/* The kernel functions at whose entry a fault begins. */
enum cow_function {
	COW_DO_WP_PAGE,
	COW_FINISH_FAULT,
	COW_DO_HUGE_PMD_WP_PAGE,
	COW_HUGETLB_WP,
	COW_NR_FUNCTIONS
};

/**
 * struct cow_stack_key - a place in the code of a process that faulted
 * @start_stack: first address of the process's stack: random for each exec, so that with @end_code
 *	it tells programs apart that had one pid
 * @end_code: the end of the program's code
 * @ip: in sums for DWARF, the user's instruction pointer; else 0
 * @pid: process that faulted
 * @function: enum cow_function
 * @user: id in the map of stacks; negative when there is none, -EEXIST when its place was taken
 * @kernel: the same for the kernel stack
 * @comm: name of the thread that faulted
 */
struct cow_stack_key {
	unsigned long long start_stack;
	unsigned long long end_code;
	unsigned long long ip;
	unsigned int pid;
	unsigned int function;
	int user;
	int kernel;
	char comm[COW_COMM_LEN];
};

/**
 * struct cow_stack_sums - the faults at such a place
 * @faults: their number, by outcome
 * @bytes: how many bytes were physically copied
 */
struct cow_stack_sums {
	unsigned long long faults[COW_NR_ENDINGS];
	unsigned long long bytes;
};

/**
 * struct cow_new_stack - in the ring buffer: a key that is new in the map of sums by stack
 * @key: the key
 * @parent: the process's parent
 * @pad: unused
 */
struct cow_new_stack {
	struct cow_stack_key key;
	unsigned int parent;
	unsigned int pad;
};

/* Registers of a sample, in the order in which DWARF numbers them. */
enum cow_register {
	COW_RAX,
	COW_RDX,
	COW_RCX,
	COW_RBX,
	COW_RSI,
	COW_RDI,
	COW_RBP,
	COW_RSP,
	COW_R8,
	COW_R9,
	COW_R10,
	COW_R11,
	COW_R12,
	COW_R13,
	COW_R14,
	COW_R15,
	COW_RIP,
	COW_NR_REGISTERS
};

/**
 * struct cow_sample - in the ring buffer: registers and stack of a thread at a fault
 * @new_stack: the place in the code
 * @reg: registers, indexed by enum cow_register
 * @bytes: how many bytes of @stack were read
 * @stack: the stack, from the page that the stack pointer points to
 */
struct cow_sample {
	struct cow_new_stack new_stack;
	unsigned long long reg[COW_NR_REGISTERS];
	unsigned long long bytes;
	char stack[COW_SAMPLE_PAGES * COWSTAT_PAGE_BYTES];
};

/**
 * struct cow_vma_key - a mapping of a process
 * @start: its first address; 0 for a stack, whose first address falls as it grows
 * @offset: offset of @start in the file
 * @pid: process
 * @mapping: enum cow_mapping
 * @file: last component of the path, truncated; all bytes behind its end are zero
 * @comm: "" unless the sums are split by the names of threads
 */
struct cow_vma_key {
	unsigned long long start;
	unsigned long long offset;
	unsigned int pid;
	unsigned int mapping;
	char file[COW_FILE_LEN];
	char comm[COW_COMM_LEN];
};

/**
 * struct cow_vma - the faults on a mapping
 * @faults: their number, by outcome
 * @untimed: number of faults whose duration is not known
 * @bytes: how many bytes were physically copied
 * @took_ns: sum of the known durations
 * @start: first address of the mapping at the time of the last fault
 * @end: the address behind its end at the time of the last fault
 * @comm: name of the thread that had the first fault
 */
struct cow_vma {
	unsigned long long faults[COW_NR_ENDINGS];
	unsigned long long untimed;
	unsigned long long bytes;
	unsigned long long took_ns;
	unsigned long long start;
	unsigned long long end;
	char comm[COW_COMM_LEN];
};

/* --- forks: what bpf/cowforks.bpf.c reports ------------------------------------------------- */

/**
 * struct cow_fork_pages - what a child's page tables hold, or what a mapping added to them
 * @anon: anonymous 4 KiB pages, those of @pinned included
 * @file: file pages
 * @shmem: pages of shared memory and tmpfs
 * @swap: swap entries
 * @pinned: pages that fork copied, since the parent's are pinned
 * @hugetlb_bytes: hugetlb pages
 * @pgtables_bytes: the page tables themselves
 */
struct cow_fork_pages {
	unsigned long long anon;
	unsigned long long file;
	unsigned long long shmem;
	unsigned long long swap;
	unsigned long long pinned;
	unsigned long long hugetlb_bytes;
	unsigned long long pgtables_bytes;
};

enum cow_fork_what { COW_FORK_BEGAN, COW_FORK_MAPPING, COW_FORK_ENDED };

/**
 * struct cow_fork_head - the first members of each event of a fork
 * @fork: the number of the fork; all its events have the same
 * @what: enum cow_fork_what
 * @pid: the process that forks
 */
struct cow_fork_head {
	unsigned long long fork;
	unsigned int what;
	unsigned int pid;
};

/**
 * struct cow_fork_began - a fork has begun: who called it
 * @head: see there
 * @sample: registers and stack of the caller. Of its key, the program of the process is known; the
 *	instruction pointer is 0 in a 32-bit program
 */
struct cow_fork_began {
	struct cow_fork_head head;
	struct cow_sample sample;
};

/**
 * struct cow_fork_mapping - fork has walked a mapping: one call of copy_page_range()
 * @head: see there
 * @took_ns: how long it took, or COW_UNTIMED
 * @start: first address of the mapping
 * @end: the address behind its end
 * @offset: offset of @start in the file
 * @pages: what it added to the child's page tables
 * @mapping: enum cow_mapping
 * @pad: unused
 * @file: last component of the path, truncated
 */
struct cow_fork_mapping {
	struct cow_fork_head head;
	unsigned long long took_ns;
	unsigned long long start;
	unsigned long long end;
	unsigned long long offset;
	struct cow_fork_pages pages;
	unsigned int mapping;
	unsigned int pad;
	char file[COW_FILE_LEN];
};

/**
 * struct cow_fork_ended - a fork is over: copy_process() has returned
 * @head: see there
 * @now_ns: when, CLOCK_MONOTONIC
 * @took_ns: from the entry of copy_process() to its return
 * @flags: the flags of clone()
 * @pages: what the child's page tables held; if it failed, what they held last
 * @mappings: how many of its mappings fork looked at
 * @tid: the thread that forked
 * @child: the child's pid; 0 if there is none
 * @error: errno; 0 if there is a child
 * @comm: the name of the thread that forked
 */
struct cow_fork_ended {
	struct cow_fork_head head;
	unsigned long long now_ns;
	unsigned long long took_ns;
	unsigned long long flags;
	struct cow_fork_pages pages;
	unsigned int mappings;
	unsigned int tid;
	unsigned int child;
	unsigned int error;
	char comm[COW_COMM_LEN];
};

#endif /* COWSTAT_BPF_COW_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* What the BPF programs share with the tools that load them and read their maps. */
#ifndef COWSTAT_BPF_COW_H
#define COWSTAT_BPF_COW_H

#include "uapi/cowstat.h"

/* Where `cowstat bpf load` pins its iterator, and beside it what keeps the counting going. */
#define COWSTAT_BPF_DIR		"/sys/fs/bpf/cowstat"
#define COWSTAT_BPF_TABLE	COWSTAT_BPF_DIR "/table"

/*
 * How a fault ends: the outcomes of a write-protect fault, and after them the columns that
 * huge pages and first writes to private file pages are counted in. A set of them is a mask.
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
enum cow_ending {
	COW_ENDINGS(COW_ENUM_ENDING)
	COW_NR_ENDINGS
};

/* What a page belongs to. */
enum cow_mapping {
	COW_MAPPING_ANON,
	COW_MAPPING_HEAP,
	COW_MAPPING_STACK,
	COW_MAPPING_FILE,
};

#define COW_COMM_LEN	16
#define COW_FILE_LEN	40
#define COW_BUCKETS	40	/* of log2 nanoseconds */
#define COW_STACK_DEPTH	48

/* How long a fault took is not known: its end was not seen. */
#define COW_UNTIMED	(~0ULL)

#define COW_MAX_PROGRAMS 40	/* of one object */

/**
 * struct cow_program - a program, for the table to know how often it was skipped
 * @id: the kernel's number of it, given by who loads it; 0 when there is none
 * @stats: the kernel's address of its per-CPU struct bpf_prog_stats
 */
struct cow_program {
	unsigned int id;
	unsigned long long stats;
};

/**
 * struct cow_range - where a function of the kernel is
 * @start: its address
 * @size: in bytes; 0 when there is no such function
 */
struct cow_range {
	unsigned long long start;
	unsigned long long size;
};

/*
 * Where a variable of a function is, when a kprobe stands in it: in the register at this offset
 * of struct pt_regs, or in memory, at a displacement from where that points.
 */
#define COW_COOKIE(offset, in_memory, displacement) \
	((offset) | (in_memory) << 8 | (unsigned long long)(unsigned int)(displacement) << 32)
#define COW_COOKIE_OFFSET(cookie)	((cookie) & 0xff)
#define COW_COOKIE_IN_MEMORY(cookie)	((cookie) >> 8 & 1)
#define COW_COOKIE_DISPLACEMENT(cookie)	((int)((cookie) >> 32))

#define COW_MAX_RANGES	4	/* parts of functions that call for the same reason */
#define COW_TEXT_BYTES	16384	/* of the longest function that a call is sought in */

/**
 * struct cow_event - one fault, as cowtrace's ring buffer carries it
 * @now_ns: when it ended, CLOCK_MONOTONIC; when it began, where @took_ns is not known
 * @took_ns: from the entry of the kernel's function to its exit, or COW_UNTIMED
 * @address: what was written to
 * @old_pfn: page frame before; 0 when not known
 * @new_pfn: page frame after; the same one when it was reused
 * @offset: into the file, in bytes; 0 for mappings of no file
 * @bytes: physically copied
 * @pid: process whose memory it is
 * @tid: thread that faulted
 * @by_pid: process that faulted; another one than @pid if @remote
 * @ending: enum cow_ending
 * @mapping: enum cow_mapping
 * @remote: the fault comes from outside: a process faulted in another one's memory
 * @pad: unused
 * @comm: name of the thread that faulted; if @remote, of the thread that owns the memory
 * @by_comm: if @remote, name of the thread that faulted
 * @file: last part of the file's name, cut
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

/* What cowtrace's programs do with a fault; a set. */
enum cow_sink {
	COW_TO_RING	= 1,	/* an event for cowtrace to print */
	COW_TO_LOG	= 2,	/* a line for bpftool prog tracelog */
	COW_TO_HIST	= 4,	/* a histogram of latency */
	COW_TO_STACKS	= 8,	/* a count by stack */
	COW_TO_VMAS	= 16,	/* a count by mapping */
};

/**
 * struct cow_hist - how long faults took
 * @bucket: faults of [2^i, 2^(i+1)) nanoseconds
 * @faults: the number of faults
 * @untimed: the number of faults that are in no bucket
 * @took_ns: the sum
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
	unsigned int pid;	/* 0 unless by process */
	unsigned int ending;	/* 0 if by process */
	char comm[COW_COMM_LEN];
};

/* The kernel's functions that faults are followed in. */
enum cow_function {
	COW_DO_WP_PAGE,
	COW_FINISH_FAULT,
	COW_DO_HUGE_PMD_WP_PAGE,
	COW_HUGETLB_WP,
	COW_NR_FUNCTIONS
};

struct cow_stack_key {
	unsigned int pid;
	unsigned int function;	/* enum cow_function */
	int user;		/* numbers in the map of stacks; negative when there is none */
	int kernel;
	char comm[COW_COMM_LEN];
};

/**
 * struct cow_vma_key - a mapping of a process
 * @start: its first address; 0 for a stack, whose first address falls as it grows
 * @offset: of @start in the file
 * @pid: process
 * @mapping: enum cow_mapping
 * @file: last part of the file's name, cut; every byte behind its end is zero
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
 * @untimed: number of those whose duration is not known
 * @bytes: physically copied
 * @took_ns: sum of the durations that are known
 * @start: first address, at the last fault
 * @end: the address behind the last one, at the last fault
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

#endif /* COWSTAT_BPF_COW_H */

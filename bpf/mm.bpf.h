/* SPDX-License-Identifier: GPL-2.0 */
/* How many pages of each kind the page tables of an mm hold. */
#ifndef COWSTAT_MM_BPF_H
#define COWSTAT_MM_BPF_H

#include "cow.bpf.h"

#define MAX_CPUS	1024

const volatile unsigned int nr_cpus = 1; /* set by the loader: CPUs that are possible */

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

/* Read a counter of an mm. The value is exact, since nobody uses the mm yet. */
static __noinline u64 mm_counter(u64 mm, u32 member)
{
	struct percpu_counter *counter;
	u64 base, counters;
	s64 sum;
	u32 cpu;

	if (bpf_core_type_exists(struct mm_rss_stat___atomic)) {
		sum = read_u64((void *)mm +
			       bpf_core_field_offset(struct mm_struct___atomic, rss_stat) +
			       member * sizeof(u64));
		return sum < 0 ? 0 : sum;
	}
	counter = (void *)mm + bpf_core_field_offset(struct mm_struct___percpu, rss_stat) +
		  member * bpf_core_type_size(struct percpu_counter);
	sum = BPF_CORE_READ(counter, count);
	counters = (u64)BPF_CORE_READ(counter, counters);
	for (cpu = 0; cpu < MAX_CPUS && cpu < nr_cpus; cpu++) {
		s32 n = 0;

		base = per_cpu_offset(cpu);
		bpf_probe_read_kernel(&n, sizeof(n), (void *)(base + counters));
		sum += n;
	}
	return sum < 0 ? 0 : sum;
}

static __always_inline u64 mm_pgtables_bytes(u64 mm)
{
	return BPF_CORE_READ((struct mm_struct *)mm, pgtables_bytes.counter);
}

static __always_inline u64 mm_hugetlb_bytes(u64 mm)
{
	return BPF_CORE_READ((struct mm_struct *)mm, hugetlb_usage.counter) << COW_PAGE_SHIFT;
}

#endif /* COWSTAT_MM_BPF_H */

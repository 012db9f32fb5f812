// SPDX-License-Identifier: GPL-2.0
/* Are the RSS counters of an mm per-CPU counters (6.2, commit f1a7941243c1)? */
#include <linux/mm_types.h>
#include <linux/percpu_counter.h>

s64 probe(struct mm_struct *mm);

s64 probe(struct mm_struct *mm)
{
	return percpu_counter_sum_positive(&mm->rss_stat[MM_ANONPAGES]);
}

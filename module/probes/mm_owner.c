// SPDX-License-Identifier: GPL-2.0
/* Does an mm know the process that owns it (CONFIG_MEMCG)? */
#include <linux/mm_types.h>

struct task_struct *probe(const struct mm_struct *mm);

struct task_struct *probe(const struct mm_struct *mm)
{
	return mm->owner;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tells a struct vm_fault from a struct mm_struct. hugetlb_wp() is static, so no header
 * declares its arguments, and they have changed:
 *
 *	(mm, vma, ...)		before 6.10
 *	(folio, vmf)		in some releases from 6.10 on
 *	(vmf)			in others (6.12.118), and now
 *
 * A version number does not tell which of them a vendor's kernel has.
 */
#ifndef COWSTAT_VMF_H
#define COWSTAT_VMF_H

#include <linux/mm.h>
#include <linux/sched/task_stack.h>

/**
 * vmf_or_vma_mm() - find the mm of a fault in the first two arguments of a function
 * @arg0: the first argument
 * @arg1: the second; any value if the function has only one
 *
 * A vm_fault lies on the stack of the task that faults; a folio, an mm or a VMA never does.
 * An argument is dereferenced only if it lies there or is a valid address of the direct map.
 *
 * Context: the task that faults.
 * Return: the mm, or NULL if the arguments are none of the known ones.
 */
static inline struct mm_struct *vmf_or_vma_mm(const void *arg0, const void *arg1)
{
	const struct vm_area_struct *vma = arg1;

	if (object_is_on_stack(arg0))
		return ((const struct vm_fault *)arg0)->vma->vm_mm;
	if (object_is_on_stack(arg1))
		return ((const struct vm_fault *)arg1)->vma->vm_mm;
	if (virt_addr_valid(arg1) && vma->vm_mm == arg0)
		return vma->vm_mm;
	return NULL;
}

#endif /* COWSTAT_VMF_H */

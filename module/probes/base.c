// SPDX-License-Identifier: GPL-2.0
/* Do the kernel's headers and flags compile a module at all? If not, no other answer counts. */
#include <linux/ftrace.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>

int probe(const struct vm_area_struct *vma);

int probe(const struct vm_area_struct *vma)
{
	return current->mm == vma->vm_mm;
}

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COWSTAT_EVENT_H
#define COWSTAT_EVENT_H

#include "uapi/cowstat.h"

struct page;
struct vm_area_struct;

void event_init(void);
void event_forget(void);
int event_listen(void);
void event_unlisten(void);
void event_exit(void);
void event_fault(const struct vm_area_struct *vma, unsigned long address,
		 enum cowstat_column outcome, unsigned long old_pfn, unsigned long new_pfn,
		 unsigned long bytes);
void event_old_frame(unsigned long address, enum cowstat_column outcome, unsigned long pfn);
void event_new_frame(struct vm_area_struct *vma, unsigned long address, struct page *page);

#endif /* COWSTAT_EVENT_H */

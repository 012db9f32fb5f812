// SPDX-License-Identifier: GPL-2.0
/* Does sched_process_exit tell its probes whether the whole thread group is dead? */
#include <trace/events/sched.h>

static void on_exit(void *data, struct task_struct *task, bool group_dead)
{
}

int probe(void);

int probe(void)
{
	return register_trace_sched_process_exit(on_exit, NULL);
}

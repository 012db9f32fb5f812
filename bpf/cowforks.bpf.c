// SPDX-License-Identifier: GPL-2.0
/*
 * Reports each fork: who called it, how long it took, what it put into the child's page tables,
 * and how much of that for which mapping. copy_process() makes the child; for each mapping it calls
 * copy_page_range(). A fork that fails is reported, too. New threads are no forks.
 */
#include "cow.bpf.h"
#include "filter.bpf.h"
#include "mm.bpf.h"
#include "sample.bpf.h"

#define RING_BYTES	(1 << 24)
#define TMPFS_MAGIC	0x01021994
#define USER_CS		0x33 /* of 64-bit code */

const volatile bool by_mapping; /* report mappings, too */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

/* Reports for which there was no room. */
unsigned long long lost;
unsigned long long nr_forks;

#define LOST()	__sync_fetch_and_add(&lost, 1)

/**
 * struct fork - a fork in flight
 * @event: the report, to be completed at its end
 * @mapping: the report of the mapping that it copies
 * @since_ns: when it began to copy this mapping; 0 if it copies none
 * @anon_vma: of that mapping
 * @mm: the child's mm
 */
struct fork {
	struct cow_fork_ended event;
	struct cow_fork_mapping mapping;
	u64 since_ns;
	u64 anon_vma;
	u64 mm;
};

/* By task. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct fork);
} forks SEC(".maps");

static const struct fork no_fork;

static __always_inline struct fork *fork_of_current(void)
{
	u64 task = bpf_get_current_task();

	return bpf_map_lookup_elem(&forks, &task);
}

/* What the child's page tables hold now. Only current uses them. @now->pinned stays. */
static __noinline int read_pages(u64 mm, struct cow_fork_pages *now)
{
	if (!now)
		return 0;
	now->anon = mm_counter(mm, MM_ANONPAGES);
	now->file = mm_counter(mm, MM_FILEPAGES);
	now->shmem = mm_counter(mm, MM_SHMEMPAGES);
	now->swap = mm_counter(mm, MM_SWAPENTS);
	now->hugetlb_bytes = mm_hugetlb_bytes(mm);
	now->pgtables_bytes = mm_pgtables_bytes(mm);
	return 0;
}

/* --- mappings ---------------------------------------------------------------------------- */

static __always_inline u32 kind_of(u64 vma, char *name)
{
	u32 kind = mapping_kind(vma, name);
	struct file *file;

	if (kind != COW_MAPPING_FILE)
		return kind;
	if (vma_flags(vma) & COW_VM_HUGETLB)
		return COW_MAPPING_HUGETLB;
	file = (void *)FIELD(vma, struct vm_area_struct, vm_file);
	return BPF_CORE_READ(file, f_inode, i_sb, s_magic) == TMPFS_MAGIC ? COW_MAPPING_SHMEM :
									    COW_MAPPING_FILE;
}

/*
 * A mapping has been copied. @took_ns is COW_UNTIMED if the exit of copy_page_range() was skipped.
 * A mapping without private pages, which fork skips at once, is not reported.
 */
static __noinline int mapping_left(struct fork *fork, u64 took_ns)
{
	struct cow_fork_pages *to, *before, *now;
	struct cow_fork_mapping *e;
	struct cow_fork_pages old;

	if (!fork)
		return 0;
	fork->since_ns = 0;
	now = &fork->event.pages;
	old = *now;
	read_pages(fork->mm, now);
	if (!by_mapping)
		return 0;
	before = &old;
	to = &fork->mapping.pages;
	to->anon = now->anon - before->anon;
	to->file = now->file - before->file;
	to->shmem = now->shmem - before->shmem;
	to->swap = now->swap - before->swap;
	to->hugetlb_bytes = now->hugetlb_bytes - before->hugetlb_bytes;
	to->pgtables_bytes = now->pgtables_bytes - before->pgtables_bytes;
	fork->mapping.took_ns = took_ns;
	if (!fork->anon_vma &&
	    !(to->anon | to->file | to->shmem | to->swap | to->hugetlb_bytes | to->pgtables_bytes))
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		LOST();
		return 0;
	}
	__builtin_memcpy(e, &fork->mapping, sizeof(*e));
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/* The exit of copy_page_range(). If the kernel skips it, only a duration is lost. */
SEC("fexit/copy_page_range")
int mapping_copied(void *ctx)
{
	struct fork *fork = fork_of_current();

	if (fork && fork->since_ns)
		mapping_left(fork, bpf_ktime_get_ns() - fork->since_ns);
	return 0;
}

/* int copy_page_range(struct vm_area_struct *dst_vma, struct vm_area_struct *src_vma) */
SEC("kprobe/copy_page_range")
int BPF_KPROBE(mapping_entered, u64 child, u64 vma)
{
	struct fork *fork = fork_of_current();
	struct cow_fork_mapping *m;

	if (!fork)
		return 0;
	if (fork->since_ns)
		mapping_left(fork, COW_UNTIMED);
	fork->event.mappings++;
	fork->mm = FIELD(child, struct vm_area_struct, vm_mm);
	if (by_mapping) {
		m = &fork->mapping;
		m->start = FIELD(vma, struct vm_area_struct, vm_start);
		m->end = FIELD(vma, struct vm_area_struct, vm_end);
		m->mapping = kind_of(vma, m->file);
		m->offset = *m->file ? mapping_offset_of(vma) : 0;
		m->pages.pinned = 0;
		fork->anon_vma = FIELD(vma, struct vm_area_struct, anon_vma);
	}
	fork->since_ns = bpf_ktime_get_ns();
	return 0;
}

/* Fork copies a pinned page. */
static __always_inline int fork_page_copied(void)
{
	struct fork *fork = fork_of_current();

	if (fork) {
		fork->event.pages.pinned++;
		fork->mapping.pages.pinned++;
	}
	return 0;
}

/* Attached in copy_page_range(), behind its call of *_add_new_anon_rmap(). */
SEC("?kprobe")
int fork_copied(struct pt_regs *ctx)
{
	return fork_page_copied();
}

/* Used if the loader did not find that call. */
SEC("?kprobe")
int anon_added(struct pt_regs *ctx)
{
	return called_by(fork_callers, caller_of(ctx)) ? fork_page_copied() : 0;
}

/* --- forks ----------------------------------------------------------------------------------- */

static __always_inline void tell_end(struct fork *fork)
{
	struct cow_fork_ended *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		LOST();
		return;
	}
	__builtin_memcpy(e, &fork->event, sizeof(*e));
	bpf_ringbuf_submit(e, BPF_RB_FORCE_WAKEUP);
}

/*
 * copy_process() has returned to kernel_clone(): the child does not run yet, or there is none.
 * Attached right behind that call, or, if the loader did not find the call, to all returns of
 * copy_process().
 */
SEC("?kprobe")
int fork_returned(struct pt_regs *ctx)
{
	u64 now = bpf_ktime_get_ns(), child = PT_REGS_RC(ctx), task = bpf_get_current_task(), mm;
	struct fork *fork = fork_of_current();
	struct cow_fork_ended *e;

	if (!fork)
		return 0;
	if (fork->since_ns)
		mapping_left(fork, COW_UNTIMED);
	e = &fork->event;
	e->took_ns = now - e->now_ns;
	e->now_ns = now;
	if (-child <= COW_MAX_ERRNO) {
		e->error = -child;
	} else {
		e->child = BPF_CORE_READ((struct task_struct *)child, tgid);
		mm = (u64)BPF_CORE_READ((struct task_struct *)child, mm);
		if (!(e->flags & COW_CLONE_VM))
			read_pages(mm, &e->pages);
		if (!list_child(e->head.pid, e->child))
			LOST();
	}
	tell_end(fork);
	bpf_map_delete_elem(&forks, &task);
	return 0;
}

/* A task that the kernel ended within a fork has no note any more. */
static __always_inline int task_exits(struct task_struct *me)
{
	u64 task = (u64)me;

	bpf_map_delete_elem(&forks, &task);
	unlist_dead(me);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int on_exit(void *ctx)
{
	return task_exits(bpf_get_current_task_btf());
}

/* Used by callers who may not read tracefs, which only root may. */
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(on_exit_btf, struct task_struct *task)
{
	return task_exits(task);
}

/* Report who calls fork. */
static __always_inline void tell_begin(const struct fork *fork, struct task_struct *me)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(me);
	struct cow_fork_began *e;
	struct mm_struct *mm = me->mm;

	if (!mm)
		return;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) /* the report of the end has no stack then */
		return;
	e->head = fork->event.head;
	e->head.what = COW_FORK_BEGAN;
	__builtin_memset(&e->sample.new_stack, 0, sizeof(e->sample.new_stack));
	e->sample.new_stack.key.pid = me->tgid;
	e->sample.new_stack.key.start_stack = mm->start_stack;
	e->sample.new_stack.key.end_code = mm->end_code;
	e->sample.new_stack.parent = me->real_parent->tgid;
	sample_user(&e->sample);
	if ((u16)regs->cs != USER_CS)
		e->sample.reg[COW_RIP] = 0;
	/* To wake the tool would make the fork wait for it on a machine with one CPU. */
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

/*
 * struct task_struct *copy_process(struct pid *pid, int trace, int node,
 *				     struct kernel_clone_args *args)
 *
 * Attached last: when it runs, the end of this fork will be seen.
 */
SEC("kprobe/copy_process")
int fork_begins(struct pt_regs *ctx)
{
	u64 flags = FIELD(PT_REGS_PARM4(ctx), struct kernel_clone_args, flags);
	struct task_struct *me = bpf_get_current_task_btf();
	u64 task = (u64)me;
	struct fork *fork;
	u32 pid = me->tgid;

	if (flags & COW_CLONE_THREAD || me->flags & COW_PF_KTHREAD ||
	    (only_pids && !pid_is_listed(pid)) || !cgroup_is_watched())
		return 0;
	bpf_map_update_elem(&forks, &task, &no_fork, BPF_ANY);
	fork = bpf_map_lookup_elem(&forks, &task);
	if (!fork) {
		LOST();
		return 0;
	}
	fork->event.head.fork = __sync_fetch_and_add(&nr_forks, 1);
	fork->event.head.pid = pid;
	fork->event.head.what = COW_FORK_ENDED;
	fork->event.tid = me->pid;
	fork->event.flags = flags;
	bpf_get_current_comm(fork->event.comm, sizeof(fork->event.comm));
	fork->mapping.head = fork->event.head;
	fork->mapping.head.what = COW_FORK_MAPPING;
	tell_begin(fork, me);
	fork->event.now_ns = bpf_ktime_get_ns(); /* until the end: when it began */
	return 0;
}

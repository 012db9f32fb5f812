// SPDX-License-Identifier: GPL-2.0
/*
 * Counts copy-on-write per process without the module. Programs at the kernel's functions
 * and tracepoints count into rows (rows.bpf.h); an iterator prints them (table.bpf.h).
 */
#include "cow.bpf.h"
#include "rows.bpf.h"
#include "table.bpf.h"

/**
 * struct payer - whose row an event goes to
 * @row: NULL for the `-` row
 * @remote: caused from outside
 */
struct payer {
	struct row *row;
	bool remote;
};

/*
 * A fault in an mm that is not current's: the mm's owner pays. An owner without a pid of
 * its own is being born or is gone: its fields are still its parent's.
 */
static __noinline struct row *row_of_owner(u64 mm, u64 me)
{
	struct task_struct *owner = BPF_CORE_READ((struct mm_struct *)mm, owner);
	u64 first, key;

	if (!owner)
		return NULL;
	first = (u64)BPF_CORE_READ(owner, thread_pid, tasks[PIDTYPE_PID].first);
	if (first != (u64)owner + bpf_core_field_offset(struct task_struct, pid_links))
		return NULL;
	key = BPF_CORE_READ(owner, group_leader, start_boottime);
	return row_at(key) ?: row_make((u64)owner);
}

static __always_inline struct payer payer_of(u64 mm)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct payer payer = {};

	if ((u64)me->mm == mm && !(me->flags & COW_PF_KTHREAD)) {
		payer.row = row_of(me);
	} else {
		payer.row = row_of_owner(mm, (u64)me);
		payer.remote = !payer.row ||
			       BPF_CORE_READ((struct mm_struct *)mm, owner, signal) !=
			       me->signal;
	}
	return payer;
}

/* Count a fault, or a copy that has no fault of its own, and who caused it. */
static __always_inline u64 *begin_count(struct payer payer, enum row_value entries)
{
	u64 *value = payer.row ? payer.row->value : folded;

	add(value, entries, 1);
	if (payer.remote)
		add(value, ROW_REMOTE, 1);
	if (!payer.row)
		__sync_fetch_and_add(&lost, 1);
	return value;
}

/* Count the outcome of a fault in its process's row. */
static __noinline int count_fault(struct cow_fault *f)
{
	u64 *value;

	if (!f)
		return 0;
	value = begin_count(payer_of(f->mm), f->kind == FAULT_WP ? ROW_WP_ENTRIES :
			    f->kind == FAULT_THP ? ROW_THP_ENTRIES : ROW_HUGETLB_ENTRIES);
	if (f->unshare)
		add(value, ROW_UNSHARED, 1);
	switch (f->ending) {
	case COW_COPIED:
		add(value, f->source == SOURCE_ANON ? ROW_OWN_COPIED :
		    f->source == SOURCE_KSM ? ROW_KSM_COPIED : ROW_OTHER_COPIED, 1);
		break;
	case COW_REUSED:
		add(value, ROW_REUSED, 1);
		break;
	case COW_ZERO_FILLED:
		add(value, ROW_ZERO_FILLED, 1);
		break;
	case COW_SHARED_WP:
		add(value, ROW_SHARED_WP, 1);
		break;
	case COW_THP_SPLIT:
		add(value, ROW_THP_SPLIT, 1);
		break;
	case COW_THP_REUSED:
		add(value, ROW_THP_REUSED, 1);
		break;
	case COW_HUGETLB_COPIED:
		add(value, ROW_HUGETLB_COPIED, 1);
		add(value, ROW_HUGETLB_BYTES, f->bytes);
		break;
	case COW_HUGETLB_REUSED:
		add(value, ROW_HUGETLB_REUSED, 1);
		break;
	}
	return 0;
}

/* A committed fault is counted at once. A huge page's split is known only at the exit. */
static __always_inline void fault_committed(struct cow_fault *f)
{
	count_fault(f);
	fault_release(f);
}

/* The exit of a fault was skipped, and no outcome was committed. */
static __always_inline void fault_overlooked(struct cow_fault *f)
{
	if (f->kind != FAULT_THP && f->mm == (u64)bpf_get_current_task_btf()->mm)
		count_fault(f);
	else
		__sync_fetch_and_add(&missed, 1);
}

/* --- faults --------------------------------------------------------------------- */

SEC("fentry/do_wp_page")
int BPF_PROG(wp_entry, struct vm_fault *vmf)
{
	wp_begin(vmf);
	return 0;
}

/* A committed fault is counted and gone; one that is still here ended without a commit. */
SEC("fexit/do_wp_page")
int BPF_PROG(wp_exit)
{
	struct cow_fault *f = fault_find(current_task());

	if (f) {
		count_fault(f);
		fault_release(f);
	}
	return 0;
}

SEC("fentry/do_huge_pmd_wp_page")
int BPF_PROG(thp_entry, struct vm_fault *vmf)
{
	thp_begin(vmf);
	return 0;
}

SEC("fexit/do_huge_pmd_wp_page")
int BPF_PROG(thp_exit, struct vm_fault *vmf, int ret)
{
	struct cow_fault *f = fault_find(current_task());

	if (!f)
		return 0;
	thp_commit_split(f, ret);
	count_fault(f);
	fault_release(f);
	return 0;
}

static __always_inline int hugetlb_end(void)
{
	struct cow_fault *f = fault_find(current_task());

	if (f) {
		count_fault(f);
		fault_release(f);
	}
	return 0;
}

SEC("fentry/hugetlb_wp")
int BPF_PROG(hugetlb_entry)
{
	struct vm_fault *vmf = (void *)hugetlb_vmf(ctx);

	hugetlb_begin((u64)BPF_CORE_READ(vmf, vma, vm_mm), (u64)vmf, BPF_CORE_READ(vmf, address));
	return 0;
}

SEC("fexit/hugetlb_wp")
int BPF_PROG(hugetlb_exit)
{
	return hugetlb_end();
}

/* Before 6.6 a trampoline carries six arguments, and hugetlb_wp() has seven there. */
SEC("?kprobe/hugetlb_wp")
int BPF_KPROBE(hugetlb_entry_kprobe, u64 mm, u64 vma, u64 address)
{
	hugetlb_begin(mm, 0, address);
	return 0;
}

SEC("?kretprobe/hugetlb_wp")
int BPF_KRETPROBE(hugetlb_exit_kprobe)
{
	return hugetlb_end();
}

SEC("fexit/finish_fault")
int BPF_PROG(file_exit, struct vm_fault *vmf, int ret)
{
	if (!is_file_copy(vmf, ret))
		return 0;
	begin_count(payer_of((u64)vmf->vma->vm_mm), ROW_FILE_COPIED);
	return 0;
}

/*
 * A uprobe puts a copy of a page of program text in the place of the page. From 6.16 on it
 * makes the kernel take a write-protect fault for it, and this function is gone.
 */
SEC("?fexit/__replace_page")
int BPF_PROG(uprobe_exit, struct vm_area_struct *vma, u64 address, u64 old_page, u64 new_page,
	     int ret)
{
	if (!ret && new_page)
		begin_count(payer_of((u64)vma->vm_mm), ROW_FILE_COPIED);
	return 0;
}

/* --- fork, exec, exit ------------------------------------------------------------- */

/**
 * struct fork - a task's fork that is under way
 * @began_ns: when it entered copy_process()
 * @copied: pinned pages, which fork copies at once
 * @inside: it is in copy_process()
 */
struct fork {
	u64 began_ns;
	u64 copied;
	bool inside;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct fork);
} forks SEC(".maps");

SEC("fentry/copy_process")
int BPF_PROG(fork_entry)
{
	struct fork *fork = bpf_task_storage_get(&forks, bpf_get_current_task_btf(), NULL,
						 BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!fork) {
		__sync_fetch_and_add(&missed, 1);
		return 0;
	}
	fork->copied = 0;
	fork->inside = true;
	fork->began_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("fexit/copy_process")
int BPF_PROG(fork_exit)
{
	struct fork *fork = bpf_task_storage_get(&forks, bpf_get_current_task_btf(), NULL, 0);

	if (fork)
		fork->inside = false;
	return 0;
}

/* Fork copies a page at once, into the mm of its unborn child: it is pinned. */
static __always_inline void anon_added_elsewhere(struct vm_area_struct *vma)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct fork *fork;
	struct row *row;

	if (vma->vm_mm == me->mm)
		return;
	fork = bpf_task_storage_get(&forks, me, NULL, 0);
	if (!fork || !fork->inside)
		return;
	fork->copied++;
	row = row_of(me);
	add(row ? row->value : folded, ROW_FORK_COPIED, 1);
}

/* A counter of an mm that nobody else uses yet, exact. */
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

		base = read_u64(&__per_cpu_offset + cpu * sizeof(u64));
		bpf_probe_read_kernel(&n, sizeof(n), (void *)(base + counters));
		sum += n;
	}
	return sum < 0 ? 0 : sum;
}

static __always_inline void row_birth(struct row *row, struct row *parent_row,
				      struct task_struct *parent, struct task_struct *child,
				      struct fork *fork)
{
	u64 mm = (u64)child->mm;
	u32 known = ROW_KNOWS_BIRTH;
	int i;

	read_pids(&row->ppid, BPF_CORE_READ(parent, group_leader, thread_pid));
	row->parent_start_ns = parent->group_leader->start_boottime;
	row->ancestor[0] = row->parent_start_ns;
	for (i = 1; i < ROW_ANCESTORS; i++)
		row->ancestor[i] = parent_row->ancestor[i - 1];
	if (fork && fork->began_ns) {
		row->value[ROW_FORK_NS] = bpf_ktime_get_ns() - fork->began_ns;
		known |= ROW_KNOWS_FORK_NS;
	}
	if (mm != (u64)parent->mm) {
		u64 *value = row->value, copied = fork ? fork->copied : 0;

		known |= ROW_KNOWS_MM | ROW_KNOWS_PARENT;
		row->parent_base = row_anon_copied(parent_row->value);
		__sync_fetch_and_add(&parent_row->unsettled, 1);
		value[ROW_BIRTH_ANON_PAGES] = mm_counter(mm, MM_ANONPAGES);
		value[ROW_BIRTH_FILE_PAGES] = mm_counter(mm, MM_FILEPAGES);
		value[ROW_BIRTH_SHMEM_PAGES] = mm_counter(mm, MM_SHMEMPAGES);
		value[ROW_BIRTH_SWAP_ENTRIES] = mm_counter(mm, MM_SWAPENTS);
		value[ROW_BIRTH_PGTABLES_BYTES] =
			BPF_CORE_READ((struct mm_struct *)mm, pgtables_bytes.counter);
		value[ROW_BIRTH_HUGETLB_BYTES] =
			BPF_CORE_READ((struct mm_struct *)mm, hugetlb_usage.counter) <<
			COW_PAGE_SHIFT;
		/* what was copied at once is the child's alone */
		value[ROW_BIRTH_ANON_PAGES] -= copied < value[ROW_BIRTH_ANON_PAGES] ?
					       copied : value[ROW_BIRTH_ANON_PAGES];
	}
	row->known = known;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct row *row, *parent_row;
	struct fork *fork;

	fork = bpf_task_storage_get(&forks, parent, NULL, 0);
	if (child->signal == parent->signal || !child->mm)
		goto release;
	parent_row = row_of(parent);
	add(parent_row ? parent_row->value : folded,
	    child->mm == parent->mm ? ROW_VFORKS : ROW_FORKS, 1);
	row = row_of(child);
	if (row && parent_row)
		row_birth(row, parent_row, parent, child, fork);
	else
		__sync_fetch_and_add(&lost, 1);
release:
	if (fork)
		fork->began_ns = 0;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task)
{
	struct row *row;

	row = row_of(task);
	add(row ? row->value : folded, ROW_EXECS, 1);
	if (row) {
		row->leader = (u64)task;
		row_settle(row);
	}
	return 0;
}

/* Fires per thread; the last one's exit is the process's. Its row stays, and is found. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct cow_fault *f;
	struct row *row;
	u64 key;

	f = fault_find((u64)task);
	if (f) {
		fault_overlooked(f);
		fault_release(f);
	}
	if (!task->signal->live.counter) {
		key = task->group_leader->start_boottime;
		row = row_at(key);
		if (row)
			row_exit(row, key, task);
	}
	return 0;
}

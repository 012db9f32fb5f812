// SPDX-License-Identifier: GPL-2.0
/*
 * Counts copy-on-write per process without the module. Programs at the kernel's functions
 * and tracepoints count into rows (rows.bpf.h); an iterator prints them (table.bpf.h).
 *
 * No state is kept for a fault. Its entry is counted when it begins. Its outcome is counted when
 * the kernel commits it under the page-table lock, by calling one of a few functions; their
 * arguments tell which outcome it is. A fault without such a call is `other`. So no program runs
 * at the exit of a fault, and a fault that loses a race never counts as a copy.
 */
#include "cow.bpf.h"
#include "mm.bpf.h"
#include "rows.bpf.h"
#include "table.bpf.h"

/* --- who pays --------------------------------------------------------------------- */

/**
 * struct payer - the process in whose row an event counts
 * @row: its row; NULL for the `-` row
 * @remote: another process caused the event
 */
struct payer {
	struct row *row;
	bool remote;
};

/*
 * A fault in an mm that is not current's: the mm's owner pays. An owner without a pid of its own
 * does not count: it is being forked, and its fields are still its parent's, or it is gone.
 */
static __noinline struct row *row_of_owner(u64 mm)
{
	struct task_struct *owner = BPF_CORE_READ((struct mm_struct *)mm, owner);
	u64 first;

	if (!owner)
		return NULL;
	first = (u64)BPF_CORE_READ(owner, thread_pid, tasks[PIDTYPE_PID].first);
	if (first != (u64)owner + bpf_core_field_offset(struct task_struct, pid_links))
		return NULL;
	return row_find_or_make((u64)owner);
}

static __always_inline struct payer payer_of(u64 mm)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct payer payer = {};

	if ((u64)me->mm == mm && !(me->flags & COW_PF_KTHREAD)) {
		payer.row = row_of(me);
	} else {
		payer.row = row_of_owner(mm);
		payer.remote = !payer.row ||
			       BPF_CORE_READ((struct mm_struct *)mm, owner, signal) != me->signal;
	}
	return payer;
}

/*
 * By task_struct: the row in which the entry of the task's last fault in another process's memory
 * was counted. The owner may exit before the outcome, and then we could not find it any more.
 */
struct remote_entry {
	u64 mm;
	struct row_ref row;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, struct remote_entry);
} remote_entries SEC(".maps");

static __always_inline void remember_remote(u64 mm, struct row *row)
{
	u64 me = (u64)bpf_get_current_task_btf();
	struct remote_entry entry = {
		.mm = mm,
		.row = { .index = row->index, .generation = row->generation },
	};

	bpf_map_update_elem(&remote_entries, &me, &entry, BPF_ANY);
}

static __always_inline struct row *row_of_remote_entry(u64 mm)
{
	u64 me = (u64)bpf_get_current_task_btf();
	struct remote_entry *entry = bpf_map_lookup_elem(&remote_entries, &me);

	return entry && entry->mm == mm ? row_by_ref(entry->row) : NULL;
}

/* Count the entry of a fault in any mm, and whether another process caused it. */
static __noinline int count_entry(u64 mm, u32 entries, bool unshare)
{
	struct payer payer = payer_of(mm);
	u64 *value = payer.row ? payer.row->value : folded;

	if (payer.remote && payer.row)
		remember_remote(mm, payer.row);

	if (entries >= ROW_NR_VALUES)
		return 0;
	add(value, entries, 1);
	if (unshare)
		add(value, ROW_UNSHARED, 1);
	if (payer.remote)
		add(value, ROW_REMOTE, 1);
	if (!payer.row)
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

static __noinline struct row *row_of_commit_unusual(u64 mm)
{
	struct row *row = payer_of(mm).row;

	return row ?: row_of_remote_entry(mm);
}

/* The values in which a fault's outcome counts: those of the row where its entry was counted. */
static __always_inline u64 *values_of_commit(u64 mm)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct row *row = NULL;

	if ((u64)me->mm == mm && !(me->flags & COW_PF_KTHREAD))
		row = row_of_current(me);
	if (!row)
		row = row_of_commit_unusual(mm);
	return row ? row->value : folded;
}

/* --- write-protect faults ------------------------------------------------------------ */

/*
 * FAULT_FLAG_USER marks a fault of user code, which is always in current's mm. All other faults
 * take the slow path.
 */
static __always_inline int wp_fault(u64 vmf, u32 flags)
{
	struct task_struct *me;
	struct row *row;

	if ((flags & (FAULT_FLAG_USER | FAULT_FLAG_REMOTE | FAULT_FLAG_UNSHARE)) ==
	    FAULT_FLAG_USER) {
		me = bpf_get_current_task_btf();
		row = row_of_current(me);
		if (row) {
			add(row->value, ROW_WP_ENTRIES, 1);
			return 0;
		}
	}
	return count_entry((u64)BPF_CORE_READ((struct vm_fault *)vmf, vma, vm_mm), ROW_WP_ENTRIES,
			   flags & FAULT_FLAG_UNSHARE);
}

SEC("fentry/do_wp_page")
int BPF_PROG(wp_entry, struct vm_fault *vmf)
{
	return wp_fault((u64)vmf, vmf->flags);
}

SEC("?kprobe/do_wp_page")
int BPF_KPROBE(wp_entry_kprobe, u64 vmf)
{
	return wp_fault(vmf, FIELD(vmf, struct vm_fault, flags));
}

/*
 * What kind of page is being replaced. The mapping of an anonymous page is the anon_vma of the
 * process that made the page. If it is not the anon_vma of the VMA, the page came from an
 * ancestor.
 */
static __always_inline enum row_value copied_page_kind(u64 page, u64 vma)
{
	u64 mapping = page_mapping(page);

	if (mapping == FIELD(vma, struct vm_area_struct, anon_vma) + COW_PAGE_IS_ANON)
		return ROW_OWN_COPIED;
	switch (mapping & COW_MAPPING_FLAGS) {
	case COW_PAGE_IS_ANON:
		return ROW_INHERITED_COPIED;
	case COW_PAGE_IS_KSM:
		return ROW_KSM_COPIED;
	default:
		return ROW_OTHER_COPIED;
	}
}

static __always_inline void count_copy(u64 *value, u64 old, u64 vma)
{
	if (is_zero_page(old))
		add(value, ROW_ZERO_FILLED, 1);
	else if (old & COW_PTE_SPECIAL)
		add(value, ROW_OTHER_COPIED, 1); /* memory without a struct page */
	else
		add(value, copied_page_kind(page_of_pte(old), vma), 1);
}

/*
 * pte_t ptep_clear_flush(struct vm_area_struct *vma, unsigned long address, pte_t *ptep): if a
 * write-protect fault calls it, a copy replaces the old page. The page-table entry still maps the
 * old page.
 */
static __always_inline int page_cleared(struct pt_regs *ctx)
{
	u64 vma = PT_REGS_PARM1(ctx), parent_ip = caller_of(ctx), *value;

	if (called_by(copy_callers, parent_ip)) {
		value = values_of_commit(FIELD(vma, struct vm_area_struct, vm_mm));
		count_copy(value, word_at(PT_REGS_PARM3(ctx)), vma);
	} else if (called_by(hugetlb_callers, parent_ip)) {
		value = values_of_commit(FIELD(vma, struct vm_area_struct, vm_mm));
		add(value, ROW_HUGETLB_COPIED, 1);
		add(value, ROW_HUGETLB_BYTES, hugetlb_bytes(vma));
	}
	return 0;
}

SEC("?kprobe.multi/ptep_clear_flush")
int cleared(struct pt_regs *ctx)
{
	return page_cleared(ctx);
}

/* The same on kernels without fprobe. */
SEC("?kprobe/ptep_clear_flush")
int cleared_kprobe(struct pt_regs *ctx)
{
	return page_cleared(ctx);
}

/*
 * int ptep_set_access_flags(struct vm_area_struct *vma, unsigned long address, pte_t *ptep,
 *			     pte_t entry, int dirty): a call that makes a write-protected
 * page writable is always the end of a write-protect fault.
 */
static __always_inline int access_set(u64 mm, u64 flags, u64 old, u64 new)
{
	u64 *value;

	if (!becomes_writable(old, new, flags))
		return 0;
	value = values_of_commit(mm);
	if (flags & COW_VM_HUGETLB)
		add(value, ROW_HUGETLB_REUSED, 1);
	else if (flags & (COW_VM_SHARED | COW_VM_MAYSHARE))
		add(value, ROW_SHARED_WP, 1);
	else
		add(value, ROW_REUSED, 1);
	return 0;
}

SEC("fentry/ptep_set_access_flags")
int BPF_PROG(made_writable, struct vm_area_struct *vma, u64 address, pte_t *ptep)
{
	return access_set((u64)vma->vm_mm, vma_flags((u64)vma), *(u64 *)ptep, ctx[3]);
}

SEC("?kprobe/ptep_set_access_flags")
int BPF_KPROBE(made_writable_kprobe, u64 vma, u64 address, u64 ptep, u64 entry)
{
	return access_set(FIELD(vma, struct vm_area_struct, vm_mm), vma_flags(vma), word_at(ptep),
			  entry);
}

/* --- huge pages ------------------------------------------------------------------------ */

SEC("fentry/hugetlb_wp")
int BPF_PROG(hugetlb_entry)
{
	struct vm_fault *vmf = (void *)hugetlb_vmf(ctx);

	return count_entry((u64)BPF_CORE_READ(vmf, vma, vm_mm), ROW_HUGETLB_ENTRIES, false);
}

/* Used if hugetlb_wp() takes seven arguments: before 6.6 a BPF trampoline can pass only six. */
SEC("?kprobe/hugetlb_wp")
int BPF_KPROBE(hugetlb_entry_kprobe, u64 first, u64 second)
{
	struct vm_fault *vmf = (void *)(hugetlb_wp_args == 1 ? first : second);
	u64 mm = first;

	if (hugetlb_wp_args < 7)
		mm = (u64)BPF_CORE_READ(vmf, vma, vm_mm);
	return count_entry(mm, ROW_HUGETLB_ENTRIES, false);
}

SEC("kprobe/do_huge_pmd_wp_page")
int BPF_KPROBE(thp_entry, struct vm_fault *vmf)
{
	return count_entry((u64)BPF_CORE_READ(vmf, vma, vm_mm), ROW_THP_ENTRIES, false);
}

static __always_inline int thp_outcome(struct pt_regs *ctx, enum row_value outcome)
{
	if (called_by(thp_callers, caller_of(ctx)))
		add(values_of_commit(FIELD(PT_REGS_PARM1(ctx), struct vm_area_struct, vm_mm)),
		    outcome, 1);
	return 0;
}

/* An attempt to split the huge page: the caller then falls back to 4 KiB pages. */
SEC("kprobe/__split_huge_pmd")
int thp_splits(struct pt_regs *ctx)
{
	return thp_outcome(ctx, ROW_THP_SPLIT);
}

SEC("kprobe/pmdp_set_access_flags")
int thp_made_writable(struct pt_regs *ctx)
{
	return thp_outcome(ctx, ROW_THP_REUSED);
}

/* --- copies without a write-protect fault ------------------------------------------------ */

/**
 * struct fork - the fork that a task is in
 * @began_ns: when it entered copy_process()
 * @copied: pinned pages that fork itself copied
 * @parent_base: the parent's OWN_COPIED when the child was made
 * @flags: the flags of clone()
 * @made: @parent_base is known
 */
struct fork {
	u64 began_ns;
	u64 copied;
	u64 parent_base;
	u64 flags;
	u64 made;
};

/*
 * By task. An entry for a new io_uring thread stays until the next fork of the task, or until the
 * task exits.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct fork);
} forks SEC(".maps");

static __always_inline struct fork *fork_of(struct task_struct *task)
{
	u64 key = (u64)task;

	return bpf_map_lookup_elem(&forks, &key);
}

/* The first write to a page of a private file mapping maps a copy. This is the whole fault. */
static __always_inline int file_page_copied(u64 vma)
{
	return count_entry(FIELD(vma, struct vm_area_struct, vm_mm), ROW_FILE_COPIED, false);
}

/* Fork copies a pinned page: current, which forks, pays, though the mm is the child's. */
static __always_inline int fork_page_copied(void)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct fork *fork = fork_of(me);
	struct row *row = row_of(me);

	if (fork)
		fork->copied++;
	add(row ? row->value : folded, ROW_FORK_COPIED, 1);
	return 0;
}

/*
 * Attached right behind the only call of *_add_new_anon_rmap() in a function that maps copies of
 * file pages. The cookie tells where the VMA is. First touches of anonymous memory do not run
 * this code.
 */
SEC("?kprobe")
int file_copied(struct pt_regs *ctx)
{
	return file_page_copied(variable_at(ctx, bpf_get_attach_cookie(ctx)));
}

/* The same in copy_page_range(). */
SEC("?kprobe")
int fork_copied(struct pt_regs *ctx)
{
	return fork_page_copied();
}

/*
 * If the loader did not find such a call: attached to *_add_new_anon_rmap() itself, and checks the
 * caller. This makes every first touch of anonymous memory slower.
 *
 * void folio_add_new_anon_rmap(struct folio *folio, struct vm_area_struct *vma, ...)
 */
SEC("?kprobe")
int anon_added(struct pt_regs *ctx)
{
	u64 parent_ip = caller_of(ctx);

	if (called_by(file_callers, parent_ip))
		return file_page_copied(PT_REGS_PARM2(ctx));
	if (called_by(fork_callers, parent_ip))
		return fork_page_copied();
	return 0;
}

/* --- fork, exec, exit ------------------------------------------------------------- */

/*
 * struct task_struct *copy_process(struct pid *pid, int trace, int node,
 *				     struct kernel_clone_args *args)
 */
SEC("kprobe/copy_process")
int fork_entry(struct pt_regs *ctx)
{
	struct fork fork = {
		.began_ns = bpf_ktime_get_ns(),
		.flags = FIELD(PT_REGS_PARM4(ctx), struct kernel_clone_args, flags),
	};
	u64 key = bpf_get_current_task();

	if (bpf_map_update_elem(&forks, &key, &fork, BPF_ANY))
		__sync_fetch_and_add(&missed, 1);
	return 0;
}

/*
 * A fork failed. Failures to make a thread and failures in kernel threads do not count. Nor does
 * a fork that a signal interrupted: the kernel restarts it, or the signal kills the process
 * before it sees an error.
 */
static __noinline int count_failed(u64 err)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct fork *fork = fork_of(me);
	u64 task = (u64)me, *value, flags;
	struct row *row;

	if (!fork)
		return 0; /* it began before we counted, or fork_entry() has missed it */
	flags = fork->flags;
	bpf_map_delete_elem(&forks, &task);
	if (err == COW_EINTR || err >= COW_ERESTARTSYS || flags & COW_CLONE_THREAD ||
	    me->flags & COW_PF_KTHREAD)
		return 0;
	row = row_of(me);
	value = row ? row->value : folded;
	add(value, ROW_FORKS_FAILED, 1);
	if (err == COW_EAGAIN)
		add(value, ROW_FORK_EAGAIN, 1);
	else if (err == COW_ENOMEM)
		add(value, ROW_FORK_ENOMEM, 1);
	if (!row)
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

/*
 * copy_process() has returned to kernel_clone(). Attached right behind that call. If the loader
 * did not find the call, attached to all returns of copy_process().
 */
SEC("?kprobe")
int fork_returned(struct pt_regs *ctx)
{
	u64 err = -PT_REGS_RC(ctx);

	return err && err <= COW_MAX_ERRNO ? count_failed(err) : 0;
}

/*
 * The child has been made. This program cannot read the child, but it reads the parent's count
 * now: later writes to the parent's memory, by the kernel too, come after the child's birth.
 */
SEC("tp/sched/sched_process_fork")
int fork_made(void *ctx)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct fork *fork = fork_of(me);
	struct row *row;

	if (!fork)
		return 0;
	row = row_of_current(me) ?: row_find((u64)me);
	fork->parent_base = row ? row->value[ROW_OWN_COPIED] : 0;
	fork->made = 1;
	return 0;
}

static __always_inline void row_birth(struct row *row, struct row *parent_row,
				      struct task_struct *parent, struct task_struct *child,
				      struct fork *fork)
{
	u64 mm = (u64)BPF_CORE_READ(child, mm);
	u32 known = ROW_KNOWS_BIRTH;
	int i;

	read_pids(&row->ppid, BPF_CORE_READ(parent, group_leader, thread_pid));
	row->parent_start_ns = parent->group_leader->start_boottime;
	row->ancestor[0].index = parent_row->index;
	row->ancestor[0].generation = parent_row->generation;
	for (i = 1; i < ROW_ANCESTORS; i++)
		row->ancestor[i] = parent_row->ancestor[i - 1];
	if (fork) {
		row->value[ROW_FORK_NS] = bpf_ktime_get_ns() - fork->began_ns;
		known |= ROW_KNOWS_FORK_NS;
	}
	if (mm != (u64)parent->mm) {
		u64 *value = row->value, copied = fork ? fork->copied : 0;

		known |= ROW_KNOWS_MM | ROW_KNOWS_PARENT;
		row->parent_base = fork && fork->made ? fork->parent_base :
							parent_row->value[ROW_OWN_COPIED];
		__sync_fetch_and_add(&parent_row->unsettled, 1);
		value[ROW_BIRTH_ANON_PAGES] = mm_counter(mm, MM_ANONPAGES);
		value[ROW_BIRTH_FILE_PAGES] = mm_counter(mm, MM_FILEPAGES);
		value[ROW_BIRTH_SHMEM_PAGES] = mm_counter(mm, MM_SHMEMPAGES);
		value[ROW_BIRTH_SWAP_ENTRIES] = mm_counter(mm, MM_SWAPENTS);
		value[ROW_BIRTH_PGTABLES_BYTES] = mm_pgtables_bytes(mm);
		value[ROW_BIRTH_HUGETLB_BYTES] = mm_hugetlb_bytes(mm);
		/* parent and child do not share the pages that fork copied */
		value[ROW_BIRTH_ANON_PAGES] -= copied < value[ROW_BIRTH_ANON_PAGES] ?
						       copied :
						       value[ROW_BIRTH_ANON_PAGES];
	}
	row->known = known;
}

/* If the row of another process still has this signal_struct, let no lookup find it again. */
static __always_inline void drop_stale(u64 signal, struct task_struct *leader)
{
	struct row_key key = key_of(leader);
	struct row *row = row_at_hand(key.pid, signal);

	if (row && (row->key.start_ns != key.start_ns || row->key.pid != key.pid))
		row->signal = 0;
}

/*
 * void wake_up_new_task(struct task_struct *p): the parent lets its child run. Called for
 * threads and kernel threads too.
 */
SEC("kprobe/wake_up_new_task")
int BPF_KPROBE(on_fork, struct task_struct *child)
{
	struct task_struct *parent = bpf_get_current_task_btf();
	u64 signal = (u64)BPF_CORE_READ(child, signal), task = (u64)parent, mm;
	struct row *row, *parent_row;
	struct fork *fork = fork_of(parent);

	if (signal == (u64)parent->signal)
		goto release;
	drop_stale(signal, child);
	mm = (u64)BPF_CORE_READ(child, mm);
	if (!mm)
		goto release;
	parent_row = row_of(parent);
	add(parent_row ? parent_row->value : folded, mm == (u64)parent->mm ? ROW_VFORKS : ROW_FORKS,
	    1);
	row = row_find_or_make((u64)child);
	if (row && parent_row)
		row_birth(row, parent_row, parent, child, fork);
	else
		__sync_fetch_and_add(&lost, 1);
release:
	if (fork)
		bpf_map_delete_elem(&forks, &task);
	return 0;
}

/* Runs after de_thread(): current is the leader and the only thread. */
SEC("tp/sched/sched_process_exec")
int on_exec(void *ctx)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct row *row = row_of(me);

	add(row ? row->value : folded, ROW_EXECS, 1);
	if (row) {
		row->leader = (u64)me;
		row_settle(row);
	}
	return 0;
}

/*
 * Fires for each thread; the process exits with its last thread. Its row stays, so that later
 * faults of the process still find it.
 */
SEC("tp/sched/sched_process_exit")
int on_exit(void *ctx)
{
	struct task_struct *me = bpf_get_current_task_btf();
	u64 task = (u64)me;
	struct row *row;

	bpf_map_delete_elem(&forks, &task);
	if (me->signal->live.counter)
		return 0;
	row = row_of_current(me) ?: row_find(task);
	if (row)
		row_exit(row, me);
	return 0;
}

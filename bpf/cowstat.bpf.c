// SPDX-License-Identifier: GPL-2.0
/*
 * The table of /proc/cowstat without a module: rows in a map, filled by fentry, fexit and
 * tracepoint programs, and printed by an iterator. The format is drawn at the top of
 * module/proc.c; what a row is, and what becomes of it, at the top of module/table.c.
 */
#include "cow.bpf.h"
#include "row.h"

#define MAX_CPUS	1024
#define MAX_READINGS	64	/* of the table at a time */
#define E2BIG		7

/* --- what the loader tells ---------------------------------------------------- */

const volatile unsigned int nr_cpus = 1;
const volatile unsigned int hooks = (1 << COWSTAT_NR_HOOKS) - 1;	/* armed; a bit for each */
const volatile unsigned int max_rows = 8192;

struct cow_program programs[COW_MAX_PROGRAMS];	/* those that are attached */

/* --- rows ---------------------------------------------------------------------- */

struct owner {
	u32 uid;
	u32 known;
	u64 cgroup;
	char comm[COW_COMM_LEN];
};

/**
 * struct row - what is known of one process
 *
 * Its key in the map is the start time of the thread group's leader, which survives
 * de_thread(). @value is counted up by anybody, atomically; the rest is written by the
 * process itself or by its parent while it is being born. Readers take what they find.
 */
struct row {
	u64 value[ROW_NR_VALUES];
	u64 leader;		/* its task_struct, to be read only with task_is() */
	u64 parent_start_ns;
	u64 parent_base;	/* parent's anon_copied when we were born */
	u64 ancestor[ROW_ANCESTORS];	/* their keys, nearest first */
	u32 tgid;
	u32 known;
	u32 state;
	u32 unsettled;		/* children that may yet ask for our anon_copied */
	struct row_pids pid;
	struct row_pids ppid;
	struct owner owner;	/* valid once exited */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct row);
} rows SEC(".maps");

/* Keys of exited rows, in the order of exit. */
struct exited_queue {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8192);
	__type(value, u64);
};

struct exited_queue exited SEC(".maps");
struct exited_queue exited_big SEC(".maps");

static const struct row no_row;

/* The sum of all rows that were given up, and of faults without a row. */
static u64 folded[ROW_NR_VALUES];
static u64 nr_folded, nr_rows, lost;

/* When counting began, CLOCK_BOOTTIME; the loader's to set. */
unsigned long long since_ns;

static __always_inline void add(u64 *value, enum row_value which, u64 n)
{
	__sync_fetch_and_add(&value[which], n);
}

static __always_inline struct row *row_at(u64 key)
{
	return bpf_map_lookup_elem(&rows, &key);
}

/* pre_exec_copied and parent_copied, as they stand now. False when the parent's row is gone. */
static __always_inline bool row_pre_exec(struct row *row, u64 *pre_exec, u64 *parent_copied)
{
	struct row *parent = NULL;
	u64 now;

	*pre_exec = row->value[ROW_ANON_COPIED];
	*parent_copied = 0;
	if (row->known & ROW_KNOWS_PARENT)
		parent = row_at(row->ancestor[0]);
	if (!parent)
		return false;
	now = parent->value[ROW_ANON_COPIED];
	if (now > row->parent_base)
		*parent_copied = now - row->parent_base;
	return true;
}

/* The first exec or the exit has come: what was copied before it is now final. */
static __noinline int row_settle(struct row *row)
{
	u64 pre_exec, parent_copied;
	struct row *parent;

	if (!row || !(row->known & ROW_KNOWS_BIRTH) || row->known & ROW_SETTLED)
		return 0;
	if (!row_pre_exec(row, &pre_exec, &parent_copied))
		row->known &= ~ROW_KNOWS_PARENT;
	row->value[ROW_PRE_EXEC_COPIED] = pre_exec;
	row->value[ROW_PARENT_COPIED] = parent_copied;
	if (row->known & ROW_KNOWS_PARENT) {
		parent = row_at(row->ancestor[0]);
		if (parent)
			__sync_fetch_and_add(&parent->unsettled, -1);
	}
	row->known |= ROW_SETTLED;
	return 0;
}

/* Add a row to the `-` row and, as a memo, to its nearest ancestor in the table. */
static __noinline int row_fold(struct row *row)
{
	struct row *ancestor = NULL;
	int i;

	if (!row)
		return 0;
	for (i = 0; i < ROW_FIRST_MEMO; i++)
		if (row->value[i])
			add(folded, i, row->value[i]);
	for (i = 0; i < ROW_ANCESTORS && !ancestor; i++) {
		u64 key = row->ancestor[i];

		ancestor = key ? row_at(key) : NULL;
	}
	if (!ancestor)
		return 0;
	for (i = ROW_FIRST_MEMO; i < ROW_NR_VALUES; i++)
		add(ancestor->value, i, row_memo(row->value, i));
	return 0;
}

/*
 * Give up the exited row that is missed least, by the rules of module/table.c. Not static:
 * so the verifier looks at it once, and not at each call of each program.
 */
__noinline int recycle(void)
{
	int looks;

	for (looks = 0; looks < ROW_MAX_LOOKS; looks++) {
		bool small = true;
		struct row *row;
		u64 key = 0;

		if (bpf_map_pop_elem(&exited, &key)) {
			small = false;
			if (bpf_map_pop_elem(&exited_big, &key))
				return 0;
		}
		row = row_at(key);
		if (!row)
			continue;
		if (small && row_copied_bytes(row->value) >= ROW_BIG_BYTES) {
			bpf_map_push_elem(&exited_big, &key, BPF_EXIST);
			continue;
		}
		if (row->unsettled) {
			if (small)
				bpf_map_push_elem(&exited, &key, BPF_EXIST);
			else
				bpf_map_push_elem(&exited_big, &key, BPF_EXIST);
			continue;
		}
		row_fold(row);
		bpf_map_delete_elem(&rows, &key);
		__sync_fetch_and_add(&nr_folded, 1);
		__sync_fetch_and_add(&nr_rows, -1);
		return 1;
	}
	return 0;
}

static __always_inline void read_pids(struct row_pids *to, struct pid *pid)
{
	struct upid *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);
	u32 i, level = BPF_CORE_READ(pid, level);

	to->level = level < ROW_NS_LEVELS ? level : ROW_NS_LEVELS - 1;
	for (i = 0; i < ROW_NS_LEVELS; i++) {
		struct upid *number = (void *)numbers + i * bpf_core_type_size(struct upid);

		if (i > level)
			break;
		to->nr[i] = BPF_CORE_READ(number, nr);
		to->ns[i] = BPF_CORE_READ(number, ns, ns.inum);
	}
}

static __always_inline void read_owner(struct owner *to, struct task_struct *leader)
{
	to->uid = BPF_CORE_READ(leader, real_cred, uid.val);
	to->cgroup = BPF_CORE_READ(leader, cgroups, dfl_cgrp, kn, id);
	BPF_CORE_READ_STR_INTO(&to->comm, leader, comm);
	to->known = 1;
}

static __always_inline void row_exit(struct row *row, u64 key, struct task_struct *task)
{
	if (row->state != ROW_LIVE)
		return;
	row_settle(row);
	read_owner(&row->owner, BPF_CORE_READ(task, group_leader));
	row->state = ROW_EXITED;
	if (row_copied_bytes(row->value) < ROW_BIG_BYTES)
		bpf_map_push_elem(&exited, &key, BPF_EXIST);
	else
		bpf_map_push_elem(&exited_big, &key, BPF_EXIST);
}

/* A row for a process that has none. NULL when there is no room. */
static __noinline struct row *row_make(u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	u64 key = BPF_CORE_READ(leader, start_boottime);
	struct row *row;
	long err;

	err = bpf_map_update_elem(&rows, &key, &no_row, BPF_NOEXIST);
	if (err == -E2BIG && recycle())
		err = bpf_map_update_elem(&rows, &key, &no_row, BPF_NOEXIST);
	row = row_at(key);
	if (!row || err)	/* no room; or a thread of the same process was faster */
		return row;
	__sync_fetch_and_add(&nr_rows, 1);
	row->leader = (u64)leader;
	row->tgid = BPF_CORE_READ(leader, tgid);
	read_pids(&row->pid, BPF_CORE_READ(leader, thread_pid));
	row->state = ROW_LIVE;
	/* It may be past its sched_process_exit, which will not come again. */
	if (!BPF_CORE_READ(task, signal, live.counter))
		row_exit(row, key, task);
	return row;
}

static __always_inline struct row *row_of(struct task_struct *task)
{
	return row_at(task->group_leader->start_boottime) ?: row_make((u64)task);
}

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

/* What a fault in flight has come to be, into its process's row. */
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
		add(value, f->source == SOURCE_ANON ? ROW_ANON_COPIED :
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

/* What is committed is counted at once, and over. A huge page's split is known at the exit. */
static __always_inline void fault_committed(struct cow_fault *f)
{
	count_fault(f);
	fault_release(f);
}

/* The exit of a fault was not seen, of which nothing had become true. */
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

/* What was committed was counted then; here is a fault that nothing became true of. */
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
 * @since_ns: when it entered copy_process(); 0 when it has left it
 * @copied: pages copied at once, since they are pinned
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
		row->parent_base = parent_row->value[ROW_ANON_COPIED];
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

/* --- the table -------------------------------------------------------------------- */

/**
 * struct reading - of the table, by one open file, from beginning to end
 * @session: which
 * @seq: number of the row in @last, from 1; a row may be shown twice
 * @column: the row being shown
 * @last: what it adds to the total
 * @total: of all rows before it
 */
struct reading {
	u64 session;
	u64 seq;
	u64 column[COWSTAT_NR_COLUMNS];
	u64 last[COWSTAT_NR_COLUMNS];
	u64 total[COWSTAT_NR_COLUMNS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_READINGS);
	__type(key, u32);
	__type(value, struct reading);
} readings SEC(".maps");

static __always_inline void reader_ns(u32 *level, u32 *ns)
{
	struct pid *pid = BPF_CORE_READ(bpf_get_current_task_btf(), thread_pid);
	struct upid *number;

	*level = BPF_CORE_READ(pid, level);
	number = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
		 *level * bpf_core_type_size(struct upid);
	*ns = BPF_CORE_READ(number, ns, ns.inum);
}

/* Run once by the loader: only an iterator sees a program's struct bpf_prog. */
SEC("iter/bpf_prog")
int find_programs(struct bpf_iter__bpf_prog *ctx)
{
	struct bpf_prog *prog = ctx->prog;
	u32 id, i;

	if (!prog)
		return 0;
	id = BPF_CORE_READ(prog, aux, id);
	for (i = 0; i < COW_MAX_PROGRAMS; i++)
		if (programs[i].id == id)
			programs[i].stats = (u64)BPF_CORE_READ(prog, stats);
	return 0;
}

/* Add what was skipped on a CPU. */
static long add_skipped(u32 cpu, u64 *sum)
{
	u64 offset = read_u64(&__per_cpu_offset + cpu * sizeof(u64));
	u32 i;

	for (i = 0; i < COW_MAX_PROGRAMS; i++)
		if (programs[i].stats)
			*sum += read_u64((void *)programs[i].stats + offset +
					 bpf_core_field_offset(struct bpf_prog_stats, misses));
	return 0;
}

/*
 * How often the kernel skipped one of our programs, since a task was preempted in it on that
 * CPU: recursion_misses, as bpftool has it.
 */
static __noinline u64 skipped(void)
{
	u64 sum = 0;

	bpf_loop(nr_cpus, add_skipped, &sum, 0);
	return sum;
}

#define put_text(seq, text)	bpf_seq_write(seq, text, sizeof(text) - 1)

static const char header_columns[] =
#define COLUMN_NAME(NAME, name, kind, hook)	" " #name
	"\n#" COWSTAT_COLUMNS(COLUMN_NAME) "\n";

static __always_inline void put_header(struct seq_file *seq)
{
	char release[65];
	bool any = false;

	BPF_CORE_READ_STR_INTO(&release, bpf_get_current_task_btf(), nsproxy, uts_ns,
			       name.release);
	BPF_SEQ_PRINTF(seq, "# cowstat %d kernel=%s counting=on timing=off epoch=1 since_ns=%llu now_ns=%llu rows=%llu max_rows=%u folded=%llu lost=%llu missed=%llu hooks=",
		       COWSTAT_FORMAT, release, since_ns,
		       bpf_ktime_get_boot_ns(), nr_rows, max_rows, nr_folded, lost, missed + skipped());
#define PUT_HOOK(ID, name)				\
	if (hooks & 1U << COWSTAT_HOOK_##ID) {		\
		if (any)				\
			put_text(seq, ",");		\
		any = true;				\
		put_text(seq, #name);			\
	}
	COWSTAT_HOOKS(PUT_HOOK)
	put_text(seq, header_columns);
}

/*
 * Control bytes, space, backslash and DEL as \ooo: a name cannot break a line. One that would
 * read as unknown, or as no field at all, is escaped too.
 */
static __noinline int put_comm(struct seq_file *seq, struct owner *owner)
{
	bool odd;
	int i;

	if (!owner)
		return 0;
	odd = !owner->comm[0] || (owner->comm[0] == '-' && !owner->comm[1]);
	for (i = 0; i < COW_COMM_LEN; i++) {
		u8 c = owner->comm[i];

		if (!c && i)
			break;
		if (odd || c <= ' ' || c == '\\' || c == 0x7f)
			BPF_SEQ_PRINTF(seq, "\\%d%d%d", c >> 6, c >> 3 & 7, c & 7);
		else
			bpf_seq_write(seq, &owner->comm[i], 1);
		if (!c)
			break;
	}
	return 0;
}

/* All columns between pid and comm. */
static __always_inline void put_columns(struct seq_file *seq, const u64 *column, u64 known,
					u32 state)
{
	int c;

	for (c = COWSTAT_COL_PID + 1; c < COWSTAT_COL_COMM; c++) {
		if (!(known & 1ULL << c))
			put_text(seq, " " COWSTAT_UNKNOWN);
		else if (c != COWSTAT_COL_STATE)
			BPF_SEQ_PRINTF(seq, " %llu", column[c]);
		else if (state == ROW_EXITED)
			put_text(seq, " X");
		else
			put_text(seq, " L");
	}
	put_text(seq, " ");
}

/* The line of a sum. */
static __always_inline void put_sum(struct seq_file *seq, const u64 *column)
{
	put_columns(seq, column, row_counted_columns(hooks) & ~ROW_IDENTITIES, ROW_LIVE);
	put_text(seq, COWSTAT_UNKNOWN "\n");
}

/* Is this still the process's leader? A row's leader may be gone, and its memory another's. */
static __always_inline bool task_is(struct task_struct *task, u64 start_ns, u32 tgid)
{
	return BPF_CORE_READ(task, start_boottime) == start_ns &&
	       (u32)BPF_CORE_READ(task, tgid) == tgid;
}

static __always_inline void put_row(struct seq_file *seq, struct reading *reading, u64 key,
				    struct row *row)
{
	u64 *column = reading->column, known;
	u32 state = row->state, knows = row->known, level, ns, pid;
	struct owner owner = {};
	int c;

	row_derive(row->value, column);
	if (knows & ROW_KNOWS_BIRTH && !(knows & ROW_SETTLED) &&
	    !row_pre_exec(row, &column[COWSTAT_COL_PRE_EXEC_COPIED],
			  &column[COWSTAT_COL_PARENT_COPIED]))
		knows &= ~ROW_KNOWS_PARENT;
	if (state == ROW_EXITED) {
		owner = row->owner;
	} else {
		read_owner(&owner, (void *)row->leader);
		owner.known = task_is((void *)row->leader, key, row->tgid);
	}
	known = row_known_columns(row_counted_columns(hooks), knows, owner.known);

	for (c = COWSTAT_COL_FORKS; c < COWSTAT_NR_COLUMNS; c++)
		reading->last[c] = known & 1ULL << c & ~ROW_IDENTITIES ? column[c] : 0;

	reader_ns(&level, &ns);
	pid = row_pid_in(&row->pid, level, ns);
	if (!pid)
		return;		/* outside the reader's pid namespace: in the total only */
	column[COWSTAT_COL_PPID] = row_pid_in(&row->ppid, level, ns);
	column[COWSTAT_COL_UID] = owner.uid;
	column[COWSTAT_COL_START_NS] = key;
	column[COWSTAT_COL_PARENT_START_NS] = row->parent_start_ns;
	column[COWSTAT_COL_CGROUP] = owner.cgroup;
	BPF_SEQ_PRINTF(seq, "%u", pid);
	put_columns(seq, column, known, state);
	if (known & ROW_COLUMN(COMM))
		put_comm(seq, &owner);
	else
		put_text(seq, COWSTAT_UNKNOWN);
	put_text(seq, "\n");
}

/*
 * Called for each row, and once more after the last, with its number. What did not fit the
 * buffer is asked for again, with the same number.
 */
SEC("iter/bpf_map_elem")
int table(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	u64 session = ctx->meta->session_id, number = ctx->meta->seq_num;
	u32 slot = session % MAX_READINGS;
	u64 *key = ctx->key;
	struct reading *reading;
	struct row *row = NULL;
	int c;

	reading = bpf_map_lookup_elem(&readings, &slot);
	if (!reading)
		return 0;
	if (!number && (key || reading->session != session)) {
		put_header(seq);
		reading->session = session;
		reading->seq = 0;
		for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
			reading->last[c] = reading->total[c] = 0;
	}
	/* A later reading has taken our place: this one ends here, without its sums. */
	if (reading->session != session)
		return 0;
	if (reading->seq != number + 1) {
		for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
			reading->total[c] += reading->last[c];
			reading->last[c] = 0;
		}
		reading->seq = number + 1;
	}
	if (key) {
		for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
			reading->last[c] = 0;
		row = row_at(*key);
		if (row && row->state != ROW_FREE)
			put_row(seq, reading, *key, row);
		return 0;
	}
	row_derive(folded, reading->column);
	put_text(seq, COWSTAT_PID_FOLDED);
	put_sum(seq, reading->column);
	/* The last row is not in it yet, if it had our number. */
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		reading->column[c] += reading->total[c] + reading->last[c];
	put_text(seq, COWSTAT_PID_TOTAL);
	put_sum(seq, reading->column);
	return 0;
}

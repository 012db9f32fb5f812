/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table: an iterator program prints the rows in the format of /proc/cowstat. The top of
 * module/proc.c shows the format. Included only by cowstat.bpf.c.
 */
#ifndef COWSTAT_TABLE_BPF_H
#define COWSTAT_TABLE_BPF_H

#include "rows.bpf.h"

#define MAX_READINGS	64	/* this many files can read the table at the same time */

/**
 * struct reading - one pass over the table, through one open file
 * @session: the iterator's session id
 * @seq: number of the row in @last, from 1; the kernel may ask for a row twice
 * @column: the columns of the row that is being printed
 * @last: what this row adds to the total
 * @total: sums of all rows before it
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

/* The loader runs this once. Only an iterator can reach the struct bpf_prog of our programs. */
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

/* Add the skipped calls of one CPU. */
static long add_skipped(u32 cpu, u64 *sum)
{
	u64 offset = per_cpu_offset(cpu);
	u32 i;

	for (i = 0; i < COW_MAX_PROGRAMS; i++)
		if (programs[i].stats)
			*sum += read_u64((void *)programs[i].stats + offset +
					 bpf_core_field_offset(struct bpf_prog_stats, misses));
	return 0;
}

/*
 * How many calls of our programs the kernel has skipped, because a task was preempted in the same
 * program on that CPU. bpftool shows this as recursion_misses.
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

	BPF_CORE_READ_STR_INTO(&release, bpf_get_current_task_btf(), nsproxy, uts_ns, name.release);
	BPF_SEQ_PRINTF(seq,
		       "# cowstat %d kernel=%s counting=on timing=off epoch=1 since_ns=%llu now_ns=%llu rows=%llu max_rows=%u folded=%llu lost=%llu missed=%llu sums=%llu max_sums=%u merged=%llu hooks=",
		       COWSTAT_FORMAT, release, since_ns, bpf_ktime_get_boot_ns(), nr_rows,
		       max_rows, nr_folded, lost, missed + skipped(), sums_in_use,
		       ROW_SUM_KINDS * nr_sums, merged);
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
 * Print control bytes, space, backslash and DEL as \ooo, so that a name cannot break a line. A
 * name that is "-" (unknown) or empty is escaped too.
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

/* Print all columns between pid and comm. */
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
		else if (state == ROW_SUM)
			put_text(seq, " S");
		else
			put_text(seq, " L");
	}
	put_text(seq, " ");
}

/* Print the line of the `-` row or of the total (`*`). */
static __always_inline void put_sum(struct seq_file *seq, const u64 *column)
{
	put_columns(seq, column, row_counted_columns(hooks) & ~ROW_IDENTITIES, ROW_LIVE);
	put_text(seq, COWSTAT_UNKNOWN "\n");
}

/* Is this task still the leader of the process? It may be gone and its memory reused. */
static __always_inline bool task_is(struct task_struct *task, u64 start_ns, u32 tgid)
{
	return BPF_CORE_READ(task, start_boottime) == start_ns &&
	       (u32)BPF_CORE_READ(task, tgid) == tgid;
}

/* Print a sum of given-up rows; in the initial pid namespace only, as module/proc.c does. */
static __always_inline void put_sum_of_owner(struct seq_file *seq, struct reading *reading,
					     struct row *sum, u32 index)
{
	u64 *column = reading->column, known;
	struct owner owner = sum->owner;
	u32 level, ns;
	int c;

	known = row_sum_columns(row_counted_columns(hooks), sum_kind(index));
	row_derive(sum->value, column);
	for (c = COWSTAT_COL_FORKS; c < COWSTAT_NR_COLUMNS; c++)
		reading->last[c] = known & 1ULL << c & ~ROW_IDENTITIES ? column[c] : 0;
	reader_ns(&level, &ns);
	if (level)
		return;
	column[COWSTAT_COL_UID] = owner.uid;
	column[COWSTAT_COL_CGROUP] = owner.cgroup;
	put_text(seq, COWSTAT_PID_FOLDED);
	put_columns(seq, column, known, ROW_SUM);
	if (known & ROW_COLUMN(COMM))
		put_comm(seq, &owner);
	else
		put_text(seq, COWSTAT_UNKNOWN);
	put_text(seq, "\n");
}

static __always_inline void put_row(struct seq_file *seq, struct reading *reading, struct row *row)
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
		owner.known = task_is((void *)row->leader, row->key.start_ns, row->key.pid);
	}
	known = row_known_columns(row_counted_columns(hooks), knows, owner.known);

	for (c = COWSTAT_COL_FORKS; c < COWSTAT_NR_COLUMNS; c++)
		reading->last[c] = known & 1ULL << c & ~ROW_IDENTITIES ? column[c] : 0;

	reader_ns(&level, &ns);
	pid = row_pid_in(&row->pid, level, ns);
	if (!pid)
		return; /* not in the reader's pid namespace: only in the total */
	column[COWSTAT_COL_PPID] = row_pid_in(&row->ppid, level, ns);
	column[COWSTAT_COL_UID] = owner.uid;
	column[COWSTAT_COL_START_NS] = row->key.start_ns;
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
 * Add the last row to the total. Not static, so that the verifier checks this function only once.
 */
__noinline int add_last(u32 slot)
{
	struct reading *reading = bpf_map_lookup_elem(&readings, &slot);
	int c;

	if (!reading)
		return 0;
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		reading->total[c] += reading->last[c];
		reading->last[c] = 0;
	}
	return 0;
}

/*
 * The kernel calls this for each row with the row's number, and once more after the last row. If
 * a row did not fit the buffer, the kernel asks for it again with the same number.
 */
SEC("iter/bpf_map_elem")
int table(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	u64 session = ctx->meta->session_id, number = ctx->meta->seq_num;
	u32 slot = session % MAX_READINGS;
	u32 *key = ctx->key;
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
	/* A free row. @last stays: the next row that is printed adds it to the total. */
	if (key) {
		row = row_at(*key);
		if (!row || row->state == ROW_FREE)
			return 0;
	}
	/* A later reader has taken over our struct reading: print no sums. */
	if (reading->session != session)
		return 0;
	if (reading->seq != number + 1) {
		add_last(slot);
		reading->seq = number + 1;
	}
	if (row && row->state == ROW_SUM) {
		put_sum_of_owner(seq, reading, row, key ? *key : 0);
		return 0;
	}
	if (row) {
		put_row(seq, reading, row);
		return 0;
	}
	row_derive(folded, reading->column);
	put_text(seq, COWSTAT_PID_FOLDED);
	put_sum(seq, reading->column);
	/* If the last row had our number, it is in @last, but not in the total yet. */
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		reading->column[c] += reading->total[c] + reading->last[c];
	put_text(seq, COWSTAT_PID_TOTAL);
	put_sum(seq, reading->column);
	return 0;
}

#endif /* COWSTAT_TABLE_BPF_H */

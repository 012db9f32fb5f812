// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/cowstat, version 1:
 *
 *   # cowstat 1 kernel=RELEASE counting=on|off timing=on|off epoch=N since_ns=N
 *     now_ns=N rows=N max_rows=N folded=N lost=N missed=N sums=N max_sums=N merged=N
 *     kprobes=NAME,... hooks=NAME,...  (one line)
 *   # COLUMN...                                 as in uapi/cowstat.h
 *   PID ...                                     a line per process
 *   - ... S ...                                 the sum of rows that were recycled, a line per
 *                                               cgroup, user and name
 *   - ...                                       the sum of rows and faults in no line above
 *   * ...                                       the sum of all lines above
 *
 * A read from the file's start takes a snapshot into the open file's own buffer; all
 * other reads are served from it. So a reader may use any offset and any length, and never
 * sees parts of two tables. While a snapshot is taken, no lock is held that a fault may wait for.
 *
 * Copying from or to the caller's memory may block for as long as the caller likes, by means of
 * userfaultfd or FUSE. remove_proc_entry() waits for all calls that are inside. So that unloading
 * does not hang, we hold a reference to the module while we touch the caller's memory: unloading
 * then fails with EBUSY.
 *
 * To write a control word, the task that opened the file must have had CAP_SYS_ADMIN in the
 * initial user namespace.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid_namespace.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/seq_buf.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include <linux/time_namespace.h>
#include <linux/ktime.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>

#include "compat.h"
#include "control.h"
#include "fault.h"
#include "fork.h"
#include "hook.h"
#include "proc.h"
#include "sum.h"
#include "table.h"
#include "timing.h"

#define LINE_BYTES	384	/* size of a usual line: a guess, so that buffers rarely grow */
#define MAX_LINE_BYTES	4096	/* more than any line has */
#define SNAPSHOT_TRIES	3

/**
 * struct snapshot - the text that reads of one open file are served from
 * @lock: serialises reads through the same open file
 * @text: the text of the table
 * @len: its length
 */
struct snapshot {
	struct mutex lock; /* of text and len */
	char *text;
	size_t len;
};

/**
 * struct reader - the task for which a snapshot is taken
 * @cred: the credentials of the task that opened the file
 * @all: that task may see every row, the sums, and system-wide figures
 * @level: the level of the reader's pid namespace; 0 for the initial one
 * @ns: the inode number of that namespace
 * @ns_start_ns: when the init of that namespace was started
 * @boottime_ns: the offset that the reader's time namespace adds to CLOCK_BOOTTIME
 * @unknown: a bit for each enum cowstat_hook that is armed but does not count
 * @counted: columns whose hooks were armed in this epoch, and counted
 */
struct reader {
	const struct cred *cred;
	bool all;
	unsigned int level, ns;
	u64 ns_start_ns;
	u64 boottime_ns;
	unsigned long unknown;
	u64 counted;
};

/* Fill in the pid namespace and the time namespace of current. */
static void reader_ns(struct reader *reader)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	const struct task_struct *init;

	reader->level = ns->level;
	reader->ns = ns->ns.inum;
	reader->boottime_ns = compat_boottime_offset_ns();
	if (!ns->level)
		return;
	rcu_read_lock();
	/* Any thread of init: when it ends, the kernel replaces it by another thread. */
	init = READ_ONCE(ns->child_reaper);
	reader->ns_start_ns = init ? READ_ONCE(init->group_leader)->start_boottime : U64_MAX;
	rcu_read_unlock();
}

/* May the task that opened a file see every row, the sums, and system-wide figures? */
static bool may_see_all(const struct file *file)
{
	return file_ns_capable(file, &init_user_ns, CAP_SYS_PTRACE) ||
	       file_ns_capable(file, &init_user_ns, CAP_PERFMON);
}

static bool has_column(u64 columns, enum cowstat_column c)
{
	return columns & BIT_ULL(c);
}

/* Not with printf: a row has dozens of numbers, and printf takes 500 instructions for each. */
static void put_number(struct seq_buf *s, bool known, u64 n)
{
	char text[24], *at = text + sizeof(text);
	size_t room, len;
	char *to;

	if (known) {
		do {
			*--at = '0' + n % 10;
		} while (n /= 10);
	} else {
		*--at = COWSTAT_UNKNOWN[0];
	}
	*--at = ' ';
	len = text + sizeof(text) - at;
	room = seq_buf_get_buf(s, &to);
	if (len <= room)
		memcpy(to, at, len);
	seq_buf_commit(s, len <= room ? (int)len : -1);
}

/*
 * Print control bytes, space, backslash and DEL as \ooo, so that a name cannot break a line. A
 * name that is "-" (unknown) or empty is escaped too.
 */
static void put_comm(struct seq_buf *s, const char *comm)
{
	static const char odd[] =
		"\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020"
		"\021\022\023\024\025\026\027\030\031\032\033\034\035\036\037 \\\177";
	char escaped[4 * TASK_COMM_LEN + 1];
	int n;

	if (!*comm || !strcmp(comm, COWSTAT_UNKNOWN)) {
		seq_buf_printf(s, " \\%03o", *comm);
		return;
	}
	n = string_escape_mem(comm, strnlen(comm, TASK_COMM_LEN), escaped, sizeof(escaped) - 1,
			      ESCAPE_OCTAL, odd);
	escaped[min_t(int, n, sizeof(escaped) - 1)] = '\0';
	seq_buf_printf(s, " %s", escaped);
}

static void put_identity(struct seq_buf *s, enum cowstat_column c, bool known,
			 const struct row_copy *copy, const struct reader *reader)
{
	switch (c) {
	case COWSTAT_COL_PID:
		if (copy->state == ROW_SUM)
			seq_buf_printf(s, COWSTAT_PID_FOLDED);
		else
			seq_buf_printf(s, "%u", row_pid_in(&copy->pids, reader->level, reader->ns));
		break;
	case COWSTAT_COL_PPID:
		put_number(s, known, row_pid_in(&copy->parent_pids, reader->level, reader->ns));
		break;
	case COWSTAT_COL_UID:
		put_number(s, known, from_kuid_munged(reader->cred->user_ns, copy->owner.uid));
		break;
	case COWSTAT_COL_STATE:
		seq_buf_printf(s, " %c",
			       copy->state == ROW_SUM	 ? COWSTAT_STATE_SUM :
			       copy->state == ROW_EXITED ? 'X' :
							   'L');
		break;
	case COWSTAT_COL_START_NS:
		put_number(s, known, copy->start_ns + reader->boottime_ns);
		break;
	case COWSTAT_COL_PARENT_START_NS:
		put_number(s, known, copy->parent_start_ns + reader->boottime_ns);
		break;
	case COWSTAT_COL_CGROUP:
		put_number(s, known, copy->owner.cgroup);
		break;
	case COWSTAT_COL_COMM:
		if (known)
			put_comm(s, copy->owner.comm);
		else
			put_number(s, false, 0);
		break;
	default:
		break;
	}
}

/* Print the line of a process, or of a sum with a cgroup and user. */
static void put_row(struct seq_buf *s, const struct row_copy *copy, const u64 *column, u64 known,
		    const struct reader *reader)
{
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++) {
		if (has_column(ROW_IDENTITIES, c))
			put_identity(s, c, has_column(known, c), copy, reader);
		else
			put_number(s, has_column(known, c), column[c]);
	}
	seq_buf_printf(s, "\n");
}

/* Add such a line to the total. */
static void add_row(u64 *total, const u64 *column, u64 known)
{
	enum cowstat_column c;

	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		if (has_column(known & ~ROW_IDENTITIES, c))
			total[c] += column[c];
}

/* Print the line of the `-` row or of the total (`*`). */
static void put_sum(struct seq_buf *s, const char *pid, const u64 *column, u64 counted)
{
	enum cowstat_column c;

	seq_buf_printf(s, "%s", pid);
	for (c = COWSTAT_COL_PID + 1; c < COWSTAT_NR_COLUMNS; c++)
		put_number(s, has_column(counted & ~ROW_IDENTITIES, c), column[c]);
	seq_buf_printf(s, "\n");
}

/* Print the names of the hooks in a mask; "-" if it is empty. */
static void put_hooks(struct seq_buf *s, const char *what, unsigned long mask)
{
	const char *separator = what;
	int i;

	for (i = 0; i < COWSTAT_NR_HOOKS; i++) {
		if (!(mask & BIT(i)))
			continue;
		seq_buf_printf(s, "%s%s", separator, hook_names[i]);
		separator = ",";
	}
	if (!mask)
		seq_buf_printf(s, "%s" COWSTAT_UNKNOWN, what);
}

static void put_header(struct seq_buf *s, const struct control_status *status,
		       const struct reader *reader)
{
	enum cowstat_column c;

	seq_buf_printf(s, "# cowstat %d kernel=%s counting=%s timing=%s", COWSTAT_FORMAT,
		       init_uts_ns.name.release, status->counting ? "on" : "off",
		       status->timing ? "on" : "off");
	seq_buf_printf(s, " epoch=%llu since_ns=%llu now_ns=%llu", status->epoch,
		       status->since_ns + reader->boottime_ns,
		       ktime_get_boottime_ns() + reader->boottime_ns);
	if (reader->all)
		seq_buf_printf(s, " rows=%u max_rows=%u folded=%llu lost=%lld missed=%llu",
			       READ_ONCE(table.in_use), table.max_rows, READ_ONCE(table.nr_folded),
			       atomic64_read(&table.lost),
			       atomic64_read(&table.missed) + fault_missed() + fork_missed());
	else
		seq_buf_printf(s, " rows=- max_rows=%u folded=- lost=- missed=-", table.max_rows);
	if (reader->all)
		seq_buf_printf(s, " sums=%u max_sums=%u merged=%llu", sums_in_use(), sums_max(),
			       sums_merged());
	else
		seq_buf_printf(s, " sums=- max_sums=%u merged=-", sums_max());
	put_hooks(s, " kprobes=", fault_probed() | fork_probed());
	put_hooks(s, " hooks=", status->armed & ~reader->unknown);
	seq_buf_printf(s, "\n#");
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		seq_buf_printf(s, " %s", column_names[c]);
	seq_buf_printf(s, "\n");
}

/*
 * Is a row's process in the reader's pid namespace? A new namespace may get the inode number of
 * an earlier one. So also check that the process is not older than the init of the namespace.
 */
static bool is_in_ns(const struct row_copy *copy, const struct reader *reader)
{
	return row_pid_in(&copy->pids, reader->level, reader->ns) &&
	       copy->start_ns >= reader->ns_start_ns;
}

static bool may_see(const struct row_copy *copy, const struct reader *reader)
{
	kuid_t me = reader->cred->euid;

	if (!is_in_ns(copy, reader))
		return false;
	return reader->all || (copy->owner_known && uid_eq(copy->owner.uid, me) &&
			       uid_eq(copy->owner.euid, me) && uid_eq(copy->owner.suid, me));
}

/* Make room for one more line. The text that is already there is kept. */
static int need_line(struct seq_buf *s)
{
	struct seq_buf larger;
	char *text;

#define NAME_BYTES(NAME, name, kind, hook)	+ sizeof(" " #name)
	BUILD_BUG_ON(0 COWSTAT_COLUMNS(NAME_BYTES) + 1024 > MAX_LINE_BYTES);
	BUILD_BUG_ON(COWSTAT_NR_COLUMNS * 21 + 4 * TASK_COMM_LEN + 2 > MAX_LINE_BYTES);
	if (s->len + MAX_LINE_BYTES <= s->size)
		return 0;
	text = kvmalloc(2 * s->size, GFP_KERNEL_ACCOUNT);
	if (!text)
		return -ENOMEM;
	seq_buf_init(&larger, text, 2 * s->size); /* writes the first byte */
	memcpy(text, s->buffer, s->len);
	larger.len = s->len;
	kvfree(s->buffer);
	*s = larger;
	return 0;
}

/*
 * The sums of rows that were recycled show the cgroups and programs of every user. So only
 * readers that may see every row get them. Such a reader inside a pid namespace gets them only
 * in the total.
 */
static int put_sums(struct seq_buf *s, const struct reader *reader, struct row_copy *copy,
		    u64 *total)
{
	u64 column[COWSTAT_NR_COLUMNS] = {}, known;
	unsigned int i, max = sums_max();
	enum row_sum_kind kind;

	for (i = 0; i < max; i++) {
		cond_resched();
		if (!sums_copy(i, copy, &kind))
			continue;
		row_derive(copy->value, column);
		known = row_sum_columns(reader->counted, kind);
		if (!reader->level) {
			if (need_line(s))
				return -ENOMEM;
			put_row(s, copy, column, known, reader);
		}
		add_row(total, column, known);
	}
	return 0;
}

/* Write the whole file into a buffer. Every row is read once. */
static int put_table(struct seq_buf *s, const struct reader *reader,
		     const struct control_status *status, struct row_copy *copy)
{
	unsigned int i, used = table_used();
	u64 total[COWSTAT_NR_COLUMNS] = {};
	u64 column[COWSTAT_NR_COLUMNS] = {};
	enum cowstat_column c;
	u64 known;

	put_header(s, status, reader);
	for (i = 0; i < used; i++) {
		cond_resched();
		if (!table_copy_row(i, copy))
			continue;
		row_derive(copy->value, column);
		known = row_known_columns(reader->counted, copy->known, copy->owner_known);
		/* a process outside the reader's pid namespace is only in the total */
		if (may_see(copy, reader)) {
			if (need_line(s))
				return -ENOMEM;
			put_row(s, copy, column, known, reader);
		}
		add_row(total, column, known);
	}
	if (!reader->all)
		return 0;
	if (put_sums(s, reader, copy, total) || need_line(s))
		return -ENOMEM;
	table_copy_folded(copy);
	row_derive(copy->value, column);
	put_sum(s, COWSTAT_PID_FOLDED, column, reader->counted);
	for (c = 0; c < COWSTAT_NR_COLUMNS; c++)
		total[c] += column[c];
	if (need_line(s))
		return -ENOMEM;
	put_sum(s, COWSTAT_PID_TOTAL, total, reader->counted);
	return 0;
}

/*
 * A snapshot is of one epoch. If a row is recycled while we read, its counts may appear twice: in
 * its own line and in a sum. So take the snapshot again if rows were recycled meanwhile, but at
 * most SNAPSHOT_TRIES times.
 */
static int snapshot_take(struct snapshot *snapshot, struct file *file)
{
	struct control_status status;
	struct reader reader = {
		.cred = file->f_cred,
		.all = may_see_all(file),
	};
	size_t size = MAX_LINE_BYTES + (reader.all ? LINE_BYTES * (size_t)table_used() : 0);
	unsigned long reset_seq;
	struct row_copy *copy;
	unsigned long folding;
	struct seq_buf s = {};
	char *text;
	int err = -ENOMEM, try = 0;

	copy = kmalloc(sizeof(*copy), GFP_KERNEL_ACCOUNT);
	text = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (text)
		seq_buf_init(&s, text, size); /* writes the first byte */
	if (!copy || !text)
		goto free;
	reader_ns(&reader);
	for (;;) {
		reset_seq = control_reset_seq();
		if (reset_seq & 1) { /* a reset is running: wait until it has ended */
			schedule_timeout_killable(1);
			if (fatal_signal_pending(current)) {
				err = -EINTR;
				goto free;
			}
			continue;
		}
		seq_buf_clear(&s);
		control_status(&status);
		/* Identities are known even before all hooks are armed. */
		reader.unknown = fault_unknown();
		reader.counted = row_counted_columns(status.counted & ~reader.unknown) |
				 ROW_IDENTITIES;
		folding = smp_load_acquire(&table.folding); /* before the rows */
		err = put_table(&s, &reader, &status, copy);
		if (err)
			goto free;
		smp_rmb(); /* the rows before both numbers are read again */
		if (reset_seq == control_reset_seq() &&
		    ((!(folding & 1) && folding == READ_ONCE(table.folding)) ||
		     ++try == SNAPSHOT_TRIES))
			break;
	}
	kvfree(snapshot->text);
	snapshot->text = s.buffer;
	snapshot->len = s.len;
	s.buffer = NULL;
free:
	kvfree(s.buffer);
	kfree(copy);
	return err;
}

static int cowstat_open(struct inode *inode, struct file *file)
{
	struct snapshot *snapshot = kzalloc(sizeof(*snapshot), GFP_KERNEL_ACCOUNT);

	if (!snapshot)
		return -ENOMEM;
	mutex_init(&snapshot->lock);
	file->private_data = snapshot;
	return 0;
}

static int cowstat_release(struct inode *inode, struct file *file)
{
	struct snapshot *snapshot = file->private_data;

	kvfree(snapshot->text);
	kfree(snapshot);
	return 0;
}

static ssize_t cowstat_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	struct snapshot *snapshot = file->private_data;
	ssize_t n = 0;

	if (mutex_lock_interruptible(&snapshot->lock))
		return -ERESTARTSYS;
	if (!*pos || !snapshot->text)
		n = snapshot_take(snapshot, file);
	if (!n && !try_module_get(THIS_MODULE))
		n = -EIO; /* the module is being unloaded; procfs returns this, too */
	if (!n) {
		n = simple_read_from_buffer(to, count, pos, snapshot->text, snapshot->len);
		module_put(THIS_MODULE);
	}
	mutex_unlock(&snapshot->lock);
	return n;
}

static int counting_on(void)
{
	return control_counting(true);
}

static int counting_off(void)
{
	return control_counting(false);
}

static int timing_on(void)
{
	return control_timing(true);
}

static int timing_off(void)
{
	return control_timing(false);
}

/* clang-format off */
static const struct {
	const char *words;
	int (*act)(void);
} controls[] = {
	{ "reset",		control_reset },
	{ "counting on",	counting_on },
	{ "counting off",	counting_off },
	{ "timing on",		timing_on },
	{ "timing off",		timing_off },
};

/* clang-format on */

/* Each write is one control word, with or without a newline. Anything else is refused. */
static ssize_t cowstat_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	unsigned long left;
	char words[24];
	size_t len;
	int i, err;

	if (!file_ns_capable(file, &init_user_ns, CAP_SYS_ADMIN))
		return -EPERM;
	if (!count || count >= sizeof(words))
		return -EINVAL;
	if (!try_module_get(THIS_MODULE))
		return -EIO;
	left = copy_from_user(words, from, count);
	module_put(THIS_MODULE);
	if (left)
		return -EFAULT;
	len = words[count - 1] == '\n' ? count - 1 : count;
	words[len] = '\0';
	if (strlen(words) != len)
		return -EINVAL; /* a NUL inside */

	for (i = 0; i < ARRAY_SIZE(controls); i++) {
		if (strcmp(words, controls[i].words))
			continue;
		err = controls[i].act();
		return err ?: count;
	}
	return -EINVAL;
}

static const struct proc_ops cowstat_proc_ops = {
	.proc_open = cowstat_open,
	.proc_read = cowstat_read,
	.proc_write = cowstat_write,
	.proc_lseek = default_llseek,
	.proc_release = cowstat_release,
};

/*
 * /proc/cowstat_latency, for root only: how long faults took. It has a line per power of two of
 * nanoseconds, if any fault is in it, and a column per outcome. The file shows the whole system.
 * Its mode lets the root user of a container open it, so reading also checks capabilities.
 */
static int latency_show(struct seq_file *m, void *v)
{
	struct control_status status;
	u64 count[TIMING_NR_KINDS], any;
	unsigned int bucket, i;

	if (!may_see_all(m->file))
		return -EPERM;
	control_status(&status);
	seq_printf(m, "# cowstat_latency %d timing=%s epoch=%llu\n# from_ns to_ns", COWSTAT_FORMAT,
		   status.timing ? "on" : "off", status.epoch);
#define OUTCOME_NAME(ID, name)	" " #name
	seq_puts(m, COWSTAT_OUTCOMES(OUTCOME_NAME) " copy shootdown\n");
	for (bucket = 0; bucket < TIMING_BUCKETS; bucket++) {
		for (i = 0, any = 0; i < TIMING_NR_KINDS; i++)
			any |= count[i] = timing_bucket(i, bucket);
		if (!any)
			continue;
		seq_printf(m, "%llu %llu", bucket ? BIT_ULL(bucket) : 0, GENMASK_ULL(bucket, 0));
		for (i = 0; i < TIMING_NR_KINDS; i++) {
			if (i == COWSTAT_OUTCOME_OTHER)
				seq_puts(m, " " COWSTAT_UNKNOWN);
			else
				seq_printf(m, " %llu", count[i]);
		}
		seq_putc(m, '\n');
	}
	return 0;
}

static int latency_open(struct inode *inode, struct file *file)
{
	return single_open(file, latency_show, NULL);
}

static ssize_t latency_read(struct kiocb *iocb, struct iov_iter *to)
{
	ssize_t n;

	if (!try_module_get(THIS_MODULE))
		return -EIO;
	n = seq_read_iter(iocb, to);
	module_put(THIS_MODULE);
	return n;
}

static const struct proc_ops latency_proc_ops = {
	.proc_open = latency_open,
	.proc_read_iter = latency_read,
	.proc_lseek = seq_lseek,
	.proc_release = single_release,
};

/**
 * proc_init() - create /proc/cowstat and /proc/cowstat_latency
 *
 * Return: 0; or -ENOMEM, and then neither exists.
 */
int __init proc_init(void)
{
	if (!proc_create("cowstat", 0644, NULL, &cowstat_proc_ops))
		return -ENOMEM;
	if (!proc_create("cowstat_latency", 0400, NULL, &latency_proc_ops)) {
		remove_proc_entry("cowstat", NULL);
		return -ENOMEM;
	}
	return 0;
}

/**
 * proc_exit() - remove both files
 *
 * Waits for reads and writes that are running. procfs releases files that are still open; the
 * next read through them fails.
 *
 * Context: may sleep.
 */
void proc_exit(void)
{
	remove_proc_entry("cowstat_latency", NULL);
	remove_proc_entry("cowstat", NULL);
}

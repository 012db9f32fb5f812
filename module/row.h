/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules for rows: what a row stores, which columns are computed from it, which columns are
 * known, and when the row is recycled. The module and the BPF programs store rows in different
 * ways, but both follow these rules. Nothing here calls the kernel, so userspace can include it.
 */
#ifndef COWSTAT_ROW_H
#define COWSTAT_ROW_H

#include "uapi/cowstat.h"

/*
 * What a row stores: the columns that are not computed, and a few values that other columns are
 * computed from. The usual faults write only the first seven: with the row's key these fill one
 * cache line. An anonymous copy is counted in one of two values: OWN_COPIED if this process made
 * the old page, INHERITED_COPIED if an ancestor did. The memos (DESC_*) come last.
 *	V(NAME, column, or NR_COLUMNS where no column shows it)
 */
#define ROW_VALUES(V)						\
	V(WP_ENTRIES,		NR_COLUMNS)			\
	V(OWN_COPIED,		NR_COLUMNS)			\
	V(INHERITED_COPIED,	COL_INHERITED_COPIED)		\
	V(REUSED,		COL_REUSED)			\
	V(COPY_NS,		COL_COPY_NS)			\
	V(SHOOTDOWN_NS,		COL_SHOOTDOWN_NS)		\
	V(REUSE_NS,		COL_REUSE_NS)			\
	V(ZERO_FILLED,		COL_ZERO_FILLED)		\
	V(SHARED_WP,		COL_SHARED_WP)			\
	V(UNSHARED,		COL_UNSHARED)			\
	V(REMOTE,		COL_REMOTE)			\
	V(FILE_COPIED,		COL_FILE_COPIED)		\
	V(KSM_COPIED,		COL_KSM_COPIED)			\
	V(OTHER_COPIED,		NR_COLUMNS)			\
	V(FORK_COPIED,		COL_FORK_COPIED)		\
	V(THP_ENTRIES,		NR_COLUMNS)			\
	V(THP_SPLIT,		COL_THP_SPLIT)			\
	V(THP_REUSED,		COL_THP_REUSED)			\
	V(HUGETLB_ENTRIES,	NR_COLUMNS)			\
	V(HUGETLB_COPIED,	COL_HUGETLB_COPIED)		\
	V(HUGETLB_REUSED,	COL_HUGETLB_REUSED)		\
	V(HUGETLB_BYTES,	NR_COLUMNS)			\
	V(FORKS,		COL_FORKS)			\
	V(VFORKS,		COL_VFORKS)			\
	V(EXECS,		COL_EXECS)			\
	V(PROCESSES,		COL_PROCESSES)			\
	V(FORKS_FAILED,		COL_FORKS_FAILED)		\
	V(FORK_EAGAIN,		COL_FORK_EAGAIN)		\
	V(FORK_ENOMEM,		COL_FORK_ENOMEM)		\
	V(FORK_NS,		COL_FORK_NS)			\
	V(BIRTH_ANON_PAGES,	COL_BIRTH_ANON_PAGES)		\
	V(BIRTH_FILE_PAGES,	COL_BIRTH_FILE_PAGES)		\
	V(BIRTH_SHMEM_PAGES,	COL_BIRTH_SHMEM_PAGES)		\
	V(BIRTH_SWAP_ENTRIES,	COL_BIRTH_SWAP_ENTRIES)		\
	V(BIRTH_HUGETLB_BYTES,	COL_BIRTH_HUGETLB_BYTES)	\
	V(BIRTH_PGTABLES_BYTES,	COL_BIRTH_PGTABLES_BYTES)	\
	V(PRE_EXEC_COPIED,	COL_PRE_EXEC_COPIED)		\
	V(PARENT_COPIED,	COL_PARENT_COPIED)		\
	V(DESC_FORKS,		COL_DESC_FORKS)			\
	V(DESC_BIRTH_ANON_PAGES, COL_DESC_BIRTH_ANON_PAGES)	\
	V(DESC_ANON_COPIED,	COL_DESC_ANON_COPIED)		\
	V(DESC_PARENT_COPIED,	COL_DESC_PARENT_COPIED)		\
	V(DESC_COPIED_BYTES,	COL_DESC_COPIED_BYTES)

#define ROW_ENUM_VALUE(NAME, column)	ROW_##NAME,
enum row_value { ROW_VALUES(ROW_ENUM_VALUE) ROW_NR_VALUES };

/* The values that are known when a process is forked. */
#define ROW_FIRST_BIRTH		ROW_FORK_NS
#define ROW_LAST_BIRTH		ROW_BIRTH_PGTABLES_BYTES

/*
 * Faults that ended in none of the counted outcomes. There may be more outcomes than entries, if
 * a fault was already running when the hook of its entry was armed. Then the result is 0.
 */
static __always_inline unsigned long long row_unclaimed(unsigned long long entries,
							unsigned long long commits)
{
	return entries > commits ? entries - commits : 0;
}

/* Anonymous pages copied by write-protect faults: the column `anon_copied`. */
static __always_inline unsigned long long row_anon_copied(const unsigned long long *value)
{
	return value[ROW_OWN_COPIED] + value[ROW_INHERITED_COPIED];
}

/* Pages copied by write-protect faults: the column `copied`. */
static __always_inline unsigned long long row_copied(const unsigned long long *value)
{
	return row_anon_copied(value) + value[ROW_KSM_COPIED] + value[ROW_OTHER_COPIED];
}

/* All bytes that were physically copied: the column `copied_bytes`. */
static __always_inline unsigned long long row_copied_bytes(const unsigned long long *value)
{
	return COWSTAT_PAGE_BYTES *
		       (row_copied(value) + value[ROW_FILE_COPIED] + value[ROW_FORK_COPIED]) +
	       value[ROW_HUGETLB_BYTES];
}

/**
 * row_derive() - compute the columns from what a row stores
 * @value: by enum row_value
 * @column: by enum cowstat_column; identities are not written
 */
static __always_inline void row_derive(const unsigned long long *value, unsigned long long *column)
{
#define ROW_DERIVE_VALUE(NAME, which)					\
	(void)(COWSTAT_##which < COWSTAT_NR_COLUMNS ?			\
	       (column[COWSTAT_##which % COWSTAT_NR_COLUMNS] = value[ROW_##NAME]) : 0),
	/* clang-format off */
	ROW_VALUES(ROW_DERIVE_VALUE) (void)0;
	/* clang-format on */
#define COL(NAME)	column[COWSTAT_COL_##NAME]
	COL(ANON_COPIED) = row_anon_copied(value);
	COL(COPIED) = row_copied(value);
	COL(WP_FAULTS) = COL(COPIED) + COL(ZERO_FILLED) + COL(REUSED) + COL(SHARED_WP);
	COL(OTHER) = row_unclaimed(value[ROW_WP_ENTRIES], COL(WP_FAULTS));
	COL(WP_FAULTS) += COL(OTHER);

	COL(THP_FAULTS) = COL(THP_SPLIT) + COL(THP_REUSED);
	COL(THP_OTHER) = row_unclaimed(value[ROW_THP_ENTRIES], COL(THP_FAULTS));
	COL(THP_FAULTS) += COL(THP_OTHER);

	COL(HUGETLB_FAULTS) = COL(HUGETLB_COPIED) + COL(HUGETLB_REUSED);
	COL(HUGETLB_OTHER) = row_unclaimed(value[ROW_HUGETLB_ENTRIES], COL(HUGETLB_FAULTS));
	COL(HUGETLB_FAULTS) += COL(HUGETLB_OTHER);

	COL(COPIED_BYTES) = row_copied_bytes(value);
#undef COL
}

/*
 * When a row is recycled, its counts go to a sum. In addition, each of these columns, plus the
 * row's own memo DESC_* of the same name, is added to the memo DESC_* of its nearest ancestor
 * that still has a row.
 *	M(NAME)
 */
#define ROW_MEMOS(M)		\
	M(FORKS)		\
	M(BIRTH_ANON_PAGES)	\
	M(ANON_COPIED)		\
	M(PARENT_COPIED)	\
	M(COPIED_BYTES)

#define ROW_FIRST_MEMO		ROW_DESC_FORKS

/**
 * row_memo() - what a row that is recycled adds to a memo of its ancestor
 * @value: the row's values, by enum row_value
 * @memo: which memo, from ROW_FIRST_MEMO on
 *
 * Return: the number to add.
 */
static __always_inline unsigned long long row_memo(const unsigned long long *value,
						   unsigned int memo)
{
	switch (memo) {
	case ROW_DESC_FORKS:
		return value[memo] + value[ROW_FORKS];
	case ROW_DESC_BIRTH_ANON_PAGES:
		return value[memo] + value[ROW_BIRTH_ANON_PAGES];
	case ROW_DESC_ANON_COPIED:
		return value[memo] + row_anon_copied(value);
	case ROW_DESC_PARENT_COPIED:
		return value[memo] + value[ROW_PARENT_COPIED];
	case ROW_DESC_COPIED_BYTES:
		return value[memo] + row_copied_bytes(value);
	default:
		return 0;
	}
}

/* How many ancestors a row remembers, to find the nearest one that still has a row. */
#define ROW_ANCESTORS		8

/* When rows run out, exited rows that copied less than this are recycled before the others. */
#define ROW_BIG_BYTES		1048576
/* At most this many rows are checked to find one that can be recycled. */
#define ROW_MAX_LOOKS		16

enum row_state {
	ROW_FREE,
	ROW_LIVE,
	ROW_EXITED,
	ROW_SUM, /* not one process: a sum of rows that were recycled */
};

/*
 * A row that is recycled is added to the sum of its cgroup, user and name (ROW_SUM_NAMED). When
 * these sums run out, one of them is merged into the sum of its cgroup and user for all names
 * (ROW_SUM_OF_CGROUP). When those run out, one of them is merged into the `-` row.
 */
enum row_sum_kind { ROW_SUM_NAMED, ROW_SUM_OF_CGROUP, ROW_SUM_KINDS };

#define ROW_MAX_SUMS		1024

/* How many sums of each kind there are. */
static __always_inline unsigned int row_nr_sums(unsigned int max_rows)
{
	return max_rows < ROW_MAX_SUMS ? max_rows : ROW_MAX_SUMS;
}

/* Which facts are known about a row's process: a set of bits. */
enum row_known {
	ROW_KNOWS_BIRTH = 1, /* its fork was seen: ppid, parent_start_ns, pre_exec_copied */
	ROW_KNOWS_MM = 2,    /* the fork gave it an mm of its own: birth_* */
	ROW_KNOWS_FORK_NS = 4,
	ROW_KNOWS_PARENT = 8, /* its parent had a row throughout: parent_copied */
	ROW_SETTLED = 16,     /* its first exec or its exit was seen */
};

/* Sets of columns: a bit for each enum cowstat_column. */
enum { ROW_COLUMNS_FIT_ONE_WORD = 1 / (COWSTAT_NR_COLUMNS <= 64) };

#define ROW_COLUMN(NAME)	(1ULL << COWSTAT_COL_##NAME)
#define ROW_IF_IDENTITY(NAME, name, kind, hook)	\
	(COWSTAT_##kind == COWSTAT_IDENTITY ? ROW_COLUMN(NAME) : 0) |
#define ROW_IF_BIRTH(NAME, name, kind, hook)	\
	(COWSTAT_##kind == COWSTAT_BIRTH ? ROW_COLUMN(NAME) : 0) |
#define ROW_IDENTITIES		(COWSTAT_COLUMNS(ROW_IF_IDENTITY) 0)
#define ROW_BIRTH_COLUMNS	(COWSTAT_COLUMNS(ROW_IF_BIRTH) 0)

/**
 * row_counted_columns() - the columns that are counted at all
 * @hooks: a bit for each enum cowstat_hook that is armed, or was in this epoch
 *
 * Return: a set of columns.
 */
static __always_inline unsigned long long row_counted_columns(unsigned long long hooks)
{
#define ROW_IF_COUNTED(NAME, name, kind, hook)	\
	(hooks >> COWSTAT_HOOK_##hook & 1) << COWSTAT_COL_##NAME |
	unsigned long long columns = COWSTAT_COLUMNS(ROW_IF_COUNTED) 0;

	/* `other` is what no commit claims, so it is known only if all commits are hooked */
	if (!(hooks >> COWSTAT_HOOK_COPY & 1) || !(hooks >> COWSTAT_HOOK_REUSE & 1))
		columns &= ~ROW_COLUMN(OTHER);
	return columns;
}

/**
 * row_known_columns() - the columns of a row that are known; others print "-"
 * @counted: from row_counted_columns()
 * @known: the row's set of enum row_known
 * @owner: are its uid, cgroup and name known?
 *
 * Return: a set of columns.
 */
static __always_inline unsigned long long row_known_columns(unsigned long long counted,
							    unsigned int known, int owner)
{
	unsigned long long columns = counted;

	if (!(known & ROW_KNOWS_MM)) /* all BIRTH columns but these two are about the new mm */
		columns &= ~ROW_BIRTH_COLUMNS | ROW_COLUMN(FORK_NS) | ROW_COLUMN(PRE_EXEC_COPIED);
	if (!(known & ROW_KNOWS_FORK_NS))
		columns &= ~ROW_COLUMN(FORK_NS);
	if (!(known & ROW_KNOWS_BIRTH))
		columns &= ~(ROW_COLUMN(PPID) | ROW_COLUMN(PARENT_START_NS) |
			     ROW_COLUMN(PRE_EXEC_COPIED));
	if (!(known & ROW_KNOWS_PARENT))
		columns &= ~ROW_COLUMN(PARENT_COPIED);
	if (!owner)
		columns &= ~(ROW_COLUMN(UID) | ROW_COLUMN(CGROUP) | ROW_COLUMN(COMM));
	return columns;
}

/**
 * row_sum_columns() - the columns of a sum that are known; others print "-"
 * @counted: from row_counted_columns()
 * @kind: of the sum
 *
 * Return: a set of columns.
 */
static __always_inline unsigned long long row_sum_columns(unsigned long long counted,
							  enum row_sum_kind kind)
{
	return (counted & ~ROW_IDENTITIES) | ROW_COLUMN(STATE) | ROW_COLUMN(UID) |
	       ROW_COLUMN(CGROUP) | (kind == ROW_SUM_NAMED ? ROW_COLUMN(COMM) : 0);
}

/* A row keeps its pid in at most this many nested pid namespaces, the initial one included. */
#define ROW_NS_LEVELS		4

/**
 * struct row_pids - the pid of a process in each pid namespace it is in
 * @level: of the deepest namespace kept
 * @nr: its pid in each
 * @ns: each namespace's inode number
 */
struct row_pids {
	unsigned int level;
	unsigned int nr[ROW_NS_LEVELS];
	unsigned int ns[ROW_NS_LEVELS];
};

/**
 * row_pid_in() - the pid of a process as a pid namespace sees it
 * @pids: the process's
 * @level: of the namespace
 * @ns: its inode number
 *
 * Return: the pid; 0 if the process is not in that namespace, or if the namespace is nested too
 * deeply to be kept.
 */
static __always_inline unsigned int row_pid_in(const struct row_pids *pids, unsigned int level,
					       unsigned int ns)
{
	if (level >= ROW_NS_LEVELS || level > pids->level || pids->ns[level] != ns)
		return 0;
	return pids->nr[level];
}

#endif /* COWSTAT_ROW_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a row of the table is made of: shared by the module and the BPF programs, which
 * keep the same rows by other means.
 */
#ifndef COWSTAT_ROW_H
#define COWSTAT_ROW_H

#include "uapi/cowstat.h"

/*
 * What a row stores: the columns that are not computed, and the few figures that
 * columns are computed from. The order is that of use within a fault, so that one
 * cache line serves a copy and one a reuse.
 *	V(NAME, column or NONE)
 */
#define ROW_VALUES(V)						\
	V(WP_ENTRIES,		NR_COLUMNS)			\
	V(ANON_COPIED,		COL_ANON_COPIED)		\
	V(REUSED,		COL_REUSED)			\
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
enum row_value {
	ROW_VALUES(ROW_ENUM_VALUE)
	ROW_NR_VALUES
};

/* Entries that no commit claimed. Faults in flight when hooks were armed are no debt. */
static __always_inline unsigned long long row_unclaimed(unsigned long long entries,
							unsigned long long commits)
{
	return entries > commits ? entries - commits : 0;
}

/**
 * row_derive() - from what a row stores to what its columns say
 * @value: by enum row_value
 * @column: by enum cowstat_column; identities are left as they are
 */
static __always_inline void row_derive(const unsigned long long *value,
				       unsigned long long *column)
{
#define ROW_DERIVE_VALUE(NAME, which)					\
	(void)(COWSTAT_##which < COWSTAT_NR_COLUMNS ?			\
	       (column[COWSTAT_##which % COWSTAT_NR_COLUMNS] = value[ROW_##NAME]) : 0),
	ROW_VALUES(ROW_DERIVE_VALUE) (void)0;
#define COL(NAME)	column[COWSTAT_COL_##NAME]
	COL(COPIED) = COL(ANON_COPIED) + COL(KSM_COPIED) + value[ROW_OTHER_COPIED];
	COL(WP_FAULTS) = COL(COPIED) + COL(ZERO_FILLED) + COL(REUSED) + COL(SHARED_WP);
	COL(OTHER) = row_unclaimed(value[ROW_WP_ENTRIES], COL(WP_FAULTS));
	COL(WP_FAULTS) += COL(OTHER);

	COL(THP_FAULTS) = COL(THP_SPLIT) + COL(THP_REUSED);
	COL(THP_OTHER) = row_unclaimed(value[ROW_THP_ENTRIES], COL(THP_FAULTS));
	COL(THP_FAULTS) += COL(THP_OTHER);

	COL(HUGETLB_FAULTS) = COL(HUGETLB_COPIED) + COL(HUGETLB_REUSED);
	COL(HUGETLB_OTHER) = row_unclaimed(value[ROW_HUGETLB_ENTRIES], COL(HUGETLB_FAULTS));
	COL(HUGETLB_FAULTS) += COL(HUGETLB_OTHER);

	COL(COPIED_BYTES) = COWSTAT_PAGE_BYTES *
			    (COL(COPIED) + COL(FILE_COPIED) + COL(FORK_COPIED)) +
			    value[ROW_HUGETLB_BYTES];
#undef COL
}

/* How many ancestors a row remembers, to find one that is still in the table. */
#define ROW_ANCESTORS		8

enum row_state {
	ROW_FREE,
	ROW_LIVE,
	ROW_EXITED,
};

/* What is known of a row: a set, struct row.known. */
enum row_known {
	ROW_KNOWS_BIRTH = 1,	/* forked while we counted: ppid, fork, pre_exec */
	ROW_KNOWS_MM = 2,	/* with page tables of its own: birth_* */
	ROW_KNOWS_FORK_NS = 4,
	ROW_KNOWS_PARENT = 8,	/* parent_copied can be told */
	ROW_SETTLED = 16,	/* first exec or exit has come */
};

#endif /* COWSTAT_ROW_H */

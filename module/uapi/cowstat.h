/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The contract of cowstat: the path, the format and the column names of /proc/cowstat.
 *
 * The module, the BPF programs and the userspace tools all include this file.
 * Every column, hook and outcome is listed here once; enums, name tables, sums
 * and parsers are made from the lists. The format only grows: a new column goes
 * before `cgroup`, and readers find columns by name.
 */
#ifndef COWSTAT_UAPI_H
#define COWSTAT_UAPI_H

#define COWSTAT_RELEASE		"0.1.0"		/* of the project */
#define COWSTAT_FORMAT		1		/* of /proc/cowstat */
#define COWSTAT_PROC_PATH	"/proc/cowstat"
#define COWSTAT_LATENCY_PATH	"/proc/cowstat_latency"

#define COWSTAT_PAGE_BYTES	4096ULL		/* what one copied page costs */

#define COWSTAT_MAX_ROWS_MIN	64
#define COWSTAT_MAX_ROWS_MAX	1048576

/*
 * Hooks, as the header line's `hooks=` lists those that are armed:
 *	H(ID, name)
 */
#define COWSTAT_HOOKS(H)		\
	H(WP,		wp)		\
	H(COPY,		copy)		\
	H(REUSE,	reuse)		\
	H(HUGETLB,	hugetlb)	\
	H(THP,		thp)		\
	H(FILE,		file)		\
	H(PINNED,	pinned)		\
	H(FORK,		fork)		\
	H(EXEC,		exec)		\
	H(EXIT,		exit)		\
	H(TIME,		time)		\
	H(FAILED,	failed)

/*
 * Outcomes: how a write-protect fault ends. A fault is `other` if no hook commits one of the
 * other outcomes for it.
 *	O(ID, name)
 */
#define COWSTAT_OUTCOMES(O)		\
	O(COPIED,	copied)		\
	O(ZERO_FILLED,	zero_filled)	\
	O(REUSED,	reused)		\
	O(SHARED_WP,	shared_wp)	\
	O(OTHER,	other)

/*
 * Columns, in the order of /proc/cowstat:
 *	C(NAME, name, kind, hook)
 *
 * kind	IDENTITY	says which process a row is of; never summed
 *	COUNT		counted event by event; 0 when nothing happened
 *	DERIVED		computed from counts when printed
 *	BIRTH		measured once, when the process was forked; "-" if cowstat
 *			did not see the fork. A CLONE_VM child has fork_ns, but
 *			no birth_*
 *	MEMO		what the process's descendants did whose rows were recycled;
 *			not part of any sum
 * hook	the hook that the column needs; without it the column prints "-"
 */
#define COWSTAT_COLUMNS(C)						\
	C(PID,			pid,			IDENTITY, WP)	\
	C(PPID,			ppid,			IDENTITY, FORK)	\
	C(UID,			uid,			IDENTITY, WP)	\
	C(STATE,		state,			IDENTITY, WP)	\
	C(START_NS,		start_ns,		IDENTITY, WP)	\
	C(PARENT_START_NS,	parent_start_ns,	IDENTITY, FORK)	\
	C(FORKS,		forks,			COUNT, FORK)	\
	C(VFORKS,		vforks,			COUNT, FORK)	\
	C(EXECS,		execs,			COUNT, EXEC)	\
	C(WP_FAULTS,		wp_faults,		DERIVED, WP)	\
	C(COPIED,		copied,			COUNT, COPY)	\
	C(ANON_COPIED,		anon_copied,		COUNT, COPY)	\
	C(ZERO_FILLED,		zero_filled,		COUNT, COPY)	\
	C(REUSED,		reused,			COUNT, REUSE)	\
	C(SHARED_WP,		shared_wp,		COUNT, REUSE)	\
	C(OTHER,		other,			DERIVED, WP)	\
	C(KSM_COPIED,		ksm_copied,		COUNT, COPY)	\
	C(UNSHARED,		unshared,		COUNT, WP)	\
	C(REMOTE,		remote,			COUNT, WP)	\
	C(FILE_COPIED,		file_copied,		COUNT, FILE)	\
	C(FORK_COPIED,		fork_copied,		COUNT, PINNED)	\
	C(THP_FAULTS,		thp_faults,		DERIVED, THP)	\
	C(THP_SPLIT,		thp_split,		COUNT, THP)	\
	C(THP_REUSED,		thp_reused,		COUNT, THP)	\
	C(THP_OTHER,		thp_other,		DERIVED, THP)	\
	C(HUGETLB_FAULTS,	hugetlb_faults,		DERIVED, HUGETLB) \
	C(HUGETLB_COPIED,	hugetlb_copied,		COUNT, HUGETLB)	\
	C(HUGETLB_REUSED,	hugetlb_reused,		COUNT, HUGETLB)	\
	C(HUGETLB_OTHER,	hugetlb_other,		DERIVED, HUGETLB) \
	C(COPIED_BYTES,		copied_bytes,		DERIVED, COPY)	\
	C(FORK_NS,		fork_ns,		BIRTH, FORK)	\
	C(BIRTH_ANON_PAGES,	birth_anon_pages,	BIRTH, FORK)	\
	C(BIRTH_FILE_PAGES,	birth_file_pages,	BIRTH, FORK)	\
	C(BIRTH_SHMEM_PAGES,	birth_shmem_pages,	BIRTH, FORK)	\
	C(BIRTH_SWAP_ENTRIES,	birth_swap_entries,	BIRTH, FORK)	\
	C(BIRTH_HUGETLB_BYTES,	birth_hugetlb_bytes,	BIRTH, FORK)	\
	C(BIRTH_PGTABLES_BYTES,	birth_pgtables_bytes,	BIRTH, FORK)	\
	C(PRE_EXEC_COPIED,	pre_exec_copied,	BIRTH, FORK)	\
	C(PARENT_COPIED,	parent_copied,		BIRTH, FORK)	\
	C(DESC_FORKS,		desc_forks,		MEMO, FORK)	\
	C(DESC_BIRTH_ANON_PAGES, desc_birth_anon_pages,	MEMO, FORK)	\
	C(DESC_ANON_COPIED,	desc_anon_copied,	MEMO, FORK)	\
	C(DESC_PARENT_COPIED,	desc_parent_copied,	MEMO, FORK)	\
	C(DESC_COPIED_BYTES,	desc_copied_bytes,	MEMO, FORK)	\
	C(INHERITED_COPIED,	inherited_copied,	COUNT, COPY)	\
	C(FORKS_FAILED,		forks_failed,		COUNT, FAILED) \
	C(FORK_EAGAIN,		fork_eagain,		COUNT, FAILED) \
	C(FORK_ENOMEM,		fork_enomem,		COUNT, FAILED) \
	C(COPY_NS,		copy_ns,		COUNT, TIME)	\
	C(SHOOTDOWN_NS,		shootdown_ns,		COUNT, TIME)	\
	C(REUSE_NS,		reuse_ns,		COUNT, TIME)	\
	C(PROCESSES,		processes,		COUNT, WP)	\
	C(CGROUP,		cgroup,			IDENTITY, WP)	\
	C(COMM,			comm,			IDENTITY, WP)

#define COWSTAT_ENUM_HOOK(ID, name)	COWSTAT_HOOK_##ID,
enum cowstat_hook { COWSTAT_HOOKS(COWSTAT_ENUM_HOOK) COWSTAT_NR_HOOKS };

#define COWSTAT_ENUM_OUTCOME(ID, name)	COWSTAT_OUTCOME_##ID,
enum cowstat_outcome { COWSTAT_OUTCOMES(COWSTAT_ENUM_OUTCOME) COWSTAT_NR_OUTCOMES };

#define COWSTAT_ENUM_COLUMN(NAME, name, kind, hook)	COWSTAT_COL_##NAME,
enum cowstat_column { COWSTAT_COLUMNS(COWSTAT_ENUM_COLUMN) COWSTAT_NR_COLUMNS };

enum cowstat_kind {
	COWSTAT_IDENTITY,
	COWSTAT_COUNT,
	COWSTAT_DERIVED,
	COWSTAT_BIRTH,
	COWSTAT_MEMO,
};

/*
 * Rows that are not about one process have one of these in the pid column: COWSTAT_PID_TOTAL or
 * COWSTAT_PID_FOLDED. A COWSTAT_PID_FOLDED row with the state COWSTAT_STATE_SUM is the sum of
 * recycled rows of one cgroup, user and name; the name may be unknown. The COWSTAT_PID_FOLDED
 * row without a state is the sum of all other recycled rows, and of the faults that got no row.
 */
#define COWSTAT_PID_TOTAL	"*"
#define COWSTAT_PID_FOLDED	"-"
#define COWSTAT_STATE_SUM	'S'
#define COWSTAT_UNKNOWN		"-"

#endif /* COWSTAT_UAPI_H */

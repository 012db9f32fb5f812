/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel as module/table.c and module/sum.c use, for one thread in userspace.
 * Their own includes of <linux/...> find empty files that the Makefile lays out.
 */
#ifndef COWSTAT_KERNEL_STUBS_H
#define COWSTAT_KERNEL_STUBS_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint32_t u32;
typedef unsigned long long u64; /* as the kernel has it */

#define BIT(n)				(1UL << (n))
#define ARRAY_SIZE(a)			(sizeof(a) / sizeof(*(a)))
#define BUILD_BUG_ON(c)			_Static_assert(!(c), #c)
#define likely(x)			(x)
#define unlikely(x)			(x)
#define data_race(x)			(x)
#undef __always_inline
#define __always_inline			inline __attribute__((always_inline))
#define __releases(lock)
#define ____cacheline_aligned_in_smp	__attribute__((aligned(64)))
#define READ_ONCE(x)			(*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)		(*(volatile typeof(x) *)&(x) = (v))
#define smp_load_acquire(p)		READ_ONCE(*(p))
#define smp_store_release(p, v)		WRITE_ONCE(*(p), v)
#define smp_wmb()			do { } while (0)
#define smp_rmb()			do { } while (0)
#define min(a, b)			((a) < (b) ? (a) : (b))
#define max(a, b)			((a) > (b) ? (a) : (b))
#define min_t(t, a, b)			min((t)(a), (t)(b))
#define container_of(p, t, m)		((t *)((char *)(p) - offsetof(t, m)))

typedef struct {
	long long counter;
} atomic64_t;

static inline long long atomic64_read(const atomic64_t *v)
{
	return v->counter;
}
static inline void atomic64_set(atomic64_t *v, long long n)
{
	v->counter = n;
}
static inline void atomic64_inc(atomic64_t *v)
{
	v->counter++;
}
static inline long long atomic64_xchg(atomic64_t *v, long long n)
{
	long long old = v->counter;

	v->counter = n;
	return old;
}

static inline void atomic64_add(long long n, atomic64_t *v)
{
	v->counter += n;
}

typedef struct {
	bool held;
	int taken;
} raw_spinlock_t;

#define __RAW_SPIN_LOCK_UNLOCKED(name)	{ false, 0 }
static bool in_nmi_now;
static int busy_tries; /* so often somebody else holds the lock */

/* In an NMI a lock may only be tried. */
#define raw_spin_lock_irq(l) \
	(assert(!(l)->held), assert(!in_nmi_now), (l)->taken++, (l)->held = true)
#define raw_spin_trylock_irqsave(l, f) \
	((f) = 0, busy_tries-- <= 0 && (assert(!(l)->held), (l)->taken++, (l)->held = true))
#define in_nmi()			in_nmi_now
#define cpu_relax()			do { } while (0)
#define raw_spin_unlock_irq(l)		(assert((l)->held), (l)->held = false)
#define raw_spin_lock_irqsave(l, f)	((f) = 0, raw_spin_lock_irq(l))
#define raw_spin_unlock_irqrestore(l, f) ((void)(f), raw_spin_unlock_irq(l))
#define lockdep_assert_held(l)		assert((l)->held)
#define rcu_read_lock()			do { } while (0)
#define rcu_read_unlock()		do { } while (0)
#define rcu_read_lock_held()		true
#define RCU_LOCKDEP_WARN(c, what)	assert(!(c))
#define cond_resched()			do { } while (0)

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline void list_del_init(struct list_head *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	INIT_LIST_HEAD(l);
}

static inline void list_add_tail(struct list_head *l, struct list_head *head)
{
	assert(list_empty(l) || l->next == NULL);
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void list_move_tail(struct list_head *l, struct list_head *head)
{
	list_del_init(l);
	list_add_tail(l, head);
}

#define list_move(l, head)		list_move_tail(l, head)
#define list_first_entry(h, t, m)	container_of((h)->next, t, m)
#define list_first_entry_or_null(h, t, m) \
	(list_empty(h) ? NULL : list_first_entry(h, t, m))

#define HZ				250
#define time_after(a, b)		((long)((b) - (a)) < 0)

static unsigned long jiffies = 1000; /* for the test to let pass */

struct ns_common {
	unsigned int inum;
};
typedef struct {
	unsigned int val;
} kuid_t;

#define __kuid_val(uid)			((uid).val)
#define KUIDT_INIT(value)		((kuid_t){ value })

struct pid_namespace {
	struct ns_common ns;
};
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[6];
	struct task_struct *task;
};
typedef struct {
	int counter;
} atomic_t;

static inline int atomic_read(const atomic_t *v)
{
	return v->counter;
}

struct signal_struct {
	atomic_t live;
};
struct mm_struct {
	int unused;
};
struct cred {
	kuid_t uid, euid, suid;
	struct user_namespace *user_ns;
};
struct user_namespace {
	struct user_namespace *parent;
	kuid_t owner;
	struct ns_common ns;
};

static struct user_namespace init_user_ns;

#define TASK_COMM_LEN	16
#define PIDTYPE_TGID	1

struct task_struct {
	struct signal_struct *signal;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct pid *tgid;
	u64 start_boottime;
	struct cred cred;
	u64 cgroup;
	char comm[TASK_COMM_LEN];
};

static inline struct pid *task_tgid(struct task_struct *task)
{
	return task->tgid;
}

/* Who has which pid in the initial namespace: for the test to fill in. */
static struct pid *pid_by_nr[4096];
static struct pid_namespace init_pid_ns = { .ns.inum = 1 };

static inline struct pid *find_pid_ns(unsigned int nr, const struct pid_namespace *ns)
{
	assert(ns == &init_pid_ns);
	return nr < ARRAY_SIZE(pid_by_nr) ? pid_by_nr[nr] : NULL;
}

static inline struct task_struct *pid_task(struct pid *pid, int type)
{
	(void)type;
	return pid ? pid->task : NULL;
}

#define __task_cred(task)		(&(task)->cred)
#define task_dfl_cgroup(task)		((task)->cgroup)
#define cgroup_id(cgroup)		((u64)(cgroup))
#define strscpy(to, from, n)		strncpy(to, from, n)
#define vzalloc(n)			aligned_calloc(n)
#define vfree(p)			free(p)
#define array_size(n, size)		((size_t)(n) * (size))

static inline void *aligned_calloc(size_t n)
{
	void *p = aligned_alloc(64, (n + 63) / 64 * 64);

	return p ? memset(p, 0, n) : NULL;
}

static inline unsigned int ilog2(unsigned long n)
{
	return 63 - __builtin_clzl(n);
}

static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n <= 1 ? 1 : 1UL << (64 - __builtin_clzl(n - 1));
}

#define get_random_u32()		7U

static inline u32 jhash(const void *key, size_t len, u32 seed)
{
	const unsigned char *c = key;

	while (len--)
		seed = seed * 31 + *c++;
	return seed;
}

#define GOLDEN_RATIO_64			0x61C8864680B583EBull
#define hash_32(n, bits)		((u32)(n) * 0x61C88647u >> (32 - (bits)))

/* One CPU. */
#define DECLARE_PER_CPU(type, name)	extern type name
#define DEFINE_PER_CPU(type, name)	type name
#define per_cpu(name, cpu)		(*((void)(cpu), &(name)))
#define this_cpu_read(name)		(name)
#define this_cpu_write(name, value)	((name) = (value))
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < 1; (cpu)++)

#endif /* COWSTAT_KERNEL_STUBS_H */

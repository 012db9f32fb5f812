// SPDX-License-Identifier: GPL-2.0
/*
 * Sums that outlive rows: the counts of rows that were recycled. There is a sum for each cgroup,
 * user and name. When these run out, one of them is merged into the sum of its cgroup and user,
 * for all names. When those run out, one of them is merged into the `-` row. So names are lost
 * before cgroups are.
 *
 * Which sum is merged: of the holder (struct holder in table.h) that has the most sums, the one
 * that was updated least recently. So a user who makes up names or cgroups loses his own sums.
 *
 * All memory is allocated at load.
 */
#include <linux/jhash.h>
#include <linux/random.h>
#include <linux/vmalloc.h>

#include "sum.h"

struct sum_key {
	u64 cgroup;
	u32 uid;  /* in the initial user namespace */
	u32 zero; /* instead of padding: keys are hashed and compared as bytes */
	char comm[TASK_COMM_LEN];
};

/**
 * struct sum - counts of recycled rows of one cgroup and user, and of one name or all names
 * @value: the sums, by enum row_value
 * @key: its cgroup, user and name; the name is empty in a sum of all names
 * @generation: odd while in use; incremented when a use begins and when it ends
 * @holder: number of the holder whose row was added first
 * @next: in the hash chain
 * @list: the free sums, or the holder's sums in the order of their last update
 *
 * Locking: all fields are written under table.lock. Snapshots read the fields down to
 * @generation without it, between two equal readings of @generation.
 *
 * Counts move from named sums to sums of all names, and from these to the `-` row. They are added
 * to the next one before they are removed from the first, and a reader looks at all three in this
 * order. So it may see some counts twice, but misses none.
 */
struct sum {
	u64 value[ROW_FIRST_MEMO];
	struct sum_key key;
	u32 generation;

	unsigned int holder;
	struct sum *next;
	struct list_head list;
};

/*
 * struct kind - all sums of one kind
 * @sum: an array of nr_sums
 * @bucket: hash chains by key; NULL ends a chain
 * @free: the sums that are not in use
 * @used: the sums in use, by holder
 * @nr_used: how many are in use, by holder
 */
struct kind {
	struct sum *sum;
	struct sum **bucket;
	struct list_head free;
	struct list_head used[1 << TABLE_HOLDERS_BITS];
	unsigned int nr_used[1 << TABLE_HOLDERS_BITS];
};

static struct kind kinds[ROW_SUM_KINDS];
static unsigned int nr_sums;	/* of each kind */
static unsigned int nr_buckets; /* a power of two */
static u32 hash_seed;		/* random: users choose names, so they could choose collisions */
static unsigned int in_use;
static u64 merged;

static struct sum **bucket_of(const struct kind *kind, const struct sum_key *key)
{
	return &kind->bucket[jhash(key, sizeof(*key), hash_seed) & (nr_buckets - 1)];
}

static struct sum *sum_find(const struct kind *kind, const struct sum_key *key)
{
	struct sum *sum = *bucket_of(kind, key);

	while (sum && memcmp(&sum->key, key, sizeof(*key)))
		sum = sum->next;
	return sum;
}

/* Free a sum. Snapshots that begin after this do not find it. */
static void sum_free(struct kind *kind, struct sum *sum)
{
	struct sum **link = bucket_of(kind, &sum->key);
	int i;

	lockdep_assert_held(&table.lock);
	while (*link != sum)
		link = &(*link)->next;
	*link = sum->next;
	WRITE_ONCE(sum->generation, sum->generation + 1);
	smp_wmb(); /* a reader that sees what follows sees the generation's end */
	for (i = 0; i < ROW_FIRST_MEMO; i++)
		WRITE_ONCE(sum->value[i], 0);
	kind->nr_used[sum->holder]--;
	list_move(&sum->list, &kind->free);
	WRITE_ONCE(in_use, in_use - 1);
}

static void add_to_kind(struct kind *kind, const struct sum_key *key, unsigned int holder,
			const u64 *value);

/* Merge a sum into a sum of the next kind, or into the `-` row, and free it. */
static void sum_merge(struct kind *kind, struct sum *sum)
{
	struct sum_key key = sum->key;
	int i;

	if (kind == &kinds[ROW_SUM_NAMED]) {
		memset(key.comm, 0, sizeof(key.comm));
		add_to_kind(&kinds[ROW_SUM_OF_CGROUP], &key, sum->holder, sum->value);
	} else {
		for (i = 0; i < ROW_FIRST_MEMO; i++)
			atomic64_add(sum->value[i], &table.folded.value[i]);
	}
	smp_wmb(); /* a reader that sees the sum gone sees its counts where they went */
	sum_free(kind, sum);
	WRITE_ONCE(merged, merged + 1);
}

/* Choose the sum to merge so that this holder gets a new one. */
static struct sum *sum_to_merge(struct kind *kind, unsigned int holder)
{
	unsigned int i, largest = holder;

	for (i = 0; i < ARRAY_SIZE(kind->used); i++)
		if (kind->nr_used[i] > kind->nr_used[largest])
			largest = i;
	return list_first_entry(&kind->used[largest], struct sum, list);
}

static struct sum *sum_make(struct kind *kind, const struct sum_key *key, unsigned int holder)
{
	struct sum **bucket, *sum;

	lockdep_assert_held(&table.lock);
	if (list_empty(&kind->free))
		sum_merge(kind, sum_to_merge(kind, holder));
	sum = list_first_entry(&kind->free, struct sum, list);
	sum->key = *key;
	sum->holder = holder;
	bucket = bucket_of(kind, key);
	sum->next = *bucket;
	*bucket = sum;
	list_move_tail(&sum->list, &kind->used[holder]);
	kind->nr_used[holder]++;
	WRITE_ONCE(in_use, in_use + 1);
	/* pairs with sums_copy(): a reader that sees it in use sees its key */
	smp_store_release(&sum->generation, sum->generation + 1);
	return sum;
}

/* Recursion depth is at most two: there are two kinds. */
static void add_to_kind(struct kind *kind, const struct sum_key *key, unsigned int holder,
			const u64 *value)
{
	struct sum *sum = sum_find(kind, key) ?: sum_make(kind, key, holder);
	int i;

	for (i = 0; i < ROW_FIRST_MEMO; i++)
		WRITE_ONCE(sum->value[i], sum->value[i] + value[i]);
	list_move_tail(&sum->list, &kind->used[sum->holder]);
}

/**
 * sums_add() - add the counts of a row that is recycled to a sum
 * @owner: the owner of the row
 * @holder: number of the holder of the row
 * @value: the row's values, by enum row_value; memos are not added
 *
 * Context: table.lock is held.
 */
void sums_add(const struct row_owner *owner, unsigned int holder, const u64 *value)
{
	struct sum_key key = {
		.cgroup = owner->cgroup,
		.uid = __kuid_val(owner->uid),
	};

	lockdep_assert_held(&table.lock);
	strscpy(key.comm, owner->comm, sizeof(key.comm));
	add_to_kind(&kinds[ROW_SUM_NAMED], &key, holder, value);
}

/**
 * sums_reset() - forget all sums
 *
 * Context: process context, may sleep. Takes table.lock.
 */
void sums_reset(void)
{
	unsigned long flags;
	unsigned int k, i;

	for (k = 0; k < ROW_SUM_KINDS; k++) {
		for (i = 0; i < nr_sums; i++) {
			raw_spin_lock_irqsave(&table.lock, flags);
			if (kinds[k].sum[i].generation & 1)
				sum_free(&kinds[k], &kinds[k].sum[i]);
			raw_spin_unlock_irqrestore(&table.lock, flags);
		}
		cond_resched();
	}
	raw_spin_lock_irqsave(&table.lock, flags);
	WRITE_ONCE(merged, 0);
	raw_spin_unlock_irqrestore(&table.lock, flags);
}

/**
 * sums_max() - how many sums there can be, of all kinds
 *
 * Return: that number; sums_copy() takes indices below it.
 */
unsigned int sums_max(void)
{
	return ROW_SUM_KINDS * nr_sums;
}

/**
 * sums_in_use() - how many sums there are, of all kinds
 *
 * Return: that number.
 */
unsigned int sums_in_use(void)
{
	return READ_ONCE(in_use);
}

/**
 * sums_merged() - how many sums were merged into another sum or the `-` row in this epoch
 *
 * Return: that number.
 */
u64 sums_merged(void)
{
	return READ_ONCE(merged);
}

/**
 * sums_copy() - take a consistent copy of a sum, without a lock
 * @index: below sums_max(); read sums in this order, after all rows and before the `-` row
 * @copy: what was read
 * @kind: of the sum
 *
 * Context: any but NMI.
 * Return: false if the sum is not in use, or was given another key while we read.
 */
bool sums_copy(unsigned int index, struct row_copy *copy, enum row_sum_kind *kind)
{
	const struct sum *sum;
	struct sum_key key;
	u32 generation;
	int i;

	*kind = index < nr_sums ? ROW_SUM_NAMED : ROW_SUM_OF_CGROUP;
	sum = &kinds[*kind].sum[index % nr_sums];
	generation = smp_load_acquire(&sum->generation); /* before the other fields */
	if (!(generation & 1))
		return false;
	memset(copy, 0, sizeof(*copy));
	copy->state = ROW_SUM;
	key = data_race(sum->key); /* the generation is checked below */
	copy->owner.uid = KUIDT_INIT(key.uid);
	copy->owner.cgroup = key.cgroup;
	memcpy(copy->owner.comm, key.comm, sizeof(copy->owner.comm));
	for (i = 0; i < ROW_FIRST_MEMO; i++)
		copy->value[i] = READ_ONCE(sum->value[i]);
	smp_rmb(); /* the copy before the second look at the generation */
	return READ_ONCE(sum->generation) == generation;
}

static int kind_init(struct kind *kind)
{
	unsigned int i;

	INIT_LIST_HEAD(&kind->free);
	for (i = 0; i < ARRAY_SIZE(kind->used); i++)
		INIT_LIST_HEAD(&kind->used[i]);
	kind->sum = vzalloc(array_size(nr_sums, sizeof(*kind->sum)));
	kind->bucket = vzalloc(array_size(nr_buckets, sizeof(*kind->bucket)));
	if (!kind->sum || !kind->bucket)
		return -ENOMEM;
	for (i = 0; i < nr_sums; i++)
		list_add_tail(&kind->sum[i].list, &kind->free);
	return 0;
}

static void free_memory(void)
{
	unsigned int k;

	for (k = 0; k < ROW_SUM_KINDS; k++) {
		vfree(kinds[k].bucket);
		vfree(kinds[k].sum);
		memset(&kinds[k], 0, sizeof(kinds[k]));
	}
	nr_sums = 0;
}

/**
 * sums_init() - allocate all memory that will ever be needed
 * @max_rows: how many processes can have a row at a time
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int sums_init(unsigned int max_rows)
{
	unsigned int k;
	int err = 0;

	nr_sums = row_nr_sums(max_rows);
	nr_buckets = roundup_pow_of_two(2 * nr_sums);
	hash_seed = get_random_u32();
	for (k = 0; k < ROW_SUM_KINDS && !err; k++)
		err = kind_init(&kinds[k]);
	if (err)
		free_memory();
	return err;
}

/**
 * sums_exit() - free all memory
 *
 * Context: may sleep. Called with every hook disarmed and no reader left.
 */
void sums_exit(void)
{
	free_memory();
}

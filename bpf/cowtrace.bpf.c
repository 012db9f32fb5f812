// SPDX-License-Identifier: GPL-2.0
/*
 * Reports single copy-on-write faults as they happen: to a ring buffer, to the trace log, and to
 * sums by latency, stack and mapping. Filters run here, so faults that do not pass cost little.
 *
 * bpftool alone can also load this object. Then the defaults below apply, and the map cow_control
 * switches it on: its only byte is a set of enum cow_sink.
 */
#include "fault.bpf.h"
#include "filter.bpf.h"
#include "sample.bpf.h"

#define RING_BYTES	(1 << 22)

/* --- set by cowtrace ---------------------------------------------------------------- */

const volatile char only_comm[COW_COMM_LEN];
const volatile unsigned int only_endings = ~(1U << COW_FILE_COPIED);
const volatile bool hist_by_pid;
const volatile bool sample_stacks; /* copy user stacks, to be unwound by DWARF */
const volatile bool sums_by_comm;  /* keys of histograms and mappings hold the thread's name */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u8);
} cow_control SEC(".maps");

/* --- where faults are reported to ------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cow_hist_key);
	__type(value, struct cow_hist);
} hists SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(u32));
	__uint(value_size, COW_STACK_DEPTH * sizeof(u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cow_stack_key);
	__type(value, struct cow_stack_sums);
} stack_sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct cow_vma_key);
	__type(value, struct cow_vma);
} vmas SEC(".maps");

/* Faults that are not reported: there was no room, or it is not known how they ended. */
unsigned long long lost;
unsigned long long seen[COW_NR_ENDINGS]; /* passed the filters, by ending, with lost ones */
unsigned long long samples_lost;	 /* stacks that could not be copied */
unsigned long long untimed;		 /* of these, faults whose end was not seen */

/* --- notes on faults in flight ---------------------------------------------------------- */

/**
 * struct note - what is known of a fault at its entry
 * @event: the event, completed at the end of the fault
 * @vma_start: first address of the mapping
 * @vma_end: the address behind its end
 * @stack: what is known of the key of sums by stack
 * @parent: the parent of the process that faulted
 * @is_here: current is still in this fault
 * @sinks: what to do with the fault: a set of enum cow_sink
 */
struct note {
	struct cow_event event;
	u64 vma_start;
	u64 vma_end;
	struct cow_stack_key stack;
	u32 parent;
	u32 sinks;
	bool is_here;
};

static struct note notes[FAULT_PLACES]; /* same index as faults[] */

static __always_inline struct note *note_of(const struct cow_fault *f)
{
	u64 place = f - faults;

	if (place >= FAULT_PLACES)
		return NULL;
	barrier_var(place); /* so that the verifier sees that the checked value is used */
	return &notes[place];
}

static const struct cow_hist no_hist;
static const struct cow_vma no_vma;
static const struct cow_stack_sums no_stack_sums;

#define LOST()	__sync_fetch_and_add(&lost, 1)

static __always_inline bool comm_matches(void)
{
	char comm[COW_COMM_LEN];
	int i;

	if (!only_comm[0])
		return true;
	bpf_get_current_comm(comm, sizeof(comm));
	for (i = 0; i < COW_COMM_LEN; i++) {
		if (comm[i] != only_comm[i])
			return false;
		if (!comm[i])
			break;
	}
	return true;
}

/* Does the memory of a VMA belong to another process than current? */
static __always_inline bool is_remote(u64 vma)
{
	return FIELD(vma, struct vm_area_struct, vm_mm) != (u64)bpf_get_current_task_btf()->mm;
}

/* The task that owns the mm of such a VMA; NULL if it is not known. */
static __always_inline struct task_struct *owner_of(u64 vma)
{
	struct mm_struct *mm = (void *)FIELD(vma, struct vm_area_struct, vm_mm);

	/* Without CONFIG_MEMCG the kernel does not know the owner. */
	return bpf_core_field_exists(mm->owner) ? BPF_CORE_READ(mm, owner) : NULL;
}

/* Is the process that faults watched, or the process that owns the memory? */
static __noinline bool pid_is_watched(u64 vma)
{
	struct task_struct *owner;

	if (pid_is_listed(bpf_get_current_pid_tgid() >> 32))
		return true;
	owner = is_remote(vma) ? owner_of(vma) : NULL;
	return owner && pid_is_listed(BPF_CORE_READ(owner, tgid));
}

/*
 * What to do with a fault of current in a mapping: a set of enum cow_sink, 0 if it does not pass
 * the filters. Called at the entry, before the clock is read.
 */
static __always_inline u32 sinks_for_current(u64 vma)
{
	u32 key = 0;
	u8 *sinks = bpf_map_lookup_elem(&cow_control, &key);

	if (!sinks || !*sinks)
		return 0;
	if (only_pids && !pid_is_watched(vma))
		return 0;
	return cgroup_is_watched() && comm_matches() ? *sinks : 0;
}

static __always_inline u32 bucket_of(u64 ns)
{
	u32 bucket = 0, high = ns >> 32, low = ns;

	if (high) {
		bucket = 32;
		low = high;
	}
	if (low >> 16) {
		bucket += 16;
		low >>= 16;
	}
	if (low >> 8) {
		bucket += 8;
		low >>= 8;
	}
	if (low >> 4) {
		bucket += 4;
		low >>= 4;
	}
	if (low >> 2) {
		bucket += 2;
		low >>= 2;
	}
	bucket += low >> 1;
	return bucket < COW_BUCKETS ? bucket : COW_BUCKETS - 1;
}

/* Describe the mapping that the page belongs to. */
static __always_inline void describe(struct note *note, u64 vma, u64 address)
{
	struct cow_event *e = &note->event;
	u64 start = FIELD(vma, struct vm_area_struct, vm_start);

	note->vma_start = start;
	note->vma_end = FIELD(vma, struct vm_area_struct, vm_end);
	e->mapping = mapping_kind(vma, e->file);
	e->offset = e->mapping == COW_MAPPING_FILE ? mapping_offset_of(vma) + address - start : 0;
}

static __always_inline void to_hist(const struct cow_event *e)
{
	struct cow_hist_key key = {};
	struct cow_hist *hist;
	u32 bucket;

	if (hist_by_pid)
		key.pid = e->pid;
	else
		key.ending = e->ending;
	if (sums_by_comm)
		__builtin_memcpy(key.comm, e->comm, sizeof(key.comm));
	hist = bpf_map_lookup_elem(&hists, &key);
	if (!hist) {
		bpf_map_update_elem(&hists, &key, &no_hist, BPF_NOEXIST);
		hist = bpf_map_lookup_elem(&hists, &key);
		if (!hist) {
			LOST();
			return;
		}
		__builtin_memcpy(hist->comm, e->comm, sizeof(hist->comm));
	}
	__sync_fetch_and_add(&hist->faults, 1);
	if (e->took_ns == COW_UNTIMED) {
		__sync_fetch_and_add(&hist->untimed, 1);
		return;
	}
	bucket = bucket_of(e->took_ns);
	if (bucket < COW_BUCKETS)
		__sync_fetch_and_add(&hist->bucket[bucket], 1);
	__sync_fetch_and_add(&hist->took_ns, e->took_ns);
}

static __always_inline void to_vmas(const struct note *note)
{
	const struct cow_event *e = &note->event;
	struct cow_vma_key key = {};
	struct cow_vma *vma;
	u32 ending = e->ending;

	key.pid = e->pid;
	key.mapping = e->mapping;
	if (e->mapping != COW_MAPPING_STACK)
		key.start = note->vma_start;
	if (e->mapping == COW_MAPPING_FILE)
		key.offset = e->offset - (e->address - note->vma_start);
	__builtin_memcpy(key.file, e->file, sizeof(key.file));
	if (sums_by_comm)
		__builtin_memcpy(key.comm, e->comm, sizeof(key.comm));
	vma = bpf_map_lookup_elem(&vmas, &key);
	if (!vma) {
		bpf_map_update_elem(&vmas, &key, &no_vma, BPF_NOEXIST);
		vma = bpf_map_lookup_elem(&vmas, &key);
		if (!vma) {
			LOST();
			return;
		}
		__builtin_memcpy(vma->comm, e->comm, sizeof(vma->comm));
	}
	vma->start = note->vma_start;
	vma->end = note->vma_end;
	if (ending < COW_NR_ENDINGS)
		__sync_fetch_and_add(&vma->faults[ending], 1);
	__sync_fetch_and_add(&vma->bytes, e->bytes);
	if (e->took_ns == COW_UNTIMED)
		__sync_fetch_and_add(&vma->untimed, 1);
	else
		__sync_fetch_and_add(&vma->took_ns, e->took_ns);
}

/* Copy the registers and the top of the stack of current, whose fault this is. */
static __always_inline void sample(const struct cow_new_stack *new_stack)
{
	struct cow_sample *s = bpf_ringbuf_reserve(&events, sizeof(*s), 0);

	if (!s) {
		__sync_fetch_and_add(&samples_lost, 1);
		return;
	}
	s->new_stack = *new_stack;
	sample_user(s);
	bpf_ringbuf_submit(s, BPF_RB_FORCE_WAKEUP);
}

/* Tell that a key is new. Its mappings must be read while the process lives, so wake the reader. */
static __always_inline void tell_new_stack(const struct cow_new_stack *new_stack)
{
	struct cow_new_stack *n = bpf_ringbuf_reserve(&events, sizeof(*n), 0);

	if (!n) /* it is found in the map, later */
		return;
	*n = *new_stack;
	bpf_ringbuf_submit(n, BPF_RB_FORCE_WAKEUP);
}

/* Copy each of the first stacks at a place in the code, later only some of them. */
static __always_inline bool is_sampled(u64 nr)
{
	return nr < 64 || nr % 64 == 0;
}

static __always_inline void to_stacks(const struct note *note)
{
	const struct cow_event *e = &note->event;
	struct cow_new_stack new_stack = {};
	struct cow_stack_key *key = &new_stack.key;
	struct cow_stack_sums *sums;
	bool is_new = false;
	u32 ending = e->ending, i;
	u64 nr;

	*key = note->stack;
	key->function = ending < COW_FILE_COPIED  ? COW_DO_WP_PAGE :
			ending == COW_FILE_COPIED ? COW_FINISH_FAULT :
			ending <= COW_THP_OTHER	  ? COW_DO_HUGE_PMD_WP_PAGE :
						    COW_HUGETLB_WP;
	sums = bpf_map_lookup_elem(&stack_sums, key);
	if (!sums) {
		bpf_map_update_elem(&stack_sums, key, &no_stack_sums, BPF_NOEXIST);
		sums = bpf_map_lookup_elem(&stack_sums, key);
		is_new = true;
	}
	if (!sums || ending >= COW_NR_ENDINGS) {
		LOST();
		return;
	}
	nr = 0;
	for (i = 0; i < COW_NR_ENDINGS; i++)
		nr += sums->faults[i];
	__sync_fetch_and_add(&sums->faults[ending], 1);
	__sync_fetch_and_add(&sums->bytes, e->bytes);
	new_stack.parent = note->parent;
	if (sample_stacks && note->stack.ip && note->is_here && is_sampled(nr))
		sample(&new_stack);
	else if (is_new)
		tell_new_stack(&new_stack);
}

static const char ending_names[COW_NR_ENDINGS][16] = {
#define ENDING_NAME(ID, name)	#name,
	COW_ENDINGS(ENDING_NAME)
};

static __always_inline void to_log(const struct cow_event *e)
{
	static const char format[] =
		"cow_fault %s address=0x%llx old_pfn=0x%llx new_pfn=0x%llx bytes=%u ns=%llu";
	static const char no_time[] =
		"cow_fault %s address=0x%llx old_pfn=0x%llx new_pfn=0x%llx bytes=%u ns=-";
	u64 args[] = { 0, e->address, e->old_pfn, e->new_pfn, e->bytes, e->took_ns };
	u32 ending = e->ending;

	if (ending >= COW_NR_ENDINGS)
		return;
	args[0] = (u64)ending_names[ending];
	if (e->took_ns == COW_UNTIMED)
		bpf_trace_vprintk(no_time, sizeof(no_time), args, sizeof(args) - sizeof(*args));
	else
		bpf_trace_vprintk(format, sizeof(format), args, sizeof(args));
}

static __always_inline void to_ring(const struct cow_event *event)
{
	struct cow_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		LOST();
		return;
	}
	__builtin_memcpy(e, event, sizeof(*e));
	/* the reader polls often; wake it only if much data is waiting */
	bpf_ringbuf_submit(e, bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= RING_BYTES / 8 ?
				      BPF_RB_FORCE_WAKEUP :
				      BPF_RB_NO_WAKEUP);
}

/* Report a fault whose event is complete. */
static __noinline int tell(const struct note *note)
{
	const struct cow_event *e = &note->event;
	u32 ending = e->ending;

	if (ending >= COW_NR_ENDINGS || !(only_endings & 1U << ending))
		return 0;
	__sync_fetch_and_add(&seen[ending], 1);
	if (e->took_ns == COW_UNTIMED)
		__sync_fetch_and_add(&untimed, 1);
	if (note->sinks & COW_TO_RING)
		to_ring(e);
	if (note->sinks & COW_TO_LOG)
		to_log(e);
	if (note->sinks & COW_TO_HIST)
		to_hist(e);
	if (note->sinks & COW_TO_VMAS)
		to_vmas(note);
	if (note->sinks & COW_TO_STACKS)
		to_stacks(note);
	return 0;
}

/* --- faults ------------------------------------------------------------------------------ */

/* Note the stack of current. It is current's code that faults, also in the memory of another. */
static __always_inline void note_stack(void *ctx, struct note *note)
{
	struct task_struct *me = bpf_get_current_task_btf();
	struct cow_stack_key *key = &note->stack;
	const struct cow_event *e = &note->event;
	struct mm_struct *mm = me->mm;

	__builtin_memset(key, 0, sizeof(*key));
	key->pid = e->by_pid;
	__builtin_memcpy(key->comm, *e->by_comm ? e->by_comm : e->comm, sizeof(key->comm));
	note->parent = me->real_parent->tgid;
	key->kernel = bpf_get_stackid(ctx, &stacks, 0);
	key->user = -1;
	if (!mm)
		return;
	key->start_stack = mm->start_stack;
	key->end_code = mm->end_code;
	if (sample_stacks)
		key->ip = ((struct pt_regs *)bpf_task_pt_regs(me))->ip;
	else
		key->user = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
}

/* Describe a fault at its entry, where the VMA cannot go and current has not exited. */
static __noinline int take_note(void *ctx, struct note *note, u64 vma, u64 address, u32 sinks)
{
	struct task_struct *owner;
	struct cow_event *e = &note->event;
	u64 id = bpf_get_current_pid_tgid();

	note->sinks = sinks;
	e->pid = id >> 32;
	e->by_pid = e->pid;
	e->tid = id;
	e->address = address;
	e->remote = is_remote(vma);
	if (sinks & ~COW_TO_HIST || hist_by_pid || sums_by_comm)
		bpf_get_current_comm(e->comm, sizeof(e->comm));
	else /* not the name of an earlier fault */
		__builtin_memset(e->comm, 0, sizeof(e->comm));
	__builtin_memset(e->by_comm, 0, sizeof(e->by_comm));
	owner = e->remote ? owner_of(vma) : NULL;
	if (owner) {
		__builtin_memcpy(e->by_comm, e->comm, sizeof(e->by_comm));
		e->pid = BPF_CORE_READ(owner, tgid);
		BPF_CORE_READ_INTO(&e->comm, owner, comm);
	}
	if (sinks & ~COW_TO_HIST) /* a histogram does not need the mapping */
		describe(note, vma, address);
	if (sinks & COW_TO_STACKS)
		note_stack(ctx, note);
	return 0;
}

static __always_inline int begin(void *ctx, struct cow_fault *f, u64 vma, u64 address, u32 sinks)
{
	struct note *note = f ? note_of(f) : NULL;

	if (!note) {
		LOST();
		return 0;
	}
	take_note(ctx, note, vma, address, sinks);
	f->since_ns = bpf_ktime_get_ns();
	return 0;
}

/* A fault is over; its outcome is @f->outcome. @now_ns is 0 if its exit was skipped. */
static __noinline int end(struct cow_fault *f, u64 now_ns)
{
	struct note *note = note_of(f);
	struct cow_event *e;

	if (!note)
		return 0;
	e = &note->event;
	note->is_here = now_ns;
	e->now_ns = now_ns ?: f->since_ns;
	e->took_ns = now_ns ? now_ns - f->since_ns : COW_UNTIMED;
	e->ending = f->outcome;
	e->bytes = f->bytes;
	e->old_pfn = (f->old_pte & COW_PTE_PFN) >> COW_PAGE_SHIFT;
	e->new_pfn = 0;
	switch (f->outcome) {
	case COW_COPIED:
		e->bytes = COWSTAT_PAGE_BYTES;
		/* fall through */
	case COW_ZERO_FILLED:
	case COW_HUGETLB_COPIED:
		e->new_pfn = page_frame(f->new_page);
		break;
	case COW_FILE_COPIED: /* it has no old frame, and its end is not watched */
		e->bytes = COWSTAT_PAGE_BYTES;
		e->new_pfn = page_frame(f->new_page);
		e->took_ns = COW_UNTIMED;
		break;
	case COW_REUSED:
	case COW_SHARED_WP:
	case COW_THP_REUSED:
	case COW_HUGETLB_REUSED:
		e->new_pfn = e->old_pfn;
		break;
	}
	return tell(note);
}

/*
 * A fault whose exit was skipped has ended for sure if its task is in the next fault or exits. A
 * file fault that copied was reported at once, so one that is found here did not copy.
 */
static __always_inline void fault_overlooked(struct cow_fault *f)
{
	if (f->kind != FAULT_FILE)
		end(f, 0);
}

/* The fault that current leaves; NULL if we did not follow it. */
static __always_inline struct cow_fault *fault_left(u64 address)
{
	struct cow_fault *f = fault_find(bpf_get_current_task());

	if (!f || f->address == address)
		return f;
	fault_overlooked(f);
	fault_release(f);
	return NULL;
}

static __always_inline int leave(u64 address)
{
	struct cow_fault *f = fault_left(address);

	if (f) {
		end(f, bpf_ktime_get_ns());
		fault_release(f);
	}
	return 0;
}

/*
 * Exits come before entries, since programs are attached in this order. If the kernel skips an
 * exit, only a duration is lost. So these can be fexit programs.
 */
SEC("fexit/do_wp_page")
int BPF_PROG(wp_exit, struct vm_fault *vmf)
{
	return leave(vmf->address);
}

SEC("fentry/do_wp_page")
int BPF_PROG(wp_entry, struct vm_fault *vmf)
{
	u32 sinks = sinks_for_current((u64)vmf->vma);

	return sinks ? begin(ctx, fault_claim(FAULT_WP, vmf->address, vmf->orig_pte.pte, COW_OTHER),
			     (u64)vmf->vma, vmf->real_address, sinks) :
		       0;
}

#ifndef COW_NEW_KERNELS
SEC("?kprobe/do_wp_page")
int BPF_KPROBE(wp_entry_kprobe, u64 vmf)
{
	u32 sinks = sinks_for_current(FIELD(vmf, struct vm_fault, vma));

	return sinks ? begin(ctx,
			     fault_claim(FAULT_WP, FIELD(vmf, struct vm_fault, address),
					 FIELD(vmf, struct vm_fault, orig_pte), COW_OTHER),
			     FIELD(vmf, struct vm_fault, vma),
			     FIELD(vmf, struct vm_fault, real_address), sinks) :
		       0;
}
#endif

#ifndef COW_NO_THP
SEC("fexit/do_huge_pmd_wp_page")
int BPF_PROG(thp_exit, struct vm_fault *vmf)
{
	return leave(vmf->address);
}

SEC("kprobe/do_huge_pmd_wp_page")
int BPF_KPROBE(thp_entry, u64 vmf)
{
	u32 sinks = sinks_for_current(FIELD(vmf, struct vm_fault, vma));

	return sinks ? begin(ctx,
			     fault_claim(FAULT_THP, FIELD(vmf, struct vm_fault, address),
					 FIELD(vmf, struct vm_fault, orig_pmd), COW_THP_OTHER),
			     FIELD(vmf, struct vm_fault, vma),
			     FIELD(vmf, struct vm_fault, real_address), sinks) :
		       0;
}
#endif

SEC("fexit/hugetlb_wp")
int BPF_PROG(hugetlb_exit)
{
	return leave(FIELD(hugetlb_vmf(ctx), struct vm_fault, address));
}

static __always_inline int hugetlb_begin(void *ctx, u64 vmf)
{
	u32 sinks = sinks_for_current(FIELD(vmf, struct vm_fault, vma));

	return sinks ? begin(ctx,
			     fault_claim(FAULT_HUGETLB, FIELD(vmf, struct vm_fault, address),
					 FIELD(vmf, struct vm_fault, orig_pte), COW_HUGETLB_OTHER),
			     FIELD(vmf, struct vm_fault, vma),
			     FIELD(vmf, struct vm_fault, real_address), sinks) :
		       0;
}

SEC("fentry/hugetlb_wp")
int BPF_PROG(hugetlb_entry)
{
	return hugetlb_begin(ctx, hugetlb_vmf(ctx));
}

#ifndef COW_NEW_KERNELS
/* Before 6.6 a BPF trampoline can pass only six arguments, but hugetlb_wp() has seven there. */
SEC("?kretprobe/hugetlb_wp")
int BPF_KRETPROBE(hugetlb_exit_kprobe)
{
	struct cow_fault *f = fault_find(bpf_get_current_task());

	return f && f->kind == FAULT_HUGETLB ? leave(f->address) : 0;
}

SEC("?kprobe/hugetlb_wp")
int BPF_KPROBE(hugetlb_entry_kprobe, u64 first, u64 second, u64 address)
{
	u32 sinks;

	if (hugetlb_wp_args < 7)
		return hugetlb_begin(ctx, hugetlb_wp_args == 1 ? first : second);
	sinks = sinks_for_current(second);
	return sinks ? begin(ctx, fault_claim(FAULT_HUGETLB, address, 0, COW_HUGETLB_OTHER), second,
			     address, sinks) :
		       0;
}

/* --- first writes to pages of private file mappings ------------------------------------------ */

/* finish_fault() is about to map a copy: note what is known of the fault. */
SEC("?kprobe/finish_fault")
int BPF_KPROBE(file_entry, u64 vmf)
{
	u64 vma = FIELD(vmf, struct vm_fault, vma);
	struct cow_fault *f;
	u32 sinks;

	if (!(FIELD(vmf, struct vm_fault, flags) & FAULT_FLAG_WRITE) ||
	    vma_flags(vma) & COW_VM_SHARED)
		return 0;
	sinks = sinks_for_current(vma);
	if (!sinks)
		return 0;
	f = fault_claim(FAULT_FILE, FIELD(vmf, struct vm_fault, address), 0, COW_FILE_COPIED);
	if (f)
		f->new_page = FIELD(vmf, struct vm_fault, cow_page);
	return begin(ctx, f, vma, FIELD(vmf, struct vm_fault, real_address), sinks);
}

/* The copy is mapped. */
static __always_inline int file_page_copied(void)
{
	struct cow_fault *f = fault_find(bpf_get_current_task());

	if (f && f->kind == FAULT_FILE) {
		end(f, bpf_ktime_get_ns());
		fault_release(f);
	}
	return 0;
}

SEC("?kprobe")
int file_copied(struct pt_regs *ctx)
{
	return file_page_copied();
}

/* Used if the loader did not find the place behind the call. */
SEC("?kprobe")
int anon_added(struct pt_regs *ctx)
{
	return called_by(file_callers, caller_of(ctx)) ? file_page_copied() : 0;
}

static long sweep_place(u32 place, void *unused)
{
	struct cow_fault *f;

	if (place >= FAULT_PLACES)
		return 1;
	f = &faults[place];
	if (!f->task)
		return 0;
	if (f->committed)
		end(f, 0);
	else if (f->kind != FAULT_FILE)
		LOST(); /* it may not have ended yet */
	fault_release(f);
	return 0;
}

/*
 * Run after all other programs are detached: report faults in flight whose outcome is committed,
 * and count the others as lost.
 */
SEC("?syscall")
int sweep(void *ctx)
{
	bpf_loop(FAULT_PLACES, sweep_place, NULL, 0);
	return 0;
}
#endif

/* --- who is watched ------------------------------------------------------------------------ */

/* void wake_up_new_task(struct task_struct *p): the parent lets its child run. */
SEC("kprobe/wake_up_new_task")
int BPF_KPROBE(on_fork, struct task_struct *child)
{
	if (!list_child(bpf_get_current_pid_tgid() >> 32, BPF_CORE_READ(child, tgid)))
		LOST();
	return 0;
}

static __always_inline int task_exits(struct task_struct *me)
{
	struct cow_fault *f = fault_find((u64)me);

	if (f) {
		fault_overlooked(f);
		fault_release(f);
	}
	unlist_dead(me);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int on_exit(void *ctx)
{
	return task_exits(bpf_get_current_task_btf());
}

/*
 * Used by callers who may not read tracefs, which only root may. If the kernel skips this program,
 * the task's last fault is lost, but only if the exit of that fault was skipped too.
 */
#ifndef COW_NEW_KERNELS
SEC("?tp_btf/sched_process_exit")
int BPF_PROG(on_exit_btf, struct task_struct *task)
{
	return task_exits(task);
}
#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * What an engineer writes by hand with libbpf: how often each process was in do_wp_page(), and how
 * long. It tells nothing of how a fault ended. The bench measures what that costs.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "wp_latency.h"

char LICENSE[] SEC("license") = "GPL";

/* When a thread entered the function. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} begun SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u32);
	__type(value, struct wp_latency);
} latencies SEC(".maps");

static const struct wp_latency no_faults;

static __always_inline __u32 log2_of(__u64 n)
{
	__u32 bit = 0, shift;

#pragma unroll
	for (shift = 32; shift; shift /= 2) {
		if (n >> shift) {
			n >>= shift;
			bit += shift;
		}
	}
	return bit;
}

SEC("fentry/do_wp_page")
int BPF_PROG(fault_begins)
{
	__u64 *since = bpf_task_storage_get(&begun, bpf_get_current_task_btf(), NULL,
					    BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (since)
		*since = bpf_ktime_get_ns();
	return 0;
}

SEC("fexit/do_wp_page")
int BPF_PROG(fault_ends)
{
	__u64 *since = bpf_task_storage_get(&begun, bpf_get_current_task_btf(), NULL, 0), ns;
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct wp_latency *latency;

	if (!since || !*since)
		return 0;
	ns = bpf_ktime_get_ns() - *since;
	latency = bpf_map_lookup_elem(&latencies, &pid);
	if (!latency) {
		bpf_map_update_elem(&latencies, &pid, &no_faults, BPF_NOEXIST);
		latency = bpf_map_lookup_elem(&latencies, &pid);
		if (!latency)
			return 0;
	}
	__sync_fetch_and_add(&latency->faults, 1);
	__sync_fetch_and_add(&latency->ns, ns);
	__sync_fetch_and_add(&latency->bucket[log2_of(ns) & (WP_LATENCY_BUCKETS - 1)], 1);
	return 0;
}

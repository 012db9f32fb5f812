// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that do nothing, at the functions that counting with eBPF hooks for a copying fault, and
 * of the same kinds. The bench measures what the kernel spends before and after any program.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

SEC("fentry/do_wp_page")
int BPF_PROG(entry)
{
	return 0;
}

SEC("kprobe.multi/ptep_clear_flush")
int cleared(void *ctx)
{
	return 0;
}

/* The same on kernels without fprobe. */
SEC("kprobe/ptep_clear_flush")
int cleared_kprobe(void *ctx)
{
	return 0;
}

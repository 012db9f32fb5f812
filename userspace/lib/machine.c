// SPDX-License-Identifier: GPL-2.0
/* The machine that a measurement was made on. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "machine.h"
#include "procfs.h"

#define CPUID_HYPERVISOR	0x40000000	/* the leaf in which a hypervisor signs */
#define HYPERVISOR_BIT		(1U << 31)	/* of leaf 1, ECX: there is one */

#ifdef __x86_64__
static void read_hypervisor(struct machine *m)
{
	static const struct {
		const char *signature;
		const char *name;
	} known[] = {
		{ "TCGTCGTCGTCG", "QEMU TCG" }, { "KVMKVMKVM", "KVM" },
		{ "Microsoft Hv", "Hyper-V" },	{ "VMwareVMware", "VMware" },
		{ "XenVMMXenVMM", "Xen" },
	};
	unsigned int eax, ebx, ecx, edx;
	char signature[13] = "";
	size_t i;

	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & HYPERVISOR_BIT)) {
		snprintf(m->hypervisor, sizeof(m->hypervisor), "none");
		return;
	}
	__cpuid(CPUID_HYPERVISOR, eax, ebx, ecx, edx);
	memcpy(signature, &ebx, 4);
	memcpy(signature + 4, &ecx, 4);
	memcpy(signature + 8, &edx, 4);
	snprintf(m->hypervisor, sizeof(m->hypervisor), "%s", signature);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(signature, known[i].signature))
			snprintf(m->hypervisor, sizeof(m->hypervisor), "%s", known[i].name);
	/* Signed by QEMU's emulator itself; with KVM it is KVM that signs. */
	m->emulated = !strcmp(m->hypervisor, "QEMU TCG");
}
#else
static void read_hypervisor(struct machine *m)
{
	m->hypervisor[0] = '\0';
}
#endif

/**
 * machine_read() - describe the machine that we run on
 * @m: filled in
 */
void machine_read(struct machine *m)
{
	struct utsname name;

	memset(m, 0, sizeof(*m));
	if (!uname(&name))
		snprintf(m->kernel, sizeof(m->kernel), "%s", name.release);
	procfs_line("/proc/cpuinfo", "model name", m->cpu, sizeof(m->cpu));
	m->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	m->memory = procfs_meminfo("MemTotal");
	procfs_choice("/sys/kernel/mm/transparent_hugepage/enabled", m->thp, sizeof(m->thp));
	procfs_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", NULL,
		    m->clocksource, sizeof(m->clocksource));
	read_hypervisor(m);
}

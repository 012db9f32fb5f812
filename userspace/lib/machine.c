// SPDX-License-Identifier: GPL-2.0
/* What a measurement was made on. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "machine.h"

#define CPUID_HYPERVISOR	0x40000000	/* the leaf in which a hypervisor signs */
#define HYPERVISOR_BIT		(1U << 31)	/* of leaf 1, ECX: there is one */

/**
 * meminfo() - a line of /proc/meminfo
 * @key: its name, without the colon
 *
 * Return: bytes, or a number of pages where the line has no unit; 0 if the kernel does
 * not say.
 */
uint64_t meminfo(const char *key)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128], unit[8] = "";
	size_t len = strlen(key);
	uint64_t n = 0;

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ':' &&
		    sscanf(line + len + 1, "%" SCNu64 " %7s", &n, unit) >= 1)
			break;
	fclose(f);
	return strcmp(unit, "kB") ? n : n * 1024;
}

/* The rest of the first line that begins with @key, up to its end, or "". */
static void read_line(const char *path, const char *key, char *to, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[512];
	const char *value;

	*to = '\0';
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, key, strlen(key)))
			continue;
		value = line + strlen(key);
		value += strspn(value, " \t:");
		snprintf(to, size, "%.*s", (int)strcspn(value, "\n"), value);
		break;
	}
	fclose(f);
}

/* Of "always [madvise] never" the one in brackets. */
static void read_choice(const char *path, char *to, size_t size)
{
	char line[128];
	const char *begin;

	read_line(path, "", line, sizeof(line));
	begin = strchr(line, '[');
	if (begin)
		snprintf(to, size, "%.*s", (int)strcspn(begin + 1, "]"), begin + 1);
	else
		*to = '\0';
}

#ifdef __x86_64__
static void read_hypervisor(struct machine *m)
{
	static const struct {
		const char *signature;
		const char *name;
	} known[] = {
		{ "TCGTCGTCGTCG", "QEMU TCG" },
		{ "KVMKVMKVM", "KVM" },
		{ "Microsoft Hv", "Hyper-V" },
		{ "VMwareVMware", "VMware" },
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
 * machine_read() - learn what we run on
 * @m: filled in
 */
void machine_read(struct machine *m)
{
	struct utsname name;

	memset(m, 0, sizeof(*m));
	if (!uname(&name))
		snprintf(m->kernel, sizeof(m->kernel), "%s", name.release);
	read_line("/proc/cpuinfo", "model name", m->cpu, sizeof(m->cpu));
	m->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	m->memory = meminfo("MemTotal");
	read_choice("/sys/kernel/mm/transparent_hugepage/enabled", m->thp, sizeof(m->thp));
	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", "",
		  m->clocksource, sizeof(m->clocksource));
	read_hypervisor(m);
}

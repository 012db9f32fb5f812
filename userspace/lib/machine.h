/* SPDX-License-Identifier: GPL-2.0 */
/* The machine that a measurement was made on. */
#ifndef COWSTAT_MACHINE_H
#define COWSTAT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct machine - the machine of a measurement; "" and 0 where something is not known
 * @kernel: its release
 * @cpu: name of the processor
 * @cpus: how many are online
 * @memory: bytes
 * @hypervisor: the hypervisor that the machine runs in; "none" on hardware
 * @emulated: instructions are emulated, so times are only good for comparing
 * @thp: when the kernel makes transparent huge pages: always, madvise or never
 * @clocksource: the kernel's clock source
 */
struct machine {
	char kernel[128];
	char cpu[128];
	unsigned int cpus;
	uint64_t memory;
	char hypervisor[64];
	bool emulated;
	char thp[16];
	char clocksource[32];
};

void machine_read(struct machine *m);

#endif /* COWSTAT_MACHINE_H */

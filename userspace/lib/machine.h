/* SPDX-License-Identifier: GPL-2.0 */
/* What a measurement was made on. */
#ifndef COWSTAT_MACHINE_H
#define COWSTAT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct machine - what a measurement was made on; "" and 0 where that is not known
 * @kernel: its release
 * @cpu: the processor, as it calls itself
 * @cpus: how many are online
 * @memory: bytes
 * @hypervisor: what the machine runs in; "none" on hardware
 * @emulated: instructions are emulated: times are good for comparing only
 * @thp: when the kernel makes transparent huge pages: always, madvise or never
 * @clocksource: what the kernel tells the time by
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

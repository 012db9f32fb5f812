/* SPDX-License-Identifier: GPL-2.0 */
/* What a process has resident now, as the kernel tells it in smaps_rollup. */
#ifndef COWSTAT_SMAPS_H
#define COWSTAT_SMAPS_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/*
 * Figures of /proc/PID/smaps_rollup that have to do with copy-on-write:
 *	F(ID, the kernel's name)
 */
#define SMAPS_FIGURES(F)			\
	F(RSS,			"Rss")		\
	F(PSS,			"Pss")		\
	F(SHARED_CLEAN,		"Shared_Clean")	\
	F(SHARED_DIRTY,		"Shared_Dirty")	\
	F(PRIVATE_CLEAN,	"Private_Clean") \
	F(PRIVATE_DIRTY,	"Private_Dirty") \
	F(ANONYMOUS,		"Anonymous")	\
	F(PSS_ANON,		"Pss_Anon")	\
	F(SWAP,			"Swap")

#define SMAPS_ENUM(ID, name)	SMAPS_##ID,
enum smaps_figure { SMAPS_FIGURES(SMAPS_ENUM) SMAPS_NR };

/**
 * struct smaps - what is resident
 * @bytes: by figure; 0 where the kernel does not tell it
 */
struct smaps {
	uint64_t bytes[SMAPS_NR];
};

extern const char *const smaps_names[SMAPS_NR];

int smaps_parse(FILE *from, struct smaps *smaps);
int smaps_read(pid_t pid, struct smaps *smaps);
int smaps_parse_shared(FILE *from, uint64_t *bytes);
int smaps_read_shared(pid_t pid, uint64_t *bytes);

#endif /* COWSTAT_SMAPS_H */

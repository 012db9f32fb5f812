/* SPDX-License-Identifier: GPL-2.0 */
/* What a process has resident now, as the kernel tells it in smaps_rollup and smaps. */
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

/**
 * struct smaps_mapping - mappings of one name
 * @name: the path of a file, the kernel's name in brackets, or "(anonymous)"; any bytes
 * @shared_dirty: bytes that other processes map too
 * @private_dirty: bytes that no other process maps
 */
struct smaps_mapping {
	char name[256];
	uint64_t shared_dirty;
	uint64_t private_dirty;
};

int smaps_parse(FILE *from, struct smaps *smaps);
int smaps_read(pid_t pid, struct smaps *smaps);
int smaps_parse_shared(FILE *from, uint64_t *bytes);
int smaps_read_shared(pid_t pid, uint64_t *bytes);
size_t smaps_mappings(FILE *from, struct smaps_mapping *list, size_t room);

#endif /* COWSTAT_SMAPS_H */

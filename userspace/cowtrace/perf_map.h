/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions that a program makes as it runs: code of a JIT compiler, trampolines of an interpreter.
 * The program names them in a file for perf(1), a line each: START SIZE NAME, both numbers in
 * hexadecimal. (Format: the kernel's tools/perf/Documentation/jit-interface.txt.)
 */
#ifndef COWSTAT_PERF_MAP_H
#define COWSTAT_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PERF_MAP_NAME	256	/* longest name that is kept, with its NUL */

/**
 * struct perf_budget - what all maps together may still use
 * @bytes: bytes that may still be read
 * @symbols: functions that may still be kept
 */
struct perf_budget {
	size_t bytes;
	size_t symbols;
};

struct perf_symbol;

/**
 * struct perf_map - the functions of a process
 * @symbol: sorted by address, except those added since the last search
 * @nr: their number
 * @room: for how many there is memory
 * @sorted: how many of them are sorted
 * @offset: how much of the file was read
 */
struct perf_map {
	struct perf_symbol *symbol;
	size_t nr;
	size_t room;
	size_t sorted;
	off_t offset;
};

size_t perf_map_parse(struct perf_map *map, const char *text, size_t len,
		      struct perf_budget *budget);
void perf_map_read(struct perf_map *map, int fd, struct perf_budget *budget);
const char *perf_map_find(struct perf_map *map, uint64_t address);
void perf_map_free(struct perf_map *map);

#endif /* COWSTAT_PERF_MAP_H */

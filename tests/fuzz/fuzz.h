/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every parser's fuzzer needs. It defines try_input(); libFuzzer calls it with what it
 * makes up, or, built with -DREPLAY and without libFuzzer, main() with each file it is given.
 */
#ifndef COWSTAT_FUZZ_H
#define COWSTAT_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void try_input(const char *bytes, size_t n);

/* Something does not hold that must: stop as on a crash. */
static inline void must(int holds)
{
	if (!holds)
		abort();
}

/* Input as a file; an empty one too. */
static inline FILE *file_of(const char *bytes, size_t n)
{
	FILE *f = n ? fmemopen((void *)bytes, n, "r") : fopen("/dev/null", "r");

	must(f != NULL);
	return f;
}

#ifdef REPLAY
int main(int argc, char **argv)
{
	int i;

	printf("1..%d\n", argc - 1);
	for (i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "r");
		char *bytes = NULL;
		size_t n = 0;

		if (!f) {
			printf("not ok %d - cannot open %s\n", i, argv[i]);
			return 1;
		}
		/* of exactly its size, so that a sanitizer sees any byte beyond */
		fseek(f, 0, SEEK_END);
		n = ftell(f);
		rewind(f);
		bytes = malloc(n ? n : 1);
		must(bytes && fread(bytes, 1, n, f) == n);
		fclose(f);
		try_input(bytes, n);
		free(bytes);
		printf("ok %d - %s\n", i, argv[i]);
		fflush(stdout);
	}
	return argc > 1 ? 0 : 1;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	try_input((const char *)bytes, n);
	return 0;
}
#endif

#endif /* COWSTAT_FUZZ_H */

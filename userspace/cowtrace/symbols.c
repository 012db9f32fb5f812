// SPDX-License-Identifier: GPL-2.0
/* The kernel's functions, from /proc/kallsyms. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "names.h"
#include "symbols.h"

struct symbol {
	uint64_t address;
	char *name;
};

struct symbol_table {
	struct symbol *symbol;
	size_t nr;
};

struct symbols {
	struct symbol_table kernel;
	uint64_t etext; /* end of the kernel's own text */
};

static void add_symbol(struct symbol_table *t, uint64_t address, const char *name)
{
	char *copy = strdup(name);

	if (!copy)
		err(EXIT_FAILURE, "symbols");
	name_clean(copy);
	t->symbol = grown(t->symbol, t->nr, sizeof(*t->symbol));
	t->symbol[t->nr++] = (struct symbol){ address, copy };
}

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void sort_table(struct symbol_table *t)
{
	if (t->nr)
		qsort(t->symbol, t->nr, sizeof(*t->symbol), by_address);
}

/* The symbol that an address belongs to, or NULL. */
static const struct symbol *find(const struct symbol_table *t, uint64_t address)
{
	size_t low = 0, high = t->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->symbol[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &t->symbol[low - 1] : NULL;
}

static void free_table(struct symbol_table *t)
{
	for (size_t i = 0; i < t->nr; i++)
		free(t->symbol[i].name);
	free(t->symbol);
}

/* An address of 0 means that the kernel hides it (kernel.kptr_restrict). */
static void read_kernel(struct symbols *s, FILE *f)
{
	char line[512], name[256], kind;
	uint64_t address;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &kind, name) != 3 || !address ||
		    !strchr("tTwW", kind))
			continue;
		add_symbol(&s->kernel, address, name);
		if (!strcmp(name, "_etext"))
			s->etext = address;
	}
	sort_table(&s->kernel);
}

/**
 * symbols_new() - read the kernel's functions
 *
 * Return: to be freed with symbols_free(); NULL if memory runs out.
 */
struct symbols *symbols_new(void)
{
	struct symbols *s = calloc(1, sizeof(*s));
	FILE *f = fopen("/proc/kallsyms", "re");

	if (s && f)
		read_kernel(s, f);
	if (f)
		fclose(f);
	return s;
}

/**
 * symbols_kernel() - name of the kernel function at an address
 * @s: symbols
 * @address: an address in kernel code
 *
 * Return: its name, or "[unknown]".
 */
const char *symbols_kernel(struct symbols *s, uint64_t address)
{
	const struct symbol *symbol = find(&s->kernel, address);

	return symbol ? symbol->name : "[unknown]";
}

/**
 * symbols_beyond() - is an address beyond the kernel's own text?
 * @s: symbols
 * @address: the address
 *
 * Return: true for code of modules and BPF programs.
 */
bool symbols_beyond(const struct symbols *s, uint64_t address)
{
	return s->etext && address >= s->etext;
}

/**
 * symbols_free() - free all symbols
 * @s: symbols, or NULL
 */
void symbols_free(struct symbols *s)
{
	if (!s)
		return;
	free_table(&s->kernel);
	free(s);
}

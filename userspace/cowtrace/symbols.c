// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel functions come from /proc/kallsyms. User functions come from the symbol tables of
 * the files that a process maps. The mappings of a process must be read while it lives.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>

#include "symbols.h"

struct symbol {
	uint64_t address;
	uint64_t size; /* 0 if not known */
	char *name;
};

struct symbol_table {
	struct symbol *symbol;
	size_t nr;
};

/* A file with code: its symbols, and the segments that are loaded. */
struct image {
	char *path;
	struct symbol_table table;
	GElf_Phdr segment[16];
	size_t nr_segments;
};

/* A part of an address space that maps a file. */
struct mapping {
	uint64_t start, end, offset;
	struct image *image;
};

struct process {
	pid_t pid;
	struct mapping *mapping;
	size_t nr;
};

struct symbols {
	struct symbol_table kernel;
	uint64_t etext; /* end of the kernel's own text */
	struct image **image;
	size_t nr_images;
	struct process *process;
	size_t nr_processes;
};

/* Return an array with room for one more element. Ends the program if memory runs out. */
static void *grown(void *array, size_t nr, size_t size)
{
	if (nr && (nr & (nr - 1)))
		return array; /* the room is always a power of two */
	array = reallocarray(array, nr ? 2 * nr : 1, size);
	if (!array) {
		perror("symbols");
		exit(EXIT_FAILURE);
	}
	return array;
}

static void add_symbol(struct symbol_table *t, uint64_t address, uint64_t size, const char *name)
{
	t->symbol = grown(t->symbol, t->nr, sizeof(*t->symbol));
	t->symbol[t->nr++] = (struct symbol){ address, size, strdup(name) };
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
	if (!low || (t->symbol[low - 1].size &&
		     address >= t->symbol[low - 1].address + t->symbol[low - 1].size))
		return NULL;
	return &t->symbol[low - 1];
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
		add_symbol(&s->kernel, address, 0, name);
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

	if (s)
		elf_version(EV_CURRENT);
	if (s && f)
		read_kernel(s, f);
	if (f)
		fclose(f);
	return s;
}

static void read_symbols(struct image *image, Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t i, nr = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	const char *name;
	GElf_Sym symbol;

	for (i = 0; data && i < nr; i++) {
		if (!gelf_getsym(data, i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
		    !symbol.st_value)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			add_symbol(&image->table, symbol.st_value, symbol.st_size, name);
	}
}

static void read_image(struct image *image, int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Phdr segment;
	size_t i, nr = 0;

	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return;
	}
	elf_getphdrnum(elf, &nr);
	for (i = 0; i < nr && image->nr_segments < 16; i++)
		if (gelf_getphdr(elf, i, &segment) && segment.p_type == PT_LOAD)
			image->segment[image->nr_segments++] = segment;
	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
			read_symbols(image, elf, section, &header);
	sort_table(&image->table);
	elf_end(elf);
}

/*
 * The path is not trusted: the owner of the process may have put another file in its place, or
 * see another file there. Opening a device may have effects, and opening a FIFO would block.
 * So only regular files are opened.
 */
static int open_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static struct image *image_of(struct symbols *s, const char *path)
{
	struct image *image;
	size_t i;
	int fd;

	for (i = 0; i < s->nr_images; i++)
		if (!strcmp(s->image[i]->path, path))
			return s->image[i];
	image = calloc(1, sizeof(*image));
	if (!image)
		return NULL;
	image->path = strdup(path);
	fd = open_file(path);
	if (fd >= 0) {
		read_image(image, fd);
		close(fd);
	}
	s->image = grown(s->image, s->nr_images, sizeof(*s->image));
	s->image[s->nr_images++] = image;
	return image;
}

/**
 * symbols_load() - read the mappings and symbols of a process
 * @s: symbols
 * @pid: the process, which must still live. Does nothing if it has been loaded, or has exited
 */
void symbols_load(struct symbols *s, pid_t pid)
{
	char path[PATH_MAX], line[PATH_MAX + 128], permissions[8];
	struct process process = { .pid = pid };
	struct mapping m;
	FILE *f;

	for (size_t i = 0; i < s->nr_processes; i++)
		if (s->process[i].pid == pid)
			return;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %4095[^\n]",
			   &m.start, &m.end, permissions, &m.offset, path) != 5 ||
		    permissions[2] != 'x' || *path != '/')
			continue;
		m.image = image_of(s, path);
		process.mapping = grown(process.mapping, process.nr, sizeof(m));
		process.mapping[process.nr++] = m;
	}
	fclose(f);
	s->process = grown(s->process, s->nr_processes, sizeof(process));
	s->process[s->nr_processes++] = process;
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
 * symbols_user() - name of the function at an address in a process
 * @s: symbols
 * @pid: the process, loaded with symbols_load()
 * @address: an address in its code
 * @name: result: the function's name, else file+0xoffset, else the address
 * @size: size of @name
 */
void symbols_user(struct symbols *s, pid_t pid, uint64_t address, char *name, size_t size)
{
	const struct process *process = NULL;
	const struct symbol *symbol;
	const struct mapping *m;
	size_t i;

	snprintf(name, size, "0x%" PRIx64, address);
	for (i = 0; i < s->nr_processes; i++)
		if (s->process[i].pid == pid)
			process = &s->process[i];
	for (m = process ? process->mapping : NULL; m && m < process->mapping + process->nr; m++) {
		uint64_t offset = address - m->start + m->offset;

		if (address < m->start || address >= m->end || !m->image)
			continue;
		snprintf(name, size, "%s+0x%" PRIx64, strrchr(m->image->path, '/') + 1, offset);
		for (i = 0; i < m->image->nr_segments; i++) {
			const GElf_Phdr *segment = &m->image->segment[i];

			if (offset < segment->p_offset ||
			    offset >= segment->p_offset + segment->p_filesz)
				continue;
			symbol = find(&m->image->table,
				      offset - segment->p_offset + segment->p_vaddr);
			if (symbol)
				snprintf(name, size, "%s", symbol->name);
		}
	}
}

/**
 * symbols_free() - free all symbols
 * @s: symbols, or NULL
 */
void symbols_free(struct symbols *s)
{
	size_t i;

	if (!s)
		return;
	free_table(&s->kernel);
	for (i = 0; i < s->nr_images; i++) {
		free_table(&s->image[i]->table);
		free(s->image[i]->path);
		free(s->image[i]);
	}
	for (i = 0; i < s->nr_processes; i++)
		free(s->process[i].mapping);
	free(s->image);
	free(s->process);
	free(s);
}

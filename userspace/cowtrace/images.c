// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>
#include <zlib.h>

#include "calls.h"
#include "files.h"
#include "images.h"
#include "names.h"

#define MOST_IMAGES	4096	/* files that are held open */
#define MOST_NESTED	64	/* functions within functions within functions */
#define MOST_NAME	255
#define ENTRY_BYTES	64	/* of the code where a program begins */

/**
 * struct place - what is known of an offset in an image: an entry of a hash table with open
 *	addressing
 * @used: the entry is not empty
 * @tried: @returns is known
 * @returns: a function can return to this offset
 * @key: the offset, doubled, plus 1 for a return address
 * @frame: the functions there, the innermost first; NULL if nobody has asked yet
 * @nr: how many
 */
struct place {
	bool used;
	bool tried;
	bool returns;
	uint64_t key;
	struct code_frame *frame;
	size_t nr;
};

struct image {
	dev_t dev;
	ino_t ino;
	struct timespec mtime;
	char name[64];
	uid_t owner;
	int fd;
	int debug; /* separate debug file, or -1 */
	bool opened;
	bool trusts_links; /* root owns it: libdw may open files that it names */
	Dwfl *dwfl;
	Dwfl_Module *module;
	GElf_Addr bias;
	Elf *elf;
	struct place *place;
	size_t nr_places;
	size_t room;
};

struct images {
	struct image **image;
	size_t nr;
	bool debuginfod;
};

/* --- separate debug files --------------------------------------------------------------- */

/* The CRC that .gnu_debuglink has of the debug file. */
static bool has_crc(int fd, uint32_t want)
{
	unsigned char *bytes = malloc(1 << 20);
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t got = -1;

	while (bytes && (got = pread(fd, bytes, 1 << 20, at)) > 0) {
		crc = crc32(crc, bytes, got);
		at += got;
	}
	free(bytes);
	return !got && crc == want;
}

static bool has_build_id(int fd, const void *want, ssize_t len)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *id;
	bool same = elf && dwelf_elf_gnu_build_id(elf, &id) == len && !memcmp(id, want, len);

	elf_end(elf);
	return same;
}

/*
 * Look for a debug file in the root of the process and then in ours. It must have this build ID,
 * or without one this CRC.
 */
static int try_debug(int root, const char *path, const void *id, ssize_t len, uint32_t crc)
{
	int roots[] = { root, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) }, fd = -1;
	struct stat st;

	for (size_t i = 0; i < 2 && fd < 0; i++) {
		if (roots[i] < 0)
			continue;
		fd = open_regular(roots[i], path, true, &st);
		if (fd >= 0 && !(len > 0 ? has_build_id(fd, id, len) : has_crc(fd, crc))) {
			close(fd);
			fd = -1;
		}
	}
	if (roots[1] >= 0)
		close(roots[1]);
	return fd;
}

/* By build ID: /usr/lib/debug/.build-id/12/3456.debug. */
static int debug_by_id(int root, const unsigned char *id, ssize_t len)
{
	char path[256];
	int n;

	if (len < 2 || len > 64)
		return -1;
	n = snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%02x/", id[0]);
	for (ssize_t i = 1; i < len; i++)
		n += snprintf(path + n, sizeof(path) - n, "%02x", id[i]);
	snprintf(path + n, sizeof(path) - n, ".debug");
	return try_debug(root, path, id, len, 0);
}

/* By the name in .gnu_debuglink: beside the file, in .debug/ there, and below /usr/lib/debug. */
static int debug_by_link(int root, const char *of, const char *link, const void *id, ssize_t len,
			 uint32_t crc)
{
	static const char *const places[][2] = { { "", "/" },
						 { "", "/.debug/" },
						 { "/usr/lib/debug", "/" } };
	const char *slash = strrchr(of, '/'), *name = strrchr(link, '/');
	char path[PATH_MAX];
	int fd = -1;

	for (size_t i = 0; slash && i < 3 && fd < 0; i++)
		if ((size_t)snprintf(path, sizeof(path), "%s%.*s%s%s", places[i][0],
				     (int)(slash - of), of, places[i][1],
				     name ? name + 1 : link) < sizeof(path))
			fd = try_debug(root, path, id, len, crc);
	return fd;
}

static int find_debug(int root, int fd, const char *path)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	const void *id = NULL;
	const char *link;
	GElf_Word crc;
	ssize_t len;
	int debug = -1;

	if (elf && elf_kind(elf) == ELF_K_ELF) {
		len = dwelf_elf_gnu_build_id(elf, &id);
		debug = debug_by_id(root, id, len);
		link = debug < 0 ? dwelf_elf_gnu_debuglink(elf, &crc) : NULL;
		if (link && *link)
			debug = debug_by_link(root, path, link, id, len, crc);
	}
	elf_end(elf);
	return debug;
}

/* --- files ------------------------------------------------------------------------------ */

/**
 * images_new() - begin with no files
 *
 * Return: to be freed with images_free(). Ends the program if memory runs out.
 */
struct images *images_new(void)
{
	struct images *images = calloc(1, sizeof(*images));
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (!images)
		err(EXIT_FAILURE, "symbols");
	elf_version(EV_CURRENT);
	survive_truncation();
	images->debuginfod = urls && *urls;
	return images;
}

/**
 * images_add() - keep a file that a process maps
 * @images: all files
 * @root: root directory of the process, where its debug file may be, or -1
 * @fd: the file; taken over
 * @st: what fstat() says of it
 * @path: its path, as the process sees it
 *
 * Return: the image, the same for the same file; NULL if there are too many.
 */
struct image *images_add(struct images *images, int root, int fd, const struct stat *st,
			 const char *path)
{
	const char *slash = strrchr(path, '/');
	struct image *image;
	size_t i;

	for (i = 0; i < images->nr; i++) {
		image = images->image[i];
		if (image->ino == st->st_ino && image->dev == st->st_dev &&
		    image->mtime.tv_sec == st->st_mtim.tv_sec &&
		    image->mtime.tv_nsec == st->st_mtim.tv_nsec) {
			close(fd);
			return image;
		}
	}
	image = images->nr < MOST_IMAGES ? calloc(1, sizeof(*image)) : NULL;
	if (!image) {
		close(fd);
		return NULL;
	}
	image->dev = st->st_dev;
	image->ino = st->st_ino;
	image->mtime = st->st_mtim;
	image->owner = st->st_uid;
	image->trusts_links = !st->st_uid && !(st->st_mode & 022);
	snprintf(image->name, sizeof(image->name), "%s", slash ? slash + 1 : path);
	name_clean(image->name);
	image->fd = fd;
	image->debug = find_debug(root, fd, path);
	images->image = grown(images->image, images->nr, sizeof(image));
	images->image[images->nr++] = image;
	return image;
}

/**
 * image_name() - name of a file
 * @image: the file
 *
 * Return: last component of its path, printable.
 */
const char *image_name(const struct image *image)
{
	return image->name;
}

/**
 * image_no_elf() - callback of libdw, which looks for a module's file: all are given beforehand
 * @module: not used
 * @data: not used
 * @name: not used
 * @base: not used
 * @file_name: not used
 * @elf: not used
 *
 * Return: -1: there is none.
 */
int image_no_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		 char **file_name, Elf **elf)
{
	(void)module;
	(void)data;
	(void)name;
	(void)base;
	(void)file_name;
	(void)elf;
	return -1;
}

/**
 * image_report() - give a file to libdw
 * @image: the file
 * @dwfl: what takes it, between dwfl_report_begin() and dwfl_report_end()
 * @base: where it is loaded, less the addresses that the file has for itself
 *
 * Return: its module; NULL if it is no ELF file.
 */
Dwfl_Module *image_report(const struct image *image, Dwfl *dwfl, GElf_Addr base)
{
	int fd = fcntl(image->fd, F_DUPFD_CLOEXEC, 0);
	Dwfl_Module *module;

	if (fd < 0)
		return NULL;
	module = dwfl_report_elf(dwfl, image->name, image->name, fd, base, true);
	if (!module)
		close(fd);
	return module;
}

/*
 * libdw asks for the debug file. Its own search opens any file with a fitting name, even a FIFO,
 * so it may only ask debuginfod, which it does if there is no such directory as this.
 */
static int give_debug(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		      const char *file_name, const char *link, GElf_Word crc, char **result)
{
	struct image *image = *data;

	(void)file_name;
	(void)link;
	(void)crc;
	if (image && image->debug >= 0)
		return fcntl(image->debug, F_DUPFD_CLOEXEC, 0);
	if (!getenv("DEBUGINFOD_URLS"))
		return -1;
	return dwfl_standard_find_debuginfo(module, data, name, base, "/nonexistent/file", NULL, 0,
					    result);
}

static char no_path[] = "";
static char *no_paths = no_path;
static const Dwfl_Callbacks callbacks = {
	.find_elf = image_no_elf,
	.find_debuginfo = give_debug,
	.section_address = dwfl_offline_section_address,
	.debuginfo_path = &no_paths,
};

/* Read the file; once. A file that is no ELF file has no module. */
static void open_image(struct image *image)
{
	void **data;

	if (image->opened)
		return;
	image->opened = true;
	image->dwfl = dwfl_begin(&callbacks);
	if (!image->dwfl)
		return;
	dwfl_report_begin(image->dwfl);
	image->module = image_report(image, image->dwfl, 0);
	dwfl_report_end(image->dwfl, NULL, NULL);
	if (!image->module)
		return;
	dwfl_module_info(image->module, &data, NULL, NULL, NULL, NULL, NULL, NULL);
	*data = image;
	image->elf = dwfl_module_getelf(image->module, &image->bias);
}

/* The address that the file itself has for an offset in it. */
static bool to_address(struct image *image, uint64_t offset, uint64_t *address)
{
	GElf_Phdr segment;
	size_t i, nr = 0;

	open_image(image);
	if (!image->elf || elf_getphdrnum(image->elf, &nr))
		return false;
	for (i = 0; i < nr; i++) {
		if (!gelf_getphdr(image->elf, i, &segment))
			return false;
		if (segment.p_type == PT_LOAD && offset >= segment.p_offset &&
		    offset - segment.p_offset < segment.p_filesz) {
			*address = offset - segment.p_offset + segment.p_vaddr;
			return true;
		}
	}
	return false;
}

/**
 * image_bias() - how far a mapped file is from the addresses that it has for itself
 * @image: the file
 * @offset: an offset in the file
 * @bias: result: its address in the file, less @offset
 *
 * Return: false if no code is loaded from there.
 */
bool image_bias(struct image *image, uint64_t offset, uint64_t *bias)
{
	uint64_t address;

	if (!to_address(image, offset, &address))
		return false;
	*bias = address - offset;
	return true;
}

/* --- functions and lines ------------------------------------------------------------------ */

/* What is being found out of an address, the innermost frame last. */
struct finding {
	struct code_frame frame[MOST_NESTED];
	size_t nr;
};

static char *clean_copy(const char *name)
{
	char *copy = strndup(name, MOST_NAME);

	if (!copy)
		err(EXIT_FAILURE, "symbols");
	name_clean(copy);
	return copy;
}

/*
 * The C++ name of a symbol, without its parameters. The C++ library knows how to read it. If that
 * is not installed, or the symbol is very long, it stays as it is.
 */
static char *readable_copy(const char *symbol)
{
	typedef char *demangle_fn(const char *symbol, char *to, size_t *size, int *status);
	static demangle_fn *demangle;
	static bool tried;
	char *name = NULL, *copy, *at;
	int status, depth = 0;
	void *library;

	if (strncmp(symbol, "_Z", 2) || strlen(symbol) > 4 * MOST_NAME)
		return clean_copy(symbol);
	if (!tried) {
		tried = true;
		library = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_LOCAL);
		demangle = library ? (demangle_fn *)dlsym(library, "__cxa_demangle") : NULL;
	}
	if (demangle)
		name = demangle(symbol, NULL, NULL, &status);
	/* cut at the parenthesis outside of all < > that does not begin "(anonymous namespace)" */
	for (at = name; at && *at; at++) {
		depth += (*at == '<') - (*at == '>');
		if (*at == '(' && depth <= 0 && strncmp(at, "(anonymous", 10) && at > name &&
		    strncmp(at, "()(", 3)) {
			*at = '\0';
			break;
		}
	}
	copy = clean_copy(name && *name ? name : symbol);
	free(name);
	return copy;
}

static void set_source(struct code_frame *frame, const char *path, int line)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	if (!path || frame->file || line <= 0)
		return;
	frame->file = clean_copy(slash ? slash + 1 : path);
	frame->line = line;
}

/* The place where an inlined function was called is a line of the function that contains it. */
static void set_call_site(struct code_frame *caller, Dwarf_Die *unit, Dwarf_Die *inlined)
{
	Dwarf_Attribute attribute;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	size_t nr;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) ||
	    dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) ||
	    line > INT_MAX || dwarf_getsrcfiles(unit, &files, &nr) || file >= nr)
		return;
	set_source(caller, dwarf_filesrc(files, file, NULL, NULL), line);
}

static const char *name_of(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
}

/*
 * Find the functions that contain an address: those among the children of a DIE, which are
 * functions, or contain functions. Return whether one of them contains the address.
 */
static bool find_functions(struct finding *f, Dwarf_Die *unit, Dwarf_Die *parent,
			   Dwarf_Addr address, unsigned int depth)
{
	Dwarf_Die die;
	const char *name;
	int tag;

	if (depth == MOST_NESTED || dwarf_child(parent, &die))
		return false;
	do {
		tag = dwarf_tag(&die);
		switch (tag) {
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
			if (find_functions(f, unit, &die, address, depth + 1))
				return true;
			break;
		case DW_TAG_lexical_block:
			if (dwarf_haspc(&die, address) == 1) {
				find_functions(f, unit, &die, address, depth + 1);
				return true;
			}
			break;
		case DW_TAG_subprogram:
		case DW_TAG_inlined_subroutine:
			if (dwarf_haspc(&die, address) != 1)
				break;
			name = name_of(&die);
			if (name && f->nr < MOST_NESTED) {
				if (f->nr && tag == DW_TAG_inlined_subroutine)
					set_call_site(&f->frame[f->nr - 1], unit, &die);
				f->frame[f->nr++] = (struct code_frame){
					.name = clean_copy(name),
					.inlined = tag == DW_TAG_inlined_subroutine,
				};
			}
			find_functions(f, unit, &die, address, depth + 1);
			return true;
		}
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

/* Without debug information only the symbol tables have names. */
static void find_symbol(struct finding *f, struct image *image, GElf_Addr address)
{
	GElf_Off distance;
	const char *name;
	GElf_Sym symbol;

	name = dwfl_module_addrinfo(image->module, address, &distance, &symbol, NULL, NULL, NULL);
	if (!name || !*name || (symbol.st_size && distance >= symbol.st_size))
		return;
	f->frame[f->nr++] = (struct code_frame){ .name = readable_copy(name) };
}

/* Names that files without debug information share with files that have it come first. */
static void find(struct finding *f, struct image *image, uint64_t address)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit;
	Dwfl_Line *line;
	Dwarf *dwarf;
	const char *path;
	int number;

	address += image->bias;
	dwarf = dwfl_module_getdwarf(image->module, &bias);
	/* libdw would open a file that this one names, whatever it is. */
	if (dwarf && !image->trusts_links)
		dwarf_setalt(dwarf, dwarf);
	unit = dwarf ? dwfl_module_addrdie(image->module, address, &bias) : NULL;
	if (unit)
		find_functions(f, unit, unit, address - bias, 0);
	if (!f->nr)
		find_symbol(f, image, address);
	line = dwarf && f->nr ? dwfl_module_getsrc(image->module, address) : NULL;
	if (!line)
		return;
	path = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
	set_source(&f->frame[f->nr - 1], path, number);
}

/* The entry of a key in the table, or the empty one where it belongs. */
static struct place *find_place(const struct image *image, uint64_t key)
{
	size_t i = (key * 0x9e3779b97f4a7c15ULL) >> 32;

	while (image->place[i & (image->room - 1)].used &&
	       image->place[i & (image->room - 1)].key != key)
		i++;
	return &image->place[i & (image->room - 1)];
}

static void make_room(struct image *image)
{
	struct image old = *image;

	if (2 * image->nr_places < image->room)
		return;
	image->room = image->room ? 2 * image->room : 64;
	image->place = calloc(image->room, sizeof(*image->place));
	if (!image->place)
		err(EXIT_FAILURE, "symbols");
	for (size_t i = 0; i < old.room; i++)
		if (old.place[i].used)
			*find_place(image, old.place[i].key) = old.place[i];
	free(old.place);
}

/* The entry of an offset; it stays there until the next call. */
static struct place *place_of(struct image *image, uint64_t offset, bool is_return)
{
	uint64_t key = offset << 1 | is_return;
	struct place *place;

	make_room(image);
	place = find_place(image, key);
	if (!place->used) {
		*place = (struct place){ .used = true, .key = key };
		image->nr_places++;
	}
	return place;
}

/**
 * image_frames() - the functions at an offset in a file
 * @image: the file
 * @offset: the offset
 * @is_return: a call returns there, so that the calling instruction is before it
 * @frame: result: the innermost first; valid as long as the image
 *
 * A function without a known name is called FILE+0xOFFSET.
 *
 * Return: how many functions; at least one.
 */
size_t image_frames(struct image *image, uint64_t offset, bool is_return,
		    const struct code_frame **frame)
{
	struct place *place = place_of(image, offset, is_return);
	struct finding found = {};
	uint64_t address;
	char name[128];

	if (!place->frame) {
		if (to_address(image, offset - is_return, &address))
			find(&found, image, address);
		if (!found.nr) {
			snprintf(name, sizeof(name), "%s+0x%" PRIx64, image->name, offset);
			found.frame[found.nr++].name = clean_copy(name);
		}
		place->frame = calloc(found.nr, sizeof(*place->frame));
		if (!place->frame)
			err(EXIT_FAILURE, "symbols");
		place->nr = found.nr;
		for (size_t i = 0; i < found.nr; i++)
			place->frame[i] = found.frame[found.nr - 1 - i];
	}
	*frame = place->frame;
	return place->nr;
}

/**
 * image_returns_here() - can a function return to this offset in a file?
 * @image: the file
 * @offset: the offset
 *
 * Return: true if a call instruction ends there, or if a signal handler returns there.
 */
bool image_returns_here(struct image *image, uint64_t offset)
{
	size_t before = offset < CALL_BYTES ? offset : CALL_BYTES;
	struct place *place = place_of(image, offset, true);
	unsigned char text[CALL_BYTES + RETURN_BYTES];
	ssize_t got;

	if (!place->tried) {
		got = pread(image->fd, text, before + RETURN_BYTES, offset - before);
		place->tried = true;
		place->returns = got >= (ssize_t)before && returns_here(text, before, got - before);
	}
	return place->returns;
}

/**
 * image_begins_here() - does the program or the dynamic loader begin here?
 * @image: the file
 * @offset: an offset in it
 *
 * Return: true if the offset is in the first few instructions, which nothing calls.
 */
bool image_begins_here(struct image *image, uint64_t offset)
{
	GElf_Ehdr header;
	uint64_t address;

	return to_address(image, offset, &address) && gelf_getehdr(image->elf, &header) &&
	       header.e_entry && address - header.e_entry < ENTRY_BYTES;
}

/**
 * images_free() - close and forget all files
 * @images: from images_new(), or NULL
 */
void images_free(struct images *images)
{
	for (size_t i = 0; images && i < images->nr; i++) {
		struct image *image = images->image[i];

		for (size_t k = 0; k < image->room; k++) {
			for (size_t m = 0; m < image->place[k].nr; m++) {
				free(image->place[k].frame[m].name);
				free(image->place[k].frame[m].file);
			}
			free(image->place[k].frame);
		}
		free(image->place);
		dwfl_end(image->dwfl);
		close(image->fd);
		if (image->debug >= 0)
			close(image->debug);
		free(image);
	}
	if (images)
		free(images->image);
	free(images);
}

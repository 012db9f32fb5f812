/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files with code, and the functions and source lines in them, by elfutils' libdw. Strangers map
 * what they like, so nothing in such a file is trusted.
 *
 * A file is opened while a process that maps it lives, together with its separate debug file.
 * It is read when a name is asked for.
 */
#ifndef COWSTAT_IMAGES_H
#define COWSTAT_IMAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <elfutils/libdwfl.h>

struct image;
struct images;

/**
 * struct code_frame - a function, or a function that the compiler put into another one
 * @name: its name, printable
 * @file: last component of its source file's path, printable; NULL if not known
 * @line: the line in @file
 * @inlined: it has no code of its own: the next frame is the function that contains it
 */
struct code_frame {
	char *name;
	char *file;
	int line;
	bool inlined;
};

struct images *images_new(void);
void images_free(struct images *images);
struct image *images_add(struct images *images, int root, int fd, const struct stat *st,
			 const char *path);
const char *image_name(const struct image *image);
bool image_bias(struct image *image, uint64_t offset, uint64_t *bias);
int image_no_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		 char **file_name, Elf **elf);
Dwfl_Module *image_report(const struct image *image, Dwfl *dwfl, GElf_Addr base);
size_t image_frames(struct image *image, uint64_t offset, bool is_return,
		    const struct code_frame **frame);
bool image_returns_here(struct image *image, uint64_t offset);
bool image_begins_here(struct image *image, uint64_t offset);

#endif /* COWSTAT_IMAGES_H */

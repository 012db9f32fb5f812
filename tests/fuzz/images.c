// SPDX-License-Identifier: GPL-2.0
/* images.c, on a file with code: a stranger's process may map whatever it likes. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "images.h"

static void try_input(const char *bytes, size_t n)
{
	struct images *images = images_new();
	int fd = memfd_create("image", MFD_CLOEXEC);
	const struct code_frame *frame;
	struct image *image;
	struct stat st;
	size_t i, k, nr;

	must(fd >= 0 && write(fd, bytes, n) == (ssize_t)n && !fstat(fd, &st));
	image = images_add(images, -1, fd, &st, "/tmp/image");
	must(image != NULL);
	for (i = 0; i < n + 64; i += n / 64 + 1) {
		nr = image_frames(image, i, i & 1, &frame);
		must(nr > 0);
		for (k = 0; k < nr; k++)
			must(frame[k].name && *frame[k].name != '\033');
		(void)image_returns_here(image, i);
		(void)image_begins_here(image, i);
	}
	images_free(images);
}

// SPDX-License-Identifier: GPL-2.0
#include <dlfcn.h>
#include <stdio.h>

#include "mhd.h"

#define LIBRARY	"libmicrohttpd.so.12"

#define LOOK_UP(call)						\
	do {							\
		mhd.call = (typeof(mhd.call))dlsym(at, #call);	\
		if (!mhd.call)					\
			goto fail;				\
	} while (0);

/**
 * mhd_load() - load libmicrohttpd
 * @why: on error, what is missing and what to do about it
 * @len: size of @why
 *
 * Return: its functions, or NULL.
 */
const struct mhd *mhd_load(char *why, size_t len)
{
	static struct mhd mhd;
	void *at = dlopen(LIBRARY, RTLD_NOW);

	if (!at)
		goto fail;
	MHD_CALLS(LOOK_UP)
	return &mhd;
fail:
	snprintf(why, len,
		 "serve needs libmicrohttpd (%s). On Debian, install libmicrohttpd12t64; before Debian 13, libmicrohttpd12",
		 dlerror() ?: LIBRARY);
	return NULL;
}

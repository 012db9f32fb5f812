// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "files.h"

/* Read the file that an O_PATH descriptor names; closes that descriptor. */
static int open_found(int found, struct stat *st)
{
	char self[32];
	int fd = -1;

	if (found < 0)
		return -1;
	/* To open a device may have effects, and to open a FIFO would block. */
	if (!fstat(found, st) && S_ISREG(st->st_mode)) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", found);
		fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	close(found);
	return fd;
}

/**
 * open_regular() - open a regular file, and nothing else
 * @root: the directory in which @path begins, and which neither ".." nor a link leaves; AT_FDCWD
 *	for a magic link below /proc, which leads to the very file that a process uses
 * @path: the path; others may change what is there at any time
 * @follow: follow a link at its end
 * @st: result: what is open
 *
 * Return: its descriptor, or -1.
 */
int open_regular(int root, const char *path, bool follow, struct stat *st)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (root == AT_FDCWD)
		return open_found(open(path, how.flags), st);
	return open_found(syscall(__NR_openat2, root, path, &how, sizeof(how)), st);
}

/* The page is read again when this returns, and then has zeros. */
static void on_bus_error(int sig, siginfo_t *info, void *context)
{
	uintptr_t size = sysconf(_SC_PAGESIZE), page = (uintptr_t)info->si_addr & ~(size - 1);
	int saved = errno;

	(void)context;
	if (info->si_code != BUS_ADRERR ||
	    mmap((void *)page, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		signal(sig, SIG_DFL);
	errno = saved;
}

/**
 * survive_truncation() - from now on, a mapped file may become shorter
 *
 * libdw maps the files that it reads. Their owners may truncate them meanwhile, and to read a page
 * behind the new end would then kill the program (SIGBUS). Instead, such a page has zeros.
 */
void survive_truncation(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &action, NULL);
}

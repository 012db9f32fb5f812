/* SPDX-License-Identifier: GPL-2.0 */
/* Files whose paths and contents strangers chose. */
#ifndef COWSTAT_FILES_H
#define COWSTAT_FILES_H

#include <stdbool.h>
#include <sys/stat.h>

int open_regular(int root, const char *path, bool follow, struct stat *st);
void survive_truncation(void);

#endif /* COWSTAT_FILES_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* Names of containers, from the files of the runtimes that started them. */
#ifndef COWSTAT_CONTAINERS_H
#define COWSTAT_CONTAINERS_H

#define CONTAINER_ID_DIGITS	64
#define CONTAINER_NAME_MAX	128

const char *container_name(const char *id);
void containers_below(const char *root);

#endif /* COWSTAT_CONTAINERS_H */

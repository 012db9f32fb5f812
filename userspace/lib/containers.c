// SPDX-License-Identifier: GPL-2.0
/*
 * The runtimes keep what they know about their containers in files of their own, for root:
 *
 *   Podman, CRI-O	/var/lib/containers/storage/DRIVER-containers/containers.json
 *			an array: [ { "id": ..., "names": [ NAME ] } ]
 *   Docker		/var/lib/docker/containers/ID/config.v2.json
 *			{ "Name": "/NAME" }
 *   containerd (CRI)	/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json
 *			{ "annotations": { "io.kubernetes.cri.container-name": NAME,
 *			  "io.kubernetes.cri.sandbox-name": POD } }
 *
 * A file counts only if it is root's or our own, nobody else may write it, it is no link, and it is
 * not too long. What is in no file, or in a file of another form, has no name.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "containers.h"

#define FILE_BYTES_MAX	(8L << 20)
#define CACHED		8192		  /* names that are kept */
#define PROBES		8		  /* places where a name may be */
#define NAME_AGE_NS	(60 * NS_PER_S)	  /* containers are seldom given another name */
#define LIST_AGE_NS	(5 * NS_PER_S)	  /* how soon we look again for what was not found */

/* Files that list all containers of a runtime. */
static const char *const lists[] = {
	"/var/lib/containers/storage/overlay-containers/containers.json",
	"/var/lib/containers/storage/vfs-containers/containers.json",
	"/var/lib/containers/storage/btrfs-containers/containers.json",
};

/* Before that, tests put a folder of theirs. */
static const char *root = "";

/* Names, or "" for ids without one: each in one of PROBES places that its id's first digits give. */
static struct cached {
	char id[CONTAINER_ID_DIGITS + 1];
	char name[CONTAINER_NAME_MAX];
	uint64_t until_ns;
} cache[CACHED + PROBES];

static uint64_t lists_read_ns;

/* Where an id is, or else where it may be put: in the place that is free first. */
static struct cached *place_of(const char *id)
{
	struct cached *c, *first, *oldest;
	char digits[9] = "";

	memcpy(digits, id, 8);
	first = &cache[strtoul(digits, NULL, 16) % CACHED];
	oldest = first;
	for (c = first; c < first + PROBES; c++) {
		if (!strcmp(c->id, id))
			return c;
		if (c->until_ns < oldest->until_ns)
			oldest = c;
	}
	return oldest;
}

/* Return: where an id is, or NULL if it is not known, or was read too long ago. */
static const struct cached *find(const char *id, uint64_t now)
{
	const struct cached *c = place_of(id);

	return strcmp(c->id, id) || c->until_ns <= now ? NULL : c;
}

static bool is_id(const char *id)
{
	return strlen(id) == CONTAINER_ID_DIGITS &&
	       strspn(id, "0123456789abcdef") == CONTAINER_ID_DIGITS;
}

static void remember(const char *id, const char *name, uint64_t now)
{
	struct cached *c = place_of(id);

	snprintf(c->id, sizeof(c->id), "%s", id);
	snprintf(c->name, sizeof(c->name), "%s", name);
	c->until_ns = now + (*name ? NAME_AGE_NS : LIST_AGE_NS);
}

static bool is_trusted(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES_MAX &&
	       (!st.st_uid || st.st_uid == geteuid()) && !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* jansson asks for more of a file; at most FILE_BYTES_MAX, though the file may grow meanwhile. */
struct bounded {
	int fd;
	long left;
};

static size_t read_bounded(void *to, size_t size, void *arg)
{
	struct bounded *b = arg;
	ssize_t n;

	if (b->left <= 0)
		return (size_t)-1;
	if (size > (size_t)b->left)
		size = b->left;
	n = read(b->fd, to, size);
	if (n < 0)
		return (size_t)-1;
	b->left -= n;
	return n;
}

/* Return: the JSON of a file; NULL if there is none that counts. */
static json_t *load(const char *path)
{
	struct bounded b = { .left = FILE_BYTES_MAX };
	json_t *json = NULL;
	char whole[PATH_MAX];

	if (snprintf(whole, sizeof(whole), "%s%s", root, path) >= (int)sizeof(whole))
		return NULL;
	b.fd = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (b.fd < 0)
		return NULL;
	if (is_trusted(b.fd))
		json = json_load_callback(read_bounded, &b, 0, NULL);
	close(b.fd);
	return json;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key)) ?: "";
}

static void read_list(const char *path, uint64_t now)
{
	json_t *list = load(path), *container;
	const char *id, *name;
	size_t i;

	json_array_foreach(list, i, container) {
		id = text_of(container, "id");
		name = json_string_value(json_array_get(json_object_get(container, "names"), 0));
		if (name && is_id(id))
			remember(id, name, now);
	}
	json_decref(list);
}

static bool ask_docker(const char *id, char *name, size_t size)
{
	char path[PATH_MAX];
	const char *found;
	json_t *json;

	snprintf(path, sizeof(path), "/var/lib/docker/containers/%s/config.v2.json", id);
	json = load(path);
	found = text_of(json, "Name");
	snprintf(name, size, "%s", *found == '/' ? found + 1 : found);
	json_decref(json);
	return *name;
}

/* Several pods have containers of one name, so the name of the pod stands before it. */
static bool ask_containerd(const char *id, char *name, size_t size)
{
	const char *found, *pod;
	json_t *json, *notes;
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 "/run/containerd/io.containerd.runtime.v2.task/k8s.io/%s/config.json", id);
	json = load(path);
	notes = json_object_get(json, "annotations");
	found = text_of(notes, "io.kubernetes.cri.container-name");
	pod = text_of(notes, "io.kubernetes.cri.sandbox-name");
	snprintf(name, size, "%s%s%s", pod, *pod && *found ? ":" : "", found);
	json_decref(json);
	return *name;
}

/**
 * container_name() - what the user calls a container
 * @id: its id: 64 hexadecimal digits, then anything
 *
 * Not for several threads. A name is kept for a minute, since screens ask for all names every second.
 *
 * Return: its name, valid until the next call; NULL if no runtime's file that we may read has one.
 * It may have any bytes.
 */
const char *container_name(const char *id)
{
	char digits[CONTAINER_ID_DIGITS + 1], name[CONTAINER_NAME_MAX] = "";
	uint64_t now = now_ns();
	const struct cached *c;
	size_t i;

	snprintf(digits, sizeof(digits), "%s", id);
	if (!is_id(digits))
		return NULL;
	c = find(digits, now);
	if (!c && (!lists_read_ns || now - lists_read_ns > LIST_AGE_NS)) {
		for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
			read_list(lists[i], now);
		lists_read_ns = now;
		c = find(digits, now);
	}
	if (!c) {
		if (!ask_docker(digits, name, sizeof(name)))
			ask_containerd(digits, name, sizeof(name));
		remember(digits, name, now);
		c = find(digits, now);
	}
	return *c->name ? c->name : NULL;
}

/**
 * containers_below() - look for the runtimes' files below another folder, and forget all names
 * @folder: must stay; for tests
 */
void containers_below(const char *folder)
{
	root = folder;
	lists_read_ns = 0;
	memset(cache, 0, sizeof(cache));
}

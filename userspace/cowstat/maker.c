// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "maker.h"
#include "table_json.h"

/**
 * struct maker - the thread, and what it makes
 * @head: bytes to leave free before the text
 * @thread: of one document; it ends with it
 * @busy: there is a thread
 * @t: a copy of the table, the thread's
 * @text: the document, once @fd is readable; NULL when memory was out
 * @size: of @text, with its head
 * @fd: an eventfd, readable when the thread is about to end
 */
struct maker {
	size_t head;
	pthread_t thread;
	bool busy;
	struct cow_table t;
	char *text;
	size_t size;
	int fd;
};

/**
 * maker_new() - get ready to make documents
 * @head: bytes to leave free before each document, for the caller
 *
 * Return: the maker, to be given to maker_free(); NULL with errno.
 */
struct maker *maker_new(size_t head)
{
	struct maker *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->head = head;
	m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->fd >= 0)
		return m;
	free(m);
	return NULL;
}

/* Print the table into memory. Return: 0 or -1. */
static int print(struct maker *m)
{
	FILE *f = open_memstream(&m->text, &m->size);
	size_t i;
	int ret;

	if (!f)
		return -1;
	for (i = 0; i < m->head; i++)
		fputc(0, f);
	ret = json_table(&m->t, f);
	ret |= ferror(f);
	return fclose(f) || ret ? -1 : 0;
}

static void *work(void *arg)
{
	struct maker *m = arg;

	if (print(m)) {
		free(m->text);
		m->text = NULL;
	}
	eventfd_write(m->fd, 1);
	return NULL;
}

/**
 * maker_begin() - begin to make a document
 * @maker: it is not busy
 * @t: the table; it is copied
 *
 * Return: 0 or a negative errno.
 */
int maker_begin(struct maker *maker, const struct cow_table *t)
{
	int err;

	maker->t = *t;
	maker->t.row = malloc((t->nr + 1) * sizeof(*t->row));
	if (!maker->t.row)
		return -ENOMEM;
	memcpy(maker->t.row, t->row, t->nr * sizeof(*t->row));
	maker->text = NULL;
	err = pthread_create(&maker->thread, NULL, work, maker);
	if (err)
		free(maker->t.row);
	else
		maker->busy = true;
	return -err;
}

/**
 * maker_is_busy() - is a document being made, or made and not taken?
 * @maker: the maker
 *
 * Return: true if so.
 */
bool maker_is_busy(const struct maker *maker)
{
	return maker->busy;
}

/**
 * maker_fd() - where it can be seen that a document is made
 * @maker: the maker
 *
 * Return: a file descriptor, for poll().
 */
int maker_fd(const struct maker *maker)
{
	return maker->fd;
}

/**
 * maker_take() - take the document; waits for it if it is not made yet
 * @maker: it is busy
 * @size: set to its size, with the head
 *
 * Return: the head and the document, to be freed; NULL when memory was out.
 */
char *maker_take(struct maker *maker, size_t *size)
{
	eventfd_t n;

	pthread_join(maker->thread, NULL);
	eventfd_read(maker->fd, &n);
	free(maker->t.row);
	maker->busy = false;
	*size = maker->size;
	return maker->text;
}

/**
 * maker_free() - wait for the thread, and give the memory back
 * @maker: the maker, or NULL
 */
void maker_free(struct maker *maker)
{
	size_t size;

	if (!maker)
		return;
	if (maker->busy)
		free(maker_take(maker, &size));
	close(maker->fd);
	free(maker);
}

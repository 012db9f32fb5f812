// SPDX-License-Identifier: GPL-2.0
/* A child that carries out orders from its parent, one at a time. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "puppet.h"
#include "uapi/cowstat.h"

/* A program that only waits until its stdin ends. */
#define WAITING_PROGRAM	"/bin/cat"

struct order {
	enum verb verb;
	unsigned char *start;
	size_t pages;
};

/**
 * read_pages() - read a byte of each page
 * @start: the first page
 * @pages: number of pages
 */
void read_pages(const unsigned char *start, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		(void)*(volatile const unsigned char *)(start + i * COWSTAT_PAGE_BYTES);
}

/**
 * write_pages() - write a byte of each page
 * @start: the first page
 * @pages: number of pages
 */
void write_pages(unsigned char *start, size_t pages)
{
	size_t i;

	for (i = 0; i < pages; i++)
		*(volatile unsigned char *)(start + i * COWSTAT_PAGE_BYTES) = 7;
}

__attribute__((noreturn)) static void carry_out(int orders, int answers)
{
	struct order order;

	while (read(orders, &order, sizeof(order)) == sizeof(order)) {
		switch (order.verb) {
		case PUPPET_REST:
			break;
		case PUPPET_READ:
			read_pages(order.start, order.pages);
			break;
		case PUPPET_WRITE:
			write_pages(order.start, order.pages);
			break;
		case PUPPET_EXEC:
			/* exec closes the pipe of answers. The parent takes that as the answer. */
			if (dup2(orders, STDIN_FILENO) >= 0)
				execl(WAITING_PROGRAM, WAITING_PROGRAM, NULL);
			_exit(127);
		}
		if (write(answers, "", 1) != 1)
			_exit(EXIT_FAILURE);
	}
	_exit(EXIT_SUCCESS);
}

/**
 * puppet_start() - fork a child that waits for orders
 * @p: result: the child, to be ended with puppet_end()
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int puppet_start(struct puppet *p)
{
	int orders[2], answers[2];

	p->pid = 0;
	if (pipe2(orders, O_CLOEXEC)) {
		warn("cannot make a pipe");
		return -1;
	}
	if (pipe2(answers, O_CLOEXEC)) {
		warn("cannot make a pipe");
		close(orders[0]);
		close(orders[1]);
		return -1;
	}
	p->pid = fork();
	if (!p->pid) {
		close(orders[1]);
		close(answers[0]);
		carry_out(orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	p->orders = orders[1];
	p->answers = answers[0];
	if (p->pid < 0) {
		warn("cannot fork");
		p->pid = 0;
		close(p->orders);
		close(p->answers);
		return -1;
	}
	return 0;
}

/**
 * puppet_do() - give the child an order, and wait until it has been carried out
 * @p: the child
 * @verb: what to do
 * @start: address of the first page, the same in both processes
 * @pages: number of pages
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int puppet_do(struct puppet *p, enum verb verb, unsigned char *start, size_t pages)
{
	struct order order = { verb, start, pages };
	ssize_t want = verb == PUPPET_EXEC ? 0 : 1;
	char answer;

	if (write(p->orders, &order, sizeof(order)) == sizeof(order) &&
	    read(p->answers, &answer, 1) == want)
		return 0;
	warnx("child %d did not carry out an order", p->pid);
	return -1;
}

/**
 * puppet_end() - let the child exit, and wait for it
 * @p: the child; its pid is 0 afterwards
 *
 * Return: 0, or -1 after printing the reason on stderr.
 */
int puppet_end(struct puppet *p)
{
	int status;

	close(p->orders);
	close(p->answers);
	while (waitpid(p->pid, &status, 0) < 0) {
		if (errno != EINTR) {
			warn("cannot wait for child %d", p->pid);
			return -1;
		}
	}
	if (status)
		warnx("child %d failed: wait status 0x%x", p->pid, status);
	p->pid = 0;
	return status ? -1 : 0;
}

// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "calls.h"

/* Length of an indirect call, opcode FF /2, that begins with its opcode; 0 if it is none. */
static size_t indirect_call(const unsigned char *code, size_t len)
{
	unsigned int mod, base;
	size_t need = 2;

	if (len < 2 || code[0] != 0xff || (code[1] >> 3 & 7) != 2)
		return 0;
	mod = code[1] >> 6;
	base = code[1] & 7;
	if (mod != 3 && base == 4) { /* one more byte says how the address is made up */
		if (len < 3)
			return 0;
		need++;
		base = code[2] & 7;
	}
	if (mod == 1)
		need += 1;
	else if (mod == 2 || (mod == 0 && base == 5))
		need += 4;
	return need;
}

/**
 * returns_here() - can an address be a return address?
 * @text: machine code around the address
 * @before: how many bytes of it are before the address
 * @after: how many bytes of it are at the address and behind it
 *
 * Prefixes of a call do not matter, since they are before the bytes that are looked at.
 *
 * Return: true if a call instruction ends there; if a signal handler returns there, to a call of
 * rt_sigreturn(2); or if Go's first function of a goroutine is there, which nothing calls.
 */
bool returns_here(const unsigned char *text, size_t before, size_t after)
{
	static const unsigned char sigreturn[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	size_t len;

	if (before >= 5 && text[before - 5] == 0xe8)
		return true;
	for (len = 2; len <= before && len <= 7; len++)
		if (indirect_call(text + before - len, len) == len)
			return true;
	if (after >= sizeof(sigreturn) && !memcmp(text + before, sigreturn, sizeof(sigreturn)))
		return true;
	return before && after && text[before - 1] == 0x90 && text[before] == 0xe8;
}

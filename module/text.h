/* SPDX-License-Identifier: GPL-2.0 */
/* The instructions `call rel32` and `jmp rel32`, which are looked for in the kernel's text. */
#ifndef COWSTAT_TEXT_H
#define COWSTAT_TEXT_H

#include <linux/string.h>
#include <linux/types.h>

#define TEXT_CALL	0xe8
#define TEXT_JUMP	0xe9
#define TEXT_CALL_BYTES	5 /* a jump has as many */
#define TEXT_ENDBR_BYTES 4

/**
 * text_target() - where a call or a jump leads
 * @at: its address
 * @text: its bytes
 *
 * Return: the address: of a function's first byte, of the byte behind its ENDBR, or of a thunk.
 */
static inline unsigned long text_target(unsigned long at, const u8 *text)
{
	s32 relative;

	memcpy(&relative, text + 1, sizeof(relative));
	return at + TEXT_CALL_BYTES + relative;
}

#endif /* COWSTAT_TEXT_H */

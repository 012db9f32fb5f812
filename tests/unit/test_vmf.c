// SPDX-License-Identifier: GPL-2.0
/* module/vmf.h: an mm is found in every known list of arguments, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct mm_struct {
	int pages;
};

struct vm_area_struct {
	struct mm_struct *vm_mm;
};

struct vm_fault {
	struct vm_area_struct *vma;
};

/* The kernel's stack, and all that its allocator could return. */
static struct vm_fault stack[2];
static struct {
	struct mm_struct mm, other_mm;
	struct vm_area_struct vma;
	struct vm_fault vmf;
	char folio[64];
} heap = { .vma.vm_mm = &heap.mm, .vmf.vma = &heap.vma };

static bool is_in(const void *p, const void *from, size_t size)
{
	return (uintptr_t)p - (uintptr_t)from < size;
}

#define object_is_on_stack(p)	is_in(p, stack, sizeof(stack))
#define virt_addr_valid(p)	is_in(p, &heap, sizeof(heap))

#include "vmf.h"

/* The compiler may not know what the arguments are, as a callback does not. */
static struct mm_struct *mm_of(const void *arg0, const void *arg1)
{
	__asm__ volatile("" : "+r"(arg0), "+r"(arg1));
	return vmf_or_vma_mm(arg0, arg1);
}

static void test_vm_fault_is_on_the_stack(void **state)
{
	(void)state;
	stack[0].vma = &heap.vma;
	assert_ptr_equal(mm_of(&stack[0], NULL), &heap.mm);
	assert_ptr_equal(mm_of(&stack[0], &heap.vma), &heap.mm);
	assert_ptr_equal(mm_of(&stack[0], (void *)0x7f0000001000), &heap.mm);
	assert_ptr_equal(mm_of(heap.folio, &stack[0]), &heap.mm);
	assert_ptr_equal(mm_of(NULL, &stack[0]), &heap.mm);
}

static void test_mm_is_that_of_the_vma(void **state)
{
	(void)state;
	assert_ptr_equal(mm_of(&heap.mm, &heap.vma), &heap.mm);
}

static void test_unknown_arguments_have_no_mm(void **state)
{
	(void)state;
	assert_null(mm_of(&heap.other_mm, &heap.vma));
	assert_null(mm_of(&heap.vma, &heap.mm));
	/* not dereferenced: an address, flags, an error pointer */
	assert_null(mm_of(&heap.mm, (void *)0x7f0000001000));
	assert_null(mm_of(&heap.mm, (void *)1));
	assert_null(mm_of(NULL, NULL));
	assert_null(mm_of((void *)-12L, (void *)-12L));
	/* a vm_fault that does not lie on the stack */
	assert_null(mm_of(&heap.vmf, heap.folio));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vm_fault_is_on_the_stack),
		cmocka_unit_test(test_mm_is_that_of_the_vma),
		cmocka_unit_test(test_unknown_arguments_have_no_mm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

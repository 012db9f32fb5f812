/* SPDX-License-Identifier: GPL-2.0 */
/* Headers that do not compile. */
struct vm_area_struct;
#error "this header is not for this compiler"

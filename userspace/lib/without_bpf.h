/* SPDX-License-Identifier: GPL-2.0 */
/* What programs say that were built without BPF (make BPF=no). */
#ifndef COWSTAT_WITHOUT_BPF_H
#define COWSTAT_WITHOUT_BPF_H

#define WITHOUT_BPF	"was built without BPF, which needs libbpf 1.0 and Linux 5.17 or later"

#endif /* COWSTAT_WITHOUT_BPF_H */

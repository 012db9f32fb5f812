// SPDX-License-Identifier: GPL-2.0
/*
 * Makes ftrace shut itself down, as it does when it finds an error of its own. It works again
 * only after a reboot.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/module.h>

static int __init ftracekill_init(void)
{
	/* ftrace_kill() is not exported, but a disabled kprobe finds its address. */
	struct kprobe probe = { .symbol_name = "ftrace_kill", .flags = KPROBE_FLAG_DISABLED };
	void (*ftrace_kill_function)(void);
	int err = register_kprobe(&probe);

	if (err)
		return err;
	ftrace_kill_function = (void *)probe.addr;
	unregister_kprobe(&probe);
	pr_info("shutting ftrace down at %pS\n", ftrace_kill_function);
	ftrace_kill_function();
	return 0;
}

static void __exit ftracekill_exit(void)
{
}

module_init(ftracekill_init);
module_exit(ftracekill_exit);

MODULE_DESCRIPTION("For tests: calls ftrace_kill()");
MODULE_AUTHOR("The cowstat authors");
MODULE_LICENSE("GPL");

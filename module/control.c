// SPDX-License-Identifier: GPL-2.0
/*
 * Switches counting on and off, and resets: the order in which hooks are armed and the table is
 * updated.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/ktime.h>

#include "control.h"
#include "counting.h"
#include "event.h"
#include "fault.h"
#include "fork.h"
#include "hook.h"
#include "table.h"
#include "timing.h"

/*
 * Serialises arming, disarming and reset. It is taken before all other locks, and held across
 * RCU-tasks grace periods.
 */
static DEFINE_MUTEX(control_mutex);

/*
 * What readers see. Writers hold control_mutex and status_lock. Readers take only status_lock,
 * so they never wait for arming.
 */
static DEFINE_SPINLOCK(status_lock);
static struct control_status status;

/*
 * A sequence count: each reset increments it twice, so it is odd while a reset runs. A snapshot
 * that was taken between two equal, even values is of one epoch. So the reader needs no lock
 * that would make the writer of a control word wait.
 */
static unsigned long reset_seq;

static void set_status(const struct control_status *to)
{
	spin_lock(&status_lock);
	status = *to;
	spin_unlock(&status_lock);
}

static int time_faults(struct control_status *to)
{
	int err = fault_use_rmap(FAULT_RMAP_TIMES, true);

	if (err) {
		pr_err("cannot time faults: %d\n", err);
		return err;
	}
	fault_set_slow(FAULT_CLOCK, !timing_start());
	fault_set_slow(FAULT_TIMED, true);
	to->armed |= BIT(COWSTAT_HOOK_TIME);
	to->counted |= BIT(COWSTAT_HOOK_TIME);
	return 0;
}

static void time_no_faults(struct control_status *to)
{
	fault_set_slow(FAULT_TIMED, false);
	fault_set_slow(FAULT_CLOCK, false);
	timing_stop();
	fault_use_rmap(FAULT_RMAP_TIMES, false);
	to->armed &= ~BIT(COWSTAT_HOOK_TIME);
}

/*
 * Attach to exits first: a row whose process exits unseen would stay live for ever. Arm
 * do_wp_page() before its commit points (the order of fault_hooks), and start counting only
 * when all are armed. Then each commit that counts has an entry that counts.
 */
static int arm(struct control_status *to)
{
	int err;

	err = fork_arm();
	if (err)
		return err;
	table_mark_dead();
	event_forget();
	err = fault_arm();
	to->armed = fault_hooked();
	if (err)
		goto disarm_fork;
	counting_start();
	fault_set_slow(FAULT_SWITCHING, false);
	to->counting = true;
	to->armed = fork_mask() | fault_mask();
	if (to->timing && time_faults(to))
		to->timing = false; /* the log says why; counting goes on without it */
	to->counted |= to->armed;
	return 0;

disarm_fork:
	fork_disarm();
	return err;
}

/* Disarm every hook. Counting is off afterwards, even when hooks could not be removed. */
static int disarm(struct control_status *to)
{
	int err;

	if (to->counting) {
		time_no_faults(to);
		fault_set_slow(FAULT_SWITCHING, true);
		counting_stop();
	}
	err = fault_disarm();
	fork_disarm();
	table_settle();
	to->counting = false;
	to->armed = fault_hooked();
	return err;
}

/*
 * Hooks could not be removed, so the kernel continues to call this module. Take a reference
 * and never drop it: rmmod then fails.
 */
static void pin_module(void)
{
	static bool pinned;

	lockdep_assert_held(&control_mutex);
	if (pinned)
		return;
	pinned = true;
	__module_get(THIS_MODULE);
	pr_err("hooks could not be removed, so this module stays loaded until the machine reboots\n");
}

/*
 * Hooks could not be removed, and unloading has already begun. When module exit returns, the
 * kernel frees our text whatever the reference count is, and the next fault would crash. So
 * exit does not return: the task that unloads sleeps until reboot. It holds no lock, and
 * sleeps in TASK_IDLE, so the hung-task detector and the load average ignore it.
 */
static void __noreturn stay_loaded(void)
{
	pr_emerg("hooks could not be removed: unloading waits for ever, please reboot\n");
	for (;;) {
		set_current_state(TASK_IDLE);
		schedule();
	}
}

/**
 * control_counting() - arm or disarm every hook
 * @on: true to arm, false to disarm
 *
 * Context: may sleep; waits for some RCU-tasks grace periods.
 * Return: 0; -EINTR if current was killed while it waited for another writer; or the error of
 * ftrace, and then counting is off. If hooks could not be removed, the module stays loaded.
 */
int control_counting(bool on)
{
	struct control_status to;
	int err = 0;

	if (mutex_lock_killable(&control_mutex))
		return -EINTR;
	to = status;
	if (on && !to.counting)
		err = arm(&to);
	else if (!on && (to.counting || to.armed))
		err = disarm(&to);
	if (err && fault_hooked())
		pin_module();
	set_status(&to);
	mutex_unlock(&control_mutex);
	return err;
}

/**
 * control_timing() - switch the timing of faults on or off
 * @on: true for on; faults are timed only while counting is on
 *
 * Context: may sleep.
 * Return: as control_counting(). After an error timing is off.
 */
int control_timing(bool on)
{
	struct control_status to;
	int err = 0;

	if (mutex_lock_killable(&control_mutex))
		return -EINTR;
	to = status;
	if (to.counting && on && !to.timing)
		err = time_faults(&to);
	else if (to.counting && !on && to.timing)
		time_no_faults(&to);
	to.timing = on && !err;
	set_status(&to);
	mutex_unlock(&control_mutex);
	return err;
}

/**
 * control_tracing() - start or stop reporting the new frame of copies to the tracepoint
 * @on: true to start
 *
 * Context: may sleep. To stop it waits for some RCU-tasks grace periods.
 */
void control_tracing(bool on)
{
	mutex_lock(&control_mutex);
	if (fault_use_rmap(FAULT_RMAP_TRACES, on))
		pr_err("events do not tell the new frame of a copy\n");
	mutex_unlock(&control_mutex);
}

static void begin_epoch(struct control_status *to)
{
	to->epoch++;
	to->since_ns = ktime_get_boottime_ns();
	to->counted = 0;
}

/**
 * control_reset() - forget all rows and begin a new epoch
 *
 * Hooks are disarmed during the reset, so that no fault is counted partly in one epoch and
 * partly in the next. Events during the reset are not counted at all.
 *
 * Context: may sleep.
 * Return: as control_counting().
 */
int control_reset(void)
{
	struct control_status to;
	bool counting;
	int err = 0;

	if (mutex_lock_killable(&control_mutex))
		return -EINTR;
	to = status;
	counting = to.counting;
	if (counting)
		err = disarm(&to);
	WRITE_ONCE(reset_seq, reset_seq + 1);
	smp_wmb(); /* Order: the sequence is odd before any row is freed. */
	table_reset();
	timing_reset();
	fault_reset();
	begin_epoch(&to);
	set_status(&to);
	/* Order: the sequence is even only after all of that. */
	smp_store_release(&reset_seq, reset_seq + 1);
	if (counting)
		err = err ?: arm(&to);
	if (err && fault_hooked())
		pin_module();
	set_status(&to);
	mutex_unlock(&control_mutex);
	return err;
}

/**
 * control_reset_seq() - read the reset sequence, to detect a reset during a snapshot
 *
 * Context: any.
 * Return: the sequence; odd while a reset runs.
 */
unsigned long control_reset_seq(void)
{
	return smp_load_acquire(&reset_seq); /* Order: before any row is read. */
}

/**
 * control_status() - copy the current status
 * @out: the copy, consistent in itself
 *
 * Context: process context.
 */
void control_status(struct control_status *out)
{
	spin_lock(&status_lock);
	*out = status;
	spin_unlock(&status_lock);
}

/**
 * control_init() - resolve every hook and start counting
 *
 * Return: 0, or a negative error: then the log says why, and nothing is armed. Also 0 if arming
 * failed and hooks could not be removed: the module must stay loaded, and counting is off.
 */
int __init control_init(void)
{
	struct control_status to = {};
	unsigned long absent = fault_init();
	int err;

	err = fault_resolve(absent) ?: fork_resolve();
	if (err)
		goto release_fault;
	err = timing_init();
	if (err)
		goto release_fault;
	begin_epoch(&to);
	set_status(&to);
	err = control_counting(true);
	if (err && fault_hooked())
		return 0; /* must stay loaded: counting is off, and the log says why */
	if (err)
		goto exit_timing;
	return 0;

exit_timing:
	timing_exit();
release_fault:
	fault_release();
	return err;
}

/**
 * control_exit() - stop counting and free everything
 *
 * Does not return when hooks cannot be removed: see stay_loaded().
 */
void control_exit(void)
{
	int err = 0;

	mutex_lock(&control_mutex);
	if (status.counting || status.armed)
		err = disarm(&status);
	mutex_unlock(&control_mutex);
	if (err)
		stay_loaded();
	timing_exit();
	fault_release();
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's emulator that counts how many instructions each processor
 * executes between two marks that the guest executes (see marks.h), and writes
 *
 *	PROCESSOR INSTRUCTIONS
 *
 * for each that executed any to the file that its argument into= names: again at
 * each second mark. A processor that waits for an interrupt executes nothing.
 *
 * The emulator must run all processors in one thread (-accel tcg,thread=single), in
 * turns. Then one counter for all of them suffices: each block says whose turn it
 * is, and what was counted since the last one did belongs to that one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator.h"

#define CPUS	64

static const char *path;
static uint64_t executed;	/* by all */
static uint64_t before;		/* of these, in turns that are over */
static uint64_t by[CPUS];
static unsigned int turn;

static void settle(void)
{
	by[turn] += executed - before;
	before = executed;
}

static void block(unsigned int cpu, void *data)
{
	(void)data;
	if (cpu == turn)
		return;
	settle();
	turn = cpu % CPUS;
}

static void start(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	before = executed;
	memset(by, 0, sizeof(by));
}

static void stop(unsigned int cpu, void *data)
{
	FILE *file = fopen(path, "w");
	unsigned int i;

	(void)cpu;
	(void)data;
	settle();
	if (!file)
		return;
	for (i = 0; i < CPUS; i++)
		if (by[i])
			fprintf(file, "%u %" PRIu64 "\n", i, by[i]);
	fclose(file);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block, CB_NO_REGS, NULL);
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &executed, 1);
		if (is_mark(insn, MARK_START))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, start, CB_NO_REGS, NULL);
		else if (is_mark(insn, MARK_STOP))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stop, CB_NO_REGS, NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	path = into(argc, argv);
	if (!path)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}

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
 * It counts when a translated block begins: all of its instructions, also if a fault
 * ends it early, which few do.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator.h"

#define CPUS	64

static const char *path;
static uint64_t executed[CPUS];

static void block(unsigned int cpu, void *instructions)
{
	executed[cpu % CPUS] += (uintptr_t)instructions;
}

static void start(unsigned int cpu, void *data)
{
	(void)cpu;
	(void)data;
	memset(executed, 0, sizeof(executed));
}

static void stop(unsigned int cpu, void *data)
{
	FILE *file = fopen(path, "w");
	unsigned int i;

	(void)cpu;
	(void)data;
	if (!file)
		return;
	for (i = 0; i < CPUS; i++)
		if (executed[i])
			fprintf(file, "%u %" PRIu64 "\n", i, executed[i]);
	fclose(file);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block, CB_NO_REGS, (void *)(uintptr_t)n);
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
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

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin of QEMU's emulator that counts how often each piece of code runs
 * between two marks that the guest executes (see marks.h), and writes
 *
 *	ADDRESS INSTRUCTIONS
 *
 * for each translated block to the file that its argument into= names: again at
 * each second mark, so that what remains is the last measurement.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator.h"

#define BUCKETS	(1U << 16)

struct piece {
	struct piece *next;
	uint64_t address;
	uint64_t count;
};

static struct piece *pieces[BUCKETS];
static const char *path;

/* One for each address: a block is translated anew now and then. */
static struct piece *piece(uint64_t address)
{
	struct piece **bucket = &pieces[(address ^ address >> 16) % BUCKETS];
	struct piece *p;

	for (p = *bucket; p; p = p->next)
		if (p->address == address)
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->address = address;
	p->next = *bucket;
	*bucket = p;
	return p;
}

static void start(unsigned int cpu, void *data)
{
	struct piece *p;
	unsigned int i;

	(void)cpu;
	(void)data;
	for (i = 0; i < BUCKETS; i++)
		for (p = pieces[i]; p; p = p->next)
			p->count = 0;
}

static void stop(unsigned int cpu, void *data)
{
	FILE *file = fopen(path, "w");
	struct piece *p;
	unsigned int i;

	(void)cpu;
	(void)data;
	if (!file)
		return;
	for (i = 0; i < BUCKETS; i++)
		for (p = pieces[i]; p; p = p->next)
			if (p->count)
				fprintf(file, "%" PRIx64 " %" PRIu64 "\n", p->address, p->count);
	fclose(file);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;

	(void)id;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		qemu_plugin_register_vcpu_insn_exec_inline(
			insn, INLINE_ADD_U64, &piece(qemu_plugin_insn_vaddr(insn))->count, 1);
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

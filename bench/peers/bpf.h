/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XDP programs by the bare system call.
 */
#ifndef BENCH_BPF_H
#define BENCH_BPF_H

#include <linux/bpf.h>
#include <stddef.h>

int bpf_map(enum bpf_map_type type, unsigned int key, unsigned int value, unsigned int entries);
void bpf_map_set(int map, const void *key, const void *value);
int bpf_program(const struct bpf_insn *insns, size_t count);
int bpf_attach(int program, int ifindex);

#endif

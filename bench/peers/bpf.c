// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/if_link.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf.h"
#include "peers.h"

static int call(enum bpf_cmd command, union bpf_attr *attr, const char *what)
{
	int ret = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));

	if (ret < 0)
		die(what);
	return ret;
}

int bpf_map(enum bpf_map_type type, unsigned int key, unsigned int value, unsigned int entries)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = key,
		.value_size = value,
		.max_entries = entries,
	};

	return call(BPF_MAP_CREATE, &attr, "BPF_MAP_CREATE");
}

void bpf_map_set(int map, const void *key, const void *value)
{
	union bpf_attr attr = {
		.map_fd = (uint32_t)map,
		.key = (uintptr_t)key,
		.value = (uintptr_t)value,
	};

	call(BPF_MAP_UPDATE_ELEM, &attr, "BPF_MAP_UPDATE_ELEM");
}

int bpf_program(const struct bpf_insn *insns, size_t count)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)insns,
		.insn_cnt = (uint32_t)count,
		.license = (uintptr_t)"GPL",
		.expected_attach_type = BPF_XDP,
	};

	return call(BPF_PROG_LOAD, &attr, "BPF_PROG_LOAD");
}

/* The program goes when the descriptor is closed. */
int bpf_attach(int program, int ifindex)
{
	union bpf_attr attr = {
		.link_create = {
			.prog_fd = (uint32_t)program,
			.target_ifindex = (uint32_t)ifindex,
			.attach_type = BPF_XDP,
			.flags = XDP_FLAGS_DRV_MODE,
		},
	};

	return call(BPF_LINK_CREATE, &attr, "BPF_LINK_CREATE");
}

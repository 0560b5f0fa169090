// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs of one steering function (option 17) and weights (8): their errors, and
 * who gets what, by the formula of the description.
 */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "steer.h"
#include "traffic.h"

/* --- errors ----------------------------------------------------------------- */

static void one_change(int fd, int gid, struct program p, long want, const char *name)
{
	expect(steer_program(fd, gid, &p), want, "%s", name);
}

static void argument_errors(int fd, int gid)
{
	struct program p;
	int i;

	for (i = 0; i < 8; i++) {
		p = steer_program_of("steer_flow");
		p.fun[0].arg[i].addr = (uintptr_t)&p;
		one_change(fd, gid, p, -EFAULT, "an argument that it does not take");
		p = steer_program_of("steer_flow");
		p.fun[0].arg[i].size = 1;
		one_change(fd, gid, p, -EFAULT, "a function as argument");
		p = steer_program_of("steer_flow");
		p.fun[0].arg[i].nelem = -1;
		one_change(fd, gid, p, -EFAULT, "half an argument");
	}
}

static void structure_errors(int fd, int gid)
{
	static const uint64_t sizes[] = { 0, 1UL << 20, 1UL << 32, 1UL << 63, (uint64_t)-1 };
	static const uint64_t entries[] = { 1, 2, 1UL << 32, (uint64_t)-1 };
	static const int64_t ends[] = { 1, -1, 2, INT64_MAX, INT64_MIN };
	struct program p;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = steer_program_of("steer_flow");
		p.size = sizes[i];
		one_change(fd, gid, p, -EFAULT, "a number of functions");
	}
	for (i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		p = steer_program_of("steer_flow");
		p.entry = entries[i];
		one_change(fd, gid, p, -EFAULT, "an entry point that is none");
	}
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		p = steer_program_of("steer_flow");
		p.fun[0].next = ends[i];
		one_change(fd, gid, p, 0, "a next that is no index ends the program");
	}
	p = steer_program_of("steer_flow");
	p.fun[0].next = 0;
	one_change(fd, gid, p, -EFAULT, "a cycle");
}

static void symbol_errors(int fd, int gid)
{
	static const char *const wrong[] = {
		"", "steer", "steer_flo", "steer_flow ", "steer_flows", "STEER_FLOW", " steer_flow",
	};
	char endless[4096];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		expect(steer_function(fd, gid, wrong[i]), -EFAULT, "symbol '%s'", wrong[i]);
	expect(steer_function(fd, gid, NULL), -EFAULT, "symbol at NULL");
	expect(steer_function(fd, gid, (char *)-4096L), -EFAULT, "symbol in the kernel");
	memset(endless, 's', sizeof(endless));
	endless[sizeof(endless) - 1] = 0;
	expect(steer_function(fd, gid, endless), -EFAULT, "symbol of 4095 characters");
}

/* The descriptor ends where the memory ends; it is read no further than it goes. */
static void edge_of_memory(int fd, int gid)
{
	const size_t size = offsetof(struct program, fun) + sizeof(struct function);
	struct program p = steer_program_of("steer_link");
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || munmap(map + 4096, 4096)) {
		verdict(false, "set-up", "mmap: %s", strerror(errno));
		return;
	}
	memcpy(map + 4096 - size, &p, size);
	expect(steer_program(fd, gid, (void *)(map + 4096 - size)), 0, "at the end of memory");
	memcpy(map + 4096 - size + 8, &p, size - 8);
	expect(steer_program(fd, gid, (void *)(map + 4096 - size + 8)), -EFAULT, "beyond it");
	munmap(map, 4096);
}

void test_program_options(void)
{
	static const char *const good[] = {
		"steer_flow", "steer_link", "steer_p2p", "steer_rrobin", "steer_rss",
	};
	int fd = q_socket(), gid = q_join(fd, -1, SHARED, 1), stranger = q_socket();
	size_t i;

	section("program, errors");
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(steer_function(fd, gid, good[i]), 0, "%s", good[i]);
	expect(steer_function(stranger, gid, "steer_flow"), -EACCES, "not joined");
	expect(steer_function(stranger, gid, "nothing"), -EACCES, "not joined, and wrong");
	expect(steer_function(fd, 64, "steer_flow"), -EACCES, "group 64");
	expect(steer_function(fd, -1, "steer_flow"), -EACCES, "group -1");
	expect(steer_program(fd, gid, NULL), -EFAULT, "at NULL");
	expect(steer_program(fd, gid, (void *)-4096L), -EFAULT, "in the kernel");
	structure_errors(fd, gid);
	symbol_errors(fd, gid);
	argument_errors(fd, gid);
	edge_of_memory(fd, gid);
	close(fd);
	close(stranger);
}

/* --- the formula ------------------------------------------------------------ */

/* The reader that a hash chooses, as one bit; the readers are in the order of their ids. */
static uint32_t chosen(const struct reader *readers, int n, uint32_t hash)
{
	int weights[MAX_READERS], i;

	for (i = 0; i < n; i++)
		weights[i] = readers[i].weight;
	i = steer_choose(weights, n, hash);
	return i < 0 ? 0 : 1U << i;
}

static uint32_t ports_hash(const struct flow *flow)
{
	if (flow->protocol != IPPROTO_TCP && flow->protocol != IPPROTO_UDP)
		return 0;
	return htons(flow->sport) ^ htons(flow->dport);
}

/* --- who gets what ------------------------------------------------------------ */

#define FLOWS 300
#define READERS 4

struct scene {
	struct reader readers[READERS + 1];	/* the last one is of another class */
	int gid, wire;
	uint32_t want[MAX_FRAMES];
};

static struct flow flow_of(uint32_t i)
{
	static const uint8_t protocols[] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP, 47 };
	struct flow flow = {
		0x0a000000 + i * 2654435761U % 65536, 0xc0a80000 + i * 40503 % 65536,
		(uint16_t)(1024 + i * 7), (uint16_t)(53 + i * 31), protocols[i % 4],
	};

	return flow;
}

/* Sends each flow, in turns in one and the other direction; every 16th frame is not IPv4. */
static void send_flows(struct scene *s, uint32_t (*hash)(const struct flow *), uint32_t others,
		       const char *name)
{
	struct stats before = group_stats(s->readers[0].fd, s->gid);
	uint32_t i, drop = 0;
	struct flow flow;
	struct frame f;

	for (i = 0; i < FLOWS; i++) {
		flow = flow_of(i / 2);
		s->want[i] = chosen(s->readers, READERS, hash(&flow));
		if (i % 2)
			flow = (struct flow){ flow.daddr, flow.saddr, flow.dport, flow.sport,
					      flow.protocol };
		if (i % 16 == 15) {
			frame_other(&f, i, i % 32 == 15 ? 0x86dd : 0x88b5, 80);
			s->want[i] = others;
			drop += !others;
		} else {
			frame_udp(&f, i, &flow, 60 + i);
		}
		wire_send(s->wire, &f);
	}
	expect_frames(s->readers, READERS + 1, s->want, FLOWS, name);
	expect_group(s->readers[0].fd, s->gid, &before, FLOWS, drop, name);
}

static uint32_t flow_hash(const struct flow *flow)
{
	return htonl(flow->saddr) ^ htonl(flow->daddr) ^ ports_hash(flow);
}

static uint32_t p2p_hash(const struct flow *flow)
{
	return htonl(flow->saddr) ^ htonl(flow->daddr);
}

static void set_weight(struct scene *s, int reader, int weight)
{
	expect(q_set_int(s->readers[reader].fd, SO_Q_WEIGHT, weight), 0, "weight %d", weight);
	s->readers[reader].weight = weight;
}

/* Every member of class 0 gets everything. */
static void no_program(struct scene *s)
{
	struct frame f;
	uint32_t i;

	for (i = 0; i < 100; i++) {
		struct flow flow = flow_of(i);

		s->want[i] = (1U << READERS) - 1;
		frame_udp(&f, i, &flow, 60 + i);
		wire_send(s->wire, &f);
	}
	expect_frames(s->readers, READERS + 1, s->want, 100, "without a program");
}

/* All sums of weights from 4 to 32: each way to fold. */
static void walk_weights(struct scene *s)
{
	char name[80];
	int i, total;

	for (i = 0; i < READERS; i++)
		set_weight(s, i, 1);
	for (i = 0, total = READERS; total <= 8 * READERS; total++) {
		snprintf(name, sizeof(name), "weights %d %d %d %d", s->readers[0].weight,
			 s->readers[1].weight, s->readers[2].weight, s->readers[3].weight);
		send_flows(s, flow_hash, 0, name);
		while (i < READERS && s->readers[i].weight == 8)
			i++;
		if (i < READERS)
			set_weight(s, i, s->readers[i].weight + 1);
	}
	for (i = 0; i < READERS; i++)
		set_weight(s, i, i + 1);
}

/* Who cannot take frames, or is of another class, is not in the list. */
static void walk_members(struct scene *s)
{
	struct reader *r = &s->readers[1];

	expect(q_leave(r->fd, s->gid), 0, "one leaves");
	r->weight = 0;
	send_flows(s, flow_hash, 0, "after one has left");
	expect(q_join(r->fd, s->gid, SHARED, 1), s->gid, "it joins again");
	r->weight = 2;
	send_flows(s, flow_hash, 0, "after it has joined again");

	reader_close(r);
	reader_open(r, s->gid, 1, false);
	r->weight = 0;
	send_flows(s, flow_hash, 0, "one is not enabled");
	reader_close(r);
	reader_open(r, s->gid, 1, true);
	send_flows(s, flow_hash, 0, "it is enabled again");
}

static void nobody(struct scene *s)
{
	struct stats before;
	struct frame f;
	uint32_t i;
	int k;

	for (k = 0; k < READERS; k++)
		expect(q_leave(s->readers[k].fd, s->gid), 0, "reader %d leaves", k);
	before = group_stats(s->readers[READERS].fd, s->gid);
	memset(s->want, 0, sizeof(s->want));
	for (i = 0; i < 32; i++) {
		struct flow flow = flow_of(i);

		frame_udp(&f, i, &flow, 60);
		wire_send(s->wire, &f);
	}
	expect_group(s->readers[READERS].fd, s->gid, &before, 32, 0, "nobody is eligible");
	expect_frames(s->readers, READERS + 1, s->want, 32, "nobody is eligible");
	for (k = 0; k < READERS; k++)
		expect(q_join(s->readers[k].fd, s->gid, SHARED, 1), s->gid, "join");
}

static void broadcast_addresses(struct scene *s)
{
	const uint32_t everybody = (1U << (READERS + 1)) - 1;
	struct flow flow = flow_of(1);
	struct frame f;
	uint32_t i;

	for (i = 0; i < 32; i++) {
		flow.daddr = i % 2 ? 0xffffffff : 0xc0a80000 + i;
		flow.saddr = i % 4 == 2 ? 0xffffffff : 0x0a000001;
		s->want[i] = everybody;
		if (i % 4 == 0)
			s->want[i] = chosen(s->readers, READERS, p2p_hash(&flow));
		frame_udp(&f, i, &flow, 60);
		wire_send(s->wire, &f);
	}
	expect_frames(s->readers, READERS + 1, s->want, 32, "p2p: broadcasts go to all classes");
}

static void by_link(struct scene *s)
{
	const uint32_t everybody = (1U << (READERS + 1)) - 1;
	const uint64_t all_ones = 0xffffffffffff;
	uint64_t to, from;
	uint16_t words[6];
	struct frame f;
	uint32_t i;

	expect(steer_function(s->readers[0].fd, s->gid, "steer_link"), 0, "steer_link");
	for (i = 0; i < FLOWS; i++) {
		to = i % 10 == 9 ? all_ones : 0x020000000000ULL + i / 2 * 0x1234567;
		from = 0x020000000000ULL + i / 2 * 0x76543;
		frame_other(&f, i, 0x88b5, 60 + i);
		if (i % 2 && i % 10 != 9)
			frame_macs(&f, from, to);
		else
			frame_macs(&f, to, from);
		memcpy(words, f.bytes, sizeof(words));
		s->want[i] = i % 10 == 9 ? everybody :
			     chosen(s->readers, READERS, words[0] ^ words[1] ^ words[2] ^
				    words[3] ^ words[4] ^ words[5]);
		wire_send(s->wire, &f);
	}
	expect_frames(s->readers, READERS + 1, s->want, FLOWS, "by MAC addresses");
}

/* Nobody but the kernel knows these hashes: each frame goes to one reader. */
static void by_other(struct scene *s, const char *symbol, bool by_flow)
{
	int i, k, waited, copies = 0, wrong = 0, busy = 0, of_flow[8] = { 0 };
	struct frame f;

	expect(steer_function(s->readers[0].fd, s->gid, symbol), 0, "%s", symbol);
	for (i = 0; i < FLOWS; i++) {
		struct flow flow = flow_of((uint32_t)i % 8 * 4);

		frame_udp(&f, (uint32_t)i, &flow, 100);
		wire_send(s->wire, &f);
	}
	for (waited = 0; waited < 5000 && copies < FLOWS; waited++) {
		usleep(1000);
		for (copies = 0, k = 0; k < READERS + 1; k++) {
			reader_take(&s->readers[k]);
			for (i = 0; i < FLOWS; i++)
				copies += (int)s->readers[k].seen[i];
		}
	}
	for (k = 0; k < READERS + 1; k++) {
		bool any = false;

		for (i = 0; i < FLOWS; i++) {
			any |= s->readers[k].seen[i] > 0;
			if (s->readers[k].seen[i])
				of_flow[i % 8] |= 1 << k;
		}
		busy += any;
		wrong += any && k == READERS;
		memset(s->readers[k].seen, 0, sizeof(s->readers[k].seen));
	}
	for (i = 0; i < 8; i++)
		wrong += by_flow && (of_flow[i] & (of_flow[i] - 1));
	verdict(copies == FLOWS && !wrong && busy > 1, symbol,
		"%d copies of %d frames, to %d readers, %d wrong", copies, FLOWS, busy, wrong);
}

void test_steering(const struct wires *wires)
{
	struct scene *s = calloc(1, sizeof(*s));
	int i;

	section("steering");
	for (i = 0; i <= READERS; i++) {
		reader_open(&s->readers[i], -1, 1, true);
		expect(q_id(s->readers[i].fd), i, "id of reader %d", i);
	}
	s->gid = q_join(s->readers[READERS].fd, -1, SHARED, 4);
	for (i = 0; i < READERS; i++)
		expect(q_join(s->readers[i].fd, s->gid, SHARED, 1), s->gid, "join");
	expect(bind_device(s->readers[0].fd, s->gid, wires->far[0]), 0, "bind");
	s->wire = wire_open(wires->near[0]);

	no_program(s);
	expect(steer_function(s->readers[0].fd, s->gid, "steer_flow"), 0, "steer_flow");
	send_flows(s, flow_hash, 0, "by addresses and ports");
	walk_weights(s);
	walk_members(s);
	nobody(s);
	expect(steer_function(s->readers[0].fd, s->gid, "steer_p2p"), 0, "steer_p2p");
	send_flows(s, p2p_hash, 0, "by addresses");
	broadcast_addresses(s);
	by_link(s);
	by_other(s, "steer_rss", true);
	by_other(s, "steer_rrobin", false);
	expect((long)s->readers[0].state, 0, "state, which nothing has set");

	close(s->wire);
	for (i = 0; i <= READERS; i++)
		reader_close(&s->readers[i]);
	free(s);
}

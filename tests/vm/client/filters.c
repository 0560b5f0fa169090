// SPDX-License-Identifier: GPL-2.0-or-later
/* Filters of groups: classic BPF (option 14) and VLANs (15, 16), their errors and what they let pass. */
#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

#define FRAMES 64
#define PRIORITY (3 << 13)
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define LD(size, k)		BPF_STMT(BPF_LD | (size) | BPF_ABS, (uint32_t)(k))
#define IS(k, yes, no)		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (yes), (no))
#define RET(k)			BPF_STMT(BPF_RET | BPF_K, (k))

static int set_filter(int fd, int gid, const struct sock_filter *code, size_t len)
{
	struct fprog prog = { .gid = gid, .len = (uint16_t)len, .filter = (uintptr_t)code };

	return q_set(fd, SO_Q_FPROG, &prog, sizeof(prog));
}

static int toggle(int fd, int gid, int on)
{
	struct vlan vlan = { gid, 77, on };

	return q_set(fd, SO_Q_VLAN_TOGGLE, &vlan, sizeof(vlan));
}

static int pass_vlan(int fd, int gid, int vid, int on)
{
	struct vlan vlan = { gid, vid, on };

	return q_set(fd, SO_Q_VLAN_FILT, &vlan, sizeof(vlan));
}

/* --- errors ----------------------------------------------------------------- */

void test_filter_options(void)
{
	static const struct sock_filter good[] = { LD(BPF_H, 12), RET(0xffff) };
	static const struct sock_filter endless[] = { LD(BPF_H, 12), LD(BPF_H, 12) };
	static const struct sock_filter far[] = { IS(1, 9, 0), RET(1) };
	static const struct sock_filter unknown[] = { { 0xfff0, 0, 0, 0 }, RET(1) };
	static const struct sock_filter scratch[] = { BPF_STMT(BPF_LD | BPF_MEM, 16), RET(1) };
	static struct sock_filter many[4097];
	int fd = q_socket(), gid = q_join(fd, -1, SHARED, 1), stranger = q_socket();
	size_t i;

	section("filter, errors");
	expect(set_filter(fd, gid, NULL, 0), 0, "none, when there is none");
	expect(set_filter(fd, gid, good, 2), 0, "two instructions");
	expect(set_filter(fd, gid, good, 2), 0, "again");
	expect(set_filter(fd, gid, good + 1, 1), 0, "one instruction");
	expect(set_filter(fd, gid, NULL, 0), 0, "none");
	expect(set_filter(fd, gid, endless, 2), -EINVAL, "no return at the end");
	expect(set_filter(fd, gid, far, 2), -EINVAL, "jump beyond the end");
	expect(set_filter(fd, gid, unknown, 2), -EINVAL, "unknown instruction");
	expect(set_filter(fd, gid, scratch, 2), -EINVAL, "scratch memory that there is not");
	for (i = 0; i < LENGTH(many); i++)
		many[i] = (struct sock_filter)RET(1);
	expect(set_filter(fd, gid, many, 4096), 0, "4096 instructions");
	expect(set_filter(fd, gid, many, 4097), -EINVAL, "4097 instructions");
	expect_any(set_filter(fd, gid, NULL, 2), "at NULL", -EINVAL, -EFAULT);
	expect_any(set_filter(fd, gid, (void *)-4096L, 2), "at a wild pointer", -EINVAL, -EFAULT);
	expect(set_filter(stranger, gid, good, 2), 0, "not joined: nothing happens");
	expect(set_filter(stranger, gid, endless, 2), 0, "not joined, and wrong");
	expect(set_filter(stranger, gid, NULL, 2), 0, "not joined, and unreadable");
	expect(set_filter(fd, 64, good, 2), 0, "group 64");
	expect(set_filter(fd, -1, good, 2), 0, "group -1");
	close(fd);
	close(stranger);
}

void test_vlan_options(void)
{
	int fd = q_socket(), gid = q_join(fd, -1, SHARED, 1), stranger = q_socket();

	section("vlan, errors");
	expect(pass_vlan(fd, gid, 5, 1), -EPERM, "filter off");
	expect(pass_vlan(fd, gid, 4095, 1), -EINVAL, "4095, filter off");
	expect(toggle(stranger, gid, 1), -EACCES, "toggle, not joined");
	expect(pass_vlan(stranger, gid, 5, 1), -EACCES, "not joined");
	expect(pass_vlan(stranger, gid, 4095, 1), -EACCES, "4095, not joined");
	expect(toggle(fd, 64, 1), -EACCES, "toggle, group 64");
	expect(toggle(fd, -1, 1), -EACCES, "toggle, group -1");
	expect(toggle(fd, gid, 0), 0, "off when off");
	expect(toggle(fd, gid, 7), 0, "on by any value but 0");
	expect(pass_vlan(fd, gid, 0, 1), 0, "0");
	expect(pass_vlan(fd, gid, 1, 1), 0, "1");
	expect(pass_vlan(fd, gid, 4094, 1), 0, "4094");
	expect(pass_vlan(fd, gid, 4094, 0), 0, "4094 off");
	expect(pass_vlan(fd, gid, 4094, 0), 0, "4094 off again");
	expect(pass_vlan(fd, gid, 4095, 1), -EINVAL, "4095");
	expect(pass_vlan(fd, gid, -1, 1), 0, "any tag");
	expect(pass_vlan(fd, gid, -1, 0), 0, "any tag off");
	expect(pass_vlan(fd, gid, -2, 1), -EINVAL, "-2");
	expect(pass_vlan(fd, gid, 1 << 30, 1), -EINVAL, "2^30");
	expect(toggle(fd, gid, 0), 0, "off");
	expect(pass_vlan(fd, gid, 5, 1), -EPERM, "off again: 5");
	close(fd);
	close(stranger);
}

/* --- what passes ------------------------------------------------------------ */

struct scene {
	struct reader reader;
	int gid, wire, vlan5, vlan7;
};

static void scene_open(struct scene *s, const struct wires *wires)
{
	reader_open(&s->reader, -1, 1, true);
	s->gid = q_join(s->reader.fd, -1, SHARED, 1);
	expect(bind_device(s->reader.fd, s->gid, wires->far[0]), 0, "bind %s", wires->far[0]);
	s->wire = wire_open(wires->near[0]);
	s->vlan5 = wires->vlan5 ? wire_open(wires->vlan5) : -1;
	s->vlan7 = wires->vlan7 ? wire_open(wires->vlan7) : -1;
}

static void scene_close(struct scene *s)
{
	reader_close(&s->reader);
	close(s->wire);
	close(s->vlan5);
	close(s->vlan7);
}

/* Frame i: UDP to port 1000 + i % 4, or TCP if i % 5 == 0, of 60 + 7 i bytes; i % 16 == 15 is not IPv4. */
static void mixed_frame(struct frame *f, uint32_t i)
{
	struct flow flow = {
		0x0a000001, 0x0a000002 + i, (uint16_t)(2000 + i), (uint16_t)(1000 + i % 4),
		i % 5 ? IPPROTO_UDP : IPPROTO_TCP,
	};

	if (i % 16 == 15)
		frame_other(f, i, 0x88b5, 60 + 7 * i);
	else
		frame_udp(f, i, &flow, 60 + 7 * i);
}

static bool is_ip(uint32_t i)
{
	return i % 16 != 15;
}

/* Sends the mixed frames and expects those that pass(i) says. */
static void mixed(struct scene *s, bool (*pass)(uint32_t i), const char *name)
{
	struct stats before = group_stats(s->reader.fd, s->gid);
	uint32_t want[FRAMES], i, drop = 0;
	struct frame f;

	for (i = 0; i < FRAMES; i++) {
		want[i] = pass(i);
		drop += !want[i];
		mixed_frame(&f, i);
		wire_send(s->wire, &f);
	}
	expect_frames(&s->reader, 1, want, FRAMES, name);
	expect_group(s->reader.fd, s->gid, &before, FRAMES, drop, name);
}

static bool all(uint32_t i)
{
	return i < FRAMES;
}

static bool none(uint32_t i)
{
	return i >= FRAMES;
}

static bool udp_1001(uint32_t i)
{
	return is_ip(i) && i % 5 && i % 4 == 1;
}

static bool tcp(uint32_t i)
{
	return is_ip(i) && i % 5 == 0;
}

static bool long_ones(uint32_t i)
{
	return 60 + 7 * i >= 300;
}

static bool last_byte_readable(uint32_t i)
{
	return 60 + 7 * i > 200;
}

void test_filters(const struct wires *wires)
{
	static const struct sock_filter port[] = {
		LD(BPF_H, 12), IS(0x0800, 0, 5), LD(BPF_B, 23), IS(IPPROTO_UDP, 0, 3),
		LD(BPF_H, 36), IS(1001, 0, 1), RET(0xffff), RET(0),
	};
	static const struct sock_filter net[] = {
		LD(BPF_H, SKF_LL_OFF + 12), IS(0x0800, 0, 3), LD(BPF_B, SKF_NET_OFF + 9),
		IS(IPPROTO_TCP, 0, 1), RET(1), RET(0),
	};
	static const struct sock_filter len[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 300, 0, 1), RET(0xffffffff), RET(0),
	};
	static const struct sock_filter beyond[] = { LD(BPF_B, 200), RET(5) };
	static const struct sock_filter yes[] = { RET(1) }, no[] = { RET(0) };
	static const struct sock_filter wrong[] = { LD(BPF_H, 12), LD(BPF_H, 12) };
	struct scene s;

	section("filter");
	scene_open(&s, wires);
	mixed(&s, all, "without a filter");
	expect(set_filter(s.reader.fd, s.gid, port, LENGTH(port)), 0, "set: UDP to 1001");
	mixed(&s, udp_1001, "UDP to 1001, from the MAC header on");
	expect(set_filter(s.reader.fd, s.gid, wrong, 2), -EINVAL, "a wrong one is refused");
	mixed(&s, udp_1001, "and the old one stays");
	expect(set_filter(s.reader.fd, s.gid, net, LENGTH(net)), 0, "set: TCP");
	mixed(&s, tcp, "TCP, relative to link and network header");
	expect(set_filter(s.reader.fd, s.gid, len, LENGTH(len)), 0, "set: length");
	mixed(&s, long_ones, "300 bytes and more, MAC header included");
	expect(set_filter(s.reader.fd, s.gid, beyond, LENGTH(beyond)), 0, "set: byte 200");
	mixed(&s, last_byte_readable, "a load beyond the end drops");
	expect(set_filter(s.reader.fd, s.gid, no, 1), 0, "set: ret #0 alone");
	mixed(&s, none, "ret #0 alone drops everything");
	expect(set_filter(s.reader.fd, s.gid, yes, 1), 0, "set: ret #1 alone");
	mixed(&s, all, "ret #1 alone drops nothing");
	expect(set_filter(s.reader.fd, s.gid, port, LENGTH(port)), 0, "set: UDP to 1001");
	expect(set_filter(s.reader.fd, s.gid, NULL, 0), 0, "remove");
	mixed(&s, all, "and it is gone");
	scene_close(&s);
}

/* Frame i goes untagged, with tag 5 or with tag 7, out of the bytes of the frame, or in them. */
static void tagged(struct scene *s, bool inside, const char *pass, const char *name)
{
	struct stats before = group_stats(s->reader.fd, s->gid);
	const int fds[] = { s->wire, s->vlan5, s->vlan7 };
	const uint16_t tci[] = { 0, 5, 7 };
	uint32_t want[FRAMES], i, drop = 0, wrong = 0, tag;
	struct frame f;

	for (i = 0; i < FRAMES; i++) {
		want[i] = strchr(pass, "057"[i % 3]) != NULL;
		drop += !want[i];
		mixed_frame(&f, i);
		if (inside && tci[i % 3])
			frame_tag(&f, (uint16_t)(tci[i % 3] | PRIORITY));
		wire_send(inside ? s->wire : fds[i % 3], &f);
	}
	expect_frames(&s->reader, 1, want, FRAMES, name);
	expect_group(s->reader.fd, s->gid, &before, FRAMES, drop, name);
	for (i = 0; i < FRAMES; i++) {
		tag = tci[i % 3];
		if (inside && tag)
			tag = frames_lose_tags ? tag | PRIORITY : 0;
		wrong += want[i] && s->reader.tci[i] != tag;
	}
	expect(wrong, 0, "%s: tags in the slots' headers", name);
}

static void vlan_walk(struct scene *s, bool inside)
{
	const int fd = s->reader.fd;

	tagged(s, inside, "057", "without a filter");
	expect(toggle(fd, s->gid, 1), 0, "on");
	tagged(s, inside, "", "an empty filter");
	expect(pass_vlan(fd, s->gid, 5, 1), 0, "5");
	tagged(s, inside, "5", "only 5");
	expect(pass_vlan(fd, s->gid, 0, 1), 0, "0");
	tagged(s, inside, "05", "5 and untagged");
	expect(pass_vlan(fd, s->gid, -1, 1), 0, "any tag");
	expect(pass_vlan(fd, s->gid, 0, 0), 0, "0 off");
	tagged(s, inside, "57", "any tag, not untagged");
	expect(pass_vlan(fd, s->gid, 5, 0), 0, "5 off");
	tagged(s, inside, "7", "any tag but 5");
	expect(pass_vlan(fd, s->gid, -1, 0), 0, "any tag off");
	tagged(s, inside, "", "none");
	expect(pass_vlan(fd, s->gid, 7, 1), 0, "7");
	expect(toggle(fd, s->gid, 1), 0, "on again");
	tagged(s, inside, "", "which clears it");
	expect(toggle(fd, s->gid, 0), 0, "off");
	tagged(s, inside, "057", "off again");
}

void test_vlans(const struct wires *wires, bool untag)
{
	static const struct sock_filter tag5[] = {
		LD(BPF_B, SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT), IS(1, 0, 3),
		LD(BPF_H, SKF_AD_OFF + SKF_AD_VLAN_TAG), IS(5, 0, 1), RET(1), RET(0),
	};
	struct scene s;

	scene_open(&s, wires);
	if (s.vlan5 >= 0 && s.vlan7 >= 0) {
		section("vlan, tag beside the frame");
		vlan_walk(&s, false);
		expect(set_filter(s.reader.fd, s.gid, tag5, LENGTH(tag5)), 0, "BPF: tag 5");
		tagged(&s, false, "5", "BPF sees the tag");
		expect(set_filter(s.reader.fd, s.gid, NULL, 0), 0, "no BPF");
	}
	section(untag ? "vlan, tag in the frame, taken out" : "vlan, tag in the frame");
	frames_lose_tags = untag;
	if (untag) {
		vlan_walk(&s, true);
	} else {
		toggle(s.reader.fd, s.gid, 1);
		pass_vlan(s.reader.fd, s.gid, 0, 1);
		tagged(&s, true, "057", "is a part of the bytes: untagged");
	}
	scene_close(&s);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filters of groups: which frames of a batch pass, by VLAN id and by classic BPF.
 */
#include <kunit/test.h>
#include <linux/if_vlan.h>

#include "../filter.c"

#include "af_pfq.h"
#include "test/frames.h"
#include "test/suites.h"
#include "test/world.h"
#include "vlan.h"

#define FRAMES	127
#define LEN	80

struct filter_scene {
	struct pfq_frame frame[FRAMES];
};

/* Frame i has i as its first byte after the MAC header. */
static struct filter_scene *filter_begin(struct kunit *test)
{
	struct filter_scene *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	u8 bytes[LEN] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	for (i = 0; i < FRAMES; i++) {
		bytes[14] = i;
		pfq_frame_make(test, &s->frame[i], bytes, LEN, i % 2 ? LEN : 14);
	}
	return s;
}

static void filter_end(struct filter_scene *s)
{
	int i;

	for (i = 0; i < FRAMES; i++)
		pfq_frame_free(&s->frame[i]);
}

/* --- classic BPF ------------------------------------------------------------------ */

static struct pfq_mask run(struct kunit *test, struct filter_scene *s, struct sock_filter *code,
			   unsigned int len, struct pfq_mask mask)
{
	struct sock_fprog_kern program = { .len = len, .filter = code };
	struct pfq_filter filter = {};

	KUNIT_ASSERT_EQ(test, bpf_prog_create(&filter.prog, &program), 0);
	local_bh_disable();
	mask = pfq_filter_pass(&filter, s->frame, mask);
	local_bh_enable();
	bpf_prog_destroy(filter.prog);
	return mask;
}

/* A single return is a filter, too; what passes is a part of what there was. */
static void filter_accepts_and_rejects(struct kunit *test)
{
	struct pfq_mask mask = pfq_mask_range(3, 101), pass;
	struct filter_scene *s = filter_begin(test);
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	pass = run(test, s, code, 1, mask);
	KUNIT_EXPECT_TRUE(test, pfq_mask_empty(&pass));
	code[0].k = 1;
	pass = run(test, s, code, 1, mask);
	KUNIT_EXPECT_EQ(test, memcmp(&pass, &mask, sizeof(mask)), 0);
	filter_end(s);
}

/* Bytes count from the MAC header, wherever they lie; the frame is as it was afterwards. */
static void filter_sees_the_frame(struct kunit *test)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x88b5, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LEN, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 14),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, U32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct filter_scene *s = filter_begin(test);
	struct pfq_mask pass;
	int i;

	pass = run(test, s, code, ARRAY_SIZE(code), pfq_mask_below(FRAMES));
	for (i = 0; i < FRAMES; i++) {
		KUNIT_EXPECT_EQ(test, pfq_mask_has(&pass, i), !!(i & 4));
		KUNIT_EXPECT_EQ(test, s->frame[i].skb->len, LEN - 14);
		KUNIT_EXPECT_EQ(test, pfq_frame_mac_len(s->frame[i].skb), 14);
	}
	filter_end(s);
}

/* To load beyond the end is to reject. */
static void filter_beyond_the_end(struct kunit *test)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, LEN),
		BPF_STMT(BPF_RET | BPF_K, 1),
	};
	struct filter_scene *s = filter_begin(test);
	struct pfq_mask pass;

	pass = run(test, s, code, ARRAY_SIZE(code), pfq_mask_below(FRAMES));
	KUNIT_EXPECT_TRUE(test, pfq_mask_empty(&pass));
	code[0].k = LEN - 1;
	pass = run(test, s, code, ARRAY_SIZE(code), pfq_mask_below(FRAMES));
	KUNIT_EXPECT_EQ(test, pfq_mask_weight(pass), FRAMES);
	filter_end(s);
}

/* --- VLAN ids ------------------------------------------------------------------------- */

static const struct pfq_vlan *vlan_of_group(struct kunit *test)
{
	return rcu_dereference_protected(pfq_world_group(test, 0)->vlan, true);
}

/* Frame i has the tag i, with all priorities; frame 0 has none. */
static void expect_vlans(struct kunit *test, struct filter_scene *s, struct pfq_mask want)
{
	struct pfq_mask pass;
	int i;

	pass = pfq_vlan_pass(vlan_of_group(test), s->frame, pfq_mask_below(FRAMES));
	for (i = 0; i < FRAMES; i++)
		KUNIT_EXPECT_EQ_MSG(test, pfq_mask_has(&pass, i), pfq_mask_has(&want, i),
				    "vlan %d", i);
}

static void filter_vlans(struct kunit *test)
{
	struct pfq_sock *ps = pfq_world_sock(test, 0);
	struct filter_scene *s = filter_begin(test);
	struct pfq_mask want = {};
	int i;

	for (i = 1; i < FRAMES; i++)
		__vlan_hwaccel_put_tag(s->frame[i].skb, htons(ETH_P_8021Q), i | i << 13);
	KUNIT_ASSERT_EQ(test, pfq_group_join(ps, 0, Q_POLICY_GROUP_SHARED, Q_CLASS_DEFAULT), 0);
	KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, 5, true), -EPERM);
	KUNIT_EXPECT_EQ(test, pfq_vlan_toggle(ps, 1, true), -EACCES);
	KUNIT_ASSERT_EQ(test, pfq_vlan_toggle(ps, 0, true), 0);
	expect_vlans(test, s, want);

	for (i = 0; i < FRAMES; i += 7) {
		KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, i, true), 0);
		pfq_mask_set(&want, i);
	}
	expect_vlans(test, s, want);
	KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, 7, false), 0);
	pfq_mask_clear(&want, 7);
	expect_vlans(test, s, want);

	KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, Q_VLAN_ANYTAG, true), 0);
	expect_vlans(test, s, pfq_mask_below(FRAMES));
	KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, Q_VLAN_ANYTAG, false), 0);
	expect_vlans(test, s, pfq_mask_below(1));	/* untagged frames are no tag's */
	KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, 4094, true), 0);
	KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, 4095, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, pfq_vlan_set(ps, 0, -2, true), -EINVAL);

	KUNIT_EXPECT_EQ(test, pfq_vlan_toggle(ps, 0, true), 0);
	expect_vlans(test, s, (struct pfq_mask) {});
	KUNIT_EXPECT_EQ(test, pfq_vlan_toggle(ps, 0, false), 0);
	KUNIT_EXPECT_NULL(test, vlan_of_group(test));
	filter_end(s);
}

static struct kunit_case filter_cases[] = {
	KUNIT_CASE(filter_accepts_and_rejects),
	KUNIT_CASE(filter_sees_the_frame),
	KUNIT_CASE(filter_beyond_the_end),
	KUNIT_CASE(filter_vlans),
	{}
};

struct kunit_suite pfq_filter_suite = {
	.name = "pfq_filter",
	.init = pfq_world_init,
	.exit = pfq_world_exit,
	.test_cases = filter_cases,
};

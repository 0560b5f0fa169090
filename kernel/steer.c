// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steering: which socket of a group gets a frame.
 *
 *   frame --hash--> 32 bits --mix--> 32 bits --fold--> 0 .. n-1 ---> socket
 *
 * The sockets are the eligible ones in ascending order of their ids, each as
 * often as its weight says. A socket is eligible if it is member of a class that
 * the program asks for, and can take a frame: it is enabled, or bound to a device
 * for egress.
 *
 * For the default class, which programs ask for unless they classify, the list is
 * kept as a table, &pfq_group.fanout, made anew when something changes. Without
 * one (another class, or no memory for the table) the list is walked.
 *
 * Addresses, ports and the words of a MAC address are taken as they stand in the
 * frame: not turned into host order.
 */
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <net/ip.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "frame.h"
#include "group.h"
#include "netns.h"
#include "program.h"
#include "steer.h"

/* --- hash to index ---------------------------------------------------------- */

/**
 * pfq_steer_fold_init() - prepare to fold hashes
 * @f: what to prepare
 * @n: number of results, at least 1
 */
void pfq_steer_fold_init(struct pfq_fold *f, u32 n)
{
	f->n = n;
	f->mask = roundup_pow_of_two(n) - 1;
	f->direct = n == 3 || (n >= 5 && n <= 7) ? 0 : n;
	f->inverse = U64_MAX / n + 1;
}

/* --- index to socket -------------------------------------------------------- */

static bool steer_eligible(const struct pfq_sock *ps)
{
	return ps && (rcu_access_pointer(ps->ring) || rcu_access_pointer(ps->egress));
}

static unsigned int steer_weight(const struct pfq_net *pn, int id)
{
	const struct pfq_sock *ps = rcu_dereference(pn->sock[id]);

	return steer_eligible(ps) ? READ_ONCE(ps->weight) : 0;
}

/* Chooses among @members by walking them. */
static int steer_walk(const struct pfq_net *pn, u64 members, u32 mixed)
{
	struct pfq_fold fold;
	u32 n = 0, k, weight;
	u64 left;
	int id;

	for (left = members; left; left &= left - 1)
		n += steer_weight(pn, __ffs64(left));
	if (!n)
		return -1;
	pfq_steer_fold_init(&fold, n);
	k = pfq_steer_fold(&fold, mixed);
	for (left = members; left; left &= left - 1) {
		id = __ffs64(left);
		weight = steer_weight(pn, id);
		if (k < weight)
			return id;
		k -= weight;
	}
	return -1;	/* a weight has changed meanwhile */
}

/**
 * pfq_steer_pick() - choose a socket by a hash
 * @pn: the namespace
 * @g: the group
 * @class_mask: whose members are eligible
 * @hash: the hash, as yet unmixed
 *
 * Context: Softirq, inside an RCU read-side section.
 * Return: The id of the socket, or -1 if none is eligible.
 */
int pfq_steer_pick(const struct pfq_net *pn, const struct pfq_group *g, u64 class_mask,
		   u32 hash)
{
	const struct pfq_fanout *t = rcu_dereference(g->fanout);

	if (likely(t && class_mask == Q_CLASS_DEFAULT))
		return pfq_steer_lookup(t, hash);
	return steer_walk(pn, pfq_group_members(g, class_mask), pfq_steer_mix(hash));
}

/**
 * pfq_steer_double() - choose one or two sockets by two hashes
 * @pn: the namespace
 * @g: the group
 * @class_mask: whose members are eligible
 * @hash: the first hash, as yet unmixed
 * @hash2: the second one
 *
 * Context: Softirq, inside an RCU read-side section.
 * Return: The sockets, one bit each; none if no socket is eligible.
 */
u64 pfq_steer_double(const struct pfq_net *pn, const struct pfq_group *g, u64 class_mask,
		     u32 hash, u32 hash2)
{
	int a = pfq_steer_pick(pn, g, class_mask, hash);
	int b = pfq_steer_pick(pn, g, class_mask, hash2);

	return (a < 0 ? 0 : BIT_ULL(a)) | (b < 0 ? 0 : BIT_ULL(b));
}

/* --- frame to hash ---------------------------------------------------------- */

static __always_inline void steer_by(struct pfq_verdict *v, u32 hash)
{
	v->class_mask = Q_CLASS_DEFAULT;
	v->type = PFQ_STEER;
	v->hash = hash;
	v->state = 0;
}

static void steer_drop(struct pfq_verdict *v)
{
	v->type = PFQ_DROP;
}

static void steer_broadcast(struct pfq_verdict *v)
{
	v->type = PFQ_COPY;
	v->class_mask = Q_CLASS_ANY;
	v->state = 0;
}

/* The IPv4 header of a frame; NULL if there is none. */
static __always_inline const struct iphdr *steer_ip(const struct sk_buff *skb,
						    struct iphdr *buffer)
{
	const struct iphdr *ip;

	if (unlikely(skb->protocol != htons(ETH_P_IP)))
		return NULL;
	ip = pfq_frame_bytes(skb, 0, sizeof(*ip), buffer);
	if (unlikely(!ip || ip->version != 4 || ip->ihl < 5))
		return NULL;
	return ip;
}

/*
 * Source ^ destination port, or 0: of TCP and UDP alone. Of a datagram in fragments
 * only the first has them; they are left out of all, which so stay together.
 */
static __always_inline u32 steer_ports(const struct sk_buff *skb,
				       const struct iphdr *ip)
{
	const __be16 *port;
	__be16 buffer[2];

	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return 0;
	if (unlikely(ip_is_fragment(ip)))
		return 0;
	port = pfq_frame_bytes(skb, 4 * ip->ihl, sizeof(buffer), buffer);
	return likely(port) ? (__force u32)(port[0] ^ port[1]) : 0;
}

/**
 * pfq_steer_flow() - by IPv4 addresses and ports, the same in both directions
 * @frame: the frames of the batch
 * @mask: those in question
 * @verdict: their verdicts; what is not IPv4 is dropped
 */
void pfq_steer_flow(const struct pfq_frame *frame, struct pfq_mask mask,
		    struct pfq_verdict *verdict)
{
	const struct sk_buff *skb;
	const struct iphdr *ip;
	struct iphdr buffer;
	int i;

	while ((i = pfq_mask_pop(&mask)) >= 0) {
		skb = frame[i].skb;
		ip = steer_ip(skb, &buffer);
		if (likely(ip))
			steer_by(&verdict[i], (__force u32)(ip->saddr ^ ip->daddr) ^
					      steer_ports(skb, ip));
		else
			steer_drop(&verdict[i]);
	}
}

#define STEER_IHL5	0x45	/* first byte of an IPv4 header without options */

/* The hash of pfq_steer_flow(), if the headers are plain to see; false if not. */
static __always_inline bool steer_flow_plain(const struct sk_buff *skb, u32 *hash)
{
	const struct iphdr *ip = (const struct iphdr *)skb->data;
	const __be16 *port = (const __be16 *)(ip + 1);

	if (unlikely(skb->protocol != htons(ETH_P_IP) ||
		     skb_headlen(skb) < sizeof(*ip) + 2 * sizeof(*port) ||
		     *(const u8 *)ip != STEER_IHL5 || ip_is_fragment(ip)))
		return false;
	if (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP)
		return false;
	*hash = (__force u32)(ip->saddr ^ ip->daddr) ^
		(__force u16)(port[0] ^ port[1]);
	return true;
}

/*
 * Steers the frames of a word of a mask, and returns those that it cannot. Socket
 * id's word is want[2 * id]. @masks says what pfq_steer_masks() does.
 */
static __always_inline u64 steer_flow_word(const struct pfq_fanout *t,
					   const struct pfq_frame *frame, u64 word,
					   u64 *want, bool masks)
{
	const struct pfq_frame *f;
	u64 bit, rest = 0;
	u32 hash, index;

	for (; word; word &= -bit) {	/* frames in a row; bit is the one after */
		bit = word & -word;
		f = frame + __ffs64(word);
		for (; word & bit; bit <<= 1, f++) {
			if (unlikely(!steer_flow_plain(f->skb, &hash))) {
				rest |= bit;
				continue;
			}
			hash = pfq_steer_mix(hash);
			index = masks ? hash & t->fold.mask :
					pfq_steer_fold(&t->fold, hash);
			want[2UL * t->sock[index]] |= bit;
		}
	}
	return rest;
}

/* Which of some sockets get something? */
static u64 steer_chosen(const struct pfq_mask *want, u64 socks)
{
	u64 left, chosen = 0;

	for (left = socks; left; left &= left - 1)
		if (!pfq_mask_empty(&want[__ffs64(left)]))
			chosen |= left & -left;
	return chosen;
}

/**
 * pfq_steer_flow_quick() - hash, fold and look up in one go
 * @t: the sockets to choose from
 * @frame: the frames of the batch
 * @mask: those in question
 * @want: for each socket the frames that it gets; frames are added
 * @socks: the sockets that get something; sockets are added
 *
 * TCP and UDP over IPv4, without options or fragments, in the linear part of the
 * skb: that is what most frames are.
 *
 * Return: The frames that are otherwise; pfq_steer_flow() is for them.
 */
struct pfq_mask pfq_steer_flow_quick(const struct pfq_fanout *t,
				     const struct pfq_frame *frame, struct pfq_mask mask,
				     struct pfq_mask *want, u64 *socks)
{
	unsigned int k;

	BUILD_BUG_ON(sizeof(*want) != 2 * sizeof(u64));
	if (unlikely(!t->fold.n))
		return mask;
	for (k = 0; k < ARRAY_SIZE(mask.w); k++, frame += 64) {
		if (pfq_steer_masks(&t->fold))
			mask.w[k] = steer_flow_word(t, frame, mask.w[k], &want->w[k], true);
		else
			mask.w[k] = steer_flow_word(t, frame, mask.w[k], &want->w[k], false);
	}
	*socks |= steer_chosen(want, t->all);
	return mask;
}

/**
 * pfq_steer_p2p() - by IPv4 addresses, the same in both directions
 * @frame: the frames of the batch
 * @mask: those in question
 * @verdict: their verdicts; what is not IPv4 is dropped, broadcasts go to all
 *	classes
 */
void pfq_steer_p2p(const struct pfq_frame *frame, struct pfq_mask mask,
		   struct pfq_verdict *verdict)
{
	const __be32 all = htonl(INADDR_BROADCAST);
	const struct iphdr *ip;
	struct iphdr buffer;
	int i;

	while ((i = pfq_mask_pop(&mask)) >= 0) {
		ip = steer_ip(frame[i].skb, &buffer);
		if (!ip)
			steer_drop(&verdict[i]);
		else if (ip->saddr == all || ip->daddr == all)
			steer_broadcast(&verdict[i]);
		else
			steer_by(&verdict[i], (__force u32)(ip->saddr ^ ip->daddr));
	}
}

/**
 * pfq_steer_link() - by MAC addresses, the same in both directions
 * @frame: the frames of the batch
 * @mask: those in question
 * @verdict: their verdicts; broadcasts go to all classes
 */
void pfq_steer_link(const struct pfq_frame *frame, struct pfq_mask mask,
		    struct pfq_verdict *verdict)
{
	const u16 *w;
	int i;

	while ((i = pfq_mask_pop(&mask)) >= 0) {
		w = (const u16 *)(frame[i].skb->data - frame[i].origin.mac_len);
		if (frame[i].origin.mac_len < ETH_HLEN)
			steer_drop(&verdict[i]);
		else if ((w[0] & w[1] & w[2]) == 0xffff ||
			 (w[3] & w[4] & w[5]) == 0xffff)
			steer_broadcast(&verdict[i]);
		else
			steer_by(&verdict[i],
				 w[0] ^ w[1] ^ w[2] ^ w[3] ^ w[4] ^ w[5]);
	}
}

static u32 steer_rss_hash(struct sk_buff *skb)
{
	u16 network = skb->network_header;
	u32 hash;

	skb_reset_network_header(skb);
	hash = skb_get_hash(skb);
	skb->network_header = network;
	return hash;
}

/**
 * pfq_steer_rss() - by the hash of the NIC, or the kernel's own if there is none
 * @frame: the frames of the batch
 * @mask: those in question
 * @verdict: their verdicts
 */
void pfq_steer_rss(const struct pfq_frame *frame, struct pfq_mask mask,
		   struct pfq_verdict *verdict)
{
	int i;

	while ((i = pfq_mask_pop(&mask)) >= 0)
		steer_by(&verdict[i], steer_rss_hash(frame[i].skb));
}

/**
 * pfq_steer_rrobin() - by the number of the frame
 * @seq: how many frames came before frame 0 on this CPU
 * @mask: the frames in question
 * @verdict: their verdicts
 */
void pfq_steer_rrobin(u32 seq, struct pfq_mask mask, struct pfq_verdict *verdict)
{
	int i;

	while ((i = pfq_mask_pop(&mask)) >= 0)
		steer_by(&verdict[i], seq + i);
}

/* --- tables ----------------------------------------------------------------- */

static unsigned int steer_weight_locked(const struct pfq_net *pn, int id)
{
	const struct pfq_sock *ps;

	ps = rcu_dereference_protected(pn->sock[id], lockdep_is_held(&pfq_mutex));
	return steer_eligible(ps) ? READ_ONCE(ps->weight) : 0;
}

/* Returns NULL also for want of memory; the list is walked then. */
static struct pfq_fanout *steer_table(const struct pfq_net *pn, u64 members)
{
	unsigned int weight[Q_MAX_ID] = {}, n = 0, k = 0;
	struct pfq_fanout *t;
	u64 left;
	int id;

	for (left = members; left; left &= left - 1) {
		id = __ffs64(left);
		weight[id] = steer_weight_locked(pn, id);
		n += weight[id];
	}
	t = kzalloc(struct_size(t, sock, n), GFP_KERNEL_ACCOUNT);
	if (!t)
		return NULL;
	t->all = members;
	if (n)
		pfq_steer_fold_init(&t->fold, n);
	for (id = 0; id < Q_MAX_ID; id++) {
		memset(t->sock + k, id, weight[id]);
		k += weight[id];
	}
	return t;
}

/**
 * pfq_steer_update() - make the table of a group anew
 * @g: the group; a member, its weight or what it can take has changed
 *
 * A group without a program needs none, and gets none.
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_steer_update(struct pfq_group *g)
{
	struct pfq_fanout *new = NULL, *old;

	lockdep_assert_held(&pfq_mutex);

	if (rcu_access_pointer(g->program))
		new = steer_table(g->net, g->class[0]);
	old = rcu_replace_pointer(g->fanout, new, lockdep_is_held(&pfq_mutex));
	if (old)
		kfree_rcu(old, rcu);
}

/**
 * pfq_steer_update_sock() - make the tables of all groups of a socket anew
 * @ps: the socket, whose weight or what it can take has changed
 *
 * Context: Process context; the caller holds pfq_mutex.
 */
void pfq_steer_update_sock(const struct pfq_sock *ps)
{
	int gid;

	for (gid = 0; gid < Q_MAX_GROUP; gid++)
		if (pfq_group_joined(ps, gid))
			pfq_steer_update(pfq_group_get(ps->net, gid));
}

/**
 * pfq_steer_free() - free the table of a group that is out of sight
 * @g: the group
 *
 * Context: Process context; a grace period has passed.
 */
void pfq_steer_free(struct pfq_group *g)
{
	kfree(rcu_dereference_protected(g->fanout, true));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /proc/net/pfq/: one folder for each network namespace.
 *
 *   global   counters of the namespace; any write resets them
 *   sockets  counters of each socket
 *   groups   counters, policy and members of each group
 *   lang     program of each group
 *   memory   shared memory of each socket
 *   devices  what became of the frames of each bound device (not in PFQ 6.2)
 */
#include <linux/kernel.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "device.h"
#include "group.h"
#include "netns.h"
#include "proc.h"
#include "program.h"
#include "ring.h"
#include "stats.h"

static struct pfq_net *proc_pfq_net(const struct seq_file *m)
{
	return pfq_net(seq_file_single_net((struct seq_file *)m));
}

static void show_value(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "  %-10s: %llu\n", name, value);
}

static int global_show(struct seq_file *m, void *v)
{
	struct pfq_net *pn = proc_pfq_net(m);
	struct pfq_stats s;

	mutex_lock(&pfq_mutex);
	pfq_stats_sum(pn->stats, &s);
	s.recv -= pn->base.recv;
	s.lost -= pn->base.lost;
	s.drop -= pn->base.drop;
	s.disc -= pn->base.disc;
	s.frwd -= pn->base.frwd;
	s.kern -= pn->base.kern;
	mutex_unlock(&pfq_mutex);

	seq_puts(m, "INPUT\n");
	show_value(m, "received", s.recv);
	show_value(m, "lost", s.lost);
	show_value(m, "drop", s.drop);
	seq_puts(m, "OUTPUT\n");
	show_value(m, "sent", s.sent);
	show_value(m, "discarded", s.disc);
	show_value(m, "failed", s.fail);
	seq_puts(m, "FORWARD\n");
	show_value(m, "forwarded", s.frwd);
	show_value(m, "kernel", s.kern);
	return 0;
}

/* The counters belong to their CPUs, so a reset only moves the origin. */
static int global_write(struct file *file, char *buf, size_t size)
{
	struct pfq_net *pn = proc_pfq_net(file->private_data);

	mutex_lock(&pfq_mutex);
	pfq_stats_sum(pn->stats, &pn->base);
	mutex_unlock(&pfq_mutex);
	return 0;
}

static void show_stats(struct seq_file *m, const struct pfq_cpu_stats __percpu *stats)
{
	struct pfq_stats s;

	pfq_stats_sum(stats, &s);
	seq_printf(m, "%-9llu %-9llu %-9llu %-9llu %-9llu %-9llu %-9llu %-9llu",
		   s.recv, s.lost, s.drop, s.sent, s.disc, s.fail, s.frwd,
		   s.kern);
}

static int sockets_show(struct seq_file *m, void *v)
{
	const struct pfq_net *pn = proc_pfq_net(m);
	const struct pfq_sock *ps;
	int id;

	seq_puts(m, "socket: recv      lost      drop      sent      disc      failed    forward   kernel\n");
	mutex_lock(&pfq_mutex);
	for (id = 0; id < Q_MAX_ID; id++) {
		ps = rcu_dereference_protected(pn->sock[id],
					       lockdep_is_held(&pfq_mutex));
		if (!ps)
			continue;
		seq_printf(m, "%6d: ", id);
		show_stats(m, ps->stats);
		seq_putc(m, '\n');
	}
	mutex_unlock(&pfq_mutex);
	return 0;
}

static int groups_show(struct seq_file *m, void *v)
{
	const struct pfq_net *pn = proc_pfq_net(m);
	const struct pfq_group *g;
	int gid;

	seq_puts(m, "group: recv      lost      drop      sent      disc      failed    forward   kernel    pol pid   def.     user     control  management tap\n");
	mutex_lock(&pfq_mutex);
	for (gid = 0; gid < Q_MAX_GROUP; gid++) {
		g = pfq_group_get(pn, gid);
		if (!g)
			continue;
		seq_printf(m, "%5d: ", gid);
		show_stats(m, g->stats);
		seq_printf(m, " %3d %3d %08llx %08llx %08llx %08llx %d\n",
			   g->policy, pid_vnr(g->tgid), g->class[0],
			   g->class[1], g->class[2], g->class[Q_CLASS_MAX - 1],
			   !!(pn->tap & BIT_ULL(gid)));
	}
	mutex_unlock(&pfq_mutex);
	return 0;
}

static int lang_show(struct seq_file *m, void *v)
{
	const struct pfq_net *pn = proc_pfq_net(m);
	const struct pfq_group *g;
	int gid;

	mutex_lock(&pfq_mutex);
	for (gid = 0; gid < Q_MAX_GROUP; gid++) {
		g = pfq_group_get(pn, gid);
		if (g && g->policy != Q_POLICY_GROUP_UNDEFINED)
			pfq_program_show(m, g);
	}
	mutex_unlock(&pfq_mutex);
	return 0;
}

static int memory_show(struct seq_file *m, void *v)
{
	const struct pfq_net *pn = proc_pfq_net(m);
	const struct pfq_ring *ring;
	const struct pfq_sock *ps;
	int id;

	seq_puts(m, "socket: bytes      rx_slots   slot_size\n");
	mutex_lock(&pfq_mutex);		/* keeps the socket */
	rcu_read_lock();		/* keeps the ring */
	for (id = 0; id < Q_MAX_ID; id++) {
		ps = rcu_dereference(pn->sock[id]);
		ring = ps ? rcu_dereference(ps->ring) : NULL;
		if (ring)
			seq_printf(m, "%6d: %-10zu %-10u %u\n", id, ring->size,
				   ring->slots, ring->slot_size);
	}
	rcu_read_unlock();
	mutex_unlock(&pfq_mutex);
	return 0;
}

static int devices_show(struct seq_file *m, void *v)
{
	mutex_lock(&pfq_mutex);
	pfq_device_show(m, proc_pfq_net(m));
	mutex_unlock(&pfq_mutex);
	return 0;
}

static const struct {
	const char *name;
	int (*show)(struct seq_file *m, void *v);
} files[] = {
	{ "sockets", sockets_show },
	{ "groups", groups_show },
	{ "lang", lang_show },
	{ "memory", memory_show },
	{ "devices", devices_show },
};

/**
 * pfq_proc_init() - create /proc/net/pfq in a namespace
 * @net: the namespace
 *
 * Context: Creation of the namespace.
 * Return: 0 or -ENOMEM.
 */
int pfq_proc_init(struct net *net)
{
	struct pfq_net *pn = pfq_net(net);
	unsigned int i;

	pn->proc = proc_net_mkdir(net, "pfq", net->proc_net);
	if (!pn->proc)
		return -ENOMEM;
	if (!proc_create_net_single_write("global", 0644, pn->proc, global_show,
					  global_write, NULL))
		goto err_remove;
	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (!proc_create_net_single(files[i].name, 0444, pn->proc,
					    files[i].show, NULL))
			goto err_remove;
	return 0;

err_remove:
	proc_remove(pn->proc);
	return -ENOMEM;
}

/**
 * pfq_proc_exit() - remove /proc/net/pfq from a namespace
 * @net: the namespace
 *
 * Context: Destruction of the namespace.
 */
void pfq_proc_exit(struct net *net)
{
	proc_remove(pfq_net(net)->proc);
}

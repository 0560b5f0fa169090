// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Network namespaces: a struct pfq_net for each.
 */
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "netns.h"
#include "proc.h"
#include "rx.h"
#include "stats.h"

/* The configuration; see netns.h. */
DEFINE_MUTEX(pfq_mutex);

static unsigned int pfq_net_id __read_mostly;

/**
 * pfq_net() - PFQ's part of a network namespace
 * @net: the namespace
 *
 * Context: Any, while @net is alive.
 * Return: The part; never NULL.
 */
struct pfq_net *pfq_net(const struct net *net)
{
	return net_generic(net, pfq_net_id);
}

static int __net_init pfq_net_init(struct net *net)
{
	struct pfq_net *pn = pfq_net(net);
	int ret;

	pn->stats = pfq_stats_alloc();
	if (!pn->stats)
		return -ENOMEM;
	ret = pfq_proc_init(net);
	if (ret)
		free_percpu(pn->stats);
	return ret;
}

static void __net_exit pfq_net_exit(struct net *net)
{
	pfq_proc_exit(net);
	pfq_rx_drain();		/* readers to be woken up */
	free_percpu(pfq_net(net)->stats);
}

static struct pernet_operations pfq_net_ops = {
	.init = pfq_net_init,
	.exit = pfq_net_exit,
	.id = &pfq_net_id,
	.size = sizeof(struct pfq_net),
};

/**
 * pfq_netns_init() - attach to every namespace, present and to come
 *
 * Context: Module load.
 * Return: 0 or a negative errno.
 */
int __init pfq_netns_init(void)
{
	return register_pernet_subsys(&pfq_net_ops);
}

/**
 * pfq_netns_exit() - detach from every namespace
 *
 * Context: Module unload.
 */
void pfq_netns_exit(void)
{
	unregister_pernet_subsys(&pfq_net_ops);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pfq: the core of PFQ. Loading and unloading; the parts are in their own files.
 *
 *   af_pfq.c sockopt.c   PF_Q sockets and their options
 *   shmem.c ring.h       memory shared with user space, and its protocol
 *   group.c device.c     who gets what: groups, and what they are bound to
 *   rx.c decide.c        the receive path: batches; who gets which frame
 *   copy.c egress.c      ... into queues of sockets; out by devices
 *   filter.c vlan.c      filters of groups
 *   program.c steer.c    programs of groups, and steering
 *   netns.c stats.c proc.c params.c
 */
#include <linux/kernel.h>
#include <linux/module.h>

#include <linux/pf_q.h>

#include "af_pfq.h"
#include "device.h"
#include "egress.h"
#include "filter.h"
#include "netns.h"
#include "params.h"
#include "rx.h"

static int __init pfq_init(void)
{
	int ret;

	ret = pfq_params_check();
	if (ret)
		return ret;
	ret = pfq_rx_init();
	if (ret)
		return ret;
	ret = pfq_netns_init();
	if (ret)
		goto err_rx;
	ret = pfq_device_init();
	if (ret)
		goto err_netns;
	ret = pfq_egress_init();
	if (ret)
		goto err_device;
	ret = pfq_rx_start();
	if (ret)
		goto err_egress;
	ret = pfq_family_init();
	if (ret)
		goto err_stop;
	return 0;

err_stop:
	pfq_rx_stop();
err_egress:
	pfq_egress_exit();
err_device:
	pfq_device_exit();
err_netns:
	pfq_netns_exit();
err_rx:
	pfq_rx_exit();
	return ret;
}

/* Sockets hold a reference to the module, so none is open. */
static void __exit pfq_exit(void)
{
	pfq_family_exit();
	pfq_rx_stop();
	pfq_egress_exit();
	pfq_filter_exit();
	pfq_device_exit();
	pfq_netns_exit();
	pfq_rx_exit();
}

module_init(pfq_init);
module_exit(pfq_exit);

MODULE_DESCRIPTION("PFQ: capture and steering of network packets");
MODULE_LICENSE("GPL");
MODULE_VERSION("6.1.0");

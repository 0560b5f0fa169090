// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Module parameters: the names that PFQ 6.2 and its tools know. Those that
 * have no meaning any more are accepted, so that old configuration files still
 * load the module, and reported.
 */
#include <linux/kernel.h>
#include <linux/module.h>

#include <linux/pf_q.h>

#include "params.h"

int pfq_max_slot_size = 2048;
module_param_named(max_slot_size, pfq_max_slot_size, int, 0444);
MODULE_PARM_DESC(max_slot_size, "Largest slot of a queue, header included (bytes, default 2048)");

/*
 * A CPU's NAPI cache takes up to 64 sk_buffs back, and gives half of them to the
 * slab allocator when it is full; so with up to 32 in a batch, those that the driver
 * allocates next come from there.
 */
int pfq_capt_batch_len = 32;
module_param_named(capt_batch_len, pfq_capt_batch_len, int, 0444);
MODULE_PARM_DESC(capt_batch_len, "Frames handled at once on a CPU (1..127, default 32)");

static int xmit_batch_len = 1;
module_param(xmit_batch_len, int, 0444);
MODULE_PARM_DESC(xmit_batch_len, "Reserved for transmission (1..127)");

static int tx_retry = 1;
module_param(tx_retry, int, 0444);
MODULE_PARM_DESC(tx_retry, "Reserved for transmission");

static int tx_cpu[256];
static int tx_cpu_nr;
module_param_array(tx_cpu, int, &tx_cpu_nr, 0444);
MODULE_PARM_DESC(tx_cpu, "Reserved for transmission");

int pfq_vlan_untag;
module_param_named(vlan_untag, pfq_vlan_untag, int, 0444);
MODULE_PARM_DESC(vlan_untag, "Take 802.1Q tags out of frames whose NIC has not done so (default 0)");

static int obsolete_set(const char *val, const struct kernel_param *kp)
{
	pr_notice("parameter %s is obsolete and ignored\n", kp->name);
	return 0;
}

static const struct kernel_param_ops obsolete = {
	.set = obsolete_set,
};

module_param_cb(max_pool_size, &obsolete, NULL, 0);
MODULE_PARM_DESC(max_pool_size, "Obsolete, ignored");
module_param_cb(skb_rx_pool_size, &obsolete, NULL, 0);
MODULE_PARM_DESC(skb_rx_pool_size, "Obsolete, ignored");
module_param_cb(skb_tx_pool_size, &obsolete, NULL, 0);
MODULE_PARM_DESC(skb_tx_pool_size, "Obsolete, ignored");
module_param_cb(skb_pool_size, &obsolete, NULL, 0);
MODULE_PARM_DESC(skb_pool_size, "Obsolete, ignored");
module_param_cb(capture_incoming, &obsolete, NULL, 0);
MODULE_PARM_DESC(capture_incoming, "Obsolete, ignored");
module_param_cb(capture_outgoing, &obsolete, NULL, 0);
MODULE_PARM_DESC(capture_outgoing, "Obsolete, ignored");
module_param_cb(batch_len, &obsolete, NULL, 0);
MODULE_PARM_DESC(batch_len, "Obsolete, ignored");
module_param_cb(capt_slot_size, &obsolete, NULL, 0);
MODULE_PARM_DESC(capt_slot_size, "Obsolete, ignored");
module_param_cb(xmit_slot_size, &obsolete, NULL, 0);
MODULE_PARM_DESC(xmit_slot_size, "Obsolete, ignored");

static bool batch_len_ok(const char *name, int value)
{
	if (value >= 1 && value <= PFQ_BATCH_MAX)
		return true;
	pr_err("%s=%d: must be 1 to %d\n", name, value, PFQ_BATCH_MAX);
	return false;
}

/**
 * pfq_params_check() - validate the module parameters
 *
 * Context: Module load.
 * Return: 0; -EFAULT for a batch length out of range (as PFQ 6.2), -EINVAL for
 * a slot size out of range.
 */
int __init pfq_params_check(void)
{
	if (!batch_len_ok("capt_batch_len", pfq_capt_batch_len) ||
	    !batch_len_ok("xmit_batch_len", xmit_batch_len))
		return -EFAULT;
	if (pfq_max_slot_size < PFQ_SLOT_SIZE_MIN ||
	    pfq_max_slot_size > PFQ_SLOT_SIZE_MAX ||
	    pfq_max_slot_size % PFQ_SLOT_ALIGNMENT) {
		pr_err("max_slot_size=%d: must be a multiple of %d from %d to %d\n",
		       pfq_max_slot_size, PFQ_SLOT_ALIGNMENT, PFQ_SLOT_SIZE_MIN,
		       PFQ_SLOT_SIZE_MAX);
		return -EINVAL;
	}
	if (tx_cpu_nr)
		pr_notice("tx_cpu: there are no Tx threads yet, ignored\n");
	return 0;
}

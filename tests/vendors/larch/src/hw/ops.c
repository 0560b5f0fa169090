// SPDX-License-Identifier: GPL-2.0
#include "larch.h"

/* The macros of these names take arguments, so these are the kernel's own functions. */
const struct larch_ops larch_modes[] = {
	{ .name = "merged", .merged = napi_gro_receive },
	{ .name = "plain", .plain = netif_receive_skb },
	{ .name = "queued" },
};

const unsigned int larch_mode_count = ARRAY_SIZE(larch_modes);

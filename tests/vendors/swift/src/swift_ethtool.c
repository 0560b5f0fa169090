// SPDX-License-Identifier: GPL-2.0
#include "swift.h"

static void swift_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, KBUILD_MODNAME, sizeof(info->driver));
	strscpy(info->version, SWIFT_VERSION, sizeof(info->version));
}

const struct ethtool_ops swift_ethtool_ops = {
	.get_drvinfo = swift_get_drvinfo,
	.get_link = ethtool_op_get_link,
};

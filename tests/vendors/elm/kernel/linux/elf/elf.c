// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

static int __init elf_init(void)
{
	return 0;
}
module_init(elf_init);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Delivers nothing");

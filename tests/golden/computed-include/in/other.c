#include <linux/netdevice.h>

int drv_other(void)
{
	return 0;
}

#include <linux/netdevice.h>


int third;

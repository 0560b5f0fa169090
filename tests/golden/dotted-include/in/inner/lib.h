#include "../rx.h"

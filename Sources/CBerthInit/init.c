#include "berth_init.h"

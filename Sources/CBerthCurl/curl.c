#include "berth_curl.h"

#ifndef BERTH_INIT_H
#define BERTH_INIT_H
#endif

// Executes the program that links this anew before anything of it has run, where it is called to put a process into a container.
#ifndef BERTH_SEALED_H
#define BERTH_SEALED_H
#endif

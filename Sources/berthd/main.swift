import BerthLinux
import BerthNode

// Before any other thread is there: they inherit it, and signals are left to the main thread, which waits for them.
Signals.block(Run.signals)
Signals.ignoreNuisances()
Descriptors.raiseLimit()
// Before the threads, which would have heaps of their own.
ProcessMemory.limitHeaps(2)
TaskThreads.takeOver()
Berthd.main()

import BerthLinux
import BerthNode

// Before any other thread is there: they inherit it, and signals are left to the main thread, which waits for them.
Signals.block(Run.signals)
Signals.ignoreNuisances()
Descriptors.raiseLimit()
TaskThreads.takeOver()
Berthd.main()

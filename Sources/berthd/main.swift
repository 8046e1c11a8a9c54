import BerthLinux

// Before any other thread is there: they inherit it, and signals are left to the main thread, which waits for them.
Signals.block(Run.signals)
Signals.ignoreNuisances()
Descriptors.raiseLimit()
Berthd.main()

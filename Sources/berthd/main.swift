import BerthLinux

// Before any other thread is there: signals are for the one that waits for them.
Signals.block(Daemon.signals)
Signals.ignoreNuisances()
await Berthd.main()

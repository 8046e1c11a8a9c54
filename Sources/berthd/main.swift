import BerthLinux

// Before any other thread is there: signals are for the one that waits for them.
Signals.block(Daemon.signals)
Signals.ignoreNuisances()

/// An asynchronous context, so that the asynchronous one of ArgumentParser's two `main`s is called.
func run() async { await Berthd.main() }
await run()

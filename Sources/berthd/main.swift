import BerthLinux

// Before any other thread is there: signals are for the one that waits for them.
Signals.block(Daemon.signals)
Signals.ignoreNuisances()

// The asynchronous one of ArgumentParser's two.
let run: () async -> Void = Berthd.main
await run()

import BerthLinux
import BerthRuntimeCLI
import Glibc

// berth-runtime [OPTIONS] COMMAND …: runc's command line.
ProcessControl.makeUndumpable()
exit(RuntimeProgram.run(Array(CommandLine.arguments.dropFirst())))

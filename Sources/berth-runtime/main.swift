import BerthLinux
import BerthRuntimeCLI
import Glibc

// berth-runtime [OPTIONS] COMMAND …: runc's command line.
ProcessControl.makeUndumpable()
// Not CommandLine.arguments: what makes those works out types at run time.
exit(RuntimeProgram.run((1..<max(1, Int(CommandLine.argc))).compactMap { CommandLine.unsafeArgv[$0].map { String(cString: $0) } }))

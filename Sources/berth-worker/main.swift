import BerthCore
import BerthLinux
import BerthRegistry
import Glibc

// Started by berthd, without arguments and with its socket as standard input and output: one pull. `copy-out`, `copy-in`: files of a
// container, see `CopyJob`. Started by people: `make-image`.
let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "make-image" { exit(MakeImage.main(Array(arguments.dropFirst()))) }
if let first = arguments.first, ["copy-out", "copy-in"].contains(first) { exit(CopyJob.run(arguments)) }
guard arguments.isEmpty, isatty(0) == 0 else {
  MakeImage.complain("berth-worker is started by berthd. By hand it makes images:\n\(MakeImage.usage)")
  exit(64)
}
exit(Worker.run(socket: FD(owning: 0)))

import ArgumentParser
import Communication
import Errors
import Foundation

/// What this version is called; docs and checkpoints say it too.
let programVersion = "0.1.0"

struct LockstepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lockstep",
        abstract: "Trains neural networks data-parallel, with the same bits for any number of workers.",
        discussion: """
            Start it by itself (threads of this machine) or under a launcher:
              lockstep train --dataset fashion-mnist --epochs 5
              mpirun -n 2 lockstep train --dataset fashion-mnist --epochs 5
            """,
        version: programVersion,
        subcommands: [TrainCommand.self, EvaluateCommand.self, InfoCommand.self, BenchCommand.self])
}

@main
enum Main {
    static func main() {
        let launch = Launcher.detect(environment: ProcessInfo.processInfo.environment)
        do {
            var command = try LockstepCommand.parseAsRoot()
            try command.run()
        } catch {
            exit(report(error, isSpeaker: launch.rank == 0))
        }
    }

    /// Prints what went wrong, once for the job, and returns the exit code.
    private static func report(_ error: any Error, isSpeaker: Bool) -> Int32 {
        switch error {
        case let reported as ReportedFailure:
            return reported.kind.rawValue
        case let failure as Failure:
            if isSpeaker { printFailure(failure) }
            return failure.kind.rawValue
        default:
            let code = LockstepCommand.exitCode(for: error)
            guard isSpeaker else { return code.rawValue }
            if code.isSuccess {
                Output.line(LockstepCommand.fullMessage(for: error))
            } else {
                let lines = LockstepCommand.message(for: error).split(separator: "\n").map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
                Output.error("lockstep: \(lines.joined(separator: " ")); --help lists what is known")
            }
            return code.rawValue
        }
    }
}

/// A failure that a worker has told the user about already.
struct ReportedFailure: Error {
    let kind: Failure.Kind
}

func printFailure(_ failure: Failure) { Output.error("lockstep: \(failure.message)") }

/// Runs `body` on every worker that the launcher or `--workers` asks for; failures are printed once.
func onWorkers<T: Sendable>(
    _ workers: Int?, _ body: @escaping @Sendable (borrowing Communicator) throws -> T
) throws -> [T] {
    let launch = Launcher.detect(environment: ProcessInfo.processInfo.environment)
    let plan = try launch.plan(workers: workers, defaultWorkers: ProcessorSet.allowed().count)
    do throws(Failure) {
        return try withWorkers(plan, onFailure: printFailure, body: body)
    } catch {
        throw ReportedFailure(kind: error.kind)
    }
}

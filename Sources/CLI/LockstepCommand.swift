import ArgumentParser
import Communication
import Errors
import Foundation
import Training

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
        subcommands: [
            TrainCommand.self, ResumeCommand.self, VerifyResumeCommand.self, SweepCommand.self, EvaluateCommand.self,
            PredictCommand.self, CompareCommand.self, ReportCommand.self, ServeCommand.self, ExportCommand.self,
            PCACommand.self, ExplainCommand.self, CheckGradientsCommand.self, DataCommand.self, InfoCommand.self,
            BenchCommand.self,
        ])
}

@main
enum Main {
    static func main() {
        // A reader of the output that goes away (`| head`) must not end a training.
        signal(SIGPIPE, SIG_IGN)
        // A limit on the size of files is an error that is told, not a death.
        signal(SIGXFSZ, SIG_IGN)
        let launch = Launcher.detect(environment: ProcessInfo.processInfo.environment)
        do {
            var command = try LockstepCommand.parseAsRoot()
            try command.run()
            if let problem = Output.problem { throw Failure(.inputOutput, "standard output: \(problem)") }
        } catch {
            exit(report(error, rank: launch.rank))
        }
    }

    /// Prints what went wrong, once for the job, and returns the exit code.
    private static func report(_ error: any Error, rank: Int) -> Int32 {
        if let reported = error as? ReportedFailure { return reported.kind.rawValue }
        let code = (error as? Failure)?.kind.rawValue ?? LockstepCommand.exitCode(for: error).rawValue
        if rank > 0 && code != 0 { waitForRankZero() }
        switch error {
        case let failure as Failure:
            printFailure(rank == 0 ? failure : Failure(failure.kind, "rank \(rank): \(failure.message)"))
        case _ where code == 0:
            if rank == 0 { Output.line(LockstepCommand.fullMessage(for: error)) }
        default:
            let lines = LockstepCommand.message(for: error).split(separator: "\n").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            let place = rank == 0 ? "" : "rank \(rank): "
            Output.error("lockstep: \(place)\(lines.joined(separator: " ")); --help lists what is known")
        }
        return code
    }

    /// Before MPI has started ranks cannot agree who speaks. What one met, rank 0 has usually met too: it speaks and ends,
    /// and the launcher ends the others in their sleep. A rank that wakes up is alone with its failure.
    private static func waitForRankZero() { sleep(3) }
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
    let environment = ProcessInfo.processInfo.environment
    let launch = Launcher.detect(environment: environment)
    let plan = try launch.plan(workers: workers, defaultWorkers: ProcessorSet.allowed().count)
    let watch = RankWatch(
        timeoutSeconds: try RankWatch.timeout(environment: environment),
        end: { failure, speaks in
            if speaks { printFailure(failure) }
            _exit(failure.kind.rawValue)
        }, note: { Output.error("lockstep: note: \($0)") })
    do throws(Failure) {
        return try withWorkers(plan, watch: watch, onFailure: printFailure, body: body)
    } catch {
        throw ReportedFailure(kind: error.kind)
    }
}

/// Runs `body` once: under a launcher on rank 0, while the others wait.
func onRoot(_ body: @escaping @Sendable () throws -> Void) throws {
    let isLaunched = Launcher.detect(environment: ProcessInfo.processInfo.environment).isLaunched
    _ = try onWorkers(isLaunched ? nil : 1) { communicator in try communicator.onRoot { try body() } }
}

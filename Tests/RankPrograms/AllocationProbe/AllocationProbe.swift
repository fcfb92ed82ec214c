import CAllocations
import Communication
import Errors
import Foundation
import KernelContract
import Kernels
import Training

/// What memory the steps of a training take: `AllocationProbe DIR NETWORK EPOCHS [WORKERS]`, by itself or under mpirun.
///
/// PROBE_AUGMENT in the environment says how pictures are changed (`--augment`). NETWORK is one of `bench step --suite`, or a model as text, which trains in batches of 4. Counts what each worker allocates
/// from the end of the second epoch's first step to the end of its last one, and the memory that is in use in the middle of
/// the training, after the first step of an epoch, and at its last step. Prints one JSON document.
@main
struct AllocationProbe {
    struct Report: Codable {
        let steps: Int
        /// By worker.
        let allocations: [UInt64]
        /// By worker; threads share them.
        let residentBytesBefore: [UInt64]
        let residentBytesAfter: [UInt64]
    }

    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            let failure = error as? Failure ?? Failure(.internal, "\(error)")
            write(failure.message, to: 2)
            exit(failure.kind.rawValue)
        }
    }

    private static func run(_ arguments: [String]) throws {
        guard arguments.count >= 3, let epochs = Int(arguments[2]), epochs >= 2 else {
            throw Failure(.usage, "AllocationProbe DIR NETWORK EPOCHS [WORKERS]; two epochs at least")
        }
        let environment = ProcessInfo.processInfo.environment
        let kernels = try KernelSelection.select(environment: environment)
        var options = TrainingOptions()
        options.dataset = arguments[0]
        options.epochs = epochs
        options.augmentation = environment["PROBE_AUGMENT"]
        let configuration: TrainingConfiguration
        if let network = BenchmarkNetwork.all.first(where: { $0.name == arguments[1] }) {
            configuration = try network.configured(options)
        } else {
            options.model = arguments[1]
            options.batchSize = .samples(4)
            configuration = try options.resolved()
        }
        let run = TrainingRun(
            configuration, dataset: options.sharedDataset, kernels: kernels, path: "runs/allocations", overwrites: true)
        let plan = try Launcher.detect(environment: environment).plan(
            workers: arguments.count > 3 ? Int(arguments[3]) : nil, defaultWorkers: 1)
        _ = try withWorkers(plan, onFailure: { write($0.message, to: 2) }) { communicator in
            let observer = MemoryObserver()
            try run.run(communicator, observer: observer)
            let report = Report(
                steps: observer.steps, allocations: try communicator.allGather(observer.allocations),
                residentBytesBefore: try communicator.allGather(observer.residentBytesBefore),
                residentBytesAfter: try communicator.allGather(observer.residentBytesAfter))
            if communicator.rank == 0 {
                write(String(decoding: try JSONEncoder().encode(report), as: UTF8.self), to: 1)
            }
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array((text + "\n").utf8)
        _ = Foundation.write(descriptor, bytes, bytes.count)
    }
}

/// Looks at one worker's memory between steps.
private final class MemoryObserver: TrainingObserver {
    private(set) var steps = 0
    private(set) var allocations: UInt64 = 0
    private(set) var residentBytesBefore: UInt64 = 0
    private(set) var residentBytesAfter: UInt64 = 0
    private var countBefore: UInt64 = 0

    func stepped(_ progress: TrainingProgress) {
        if progress.epoch == 2 && progress.step == progress.stepsPerEpoch {
            allocations = allocations_count() - countBefore
            allocations_report(0)
            steps = progress.step - 1
        }
        if progress.epoch == progress.epochs && progress.step == progress.stepsPerEpoch {
            residentBytesAfter = allocations_resident_bytes()
        }
        if progress.epoch == progress.epochs / 2 + 1 && progress.step == 1 {
            residentBytesBefore = allocations_resident_bytes()
        }
        if progress.epoch == 2 && progress.step == 1 {
            allocations_report(3)
            countBefore = allocations_count()
        }
    }

    func started(_ start: TrainingStart) {}
    func finishedEpoch(_ epoch: Int, of epochs: Int, points: [MetricsPoint]) {}
    func warned(_ warning: String) {}
    func finished(_ summary: TrainingSummary, path: String) {}
}

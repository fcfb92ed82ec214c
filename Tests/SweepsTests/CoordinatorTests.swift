import Communication
import Errors
import Foundation
import Sweeps
import Synchronization
import Testing
import Training

@Suite("Coordinator")
struct CoordinatorTests {
    private final class NoObserver: SweepObserver {
        var wantsProgress: Bool { false }
        func started(_ start: SweepStart) {}
        func startedTrial(_ trial: SweepPlan.Trial, group: Int, weight: Double) {}
        func progressed(_ progress: TrialProgress, group: Int) {}
        func warned(_ warning: String, number: Int) {}
        func returned(_ number: Int, reason: String) {}
        func finishedTrial(_ record: TrialRecord, group: Int) {}
        func ended() {}
    }

    /// What the threads have seen.
    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    /// A group of one worker.
    private struct Group {
        let rank: Int
        let client: RequestClient
        let log: Log

        func say(_ message: GroupMessage) throws { try client.send(message.messageBytes) }

        func hear() throws {
            switch try CoordinatorReply(messageBytes: client.receive()) {
            case .trial(let message): log.add("\(rank): trial \(message.trial.number)")
            case let reply: log.add("\(rank): \(reply)")
            }
        }
    }

    /// Trial 2 asks whether it goes on, which depends on trial 1. The sweep is asked to stop before that has ended.
    @Test("a decision that a stop leaves open is not made otherwise: the trial pauses")
    func pausesWhatWaits() throws {
        let folder = try Folder()
        let path = folder.path + "/sweep"
        let plan = try sweep(
            "grid", "  batch_size: {values: [1, 2]}\n  epochs: {value: 4}",
            "early_terminate: {type: hyperband, min_iter: 1, eta: 2}\nlag: 0")
        let (control, log) = (RunControl(), Log())
        try withWorkers(.threads(2)) { communicator in
            let requests = try communicator.openRequests()
            let group = Group(rank: communicator.rank, client: requests.client, log: log)
            guard let server = requests.server else {
                try communicator.barrier()
                try group.say(.isFree)
                try group.hear()
                try group.say(.asks(number: 2, history: [0.5]))
                try communicator.barrier()
                try group.hear()
                try group.say(.stopped(number: 2))
                try group.hear()
                return try communicator.barrier()
            }
            let coordinator = SweepCoordinator(
                plan, path: path, groups: GroupPlan(workerCount: 2, groupSize: 1), server: server,
                directory: try SweepDirectory(path: path, plan: plan, text: "", retriesFailed: false),
                observer: NoObserver(), control: control, datasets: DatasetPool(), keptWeights: 0)
            let isDone = DispatchSemaphore(value: 0)
            Thread {
                coordinator.serve()
                isDone.signal()
            }.start()
            try group.say(.isFree)
            try group.hear()
            try communicator.barrier()
            try communicator.barrier()
            control.request(.stop)
            try communicator.barrier()
            try group.say(.stopped(number: 1))
            try group.hear()
            isDone.wait()
            let failure = #expect(throws: Failure.self) { try coordinator.finish() }
            log.add(failure?.message ?? "")
        }
        let said = log.all
        #expect(said.dropLast() == ["0: trial 1", "1: trial 2", "1: pauses", "1: ends", "0: ends"])
        #expect(said.last?.contains("stopped in trials 1, 2") == true)
    }
}

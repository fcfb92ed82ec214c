import Communication
import Errors
import Foundation
import KernelContract
import Training

/// Runs the trials of a plan side by side, each on a group of workers. Every worker calls `run` with the same plan.
package struct SweepRun: Sendable {
    package let plan: SweepPlan
    /// The file as it was given.
    private let text: String
    private let path: String
    private let retriesFailed: Bool
    private let workersPerTrial: Int
    /// Of so many of the best trials the weights stay; nil for all.
    private let keptWeights: Int?
    private let kernels: any KernelSet
    /// Through which others ask to stop.
    private let control: RunControl?
    /// Shared by the threads of a process.
    private let datasets = DatasetPool()
    /// Called on worker 0 only.
    private let makeObserver: @Sendable () -> any SweepObserver

    package init(
        _ plan: SweepPlan, text: String, path: String, retriesFailed: Bool, workersPerTrial: Int = 1,
        keptWeights: Int? = nil, kernels: any KernelSet, control: RunControl? = nil,
        makeObserver: @escaping @Sendable () -> any SweepObserver
    ) {
        self.plan = plan
        self.text = text
        self.path = path
        self.retriesFailed = retriesFailed
        self.workersPerTrial = workersPerTrial
        self.keptWeights = keptWeights
        self.kernels = kernels
        self.control = control
        self.makeObserver = makeObserver
    }

    /// The records of all trials, on worker 0; empty on the others.
    @discardableResult
    package func run(_ communicator: borrowing Communicator) throws -> [TrialRecord] {
        let groups = GroupPlan(workerCount: communicator.size, groupSize: workersPerTrial)
        let requests = try communicator.openRequests()
        let hosts = communicator.hostNames
        let kind = communicator.kind.rawValue
        var coordination: Coordination?
        var reportsProgress = false
        try communicator.onRoot {
            guard let server = requests.server else { return }
            let directory = try SweepDirectory(path: path, plan: plan, text: text, retriesFailed: retriesFailed)
            try directory.beginSession(
                workers: groups.workerCount, groups: groups.groupCount, workersPerTrial: groups.groupSize,
                hosts: Set(hosts).sorted())
            let observer = makeObserver()
            reportsProgress = observer.wantsProgress
            observer.started(
                SweepStart(
                    plan: plan, path: path,
                    finishedCount: directory.records.count { $0.state.hasEnded }, groups: groups,
                    usefulGroupCount: directory.sequence.usefulTrialCount, launcher: kind,
                    hostCount: Set(hosts).count, instructionSet: kernels.instructionSet.rawValue))
            coordination = Coordination(
                SweepCoordinator(
                    plan, path: path, groups: groups, server: server, directory: directory, observer: observer,
                    control: control, datasets: datasets, keptWeights: keptWeights),
                observer)
        }
        reportsProgress = try communicator.broadcast(reportsProgress, root: 0)
        coordination?.start()
        let group = TrialGroup(
            plan: plan, path: path, kernels: kernels, datasets: datasets, control: control, startsAnew: retriesFailed,
            reportsProgress: reportsProgress, client: requests.client)
        do {
            try communicator.inGroup(of: groups) { try group.work($0) }
        } catch {
            // The coordinator lets the others end.
            coordination?.wait()
            throw error
        }
        // Other groups still need it.
        coordination?.wait()
        var records: [TrialRecord] = []
        try communicator.onRoot { records = try coordination?.coordinator.finish() ?? [] }
        return records
    }
}

/// The thread that coordinates.
private final class Coordination: @unchecked Sendable {
    let coordinator: SweepCoordinator
    private let observer: any SweepObserver
    private let isDone = DispatchSemaphore(value: 0)

    init(_ coordinator: SweepCoordinator, _ observer: any SweepObserver) {
        self.coordinator = coordinator
        self.observer = observer
    }

    func start() {
        let thread = Thread { [self] in
            coordinator.serve()
            observer.ended()
            isDone.signal()
        }
        thread.name = "coordinator"
        thread.stackSize = 8 << 20
        thread.start()
    }

    func wait() { isDone.wait() }
}

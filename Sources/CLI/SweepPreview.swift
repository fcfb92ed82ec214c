import Communication
import Errors
import Foundation
import KernelContract
import Sweeps
import Training

/// `sweep run --dry-run`: the trials, and what they will cost.
struct SweepPreview {
    private let plan: SweepPlan
    private let kernels: any KernelSet
    private let workers: Int?
    private let workersPerTrial: Int

    init(_ plan: SweepPlan, kernels: any KernelSet, workers: Int?, workersPerTrial: Int) {
        self.plan = plan
        self.kernels = kernels
        self.workers = workers
        self.workersPerTrial = workersPerTrial
    }

    /// Trials that are printed one by one.
    private static let lineLimit = 100

    func show() throws {
        let estimate = SweepEstimate(plan)
        let dataset = estimate.middle.map { $0.sharedDataset }
        _ = try onWorkers(workers) { [self] communicator in
            try communicator.onRoot {
                describe(estimate)
                if estimate.middle == nil {
                    throw Failure(
                        .data, "no trial can be trained; the first: \(estimate.rows.first?.problem ?? "there is none")")
                }
            }
            guard var short = estimate.middle, let dataset else { return }
            short.epochs = 1
            short.steps = nil
            let configuration = short
            // All groups at once, as they will train.
            let groups = GroupPlan(workerCount: communicator.size, groupSize: workersPerTrial)
            let own = try communicator.inGroup(of: groups) { group in
                var trace: StepTrace?
                let result = try StepBenchmark(configuration, dataset: dataset, kernels: kernels).run(
                    group, trace: &trace)
                let cores = min(group.size, try group.processorCount())
                return group.rank == 0 ? result.fractionOfPeak * kernels.measuredPeakFlops() * Double(cores) : 0
            }
            let rate = try communicator.allGather(own).reduce(0, +)
            try communicator.onRoot { showCost(estimate, rate: rate, groups: groups) }
        }
    }

    /// - Parameter rate: Floating-point operations a second of all groups.
    private func showCost(_ estimate: SweepEstimate, rate: Double, groups: GroupPlan) {
        let share = plan.trialCount.map { Double($0) / Double(max(estimate.rows.count, 1)) } ?? 1
        let flops = estimate.flops * share
        Output.line(
            "cost: \(Self.scaled(flops)), about \(Text.clock(flops / rate)) of training, "
                + "\(Text.plural(groups.groupCount, "trial")) at once on \(Text.plural(groups.workerCount, "worker")) at "
                + "\(Self.scaled(rate)) a second, as measured on the trial in the middle; evaluation comes on top")
    }

    private func describe(_ estimate: SweepEstimate) {
        let definition = plan.definition
        let count = plan.trialCount.map { Text.plural($0, "trial") } ?? "trials until the target is reached"
        Output.line("\(definition.name.map { "\($0): " } ?? "")\(count), method \(definition.method.rawValue)")
        if !definition.ignoredKeys.isEmpty {
            Output.line("note: without meaning here: \(definition.ignoredKeys.joined(separator: ", "))")
        }
        for note in definition.notes { Output.line("note: \(note)") }
        let digits = "\(estimate.rows.count)".count
        for row in estimate.rows.prefix(Self.lineLimit) {
            var line = "trial \(Text.right("\(row.trial.number)", digits))"
            for (option, value) in row.trial.parameters where plan.varying.contains(option) && !value.isNull {
                line += "  \(option) \(value.text)"
            }
            line += row.flops.map { "  \(Self.scaled($0))" } ?? "  cannot be trained: \(row.problem ?? "")"
            Output.line(line)
        }
        let hidden = estimate.rows.count - Self.lineLimit
        if hidden > 0 { Output.line("… and \(grouped(hidden)) more") }
        if plan.trialCount.map({ $0 > estimate.rows.count }) ?? true {
            Output.line("… and others, which follow from results")
        }
        if let limit = TrialSequence(plan).usefulTrialCount {
            Output.line(
                "note: at most \(Text.plural(limit, "trial")) at once, since decisions wait for results (lag \(limit - 1))"
            )
        }
    }

    /// 1.2e12 is "1.2 T".
    private static func scaled(_ value: Double) -> String {
        for (unit, size) in [("E", 1e18), ("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6)] where value >= size {
            return "\(Text.fixed(value / size, 1)) \(unit)FLOP"
        }
        return "\(Text.fixed(value, 0)) FLOP"
    }
}

import Communication
import Models
import Optimizers
import Tensors

/// What a checkpoint takes from the workers, as worker 0 has it between two steps. Its memory is used again and again: one
/// thread at a time, `Trainer.snapshot` while nothing is being written, else whoever writes.
final class TrainerSnapshot: @unchecked Sendable {
    let network: Network
    let standardization: InputStandardization?
    let targetStandardization: TargetStandardization?
    /// Updates done.
    fileprivate(set) var step = 0
    private let parameterCopy: AlignedBuffer<Float>
    private let statisticsCopy: AlignedBuffer<Float>
    private let averageCopy: AlignedBuffer<Float>
    private let averagedStatisticsCopy: AlignedBuffer<Float>
    /// Columns that all workers have written, by the optimizer's `stateNames`; nobody writes them before the next snapshot.
    fileprivate(set) var optimizerState: [(name: String, values: UnsafePointer<Float>)] = []

    fileprivate init(
        _ network: Network, standardization: InputStandardization?, targetStandardization: TargetStandardization?,
        hasAverages: Bool
    ) {
        self.targetStandardization = targetStandardization
        self.network = network
        self.standardization = standardization
        parameterCopy = AlignedBuffer(count: network.layout.floatCount)
        statisticsCopy = AlignedBuffer(count: network.stateLayout.floatCount)
        averageCopy = AlignedBuffer(count: hasAverages ? network.layout.floatCount : 0)
        averagedStatisticsCopy = AlignedBuffer(count: hasAverages ? network.stateLayout.floatCount : 0)
    }

    fileprivate func copy(
        parameters: UnsafePointer<Float>, statistics: borrowing RunningStatistics, averages: UnsafePointer<Float>?
    ) {
        parameterCopy.base.update(from: parameters, count: parameterCopy.count)
        statisticsCopy.base.update(from: statistics.values, count: statisticsCopy.count)
        guard let averages else { return }
        averageCopy.base.update(from: averages, count: averageCopy.count)
        averagedStatisticsCopy.base.update(from: statistics.evaluated, count: averagedStatisticsCopy.count)
    }

    var parameters: UnsafePointer<Float> { UnsafePointer(parameterCopy.base) }
    var statistics: UnsafePointer<Float> { UnsafePointer(statisticsCopy.base) }
    /// Nil where no average is kept.
    var averages: UnsafePointer<Float>? { averageCopy.count == 0 ? nil : UnsafePointer(averageCopy.base) }
    /// Those of the running statistics; nil where no average is kept, and where there are none.
    var averagedStatistics: UnsafePointer<Float>? {
        averagedStatisticsCopy.count == 0 ? nil : UnsafePointer(averagedStatisticsCopy.base)
    }
}

extension Trainer {
    /// The moving average of the parameters, gathered from all workers; nil where none is kept. Collective, after the
    /// first step.
    package func gatherAverages() throws -> UnsafeMutablePointer<Float>? {
        guard let column = optimizer.description.averageColumn else { return nil }
        try reducer.gather(columns: column..<column + 1)
        return reducer.column(column)
    }

    /// Copies what a checkpoint needs to `snapshot`, on worker 0; nil on the others. Collective, between steps.
    ///
    /// - Parameter snapshot: The one before, which must have been written; nil for the first.
    func snapshot(_ network: Network, into snapshot: TrainerSnapshot?) throws -> TrainerSnapshot? {
        let update = optimizer.description
        optimizer.saveState(to: update.stateColumns.map { reducer.column($0) })
        try reducer.gather(columns: 0..<update.columnCount)
        guard rank == 0 else { return nil }
        let snapshot =
            snapshot
            ?? TrainerSnapshot(
                network, standardization: standardization, targetStandardization: targetStandardization,
                hasAverages: update.averageColumn != nil)
        snapshot.copy(
            parameters: parameters, statistics: runningStatistics,
            averages: update.averageColumn.map { UnsafePointer(reducer.column($0)) })
        snapshot.optimizerState = zip(update.optimizer.stateNames, update.stateColumns).map {
            ($0, UnsafePointer(reducer.column($1)))
        }
        snapshot.step = stepCount
        return snapshot
    }

    /// Goes on after step `step`. `load` fills a buffer of the given kind; it is called on worker 0. Collective.
    mutating func restore(
        step: Int, _ communicator: borrowing Communicator,
        load: (_ kind: CheckpointedBuffer, _ values: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        let update = optimizer.description
        try reducer.setParameters { try load(.parameters, $0) }
        try runningStatistics.restore(communicator, load: load)
        if let column = update.averageColumn { try reducer.setColumn(column) { try load(.averages, $0) } }
        for (name, column) in zip(update.optimizer.stateNames, update.stateColumns) {
            try reducer.setColumn(column) { try load(.optimizer(name), $0) }
        }
        optimizer.restoreState(from: update.stateColumns.map { reducer.column($0) })
        stepCount = step
    }
}

/// The buffers of a trainer that a checkpoint holds.
enum CheckpointedBuffer {
    case parameters, averages
    /// Running statistics and their moving averages.
    case statistics, averagedStatistics
    /// By its name in `OptimizerDescription.stateNames`.
    case optimizer(String)
}

extension UpdateDescription {
    /// Columns of a `GradientReducer`: the moving average where one is kept, then copies of the optimizer's state.
    var columnCount: Int { stateColumns.upperBound }
    var averageColumn: Int? { averageDecay == nil ? nil : 0 }
    var stateColumns: Range<Int> {
        let first = averageDecay == nil ? 0 : 1
        return first..<first + optimizer.stateNames.count
    }
}

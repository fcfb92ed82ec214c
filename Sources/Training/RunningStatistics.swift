import Communication
import KernelContract
import Models
import Tensors

/// Batch norm's running mean and variance, the same on every worker, and their moving average where the parameters have one:
/// averaged weights give layers other inputs than the weights of the last step, whose statistics do not fit them.
struct RunningStatistics: ~Copyable {
    private let current: AlignedBuffer<Float>
    /// Empty where no average is kept.
    private let averages: AlignedBuffer<Float>
    private let averageDecay: Double?

    init(_ network: Network, averageDecay: Double?) {
        let count = network.stateLayout.floatCount
        current = AlignedBuffer(count: count)
        averages = AlignedBuffer(count: averageDecay == nil ? 0 : count)
        self.averageDecay = averageDecay
        network.initializeState(current.base)
    }

    /// What training updates, `Network.stateLayout.floatCount` floats.
    var values: UnsafeMutablePointer<Float> { current.base }
    /// What evaluation takes.
    var evaluated: UnsafeMutablePointer<Float> { averages.count == 0 ? current.base : averages.base }

    /// After update number `step` of the parameters, counted from 1. As theirs, the average begins as the values after the
    /// first one.
    func average(step: Int, kernels: any KernelSet) {
        guard let averageDecay, averages.count > 0 else { return }
        if step == 1 {
            averages.base.update(from: current.base, count: current.count)
        } else {
            kernels.updateAverage(
                averages.base, with: current.base, count: current.count, weight: Float(1 - averageDecay))
        }
    }

    /// Gives all workers what `fill` writes on worker 0. Collective.
    func setValues(
        _ communicator: borrowing Communicator, fill: (_ values: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        try Self.set(current, communicator, fill)
    }

    /// `load` fills a buffer of the given kind; it is called on worker 0. Collective.
    func restore(
        _ communicator: borrowing Communicator,
        load: (_ kind: CheckpointedBuffer, _ values: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        try Self.set(current, communicator) { try load(.statistics, $0) }
        if averageDecay != nil { try Self.set(averages, communicator) { try load(.averagedStatistics, $0) } }
    }

    private static func set(
        _ buffer: borrowing AlignedBuffer<Float>, _ communicator: borrowing Communicator,
        _ fill: (_ values: UnsafeMutablePointer<Float>) throws -> Void
    ) throws {
        guard buffer.count > 0 else { return }
        try communicator.onRoot { try fill(buffer.base) }
        let values = UnsafeMutableBufferPointer(start: buffer.base, count: buffer.count)
        _ = values.update(fromContentsOf: try communicator.broadcast(Array(values), root: 0))
    }
}

import Communication
import KernelContract
import Tensors

/// What it costs to sum gradients of made-up parameters over all workers and to show all the updated parameters.
package struct ReductionBenchmark: Sendable {
    package struct Result: Codable, Sendable {
        package let parameters: Int
        /// Medians over the repetitions: along the canonical tree, with messages and sums of our own; and by
        /// `MPI_Allreduce`, nil without MPI.
        package let treeMicroseconds: Double
        package let plainMicroseconds: Double?
        /// Bytes that the busiest host sends to others in one step, by the tree.
        package let hostPayloadBytes: Int
    }

    private let grainCount: Int
    private let repetitions: Int
    private let kernels: any KernelSet

    /// Of batches of `grainCount` grains.
    package init(grainCount: Int, repetitions: Int, kernels: any KernelSet) {
        precondition(
            grainCount > 0 && repetitions > 0, "ReductionBenchmark: \(grainCount) grains, \(repetitions) times")
        self.grainCount = grainCount
        self.repetitions = repetitions
        self.kernels = kernels
    }

    /// Collective.
    package func run(parameters: Int, _ communicator: borrowing Communicator) throws -> Result {
        let tree = try time(parameters: parameters, .tree, communicator)
        let plain =
            communicator.kind == .mpi ? try time(parameters: parameters, .mpi, communicator).microseconds : nil
        return Result(
            parameters: parameters, treeMicroseconds: tree.microseconds, plainMicroseconds: plain,
            hostPayloadBytes: tree.payload)
    }

    /// The median of worker 0's microseconds, from the moment when it has written its gradients, as a training step does each time
    /// anew.
    func time(
        parameters count: Int, _ mode: ReductionMode, _ communicator: borrowing Communicator
    ) throws -> (microseconds: Double, payload: Int) {
        var layout = ParameterLayout()
        layout.append("parameters", [count])
        let reducer = try GradientReducer(
            communicator: communicator, layout: layout, grainCounts: [grainCount], kernels: kernels, mode: mode)
        let runs = reducer.runs()
        let nodeCount = reducer.nodes(grainCount: grainCount).count
        var times: [Double] = []
        for repetition in -2..<repetitions {
            for node in 0..<nodeCount { reducer.partial(node).update(repeating: 1, count: layout.floatCount) }
            try communicator.barrier()
            let begin = PhaseClock.now()
            try reducer.collect(grainCount: grainCount)
            try reducer.reduce(runs, grainCount: grainCount) { range, gradient in
                let parameters = reducer.parameters
                for i in range { parameters[i] -= 0.5 * gradient[i - range.lowerBound] }
                reducer.post(range)
            }
            try reducer.publish()
            if repetition >= 0 { times.append(Double(PhaseClock.now() - begin) * 1e-3) }
        }
        let sent = try communicator.allGather(reducer.sentByteCount / (repetitions + 2))
        let payload = communicator.hostMembers.map { sent[$0].reduce(0, +) }.max() ?? 0
        try communicator.barrier()
        return (times.sorted()[times.count / 2], payload)
    }
}

import Communication
import KernelContract

extension Trainer {
    /// The sums of one step over all workers.
    package struct StepResult {
        package private(set) var lossSum = 0.0
        /// What the sum of losses is divided by for their mean.
        package let lossDenominator: Double
        package private(set) var correctCount = 0
        package private(set) var sampleCount = 0
        /// What any worker asked for.
        package private(set) var requests: StepRequests = []

        init(lossDenominator: Double) { self.lossDenominator = lossDenominator }

        /// Adds a batch's sums by the canonical tree, from all workers' `grains`.
        mutating func add(_ partition: GrainPartition, _ grains: UnsafePointer<GrainStatistics>) {
            let total = CanonicalTree.sum(count: partition.grainCount, zero: .zero, { grains[$0] }, +)
            lossSum += total.lossSum
            correctCount += total.correctCount
            requests.formUnion(total.requests)
            sampleCount += partition.sampleCount
        }
    }
}

import Tensors

/// A model layer by layer: what each gives, holds and costs. Counts are for one sample.
package struct ModelSummary: Codable, Sendable {
    package struct Row: Codable, Sendable {
        package let layer: String
        package let outputShape: [Int]
        package let parameters: Int
        /// Of the forward products: 2 for each multiply-add.
        package let flops: Double
        /// What training keeps of it: nothing of a layer that works in place.
        package let activationByteCount: Int
    }

    package let inputShape: [Int]
    package let rows: [Row]
    package let parameters: Int
    package let flops: Double
    /// Forward and backward.
    package let trainingFlops: Double
    package let parameterByteCount: Int
    /// What training keeps of each sample of a worker's part of a batch.
    package let activationByteCount: Int

    package init(_ network: Network) {
        inputShape = network.inputShape.extents
        rows = network.operations.enumerated().map { index, operation in
            let own = network.layout.entries.filter { $0.belongs(to: operation) }
            return Row(
                layer: String(repeating: "  ", count: operation.depth) + operation.text,
                outputShape: operation.outputShape.extents,
                parameters: own.reduce(0) { $0 + $1.range.count }, flops: operation.layer?.flopsPerSample ?? 0,
                activationByteCount: 4 * network.keptFloats(ofOperation: index))
        }
        parameters = network.layout.parameterCount
        flops = rows.reduce(0) { $0 + $1.flops }
        trainingFlops = network.trainingFlopsPerSample
        parameterByteCount = 4 * network.layout.parameterCount
        activationByteCount = 4 * network.activationsPerSample
    }
}

import KernelContract
import Models
import Randomness
import Tensors

/// Parameters and samples of a gradient check: random, the same for one seed on every machine, and all of them Floats, so
/// that both precisions begin with the same numbers.
package struct CheckValues: Sendable {
    let seed: UInt64
    let sampleCount: Int

    /// With five samples three grains for the canonical tree, the last of them short.
    var partition: GrainPartition { GrainPartition(sampleCount: sampleCount, grainSize: 2) }

    package init(seed: UInt64, sampleCount: Int = 5) {
        self.seed = seed
        self.sampleCount = sampleCount
    }

    private enum Subject: UInt64 {
        case input, outputWeights, choice
        case parameters = 16
    }

    var mode: ReferenceBatch.Mode { .training(seed: seed, epoch: 1, position: 0) }

    /// Uniform in [−1, 1), multiples of 2⁻²³.
    private func uniform(_ subject: UInt64, count: Int) -> [Float] {
        let random = KeyedRandom(seed: seed, purpose: .synthetic, epoch: 1, subject: subject)
        return (0..<count).map { 2 * random.uniformFloat(at: UInt64($0)) - 1 }
    }

    package func input(_ shape: Shape) -> [Float] {
        uniform(Subject.input.rawValue, count: sampleCount * shape.elementCount)
    }

    /// What multiplies each output where there is no loss.
    func outputWeights(_ count: Int) -> [Float] { uniform(Subject.outputWeights.rawValue, count: count) }

    func labels(classCount: Int) -> [UInt8] { (0..<sampleCount).map { UInt8($0 * 7 % min(classCount, 256)) } }

    /// Weights in ±√(3 / fan-in), which keeps the size of what passes; scales around 1; biases in ±½.
    func parameters(_ layout: ParameterLayout) -> [Float] {
        var parameters = [Float](repeating: 0, count: layout.floatCount)
        for (number, entry) in layout.entries.enumerated() {
            let values = uniform(Subject.parameters.rawValue + UInt64(number), count: entry.range.count)
            let extents = entry.shape.extents
            let isWeight = entry.name.hasSuffix(".weight")
            for (index, value) in zip(entry.range, values) {
                if extents.count > 1 {
                    let fanIn = max(1, entry.range.count / extents[extents.count - 1])
                    parameters[index] = value * Float((3 / Double(fanIn)).squareRoot())
                } else {
                    parameters[index] = value / 2 + (isWeight ? 1 : 0)
                }
            }
        }
        return parameters
    }

    /// All of `count` elements, or `limit` of them in ascending order.
    func elements(of count: Int, limit: Int, tensor: Int) -> [Int] {
        guard count > limit else { return Array(0..<count) }
        let random = KeyedRandom(
            seed: seed, purpose: .synthetic, epoch: 2, subject: Subject.choice.rawValue + UInt64(tensor))
        return permutation(count: count, random: random).prefix(limit).map { Int($0) }.sorted()
    }
}

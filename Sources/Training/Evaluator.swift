import Communication
import DataLoading
import KernelContract
import Models
import Tensors

/// What a network scores on a data set.
package struct Evaluation: Sendable, Equatable {
    /// Mean as the loss defines it (`Loss.denominator`), over all samples.
    package let loss: Double
    /// Nil, as the matrix is, where outputs are compared with inputs.
    package let accuracy: Double?
    package let sampleCount: Int
    /// `[class, predicted]`, counts.
    package let confusionMatrix: [[Int]]?
    /// Of each sample, where they were asked for and there are classes.
    package let predictions: [UInt8]?
    /// The probabilities of these predictions.
    package let confidences: [Float]?
    /// By target column; nil but of a table.
    package let scores: [RegressionScores]?
}

/// Scores samples in file order, in grains of 32, each worker its part; sums go along the canonical tree.
package struct Evaluator: ~Copyable {
    /// Samples of a leaf of the tree; part of the numerics contract.
    package static let grainSize = 32
    /// Grains that go through the network together.
    private static let grainsAtOnce = 8

    private let loss: Loss
    private let kernels: any KernelSet
    private let standardization: InputStandardization?
    private let targetStandardization: TargetStandardization?
    private let workspace: KernelWorkspace
    private let activations: Activations
    private let buffers: SampleBuffers
    private let probabilities: AlignedBuffer<Float>

    /// - Parameter standardization, targetStandardization: What the network's weights were trained with.
    package init(
        network: Network, loss: Loss, standardization: InputStandardization? = nil,
        targetStandardization: TargetStandardization? = nil, kernels: any KernelSet
    ) {
        self.targetStandardization = targetStandardization
        let capacity = Self.grainSize * Self.grainsAtOnce
        self.loss = loss
        self.kernels = kernels
        self.standardization = standardization
        workspace = KernelWorkspace()
        activations = Activations(network: network, capacity: capacity)
        buffers = SampleBuffers(
            capacity: capacity, targetCount: loss.description.target == .columns ? network.outputCount : 0)
        probabilities = AlignedBuffer(
            count: loss.description.target == .label ? capacity * network.outputCount : 0)
    }

    /// All workers call it and all get the same result.
    ///
    /// - Parameter division: Of the grains; nil for the even one.
    package func evaluate(
        _ images: LabelledImages, indices: [Int32], parameters: UnsafePointer<Float>,
        state: UnsafeMutablePointer<Float>, keepsPredictions: Bool = false, division: GrainDivision? = nil,
        communicator: borrowing Communicator
    ) throws -> Evaluation {
        let partition = GrainPartition(sampleCount: indices.count, grainSize: Self.grainSize)
        let division = division ?? .even(communicator.size)
        let run = division.runs(grainCount: partition.grainCount)[communicator.rank]
        let context = LayerContext(kernels: kernels, workspace: workspace.base, parameters: parameters, state: state)
        let target = loss.description.target
        // No classes without labels.
        let classCount = target == .label ? activations.outputCount : 0
        var statistics: [GrainStatistics] = []
        var predictions: [UInt8] = []
        var confidences: [Float] = []
        var errors: [Double] = []
        var confusion = [Int](repeating: 0, count: classCount * classCount)
        for first in stride(from: run.lowerBound, to: run.upperBound, by: Self.grainsAtOnce) {
            let grains = first..<min(first + Self.grainsAtOnce, run.upperBound)
            let samples = partition.samples(of: grains)
            try score(images, indices[samples], context)
            for row in 0..<samples.count where target == .label {
                confusion[Int(buffers.labels.base[row]) * classCount + Int(buffers.predictions.base[row])] += 1
            }
            if keepsPredictions && target == .label {
                predictions += UnsafeBufferPointer(start: buffers.predictions.base, count: samples.count)
                confidences += self.confidences(samples.count)
            }
            for grain in grains {
                let rows = partition.samples(of: grain..<grain + 1)
                let own = rows.lowerBound - samples.lowerBound..<rows.upperBound - samples.lowerBound
                statistics.append(buffers.statistics(rows: own, target: target))
                if target == .columns { errors += self.errors(images, indices[rows], rows: own).values }
            }
        }
        let all = try communicator.allGather(statistics).flatMap { $0 }
        let total = CanonicalTree.sum(all, zero: .zero, +)
        for (rank, counts) in try communicator.allGather(confusion).enumerated() where rank != communicator.rank {
            for index in confusion.indices { confusion[index] += counts[index] }
        }
        var scores: [RegressionScores]?
        if target == .columns && !indices.isEmpty {
            let all = try communicator.allGather(errors).flatMap { $0 }
            scores = ErrorSums.total(all, columnCount: images.targetCount).scores(images, indices, partition)
        }
        // Workers' samples follow each other in the order of ranks.
        let allPredictions = keepsPredictions ? try communicator.allGather(predictions).flatMap { $0 } : []
        let allConfidences = keepsPredictions ? try communicator.allGather(confidences).flatMap { $0 } : []
        let denominator = images.labels.withUnsafeBufferPointer { labels in
            loss.denominator(partition) { labels[Int(indices[$0])] }
        }
        return Evaluation(
            loss: total.lossSum / denominator,
            accuracy: target == .label ? Double(total.correctCount) / Double(indices.count) : nil,
            sampleCount: indices.count,
            confusionMatrix: target == .label
                ? (0..<classCount).map { Array(confusion[$0 * classCount..<($0 + 1) * classCount]) } : nil,
            predictions: keepsPredictions && target == .label ? allPredictions : nil,
            confidences: keepsPredictions && target == .label ? allConfidences : nil, scores: scores)
    }

    /// What the outputs at `rows` miss of the targets of `samples`, in their own unit.
    private func errors(_ table: LabelledImages, _ samples: ArraySlice<Int32>, rows: Range<Int>) -> ErrorSums {
        let columnCount = table.targetCount
        var sums = ErrorSums(columnCount: columnCount)
        for (row, sample) in zip(rows, samples) {
            for column in 0..<columnCount {
                let output = activations.logits[row * columnCount + column]
                sums.add(
                    targetStandardization?.undo(output, column: column) ?? output,
                    table.targets[Int(sample) * columnCount + column], column: column)
            }
        }
        return sums
    }

    /// Of the first `count` samples' predictions.
    private func confidences(_ count: Int) -> [Float] {
        let classCount = activations.outputCount
        loss.description.kind.probabilities(
            rowCount: count, columnCount: classCount, activations.logits, to: probabilities.base, kernels: kernels)
        return (0..<count).map { probabilities.base[$0 * classCount + Int(buffers.predictions.base[$0])] }
    }

    private func score(_ images: LabelledImages, _ samples: ArraySlice<Int32>, _ context: LayerContext) throws {
        let reader = SampleReader(
            images: images, kernels: kernels, standardization: standardization,
            targetStandardization: targetStandardization)
        var memory = SampleReader.BatchMemory(pixels: activations.input, labels: buffers.labels.base)
        if loss.description.target == .columns { memory.targets = buffers.targets.base }
        samples.withUnsafeBufferPointer { reader.gather($0, to: memory) }
        try activations.forward(context, sampleCount: samples.count)
        buffers.evaluate(
            loss, activations, sampleCount: samples.count, gradientDenominator: nil, kernels: kernels,
            workspace: workspace.base)
    }
}

extension Communicator {
    /// Every worker's elements, by rank; their numbers may differ.
    borrowing func allGather<Element: BitwiseCopyable>(_ elements: [Element]) throws -> [[Element]] {
        try allGather(bytes: elements.withUnsafeBytes { Array($0) }).map { bytes in
            [Element](unsafeUninitializedCapacity: bytes.count / MemoryLayout<Element>.stride) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyBytes(from: bytes)
                count = buffer.count
            }
        }
    }
}

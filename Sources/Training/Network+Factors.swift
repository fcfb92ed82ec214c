import DataLoading
import KernelContract
import Models
import Tensors

extension Network {
    /// What each block of parameters costs its owner in a step, about, in nanoseconds: the gradient over the whole batch
    /// where that is the owner's, what of the others' samples it takes, and the update. Slices are balanced by it; no bit
    /// depends on it.
    ///
    /// - Parameter density: By group of the network's inputs, the share of samples where it is marked (`InputMarks`).
    func updateCosts(
        factored: [Int], sampleCount: Int, workerCount: Int, grainSize: Int, density: [Double]
    ) -> [Double] {
        // Two operations at 100 GFLOP/s for each sample; each call costs something. Measured in steps of two workers
        // (docs/KERNELS.md).
        let (product, update, call) = (0.02 * Double(sampleCount), 0.42, 1_000.0)
        // A tile of inputs that are 0 in all samples of a grain still costs a third; a pixel of another worker's sample a
        // third of a nanosecond.
        let empty = 0.32
        let othersInput = 0.37 * Double(sampleCount) * (1 - 1 / Double(workerCount))
        return layout.entries.flatMap { entry -> [Double] in
            let blocks = stride(from: 0, to: entry.range.count, by: ParameterLayout.blockSize).map {
                $0..<min($0 + ParameterLayout.blockSize, entry.range.count)
            }
            guard let index = factored.first(where: { entry.belongs(to: operations[$0]) }),
                entry.shape.extents.count > 1
            else {
                return blocks.map { update * Double($0.count) + (factored.isEmpty || $0.lowerBound > 0 ? 0 : call) }
            }
            let outputs = operations[index].outputShape.elementCount
            // A tile of 16 columns that are not all there costs twice as much as a full one, a few of them more than many.
            let width = outputs < 32 ? 2 * Double((outputs + 15) / 16 * 16) / Double(outputs) : outputs < 128 ? 1.35 : 1
            let isFirst = memory(ofInputTo: index) == 0
            let inputDensity = densityOfRectifiedInput(index)
            return blocks.map { block in
                // What a rectifier leaves of a hidden layer; short grains gain only where dropout takes more away, and cost a
                // little more than tiles of dense inputs otherwise.
                var share =
                    inputDensity.map { grainSize >= 16 ? 0.27 + 0.9 * $0 : min(1.05, 0.2 + 1.5 * $0) } ?? 1
                if isFirst {
                    let inputs = block.lowerBound / outputs...(block.upperBound - 1) / outputs
                    let groups = inputs.lowerBound / InputMarks.groupSize...inputs.upperBound / InputMarks.groupSize
                    share = density[groups].reduce(0, +) / Double(groups.count)
                }
                let cost = isFirst ? empty + (1 - empty) * share : share
                let taking = isFirst ? othersInput / Double(outputs) : 0
                return Double(block.count) * (update + taking + product * width * cost)
                    + (block.lowerBound > 0 ? 0 : call)
            }
        }
    }
}

extension Network {
    /// Which factors of its own samples a worker with this slice must show the others of a dense layer: those who own a part of its
    /// weights need inputs and output gradients, of its biases output gradients. The network's own inputs are read from the data.
    func factorsNeeded(ofOperation index: Int, besides slice: Range<Int>) -> (input: Bool, outputGradient: Bool) {
        let others = layout.entries.filter { entry in
            entry.belongs(to: operations[index]) && entry.range.clamped(to: slice) != entry.range
        }
        return (input: others.contains { $0.shape.extents.count > 1 }, outputGradient: !others.isEmpty)
    }

    /// What share of an operation's inputs is not 0, about, where they were a rectifier's outputs, also behind a dropout
    /// layer; otherwise nil.
    private func densityOfRectifiedInput(_ index: Int) -> Double? {
        var value = operations[index].inputs[0]
        var density = 0.55
        while value > 0 {
            let operation = operations[value - 1]
            if operation.text == "relu" { return density }
            density *= operation.keptShare
            guard operation.text.hasPrefix("dropout") || operation.text == "flatten" else { return nil }
            value = operation.inputs[0]
        }
        return nil
    }
}

/// What a product reads before it can ask for anything: 64 rows of 128 columns.
private let firstBlock = (rows: 64, floatCount: 8_192)

extension Network {
    /// Weights of dense layers whose first reader in a step, the forward product, asks for memory ahead: those that meet inputs
    /// that are often 0, those of 128 columns and more, and those so large that each product copies them, panel by panel, into the caches;
    /// without what a step's first product begins with.
    ///
    /// - Parameter sampleCount: Of this worker, in a batch.
    package func weightsReadAhead(density: [Double], sampleCount: Int, kernels: any KernelSet) -> [Range<Int>] {
        let hasSparseInput = density.reduce(0, +) < 0.8 * Double(density.count)
        return operations.indices.filter(isFactored).flatMap { index in
            let outputs = operations[index].outputShape.elementCount
            let isFirst = memory(ofInputTo: index) == 0
            let hasManyZeros = isFirst ? hasSparseInput : densityOfRectifiedInput(index) != nil
            // Images have several extents of inputs.
            return layout.entries.filter { entry in
                entry.belongs(to: operations[index]) && entry.shape.extents.count > 1
                    && kernels.readsAhead(
                        m: sampleCount, n: outputs, k: entry.range.count / outputs, hasManyZeros: hasManyZeros)
            }.map { $0.range.dropFirst(isFirst ? min(firstBlock.rows * outputs, firstBlock.floatCount) : 0) }
        }
    }
}

extension LabelledImages {
    /// By group of neighbouring pixels (`InputMarks`), the share of about a thousand images in which they are not all 0.
    ///
    /// - Parameter keepsZeros: Whether a byte of 0 is an input of 0; otherwise all are others.
    func markedShares(_ kernels: any KernelSet, keepsZeros: Bool) -> [Double] {
        guard keepsZeros else { return [Double](repeating: 1, count: InputMarks.groupCount(pixelsPerImage)) }
        let indices = stride(from: 0, to: count, by: max(1, count / 1_000))
        // Of a mapped file the system would read megabytes around each: a thousand samples became the whole of 4 GB.
        for index in indices { pixels.willNeed(index * pixelsPerImage..<(index + 1) * pixelsPerImage) }
        var marks = [UInt32](repeating: 0, count: InputMarks.groupCount(pixelsPerImage))
        var shares = [Double](repeating: 0, count: marks.count)
        var total = 0.0
        for index in indices {
            for group in marks.indices { marks[group] = 0 }
            pixels.withBytes {
                kernels.markInputs($0.baseAddress! + index * pixelsPerImage, count: pixelsPerImage, bit: 1, in: &marks)
            }
            for group in marks.indices { shares[group] += Double(marks[group]) }
            total += 1
        }
        return shares.map { $0 / max(total, 1) }
    }
}

extension Network {
    /// Layers whose factors are worth exchanging instead of gradients, in ascending order. A matter of floats moved: for
    /// each worker (B − B/P) · (inputs/P + outputs) factors, against (P − 1)/P gradients read and one written.
    func factoredOperations(sampleCount: Int, workerCount: Int) -> [Int] {
        operations.indices.filter { index in
            guard isFactored(index), let layer = operations[index].layer else { return false }
            let (batch, workers) = (Double(sampleCount), Double(workerCount))
            let (inputs, outputs) = (Double(layer.inputFeatures), Double(layer.outputFeatures))
            let factors = (batch - batch / workers) * (inputs / workers + outputs)
            let gradients = ((workers - 1) / workers + 1) * inputs * outputs
            return factors <= 2 * gradients
        }
    }
}

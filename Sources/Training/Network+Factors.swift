import DataLoading
import KernelContract
import Models
import Tensors

extension Network {
    /// What each block of parameters costs its owner in a step, about, in nanoseconds: the gradient over the whole batch
    /// where that is the owner's, and the update. Slices are balanced by it; no bit depends on it.
    ///
    /// - Parameter density: By group of the network's inputs, the share of samples where it is marked (`InputMarks`).
    func updateCosts(factored: [Int], sampleCount: Int, grainSize: Int, density: [Double]) -> [Double] {
        // Two operations at 100 GFLOP/s for each sample; a tile of nothing but zeros still costs an eighth, one of 16
        // columns that are not all there twice as much as a full one, and each call something.
        let (product, update, empty, call) = (0.02 * Double(sampleCount), 0.38, 0.12, 1_000.0)
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
            let width = outputs < 32 ? 2 * Double((outputs + 15) / 16 * 16) / Double(outputs) : 1
            let isFirst = memory(ofInputTo: index) == 0
            let isRectified = hasRectifiedInput(index)
            return blocks.map { block in
                // What a rectifier leaves of a hidden layer; short grains gain little.
                var share = isRectified && grainSize >= 16 ? 0.6 : 1
                if isFirst {
                    let inputs = block.lowerBound / outputs...(block.upperBound - 1) / outputs
                    let groups = inputs.lowerBound / InputMarks.groupSize...inputs.upperBound / InputMarks.groupSize
                    share = density[groups].reduce(0, +) / Double(groups.count)
                }
                return Double(block.count) * (update + product * width * (empty + (1 - empty) * share))
                    + (block.lowerBound > 0 ? 0 : call)
            }
        }
    }
}

extension Network {
    /// Whether what enters an operation was a rectifier's output, also behind a dropout layer.
    private func hasRectifiedInput(_ index: Int) -> Bool {
        var value = operations[index].inputs[0]
        while value > 0 {
            let operation = operations[value - 1]
            if operation.text == "relu" { return true }
            guard operation.text.hasPrefix("dropout") || operation.text == "flatten" else { return false }
            value = operation.inputs[0]
        }
        return false
    }
}

extension Network {
    /// Weights that forward reads once in a step, with a kernel that asks for memory ahead: those of dense layers whose inputs
    /// are the network's own and often 0.
    func tensorsReadAhead(density: [Double]) -> [Range<Int>] {
        guard density.reduce(0, +) < 0.8 * Double(density.count) else { return [] }
        return operations.indices.filter { memory(ofInputTo: $0) == 0 && isFactored($0) }.flatMap { index in
            layout.entries.filter { $0.belongs(to: operations[index]) && $0.shape.extents.count > 1 }.map(\.range)
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

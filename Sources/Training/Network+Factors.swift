import DataLoading
import KernelContract
import Models
import Tensors

extension Network {
    /// What a parameter of each tensor costs its owner in a step, about, in nanoseconds: the gradient over the whole batch
    /// where that is the owner's, and the update. Slices are balanced by it; no bit depends on it.
    ///
    /// - Parameter density: The share of the network's input that is marked (`InputMarks`).
    func updateCosts(factored: [Int], sampleCount: Int, density: Double) -> [Double] {
        // Two operations at 100 GFLOP/s for each sample; a tile of nothing but zeros still costs a fifth.
        let (product, update, empty) = (0.02, 0.35, 0.2)
        return layout.entries.map { entry in
            guard let index = factored.first(where: { entry.belongs(to: operations[$0]) }),
                entry.shape.extents.count > 1
            else { return update }
            let isFirst = memory(ofInputTo: index) == 0
            return update + Double(sampleCount) * product * (isFirst ? empty + (1 - empty) * density : 1)
        }
    }
}

extension LabelledImages {
    /// The share of groups of neighbouring pixels (`InputMarks`) that are not all 0, in about a thousand images.
    func markedShare(_ kernels: any KernelSet) -> Double {
        var marks = [UInt32](repeating: 0, count: InputMarks.groupCount(pixelsPerImage))
        var marked = 0
        var total = 0
        for index in stride(from: 0, to: count, by: max(1, count / 1_000)) {
            for group in marks.indices { marks[group] = 0 }
            pixels.withBytes {
                kernels.markInputs($0.baseAddress! + index * pixelsPerImage, count: pixelsPerImage, bit: 1, in: &marks)
            }
            for mark in marks { marked += Int(mark) }
            total += marks.count
        }
        return total == 0 ? 1 : Double(marked) / Double(total)
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

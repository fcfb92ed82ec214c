import KernelContract
import Tensors

/// Adds the gradients of a step's batches on one worker's slice, in order. A step of one batch passes through.
struct GradientAccumulator: ~Copyable {
    private let slice: Range<Int>
    private let kernels: any KernelSet
    /// Of the slice; empty where every step has one batch.
    private let sums: AlignedBuffer<Float>

    init(slice: Range<Int>, accumulation: Int, kernels: any KernelSet) {
        self.slice = slice
        self.kernels = kernels
        sums = AlignedBuffer(count: accumulation > 1 ? slice.count : 0)
    }

    /// Takes the gradient of `range` from batch `index` of `count`, and returns the sum over all of them after the last.
    func add(
        _ range: Range<Int>, _ gradient: UnsafePointer<Float>, batch index: Int, of count: Int
    ) -> UnsafePointer<Float>? {
        guard count > 1 else { return gradient }
        let sum = sums.base + (range.lowerBound - slice.lowerBound)
        if index == 0 {
            sum.update(from: gradient, count: range.count)
        } else {
            kernels.addElements(UnsafePointer(sum), gradient, count: range.count, to: sum)
        }
        return index == count - 1 ? UnsafePointer(sum) : nil
    }
}

/// Looks whether any weight gets a gradient. Biases are left out: those of the last layer get one in a dead network too.
final class GradientWatch {
    /// Whether a weight of the slice had a gradient other than 0 since this was last set to false.
    var hasSeen = false
    /// Of the weights in the slice, ascending.
    private let weights: [Range<Int>]

    init(layout: ParameterLayout, slice: Range<Int>) {
        let matrices = layout.entries.filter { $0.storage.shape.extents.count > 1 }
        weights = (matrices.isEmpty ? layout.entries : matrices).map { $0.range.clamped(to: slice) }
            .filter { !$0.isEmpty }
    }

    /// Looks at a part of the slice; ends at the first gradient other than 0.
    func look(at range: Range<Int>, _ gradient: UnsafePointer<Float>) {
        guard !hasSeen else { return }
        for weight in weights where weight.overlaps(range) {
            for index in weight.clamped(to: range) where gradient[index - range.lowerBound] != 0 {
                hasSeen = true
                return
            }
        }
    }
}

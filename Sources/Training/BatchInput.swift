import KernelContract
import Models
import Tensors

/// What a worker keeps of a whole batch's input for the gradients of its slice.
final class BatchInput {
    /// Columns that the slice's weights meet, from a group of marks to a group.
    let columns: Range<Int>
    private let features: Int
    /// `[batch, features]`; of the own samples nothing.
    private let buffer: AlignedBuffer<Float>
    private let markBuffer: AlignedBuffer<UInt32>
    private let hasMarks: Bool

    init(features: Int, batches: [GrainPartition], hasOthers: Bool, columns: Range<Int>, keepsZeros: Bool) {
        let grainCount = batches.map(\.grainCount).max() ?? 0
        let group = InputMarks.groupSize
        self.features = features
        self.columns =
            columns.lowerBound / group * group..<min((columns.upperBound + group - 1) / group * group, features)
        hasMarks = keepsZeros && batches[0].grainSize <= InputMarks.grainLimit
        buffer = AlignedBuffer(count: hasOthers ? features * (batches.map(\.sampleCount).max() ?? 0) : 0)
        markBuffer = AlignedBuffer(count: hasMarks ? grainCount * InputMarks.groupCount(features) : 0)
    }

    /// Of a sample of the batch.
    func pixels(_ sample: Int) -> UnsafeMutablePointer<Float> { buffer.base + sample * features }

    /// Of a grain of the batch; nil where grains are too long for marks.
    func marks(_ grain: Int) -> UnsafeMutablePointer<UInt32>? {
        hasMarks ? markBuffer.base + grain * InputMarks.groupCount(features) : nil
    }
}

extension ParameterLayout {
    /// The inputs that meet weights in `slice`, of any of `operations`.
    func inputs(of operations: [Operation], in slice: Range<Int>) -> Range<Int> {
        var all: Range<Int>?
        for operation in operations {
            for entry in entries where entry.belongs(to: operation) && entry.shape.extents.count > 1 {
                let own = entry.range.clamped(to: slice)
                guard !own.isEmpty else { continue }
                let outputs = operation.outputShape.elementCount
                let begin = (own.lowerBound - entry.range.lowerBound) / outputs
                let end = (own.upperBound - entry.range.lowerBound + outputs - 1) / outputs
                all = min(begin, all?.lowerBound ?? begin)..<max(end, all?.upperBound ?? end)
            }
        }
        return all ?? 0..<0
    }
}

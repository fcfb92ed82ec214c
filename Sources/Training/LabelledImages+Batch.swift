import DataLoading
import KernelContract

extension LabelledImages {
    /// Where the samples of a batch go.
    struct BatchMemory {
        /// `[samples.count, pixelsPerImage]`
        let pixels: UnsafeMutablePointer<Float>
        var labels: UnsafeMutablePointer<UInt8>?
        /// `[grain, InputMarks.groupCount(pixelsPerImage)]`, where pixels other than 0 are marked.
        var marks: UnsafeMutablePointer<UInt32>?
        var grainSize = 1
        /// What is wanted of each image, from a group of marks to a group; nil for all.
        var columns: Range<Int>?
    }

    /// Writes the pixels of `samples` as floats, and their labels.
    func gather(_ samples: UnsafeBufferPointer<Int32>, kernels: any KernelSet, to memory: BatchMemory) {
        let features = pixelsPerImage
        let columns = memory.columns ?? 0..<features
        let markCount = InputMarks.groupCount(features)
        let firstMark = columns.lowerBound / InputMarks.groupSize
        memory.marks?.update(
            repeating: 0, count: (samples.count + memory.grainSize - 1) / memory.grainSize * markCount)
        pixels.withBytes { pixels in
            labels.withUnsafeBufferPointer { labels in
                for (row, sample) in samples.enumerated() {
                    let source = pixels.baseAddress! + (Int(sample) * features + columns.lowerBound)
                    kernels.convertPixels(
                        source, count: columns.count, to: memory.pixels + (row * features + columns.lowerBound))
                    if let marks = memory.marks {
                        kernels.markInputs(
                            source, count: columns.count, bit: 1 << UInt32(row % memory.grainSize),
                            in: marks + (row / memory.grainSize * markCount + firstMark))
                    }
                    memory.labels?[row] = labels[Int(sample)]
                }
            }
        }
    }
}

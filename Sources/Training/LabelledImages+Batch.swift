import CMachine
import DataLoading
import KernelContract

extension LabelledImages {
    /// Writes the pixels of `samples` as floats, `[samples.count, pixelsPerImage]`, and their labels.
    ///
    /// Samples are scattered over memory, and waiting for them costs ten times as much as converting them. So beside
    /// each row the row of `upcoming`, the next batch, is asked for.
    ///
    /// - Parameter marks: Nil, or `[grain, InputMarks.groupCount(pixelsPerImage)]`, where pixels other than 0 are marked.
    func gather(
        _ samples: UnsafeBufferPointer<Int32>, upcoming: UnsafeBufferPointer<Int32>, kernels: any KernelSet,
        pixels destination: UnsafeMutablePointer<Float>, labels labelDestination: UnsafeMutablePointer<UInt8>,
        marks: UnsafeMutablePointer<UInt32>? = nil, grainSize: Int = 1
    ) {
        let features = pixelsPerImage
        let markCount = InputMarks.groupCount(features)
        marks?.update(repeating: 0, count: (samples.count + grainSize - 1) / grainSize * markCount)
        pixels.withBytes { pixels in
            labels.withUnsafeBufferPointer { labels in
                for (row, sample) in samples.enumerated() {
                    if row < upcoming.count {
                        let next = UnsafeRawPointer(pixels.baseAddress! + Int(upcoming[row]) * features)
                        for offset in stride(from: 0, to: features, by: 64) { lockstep_prefetch(next + offset) }
                        lockstep_prefetch(labels.baseAddress! + Int(upcoming[row]))
                    }
                    kernels.convertPixels(
                        pixels.baseAddress! + Int(sample) * features, count: features,
                        to: destination + row * features)
                    if let marks {
                        kernels.markInputs(
                            pixels.baseAddress! + Int(sample) * features, count: features,
                            bit: 1 << UInt32(row % grainSize), in: marks + row / grainSize * markCount)
                    }
                    labelDestination[row] = labels[Int(sample)]
                }
            }
        }
    }
}

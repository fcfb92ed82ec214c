import CMachine
import DataLoading
import KernelContract

extension LabelledImages {
    /// Writes the pixels of `samples` as floats, `[samples.count, pixelsPerImage]`, and their labels.
    ///
    /// Samples are scattered over memory, and waiting for them costs ten times as much as converting them. So beside
    /// each row the row of `upcoming`, the next batch, is asked for.
    func gather(
        _ samples: UnsafeBufferPointer<Int32>, upcoming: UnsafeBufferPointer<Int32>, kernels: any KernelSet,
        pixels destination: UnsafeMutablePointer<Float>, labels labelDestination: UnsafeMutablePointer<UInt8>
    ) {
        let features = pixelsPerImage
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
                    labelDestination[row] = labels[Int(sample)]
                }
            }
        }
    }
}

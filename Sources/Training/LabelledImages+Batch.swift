import DataLoading
import KernelContract

extension LabelledImages {
    /// Writes the pixels of `samples` as floats, `[samples.count, pixelsPerImage]`, and their labels.
    func gather(
        _ samples: UnsafeBufferPointer<Int32>, kernels: any KernelSet, pixels destination: UnsafeMutablePointer<Float>,
        labels labelDestination: UnsafeMutablePointer<UInt8>
    ) {
        let features = pixelsPerImage
        pixels.withBytes { pixels in
            labels.withUnsafeBufferPointer { labels in
                for (row, sample) in samples.enumerated() {
                    kernels.convertPixels(
                        pixels.baseAddress! + Int(sample) * features, count: features,
                        to: destination + row * features)
                    labelDestination[row] = labels[Int(sample)]
                }
            }
        }
    }
}

import DataLoading
import KernelContract

/// Makes a network's input of a data set's bytes: changed at random where training asks for it, as floats from 0 to 1; or of a
/// table's floats as they are. Both are standardised where the run asks for that.
struct SampleReader {
    let images: LabelledImages
    let kernels: any KernelSet
    var standardization: InputStandardization?
    /// Of a table's targets.
    var targetStandardization: TargetStandardization?
    /// Nil leaves pictures as they are.
    var augmenter: Augmenter?
    /// Nil leaves pictures apart.
    var mixer: Mixer?

    /// Whether the network sees others than the data's pictures.
    var changesPictures: Bool { augmenter != nil || mixer != nil }

    /// Where the samples of a batch go.
    struct BatchMemory {
        /// `[samples.count, pixelsPerImage]`
        let pixels: UnsafeMutablePointer<Float>
        var labels: UnsafeMutablePointer<UInt8>?
        /// `[samples.count, targetCount]`, as the loss compares them; of a table.
        var targets: UnsafeMutablePointer<Float>?
        /// Of mixed pictures the other's label, and the own label's share.
        var partners: UnsafeMutablePointer<UInt8>?
        var shares: UnsafeMutablePointer<Float>?
        /// `[grain, InputMarks.groupCount(pixelsPerImage)]`, where pixels other than 0 are marked.
        var marks: UnsafeMutablePointer<UInt32>?
        var grainSize = 1
        /// What is wanted of each image, from a group of marks to a group; nil for all.
        var columns: Range<Int>?
        /// `[samples.count, augmentedStride]`: bytes of changed pictures; needed with an augmenter or a mixer.
        var augmented: UnsafeMutablePointer<UInt8>?
    }

    /// Bytes from one changed picture to the next: whole cache lines.
    static func augmentedStride(_ pixelsPerImage: Int) -> Int { (pixelsPerImage + 63) / 64 * 64 }

    /// Writes the pixels of `samples` as floats, and their labels; not mixed. Pictures change from epoch to epoch.
    func gather(_ samples: UnsafeBufferPointer<Int32>, epoch: UInt64 = 0, to memory: BatchMemory) {
        let (features, size) = (images.pixelsPerImage, images.bytesPerSample)
        clearMarks(sampleCount: samples.count, memory)
        images.pixels.withBytes { pixels in
            images.labels.withUnsafeBufferPointer { labels in
                for (row, sample) in samples.enumerated() {
                    var source = pixels.baseAddress! + Int(sample) * size
                    if let augmenter {
                        guard let augmented = memory.augmented else {
                            preconditionFailure("SampleReader: no memory for augmented pictures")
                        }
                        let changed = augmented + row * Self.augmentedStride(features)
                        augmenter.apply(source, sample: UInt64(sample), epoch: epoch, to: changed)
                        source = UnsafePointer(changed)
                    }
                    convert(source, row, to: memory)
                    memory.labels?[row] = labels[Int(sample)]
                }
            }
        }
        if let targets = memory.targets { gatherTargets(samples, to: targets) }
    }

    private func gatherTargets(_ samples: UnsafeBufferPointer<Int32>, to targets: UnsafeMutablePointer<Float>) {
        let count = images.targetCount
        images.targets.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            for (row, sample) in samples.enumerated() {
                (targets + row * count).update(from: base + Int(sample) * count, count: count)
            }
        }
        targetStandardization?.apply(to: targets, rowCount: samples.count, kernels: kernels)
    }

    /// The same of `count` pictures that another worker has changed: `[count, augmentedStride]`.
    func gather(augmented: UnsafePointer<UInt8>, count: Int, to memory: BatchMemory) {
        clearMarks(sampleCount: count, memory)
        let stride = Self.augmentedStride(images.pixelsPerImage)
        for row in 0..<count { convert(augmented + row * stride, row, to: memory) }
    }

    func clearMarks(sampleCount: Int, _ memory: BatchMemory) {
        memory.marks?.update(
            repeating: 0,
            count: (sampleCount + memory.grainSize - 1) / memory.grainSize
                * InputMarks.groupCount(images.pixelsPerImage))
    }

    @inline(__always)
    func convert(_ image: UnsafePointer<UInt8>, _ row: Int, to memory: BatchMemory) {
        let features = images.pixelsPerImage
        let columns = memory.columns ?? 0..<features
        let source = image + columns.lowerBound
        let target = memory.pixels + (row * features + columns.lowerBound)
        if images.valueType == .byte {
            kernels.convertPixels(source, count: columns.count, to: target)
        } else {
            let row = UnsafeRawPointer(image).assumingMemoryBound(to: Float.self)
            target.update(from: row + columns.lowerBound, count: columns.count)
        }
        standardization?.apply(to: target, columns: columns, kernels: kernels)
        if let marks = memory.marks {
            kernels.markInputs(
                source, count: columns.count, bit: 1 << UInt32(row % memory.grainSize),
                in: marks
                    + (row / memory.grainSize * InputMarks.groupCount(features)
                        + columns.lowerBound / InputMarks.groupSize))
        }
    }
}

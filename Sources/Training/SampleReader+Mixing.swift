import DataLoading

extension SampleReader {
    /// What mixing needs to know of a batch.
    struct Batch {
        /// Of all workers.
        let samples: UnsafeBufferPointer<Int32>
        /// Of the batch's first sample, in the epoch's order.
        let firstPosition: Int
        /// The own samples' places in the batch.
        let own: Range<Int>

        var positions: Range<Int> { firstPosition..<firstPosition + samples.count }
    }

    /// Writes the pixels of the own samples, each mixed with another of the batch, and what their targets are mixed of. The
    /// other picture may be another worker's; it is read, and changed, here once more.
    func gather(_ batch: Batch, epoch: UInt64, by mixer: Mixer, to memory: BatchMemory) {
        guard let augmented = memory.augmented else {
            preconditionFailure("SampleReader: no memory for mixed pictures")
        }
        let features = images.pixelsPerImage
        clearMarks(sampleCount: batch.own.count, memory)
        images.pixels.withBytes { pixels in
            images.labels.withUnsafeBufferPointer { labels in
                func source(_ place: Int) -> UnsafePointer<UInt8> {
                    pixels.baseAddress! + Int(batch.samples[place]) * features
                }
                func change(_ place: Int, to target: UnsafeMutablePointer<UInt8>) {
                    augmenter?.apply(source(place), sample: UInt64(batch.samples[place]), epoch: epoch, to: target)
                }
                let changes = augmenter != nil
                if changes { for (row, place) in batch.own.enumerated() { change(place, to: mixer.picture(row)) } }
                for (row, place) in batch.own.enumerated() {
                    let draw = mixer.draw(
                        epoch: epoch, position: batch.firstPosition + place, batch: batch.positions)
                    var own = source(place)
                    var other = source(draw.partner)
                    if changes {
                        own = UnsafePointer(mixer.picture(row))
                        if batch.own.contains(draw.partner) {
                            other = UnsafePointer(mixer.picture(draw.partner - batch.own.lowerBound))
                        } else {
                            let beyond = mixer.picture(batch.own.count)
                            change(draw.partner, to: beyond)
                            other = UnsafePointer(beyond)
                        }
                    }
                    let mixed = augmented + row * Self.augmentedStride(features)
                    mixer.mix(own, other, draw, to: mixed)
                    convert(UnsafePointer(mixed), row, to: memory)
                    memory.labels?[row] = labels[Int(batch.samples[place])]
                    memory.partners?[row] = labels[Int(batch.samples[draw.partner])]
                    memory.shares?[row] = draw.share
                }
            }
        }
    }
}

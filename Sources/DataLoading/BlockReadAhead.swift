/// Asks the system for the blocks of an `EpochOrder` that are mapped from a file, a window before their samples are needed,
/// so that the disk reads them in long pieces while others are trained on. Does nothing for data in memory, or without
/// blocks.
package struct BlockReadAhead: Sendable {
    private let blocks: [EpochOrder.Block]
    private let pixels: ByteBuffer
    private let bytesPerSample: Int
    private var next = 0

    package init(_ order: EpochOrder, of images: LabelledImages) {
        blocks = images.pixels.isMapped ? order.blocks : []
        pixels = images.pixels
        bytesPerSample = images.bytesPerSample
    }

    /// Asks for what comes within a window after `position` and was not asked for. Positions ascend from call to call. Returns
    /// how many blocks that were.
    @discardableResult
    package mutating func advance(to position: Int) -> Int {
        var count = 0
        while next < blocks.count {
            let block = blocks[next]
            // Of a window that has begun all are needed; of the next as many as the way into this one.
            guard block.position - position < block.window.count || block.window.lowerBound <= position else { break }
            if block.window.upperBound > position {
                pixels.willNeed(
                    Int(block.indices.lowerBound) * bytesPerSample..<(Int(block.indices.upperBound) + 1)
                        * bytesPerSample)
                count += 1
            }
            next += 1
        }
        return count
    }
}

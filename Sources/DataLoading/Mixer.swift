/// Applies a `Mixing` to pictures of one size, without allocating: each worker has one.
package final class Mixer {
    package let mixing: Mixing
    private let height: Int
    private let width: Int
    private let channels: Int
    private let seed: UInt64
    private let made: UnsafeMutablePointer<UInt8>

    /// - Parameter capacity: Pictures for which `picture` has room.
    package init(_ mixing: Mixing, height: Int, width: Int, channels: Int, seed: UInt64, capacity: Int) {
        precondition(height > 0 && width > 0 && channels > 0, "Mixer: no picture is [\(height), \(width), \(channels)]")
        self.mixing = mixing
        (self.height, self.width, self.channels, self.seed) = (height, width, channels, seed)
        made = .allocate(capacity: max(capacity, 1) * height * width * channels)
        made.initialize(repeating: 0, count: max(capacity, 1) * height * width * channels)
    }

    deinit { made.deallocate() }

    /// Room for a picture before it is mixed.
    package func picture(_ number: Int) -> UnsafeMutablePointer<UInt8> { made + number * height * width * channels }

    /// What the sample at `position` of the epoch's order gets; `batch` are all positions of its batch.
    package func draw(epoch: UInt64, position: Int, batch: Range<Int>) -> Mixing.Draw {
        mixing.draw(seed: seed, epoch: epoch, position: position, batch: batch, height: height, width: width)
    }

    /// Writes what becomes of `own`; all are `[height, width, channels]`, and `target` is apart from both.
    package func mix(
        _ own: UnsafePointer<UInt8>, _ other: UnsafePointer<UInt8>, _ draw: Mixing.Draw,
        to target: UnsafeMutablePointer<UInt8>
    ) {
        let count = height * width * channels
        guard let cut = draw.cut else {
            let weight = Int32(Mixing.one - draw.weight)
            // own · (1 − w) + other · w with one product; all numbers stay below 2²⁵.
            for index in 0..<count {
                let (a, b) = (Int32(own[index]), Int32(other[index]))
                target[index] = UInt8(truncatingIfNeeded: (a << 16 &+ (b &- a) &* weight &+ 1 << 15) >> 16)
            }
            return
        }
        target.update(from: own, count: count)
        for row in cut.rows {
            let begin = (row * width + cut.columns.lowerBound) * channels
            (target + begin).update(from: other + begin, count: cut.columns.count * channels)
        }
    }
}

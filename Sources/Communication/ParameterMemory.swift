import CMachine
import Glibc

/// The flat parameters as one worker of a host reads them: private memory, in which pages of the shelf, where the other
/// workers post theirs, take the place of what is read there without a copy.
///
/// Reading a slice from the shelf takes half of the time that copying it takes, and a reader that asks ahead hides that.
struct ParameterMemory: ~Copyable {
    let base: UnsafeMutablePointer<Float>
    /// The other workers' floats that are not seen in place.
    let copied: [Range<Int>]
    private let region: UnsafeMutableRawPointer
    private let byteCount: Int

    /// - Parameters:
    ///   - shelf: All workers' parameters, in shared memory; nil where nobody posts.
    ///   - others: The other workers' slices.
    ///   - inPlace: What should be read from the shelf, as far as whole pages of it belong to others.
    init(floatCount: Int, shelf: UnsafeMutablePointer<Float>?, others: [Range<Int>], inPlace: [Range<Int>]) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let stride = MemoryLayout<Float>.stride
        // Both begin at the same place of a page.
        let shift = shelf.map { Int(bitPattern: $0) % page } ?? 0
        byteCount = (shift + max(floatCount, 1) * stride + page - 1) / page * page
        guard let region = lockstep_map(byteCount, 0) else {
            fatalError("ParameterMemory: no memory for \(byteCount) bytes")
        }
        self.region = region
        base = (region + shift).assumingMemoryBound(to: Float.self)
        guard let shelf else {
            copied = []
            return
        }
        let first = UnsafeMutableRawPointer(shelf) - shift
        var copied: [Range<Int>] = []
        for slice in others {
            var begin = slice.lowerBound
            for wanted in inPlace.sorted(by: { $0.lowerBound < $1.lowerBound }) where wanted.overlaps(slice) {
                let part = wanted.clamped(to: slice)
                let low = (shift + part.lowerBound * stride + page - 1) / page * page
                let high = (shift + part.upperBound * stride) / page * page
                guard low < high, lockstep_map_again(first + low, high - low, region + low) == 0 else { continue }
                let seen = (low - shift) / stride..<(high - shift) / stride
                if begin < seen.lowerBound { copied.append(begin..<seen.lowerBound) }
                begin = seen.upperBound
            }
            if begin < slice.upperBound { copied.append(begin..<slice.upperBound) }
        }
        self.copied = copied
    }

    deinit { munmap(region, byteCount) }
}

@available(*, unavailable) extension ParameterMemory: Sendable {}

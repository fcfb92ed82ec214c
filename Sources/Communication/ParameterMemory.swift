import CMachine
import Glibc

/// The flat parameters as one worker of a host reads them: private memory, in which pages of the shelf, where the other
/// workers post theirs, take the place of what it does not own.
///
/// Reading from the shelf takes half of the time that copying takes, and asking ahead hides that.
struct ParameterMemory: ~Copyable {
    let base: UnsafeMutablePointer<Float>
    /// The other workers' floats that are not seen in place: those that share a page with own ones.
    let copied: [Range<Int>]
    private let region: UnsafeMutableRawPointer
    private let byteCount: Int

    /// - Parameters:
    ///   - shelf: All workers' parameters, in shared memory to the end of a page; nil where nobody posts.
    ///   - own: This worker's slice.
    init(floatCount: Int, shelf: UnsafeMutablePointer<Float>?, own: Range<Int>) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let stride = MemoryLayout<Float>.stride
        // Both begin at the same place of a page.
        let shift = shelf.map { Int(bitPattern: $0) % page } ?? 0
        let byteCount = (shift + max(floatCount, 1) * stride + page - 1) / page * page
        guard let region = lockstep_map(byteCount, 0) else {
            fatalError("ParameterMemory: no memory for \(byteCount) bytes")
        }
        self.region = region
        self.byteCount = byteCount
        base = (region + shift).assumingMemoryBound(to: Float.self)
        guard let shelf else {
            copied = []
            return
        }
        let first = UnsafeMutableRawPointer(shelf) - shift
        /// What of others' floats is not seen in place.
        func see(_ others: Range<Int>) -> [Range<Int>] {
            guard !others.isEmpty else { return [] }
            let low = (shift + others.lowerBound * stride + page - 1) / page * page
            let end = shift + others.upperBound * stride
            let high = others.upperBound == floatCount ? byteCount : end / page * page
            guard low < high, lockstep_map_again(first + low, high - low, region + low) == 0 else { return [others] }
            let seen = others.clamped(to: (low - shift) / stride..<(high - shift) / stride)
            return [others.lowerBound..<seen.lowerBound, seen.upperBound..<others.upperBound].filter { !$0.isEmpty }
        }
        copied = see(0..<own.lowerBound) + see(own.upperBound..<floatCount)
    }

    deinit { munmap(region, byteCount) }
}

@available(*, unavailable) extension ParameterMemory: Sendable {}

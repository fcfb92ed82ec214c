/// Where each named parameter lies in one flat buffer of floats.
///
/// Gradients and every optimizer state use the same layout. Each tensor begins at a multiple of `alignment` floats;
/// the gap before the next one stays zero and belongs to no tensor.
package struct ParameterLayout: Sendable, Equatable {
    /// Floats between possible starts of a tensor: 64 bytes.
    package static let alignment = 16
    /// Floats of a block: workers' slices begin at multiples of it, counted from a tensor's start.
    package static let blockSize = 1_024

    package struct Entry: Sendable, Equatable {
        package let name: String
        package let shape: Shape
        package let range: Range<Int>
    }

    package private(set) var entries: [Entry] = []
    /// Floats of the whole buffer, gaps included.
    package private(set) var floatCount = 0

    package init() {}

    /// Adds a tensor behind the last one and returns its range.
    @discardableResult
    package mutating func append(_ name: String, _ shape: Shape) -> Range<Int> {
        let range = floatCount..<floatCount + shape.elementCount
        entries.append(Entry(name: name, shape: shape, range: range))
        floatCount = (range.upperBound + Self.alignment - 1) / Self.alignment * Self.alignment
        return range
    }

    /// Floats that belong to a tensor.
    package var parameterCount: Int { entries.reduce(0) { $0 + $1.range.count } }

    /// The contiguous part of the flat buffer that worker `rank` of `size` owns.
    ///
    /// Boundaries are at blocks of `blockSize` floats counted from each tensor's start; slices are balanced to one
    /// block, cover the buffer in rank order, and may be empty when there are more workers than blocks.
    package func slice(of rank: Int, size: Int) -> Range<Int> {
        precondition(rank >= 0 && rank < size, "ParameterLayout: rank \(rank) is outside 0..<\(size)")
        var starts: [Int] = []
        for entry in entries {
            starts += stride(from: entry.range.lowerBound, to: entry.range.upperBound, by: Self.blockSize)
        }
        func boundary(_ rank: Int) -> Int {
            let block = starts.count * rank / size
            return block < starts.count ? (block == 0 ? 0 : starts[block]) : floatCount
        }
        return boundary(rank)..<boundary(rank + 1)
    }
}

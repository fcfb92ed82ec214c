import Tensors
import Testing

@Suite("Parameter layout")
struct ParameterLayoutTests {
    private func layout(_ shapes: [Shape]) -> ParameterLayout {
        var layout = ParameterLayout()
        for (index, shape) in shapes.enumerated() { layout.append("\(index)", shape) }
        return layout
    }

    /// A dense weight and a convolution's, as they are and as PyTorch stores them: the fast ways equal the definition.
    @Test(arguments: [
        ([0, 5], [1, 0]), ([5, 0], [1, 0]), ([1, 1], [1, 0]), ([1, 40], [1, 0]), ([40, 1], [1, 0]),
        ([15, 16], [1, 0]),
        ([16, 16], [1, 0]), ([17, 15], [1, 0]), ([33, 47], [1, 0]), ([784, 10], [1, 0]), ([7, 9], [0, 1]), ([5], [0]),
        ([3, 3, 5, 18], [3, 0, 1, 2]), ([3, 2, 5, 18], [3, 2, 0, 1]), ([4, 3, 5, 6], [3, 2, 0, 1]),
        ([4, 3, 6], [2, 0, 1]),
    ]) func storedIsTheDefinition(extents: [Int], axes: [Int]) {
        var layout = ParameterLayout()
        layout.append("first", [3])
        let shape = Shape(extents)
        layout.append(
            "weight", shape, storage: ParameterLayout.Storage(shape: Shape(axes.map { extents[$0] }), axes: axes))
        let entry = layout.entries[1]
        let values = (0..<shape.elementCount).map { Float($0) }
        var expected = [Float](repeating: -1, count: shape.elementCount)
        entry.forEachStored { expected[$0] = values[$1] }
        #expect(values.withUnsafeBufferPointer { $0.baseAddress.map(entry.stored) ?? [] } == expected)
        if axes == [1, 0] {
            let (rows, columns) = (extents[0], extents[1])
            #expect(expected == (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } })
        }
    }

    @Test("tensors are aligned, in order, and do not overlap")
    func ranges() {
        let layout = layout([[784, 128], [128], [64, 10], [10]])
        var end = 0
        for entry in layout.entries {
            #expect(entry.range.lowerBound % ParameterLayout.alignment == 0)
            #expect(entry.range.lowerBound >= end && entry.range.lowerBound - end < ParameterLayout.alignment)
            #expect(entry.range.count == entry.shape.elementCount)
            end = entry.range.upperBound
        }
        #expect(layout.floatCount >= end && layout.floatCount % ParameterLayout.alignment == 0)
        #expect(layout.parameterCount == 784 * 128 + 128 + 640 + 10)
    }

    @Test("slices cover the buffer in order, begin at blocks and are balanced", arguments: 1...13)
    func slices(size: Int) {
        for shapes: [Shape] in [[[784, 128], [128], [64, 10], [10]], [[1]], [[3_000]], [[1_024], [1_024], [1_025]]] {
            let layout = layout(shapes)
            let slices = (0..<size).map { layout.slice(of: $0, size: size) }
            #expect(slices.first?.lowerBound == 0 && slices.last?.upperBound == layout.floatCount)
            for (left, right) in zip(slices, slices.dropFirst()) { #expect(left.upperBound == right.lowerBound) }
            for slice in slices where !slice.isEmpty {
                let starts = layout.entries.filter { $0.range.contains(slice.lowerBound) }
                #expect(
                    starts.contains {
                        (slice.lowerBound - $0.range.lowerBound) % ParameterLayout.blockSize == 0
                    }, "\(slice) does not begin at a block")
            }
            let blocks = slices.map { slice in
                layout.entries.reduce(0) { sum, entry in
                    let starts = stride(
                        from: entry.range.lowerBound, to: entry.range.upperBound, by: ParameterLayout.blockSize)
                    return sum + starts.filter { slice.contains($0) }.count
                }
            }
            #expect(blocks.max()! - blocks.min()! <= 1, "\(blocks)")
        }
    }

    @Test("by cost, blocks are handed out in order and to about one block's cost", arguments: 1...9)
    func costs(size: Int) {
        let layout = layout([[784, 128], [128], [64, 10], [3_000], [10]])
        let count = layout.blocks.count
        let even = [Double](repeating: 1, count: count)
        let rising = (0..<count).map { Double($0) }
        var peaked = even
        peaked[40] = 1_000
        let gapped = (0..<count).map { $0 % 7 == 0 ? 0.0 : 2.5 }
        let profiles: [[Double]] = [even, rising, rising.reversed(), peaked, gapped]
        for costs in profiles {
            let ranges = layout.blockRanges(size: size, costs: costs)
            #expect(ranges.count == size && ranges[0].lowerBound == 0 && ranges[size - 1].upperBound == count)
            for (left, right) in zip(ranges, ranges.dropFirst()) { #expect(left.upperBound == right.lowerBound) }
            let sums = ranges.map { costs[$0].reduce(0, +) }
            let share = costs.reduce(0, +) / Double(size)
            #expect(sums.allSatisfy { abs($0 - share) <= costs.max()! }, "\(sums)")
            let slices = ranges.map { layout.slice(ofBlocks: $0) }
            #expect(slices[0].lowerBound == 0 && slices[size - 1].upperBound == layout.floatCount)
            for (left, right) in zip(slices, slices.dropFirst()) { #expect(left.upperBound == right.lowerBound) }
        }
        #expect(layout.blockRanges(size: size, costs: profiles[0]).map(\.count).max()! <= count / size + 1)
        // A worker of twice the speed gets twice as much.
        let shares = (0..<size).map { [1.0, 2, 0.5][$0 % 3] }
        for costs in profiles {
            let ranges = layout.blockRanges(size: size, costs: costs, shares: shares)
            #expect(ranges.flatMap(Array.init) == Array(0..<count))
            for (range, share) in zip(ranges, shares) {
                let wanted = costs.reduce(0, +) * share / shares.reduce(0, +)
                #expect(abs(costs[range].reduce(0, +) - wanted) <= costs.max()!)
            }
        }
        #expect(
            layout.blockRanges(size: size, shares: shares)
                == layout.blockRanges(size: size, costs: even, shares: shares))
    }

    @Test("the buffer is zero, aligned, and traps outside")
    func buffer() async {
        var buffer = AlignedBuffer<Float>(count: 100)
        #expect(UInt(bitPattern: buffer.base) % 64 == 0)
        #expect((0..<100).allSatisfy { buffer.base[$0] == 0 })
        buffer[99] = 2
        #expect(buffer[99] == 2 && buffer.bytes.count == 400)
        await #expect(processExitsWith: .failure) {
            let buffer = AlignedBuffer<Float>(count: 1)
            _ = buffer[1]
        }
    }
}

import Tensors
import Testing

@Suite("Parameter layout")
struct ParameterLayoutTests {
    private func layout(_ shapes: [Shape]) -> ParameterLayout {
        var layout = ParameterLayout()
        for (index, shape) in shapes.enumerated() { layout.append("\(index)", shape) }
        return layout
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

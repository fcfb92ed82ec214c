import DataLoading
import Errors
import Foundation
import Randomness
import Testing

@Suite("--shuffle blocks")
struct BlockOrderTests {
    /// The definition, with lists that grow.
    private static func slowly(_ indices: [Int32], _ size: Int, _ window: Int, seed: UInt64, epoch: UInt64) -> [Int32] {
        let blocks = stride(from: 0, to: indices.count, by: size).map { begin in
            Array(indices[begin..<min(begin + size, indices.count)])
        }
        func random(_ subject: Int) -> KeyedRandom {
            KeyedRandom(seed: seed, purpose: .sampleOrder, epoch: epoch, subject: UInt64(subject))
        }
        var samples: [Int32] = []
        let order = permutation(count: blocks.count, random: random(1)).map { blocks[Int($0)] }
        for (number, begin) in stride(from: 0, to: order.count, by: window).enumerated() {
            var members = order[begin..<min(begin + window, order.count)].flatMap { $0 }
            shuffle(&members, random: random(2 + number))
            samples += members
        }
        return samples
    }

    @Test(arguments: [(1_000, 10, 4), (1_003, 10, 4), (1_003, 7, 100), (10, 16, 2), (1, 1, 1), (0, 4, 2), (99, 1, 10)])
    func equalsTheDefinition(_ count: Int, _ size: Int, _ window: Int) {
        let indices = (0..<count).map { Int32($0 * 3 + 1) }
        var order = EpochOrder(
            indices: indices, seed: 7, epoch: 5, batchSize: 64, order: .blocks(sampleCount: size, window: window))
        for epoch in [UInt64(1), 2, 1] {
            order.prepare(epoch: epoch)
            #expect(order.samples == Self.slowly(indices, size, window, seed: 7, epoch: epoch))
            #expect(order.samples.sorted() == indices)
            // A window's samples are those of its blocks, and the blocks cover all.
            #expect(order.blocks.map { $0.position } == order.blocks.map { $0.position }.sorted())
            for block in order.blocks {
                let own = order.samples[block.window].filter { block.indices.contains($0) }
                #expect((1...size).contains(own.count))
                #expect(own.count == indices.filter { block.indices.contains($0) }.count)
            }
        }
    }

    @Test func seedAndEpochDecide() {
        let indices = (0..<4_000).map { Int32($0) }
        func order(_ seed: UInt64, _ epoch: UInt64) -> [Int32] {
            EpochOrder(
                indices: indices, seed: seed, epoch: epoch, batchSize: 64, order: .blocks(sampleCount: 100, window: 4)
            ).samples
        }
        #expect(Set([order(1, 1), order(1, 2), order(2, 1)]).count == 3 && order(1, 1) == order(1, 1))
    }

    @Test(arguments: [
        ("full", SampleOrder.full), ("blocks", .standardBlocks), ("blocks 64 2", .blocks(sampleCount: 64, window: 2)),
    ])
    func texts(_ text: String, _ order: SampleOrder) throws {
        #expect(try SampleOrder(text: text) == order)
        #expect(try SampleOrder(text: order.text) == order)
    }

    @Test(arguments: [
        "", "block", "full 1", "blocks 3", "blocks 0 4", "blocks 3 x", "blocks 3 4 5", "blocks 1 99999999",
    ])
    func refusals(_ text: String) {
        let failure = #expect(throws: Failure.self) { try SampleOrder(text: text) }
        #expect(failure?.kind == .usage && failure?.message.hasPrefix("--shuffle \(text): it may be full") == true)
    }

    /// Every block is asked for once, before a sample of its window is needed and not much sooner; a run that goes on asks for
    /// what is left.
    @Test func blocksAreAskedForInTime() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/large-idx3-ubyte"
        let count = 180_000
        try Self.sparse(path, idx(8, [count, 28, 28], []), byteCount: count * 784)
        let pixels = try IDXReader(path: path).readPixels()
        let images = LabelledImages(
            pixels: pixels, labels: [UInt8](repeating: 0, count: count), height: 28, width: 28, channels: 1,
            classCount: 1)
        #expect(pixels.withBytes { $0[count * 784 - 1] } == 0)
        let order = EpochOrder(
            indices: (0..<Int32(count)).map { $0 }, seed: 1, epoch: 1, batchSize: 500,
            order: .blocks(sampleCount: 1_000, window: 12))
        for first in [0, 50_500] {
            var readAhead = BlockReadAhead(order, of: images)
            var asked = order.blocks.filter { $0.window.upperBound <= first }.count
            for position in stride(from: first, to: count, by: 500) {
                asked += readAhead.advance(to: position)
                let needed = order.blocks.filter { $0.window.lowerBound < position + 500 }.count
                #expect(asked >= needed && asked <= needed + 13, "\(position): \(asked), \(needed)")
            }
            #expect(asked == 180)
        }
        // Of data in memory, and without blocks, nothing is asked for.
        let small = LabelledImages(
            pixels: try ByteBuffer([1, 2]), labels: [0, 0], height: 1, width: 1, channels: 1, classCount: 1)
        for order in [SampleOrder.full, .standardBlocks] {
            let order = EpochOrder(indices: [0, 1], seed: 1, epoch: 1, batchSize: 1, order: order)
            var readAhead = BlockReadAhead(order, of: small)
            #expect(readAhead.advance(to: 0) == 0)
        }
    }

    /// A file of zeros that takes no room.
    static func sparse(_ path: String, _ header: [UInt8], byteCount: Int) throws {
        #expect(FileManager.default.createFile(atPath: path, contents: Data(header)))
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.truncate(atOffset: UInt64(header.count + byteCount))
        try file.close()
    }

    /// A plain file of bytes from 128 MiB on is mapped, also where its header ends inside a page, and gives what is read.
    @Test func largeFilesAreMapped() throws {
        let folder = try TemporaryFolder()
        let count = 171_200
        let header = idx(8, [count, 28, 28], [])
        let path = folder.path + "/train-images-idx3-ubyte"
        try Self.sparse(path, header, byteCount: count * 784)
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        for (place, bytes) in [(0, [1, 2, 3]), (100_000_000, [4, 5]), (count * 784 - 2, [6, 7])] as [(Int, [UInt8])] {
            try file.seek(toOffset: UInt64(header.count + place))
            try file.write(contentsOf: Data(bytes))
        }
        try file.close()
        let pixels = try IDXReader(path: path).readPixels()
        pixels.withBytes { bytes in
            #expect(bytes.count == count * 784)
            #expect(Array(bytes[..<4]) == [1, 2, 3, 0] && Array(bytes[100_000_000..<100_000_003]) == [4, 5, 0])
            #expect(Array(bytes.suffix(3)) == [0, 6, 7])
            #expect(bytes.reduce(0) { $0 + Int($1) } == 28)
        }
        #expect(try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).contains(path))
        withExtendedLifetime(pixels) {}
        // One byte too few is refused, as ever.
        let short = try FileHandle(forWritingTo: URL(filePath: path))
        try short.truncate(atOffset: UInt64(header.count + count * 784 - 1))
        #expect(throws: Failure.self) { try IDXReader(path: path) }
    }
}

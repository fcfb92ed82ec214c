import DataLoading
import Errors
import Testing

struct IDXReaderTests {
    struct TypeCase: Sendable {
        let type: UInt8
        let payload: [UInt8]
        let values: [Double]
    }

    static let types = [
        TypeCase(type: 0x08, payload: [0, 1, 127, 128, 255], values: [0, 1, 127, 128, 255]),
        TypeCase(type: 0x09, payload: [0, 1, 127, 128, 255], values: [0, 1, 127, -128, -1]),
        TypeCase(
            type: 0x0B, payload: [0, 1, 1, 0, 0x7f, 0xff, 0x80, 0, 0xff, 0xfe], values: [1, 256, 32_767, -32_768, -2]),
        TypeCase(
            type: 0x0C,
            payload: [0, 0, 1, 2, 0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0],
            values: [258, 2_147_483_647, -2_147_483_648, -1, 16_777_216]),
        TypeCase(
            type: 0x0D,
            payload: [0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0, 0, 0, 0, 0, 0x3e, 0xaa, 0xaa, 0xab, 0x7f, 0x80, 0, 0],
            values: [1, -2.5, 0, Double(Float(1) / 3), .infinity]),
        TypeCase(
            type: 0x0E,
            payload: [0.1, -2.5, 0, 1e300, -.infinity].flatMap { bigEndian(($0 as Double).bitPattern) },
            values: [0.1, -2.5, 0, 1e300, -.infinity]),
    ]

    @Test(arguments: types, [false, true])
    func elementTypes(_ testCase: TypeCase, isCompressed: Bool) throws {
        let folder = try TemporaryFolder()
        for dimensions in [[5], [5, 1], [1, 5, 1], [1, 1, 1, 5]] {
            let bytes = idx(testCase.type, dimensions, testCase.payload)
            let path = try folder.write("file", isCompressed ? gzip(bytes) : bytes)
            let header = try IDXReader(path: path).header
            #expect(header.elementType.rawValue == testCase.type)
            #expect(header.dimensions == dimensions)
            #expect(header.elementCount == 5)
            #expect(header.payloadByteCount == testCase.payload.count)
            #expect(try elements(of: path) == testCase.values)
            let payload = ByteBuffer()
            try IDXReader(path: path).readPayload(into: payload)
            #expect(payload.copy == testCase.payload)
        }
    }

    /// More than one chunk of elements and of compressed input, and no multiple of either.
    @Test func largeFilesAreReadInPieces() throws {
        let folder = try TemporaryFolder()
        var state: UInt64 = 1
        let payload = (0..<1_000_003).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(state >> 56)
        }
        for bytes in [idx(0x08, [1_000_003], payload), gzip(idx(0x08, [1_000_003], payload))] {
            let path = try folder.write("file", bytes)
            let buffer = ByteBuffer()
            try IDXReader(path: path).readPayload(into: buffer)
            #expect(buffer.copy == payload)
            #expect(try elements(of: path) == payload.map(Double.init))
        }
    }

    @Test func buffersGrowAsDataCome() throws {
        let buffer = ByteBuffer()
        try buffer.grow(toward: 3 * ByteBuffer.firstCapacity, for: "file")
        #expect(buffer.count == ByteBuffer.firstCapacity)
        buffer.mutableBytes[ByteBuffer.firstCapacity - 1] = 42
        try buffer.grow(toward: 3 * ByteBuffer.firstCapacity, for: "file")
        #expect(buffer.count == 2 * ByteBuffer.firstCapacity)
        #expect(buffer.unsafeBytes[ByteBuffer.firstCapacity - 1] == 42)
        try buffer.grow(toward: 3 * ByteBuffer.firstCapacity, for: "file")
        #expect(buffer.count == 3 * ByteBuffer.firstCapacity)
    }

    @Test func concatenatedMembersAreOneFile() throws {
        let folder = try TemporaryFolder()
        let bytes = idx(0x0B, [2, 3], (0..<12).map { UInt8($0) })
        for cuts in [[1], [3, 4], [9], [12, 13, 20], [24], [0, 0, 24, 24]] {
            var packed: [UInt8] = []
            for (from, to) in zip([0] + cuts, cuts + [bytes.count]) { packed += gzip(Array(bytes[from..<to])) }
            let path = try folder.write("file.gz", packed)
            #expect(try elements(of: path) == [0x0001, 0x0203, 0x0405, 0x0607, 0x0809, 0x0a0b])
        }
    }

    @Test func emptyPayload() throws {
        let folder = try TemporaryFolder()
        for bytes in [idx(0x08, [0, 28, 28], []), gzip(idx(0x08, [0, 28, 28], []))] {
            #expect(try elements(of: folder.write("file", bytes)) == [])
        }
    }
}

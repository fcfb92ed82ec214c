import CZlib
import DataLoading
import Errors
import Foundation
import Randomness
import Testing

struct IDXRefusalTests {
    /// What reading the whole file throws, or nil.
    static func failure(_ path: String) throws -> Failure? {
        do {
            try IDXReader(path: path).readPayload(into: ByteBuffer())
            return nil
        } catch let failure as Failure {
            #expect(failure.message.hasPrefix(path + ": "))
            #expect(!failure.message.contains("\n"))
            return failure
        }
    }

    struct Malformed: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let message: String

        init(_ name: String, _ bytes: [UInt8], _ message: String) {
            testDescription = name
            self.bytes = bytes
            self.message = message
        }
    }

    static let good = idx(0x08, [2, 3], [1, 2, 3, 4, 5, 6])

    static let plain = [
        Malformed("empty", [], "0 bytes are too few"),
        Malformed("short magic", [0, 0, 8], "3 bytes are too few"),
        Malformed("zip", [0x50, 0x4b, 3, 4] + good, "begins with bytes 50 4b 03 04"),
        Malformed("second byte", [0, 1] + good[2...], "begins with bytes 00 01"),
        Malformed("first byte", [1, 0] + good[2...], "begins with bytes 01 00"),
        Malformed("type 0x00", [0, 0, 0x00] + good[3...], "element type 0x00"),
        Malformed("type 0x0a", [0, 0, 0x0a] + good[3...], "element type 0x0a"),
        Malformed("type 0x0f", [0, 0, 0x0f] + good[3...], "element type 0x0f"),
        Malformed("no dimension", [0, 0, 8, 0], "0 dimensions"),
        Malformed("5 dimensions", idx(0x08, [1, 1, 1, 1, 1], [7]), "5 dimensions"),
        Malformed("255 dimensions", [0, 0, 8, 255] + good[4...], "255 dimensions"),
        Malformed("no extents", [0, 0, 8, 1], "ends inside its header"),
        Malformed("one byte less", good.dropLast(), "promises ubyte [2 × 3], 6 bytes, but 5 follow"),
        Malformed("one byte more", good + [0], "promises ubyte [2 × 3], 6 bytes, but 7 follow"),
        Malformed("wider type", [0, 0, 0x0c] + good[3...], "promises int [2 × 3], 24 bytes, but 6 follow"),
        Malformed(
            "4,000,000,000 images", idx(0x08, [4_000_000_000, 28, 28], [1, 2, 3]),
            "promises ubyte [4,000,000,000 × 28 × 28], 3,136,000,000,000 bytes"),
        Malformed(
            "overflow", idx(0x0E, [0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff], []), "too much for any file"),
        // 2³² · 2³¹ · 2 · … would wrap to a small number.
        Malformed("wrap to zero", idx(0x08, [1 << 31, 1 << 31, 4], []), "too much for any file"),
        Malformed("wrap to sign", idx(0x08, [1 << 31, 1 << 31, 2], []), "too much for any file"),
    ]

    @Test(arguments: plain)
    func plainFiles(_ file: Malformed) throws {
        let folder = try TemporaryFolder()
        let failure = try Self.failure(folder.write("file", file.bytes))
        #expect(failure?.kind == .data)
        #expect(failure?.message.contains(file.message) == true, "\(String(describing: failure))")
    }

    static let packed = gzip(good)
    static let compressed = [
        Malformed("empty member", gzip([]), "ends inside its header"),
        Malformed("zip within", gzip([0x50, 0x4b, 3, 4]), "begins with bytes 50 4b 03 04"),
        Malformed("one byte less", gzip(good.dropLast()), "ends before its ubyte [2 × 3] are complete"),
        Malformed("one byte more", gzip(good + [0]), "holds more than the ubyte [2 × 3]"),
        Malformed("another member", packed + packed, "holds more than the ubyte [2 × 3]"),
        Malformed("zeros behind", packed + [0, 0, 0, 0], "bytes follow the gzip data"),
        Malformed("text behind", packed + Array("more".utf8), "bytes follow the gzip data"),
        Malformed("half a member behind", packed + gzip([]).dropLast(3), "end too early"),
        Malformed("no gzip member behind", packed + [0x1f, 0x8c, 0, 0], "corrupt (incorrect header check)"),
        Malformed(
            "checksum", packed.dropLast(8) + [packed[packed.count - 8] ^ 1] + packed.suffix(7),
            "corrupt (incorrect data check)"),
        Malformed("length", packed.dropLast(1) + [9], "corrupt (incorrect length check)"),
        Malformed("method", [0x1f, 0x8b, 7] + packed[3...], "corrupt (unknown compression method)"),
        Malformed(
            "4,000,000,000 images", gzip(idx(0x08, [4_000_000_000, 28, 28], [1, 2, 3])),
            "promises ubyte [4,000,000,000 × 28 × 28], 3,136,000,000,000 bytes, more than "),
        Malformed("overflow", gzip(idx(0x0E, [1 << 31, 1 << 31, 1 << 31, 8], [])), "too much for any file"),
    ]

    @Test(arguments: compressed)
    func gzipFiles(_ file: Malformed) throws {
        let folder = try TemporaryFolder()
        let failure = try Self.failure(folder.write("file.gz", file.bytes))
        #expect(failure?.kind == .data)
        #expect(failure?.message.contains(file.message) == true, "\(String(describing: failure))")
    }

    /// A promise is refused exactly from the first byte that deflate cannot reach.
    @Test func plausibilityIsDeflatesBound() throws {
        let folder = try TemporaryFolder()
        let size = gzip(idx(0x08, [1_000_000], [1, 2, 3])).count
        for (promise, message) in [
            (size * 1_032, "ends before its ubyte"), (size * 1_032 + 1, "more than \(size) bytes of gzip can hold"),
        ] {
            let bytes = gzip(idx(0x08, [promise], [1, 2, 3]))
            try #require(bytes.count == size)
            let failure = try Self.failure(folder.write("file.gz", bytes))
            #expect(failure?.message.contains(message) == true, "\(String(describing: failure))")
        }
    }

    /// Zeros compress by nearly 1,032 and must pass.
    @Test func bestCompressionIsPlausible() throws {
        let folder = try TemporaryFolder()
        let bytes = gzip(idx(0x08, [20_000_000], [UInt8](repeating: 0, count: 20_000_000)))
        #expect(bytes.count < 20_000_000 / 1_000)
        #expect(try Self.failure(folder.write("file.gz", bytes)) == nil)
    }

    @Test func everyTruncationIsRefused() throws {
        let folder = try TemporaryFolder()
        let content = idx(0x0B, [4, 5, 5], (0..<200).map { UInt8($0 * 73 % 251) })
        for (name, bytes) in [("plain", content), ("gzip", gzip(content)), ("members", gzip(content) + gzip([]))] {
            #expect(try Self.failure(folder.write(name, bytes)) == nil)
            // Without its empty second member the third file is whole.
            for length in 0..<bytes.count where name != "members" || length != gzip(content).count {
                let failure = try Self.failure(folder.write(name, Array(bytes.prefix(length))))
                #expect(failure?.kind == .data, "\(name), \(length) of \(bytes.count) bytes")
            }
        }
    }

    /// Whatever is flipped, the reader either refuses or gives what the checksum vouches for; it never crashes.
    @Test func randomChangesNeverPassAChecksum() throws {
        let folder = try TemporaryFolder()
        let payload = (0..<300).map { UInt8($0 * 31 % 256) }
        let content = idx(0x08, [3, 10, 10], payload)
        var sequence = RandomSequence(KeyedRandom(seed: 1, purpose: .synthetic))
        var refusedCount = 0
        for original in [content, gzip(content)] {
            for _ in 0..<1_500 {
                var bytes = original
                for _ in 0...sequence.next(below: 3) {
                    let place = Int(
                        sequence.next(below: UInt32(min(bytes.count, sequence.next(below: 2) == 0 ? 30 : 400))))
                    switch sequence.next(below: 4) {
                    case 0: bytes[place] = UInt8(truncatingIfNeeded: sequence.next())
                    case 1: bytes.remove(at: place)
                    case 2: bytes.insert(UInt8(truncatingIfNeeded: sequence.next()), at: place)
                    default: bytes[place] ^= 1 << UInt8(sequence.next(below: 8))
                    }
                }
                let path = try folder.write("file", bytes)
                let buffer = ByteBuffer()
                do {
                    let reader = try IDXReader(path: path)
                    try reader.readPayload(into: buffer)
                    if original == content {
                        #expect(buffer.count == bytes.count - reader.header.headerByteCount)
                    } else {
                        #expect(buffer.copy == payload)
                    }
                } catch let failure as Failure {
                    #expect(failure.kind == .data)
                    refusedCount += 1
                }
            }
        }
        #expect(refusedCount > 1_500)
    }

    @Test func missingAndUnreadableFiles() throws {
        let folder = try TemporaryFolder()
        let missing = try Self.failure(folder.path + "/nothing")
        #expect(missing?.kind == .inputNotFound)
        let below = try Self.failure(folder.write("file", [1]) + "/below")
        #expect(below?.kind == .inputNotFound)
        let directory = try Self.failure(folder.path)
        #expect(directory?.kind == .inputOutput)
        #expect(directory?.message.contains("is not a regular file") == true)
        // Root may read everything.
        if geteuid() != 0 {
            let path = try folder.write("secret", Self.good)
            chmod(path, 0)
            #expect(try Self.failure(path)?.kind == .inputOutput)
        }
    }
}

import DataLoading
import Errors
import Foundation
import Randomness
import Testing

/// Every reader of files, as a function of bytes, under random changes of good files: a value or a refusal in one line.
/// `LOCKSTEP_FUZZ_RUNS` says how many inputs each reader gets.
struct HostileInputTests {
    static let runCount = ProcessInfo.processInfo.environment["LOCKSTEP_FUZZ_RUNS"].flatMap { Int($0) } ?? 3_000

    struct Reader: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let seeds: [[UInt8]]
        /// Pieces that matter to the format, put in at random.
        let words: [[UInt8]]
        let read: @Sendable (InputFile) throws -> Int
    }

    static let array = npy("<f4", [2, 2], [UInt8](repeating: 0, count: 16))
    static let table = Array("label,pixel0,pixel1,pixel2,pixel3\n1,2,3,4,5\n6,7,8,9,255\n".utf8)
    static let image = idx(0x0B, [2, 1, 3], [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6])
    static let readers = [
        Reader(
            testDescription: "idx", seeds: [image, gzip(image), idx(8, [5], [1, 2, 3, 4, 5])],
            words: [[0, 0, 0x0C, 4], [0xff, 0xff, 0xff, 0xff], [0x1f, 0x8b]]
        ) { try IDXReader(file: $0).readPixels().count },
        Reader(
            testDescription: "labels",
            seeds: [idx(0x0C, [1, 8], (0..<32).map { $0 % 4 == 3 ? 1 : 0 }), idx(8, [3], [1, 2, 3])],
            words: [[0x7f, 0xff, 0xff, 0xff], [0, 0, 8, 1]]
        ) { try IDXReader(file: $0).readLabels().count },
        Reader(
            testDescription: "csv", seeds: [table, gzip(table)],
            words: ["\"", ",", "\n", "\r\n", "pixel", "999999999999999999999", "-1", "\u{FEFF}"].map { Array($0.utf8) }
        ) { try CSVImages(file: $0).count },
        Reader(
            testDescription: "npy", seeds: [array, gzip(array)],
            words: ["'shape': (", "99999999999999999,", "'descr': '<i8'", "True", "()", "{", "}"].map { Array($0.utf8) }
        ) { try NPYReader(file: $0).readPixels().count },
        Reader(
            testDescription: "npz",
            seeds: [
                zip([("a.npy", array), ("b.npy", array)], deflated: true), zip([("a.npy", array)], deflated: false),
            ],
            words: [[0x50, 0x4b, 1, 2], [0x50, 0x4b, 3, 4], [0x50, 0x4b, 5, 6], [0xff, 0xff, 0xff, 0xff]]
        ) { try ZipArchive(file: $0).array("a").readPixels().count },
        Reader(
            testDescription: "pgm", seeds: [Array("P5 2 2 255 abcd".utf8), Array("P2\n# c\n2 2\n9\n1 2 3 4\n".utf8)],
            words: ["P3", "P6", "#", "\n", "16384", "99999999999999"].map { Array($0.utf8) }
        ) { try DecodedImage(file: $0).pixels.count },
        Reader(
            testDescription: "png",
            seeds: [png(Array(0..<36), height: 6, width: 6), png(Array(0..<12), height: 2, width: 2, channels: 3)],
            words: [Array("IDAT".utf8), Array("PLTE".utf8), [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff]]
        ) { try DecodedImage(file: $0).pixels.count },
    ]

    @Test(arguments: readers)
    func randomChanges(_ reader: Reader) throws {
        for seed in reader.seeds { #expect(try reader.read(InputFile(bytes: seed, name: "input")) > 0) }
        var sequence = RandomSequence(KeyedRandom(seed: 3, purpose: .synthetic))
        var refusedCount = 0
        for run in 0..<Self.runCount {
            var bytes = reader.seeds[run % reader.seeds.count]
            for _ in 0...sequence.next(below: 4) {
                let place = bytes.isEmpty ? 0 : Int(sequence.next(below: UInt32(bytes.count)))
                let count = min(bytes.count - place, Int(sequence.next(below: 8)))
                switch sequence.next(below: 7) {
                case 0 where !bytes.isEmpty: bytes[place] = UInt8(truncatingIfNeeded: sequence.next())
                case 1 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(sequence.next(below: 8))
                case 2: bytes.removeSubrange(place..<place + count)
                case 3: bytes.insert(contentsOf: bytes[place..<place + count], at: place)
                case 4:
                    bytes.insert(
                        contentsOf: reader.words[Int(sequence.next(below: UInt32(reader.words.count)))], at: place)
                case 5: bytes.replaceSubrange(place..<place + count, with: [UInt8](repeating: 0xff, count: count))
                default: bytes = Array(bytes.prefix(place))
                }
            }
            do {
                _ = try reader.read(InputFile(bytes: bytes, name: "input"))
            } catch let failure as Failure {
                refusedCount += 1
                if failure.kind != .data || failure.message.contains("\n") || !failure.message.hasPrefix("input: ") {
                    Issue.record("\(failure.message)")
                }
            }
        }
        #expect(refusedCount > Self.runCount / 4)
    }
}

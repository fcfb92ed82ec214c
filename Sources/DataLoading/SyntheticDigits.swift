import Errors
import Randomness

/// Digits drawn by the program: strokes, bent and shifted at random. No file is needed, any number of samples can be
/// had, and they are the same bits everywhere. They are no measure of how well anything reads handwriting.
package struct SyntheticDigits: Sendable, Equatable {
    package static let name = "synthetic-digits"
    package static let side = 28
    package static let defaultCounts = (train: 60_000, test: 10_000)

    package let trainCount: Int
    package let testCount: Int
    package let seed: UInt64

    package init(trainCount: Int, testCount: Int, seed: UInt64) {
        (self.trainCount, self.testCount, self.seed) = (trainCount, testCount, seed)
    }

    /// `synthetic-digits[:TRAIN[+TEST]][@SEED]`; nil for another name. TEST is a sixth of TRAIN where not given.
    init?(text: String) throws {
        guard text == Self.name || text.hasPrefix(Self.name + ":") || text.hasPrefix(Self.name + "@") else {
            return nil
        }
        func failure() -> Failure {
            Failure(
                .usage,
                "--dataset \(text): \(Self.name)[:TRAIN[+TEST]][@SEED] is expected, such as \(Self.name):5000+1000@7")
        }
        func count(_ text: Substring) throws -> Int {
            guard let count = Int(text), count >= 1, count <= Int(Int32.max), !text.hasPrefix("+") else {
                throw failure()
            }
            return count
        }
        let halves = text.dropFirst(Self.name.count).split(separator: "@", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { throw failure() }
        seed = halves.count == 2 ? try UInt64(halves[1]) ?? { throw failure() }() : 1
        guard halves[0].hasPrefix(":") else {
            guard halves[0].isEmpty else { throw failure() }
            (trainCount, testCount) = Self.defaultCounts
            return
        }
        let counts = halves[0].dropFirst().split(separator: "+", omittingEmptySubsequences: false)
        guard (1...2).contains(counts.count) else { throw failure() }
        trainCount = try count(counts[0])
        testCount = counts.count == 2 ? try count(counts[1]) : max(1, trainCount / 6)
    }

    package var location: DatasetLocation {
        DatasetLocation(
            name: Self.name, folder: "(drawn by the program)", train: .synthetic(Part(digits: self, isTest: false)),
            test: .synthetic(Part(digits: self, isTest: true)), classNames: (0..<10).map(String.init))
    }

    package struct Part: Sendable, Equatable {
        let digits: SyntheticDigits
        let isTest: Bool

        package init(digits: SyntheticDigits, isTest: Bool) { (self.digits, self.isTest) = (digits, isTest) }

        package var count: Int { isTest ? digits.testCount : digits.trainCount }

        package func label(of sample: Int) -> UInt8 { UInt8((UInt64(random(sample).word(at: 0)) * 10) >> 32) }

        /// What decides the pictures; the first number changes when the strokes do.
        var signature: String { "strokes 1, seed \(digits.seed), \(isTest ? "test" : "train"), \(count)" }

        /// Draws sample `sample`, `[28, 28]`.
        package func draw(_ sample: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
            var pen = StrokePen(random: random(sample))
            pen.draw(Int(label(of: sample)), into: pixels)
        }

        private func random(_ sample: Int) -> KeyedRandom {
            KeyedRandom(seed: digits.seed, purpose: .synthetic, epoch: isTest ? 1 : 0, subject: UInt64(sample))
        }
    }
}

extension SyntheticDigits.Part: PartReader {
    var imagesName: String { SyntheticDigits.name }
    var labelsName: String { SyntheticDigits.name }
    var shape: ImageShape { ImageShape(height: SyntheticDigits.side, width: SyntheticDigits.side, channels: 1) }
    var classNames: [String]? { nil }

    func readLabels() throws -> PartLabels { PartLabels(classes: (0..<count).map(label), origins: nil) }

    func readPixels() throws -> ByteBuffer {
        let size = SyntheticDigits.side * SyntheticDigits.side
        let buffer = ByteBuffer()
        try buffer.resize(to: count * size, for: SyntheticDigits.name)
        let bytes = buffer.mutableBytes.bindMemory(to: UInt8.self)
        for sample in 0..<count {
            draw(sample, into: UnsafeMutableBufferPointer(rebasing: bytes[sample * size..<(sample + 1) * size]))
        }
        return buffer
    }
}

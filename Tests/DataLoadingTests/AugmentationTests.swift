import DataLoading
import Errors
import Testing

struct AugmentationTests {
    static let texts = [
        "none", "shift 3", "rotate 25", "scale 0.7 1.3", "shear 0.3", "elastic 3 7", "flip", "erase 1 6", "noise 20",
        "rotate 180, scale 0.25 4, shift 20", "elastic 64 1", "elastic 2 256",
        "shift 2, rotate 10, scale 0.9 1.1, shear 0.1, elastic 2 7, flip, erase 0.5 8, noise 8",
    ]

    static func picture(_ height: Int, _ width: Int, _ channels: Int) -> [UInt8] {
        (0..<height * width * channels).map { (index: Int) -> UInt8 in
            let mixed: Int = index * 89 + index / 8 * 151
            return UInt8(truncatingIfNeeded: mixed)
        }
    }

    static func apply(_ augmenter: Augmenter, _ source: [UInt8], sample: UInt64, epoch: UInt64) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: source.count) { buffer, count in
            source.withUnsafeBufferPointer {
                augmenter.apply($0.baseAddress!, sample: sample, epoch: epoch, to: buffer.baseAddress!)
            }
            count = source.count
        }
    }

    /// One augmenter for many samples gives what the definition gives for each alone.
    @Test(arguments: texts, [(28, 28, 1), (7, 12, 3), (1, 1, 1), (3, 40, 1)])
    func equalsTheReference(_ text: String, _ shape: (Int, Int, Int)) throws {
        let (height, width, channels) = shape
        let augmentation = try Augmentation(text: text)
        let source = Self.picture(height, width, channels)
        let augmenter = Augmenter(augmentation, height: height, width: width, channels: channels, seed: 11)
        for sample in UInt64(0)..<12 {
            let expected = augmentation.reference(
                source, height: height, width: width, channels: channels, seed: 11, epoch: 3, sample: sample)
            #expect(Self.apply(augmenter, source, sample: sample, epoch: 3) == expected)
        }
    }

    @Test(arguments: texts) func textReadsBack(_ text: String) throws {
        let augmentation = try Augmentation(text: text)
        #expect(try Augmentation(text: augmentation.text) == augmentation)
        #expect(augmentation.isIdentity || augmentation.text == text || text.hasPrefix("rotate 180"))
    }

    @Test(arguments: [
        ("elastic 2 7.5", "a whole number"), ("erase 0.5 2.5", "a whole number"), ("shft 2", "did you mean shift?"),
    ])
    func refusals(_ text: String, _ problem: String) throws {
        let failure = #expect(throws: Failure.self) { try Augmentation(text: text) }
        #expect(failure?.kind == .usage && failure?.message.contains(problem) == true)
    }

    @Test func nothingIsNothing() throws {
        let source = Self.picture(9, 10, 1)
        for text in ["none", "shift 0", "rotate 0", "scale 1 1", "elastic 0 5", "erase 0 5", "noise 0"] {
            let augmenter = Augmenter(try Augmentation(text: text), height: 9, width: 10, channels: 1, seed: 1)
            for sample in UInt64(0)..<5 { #expect(Self.apply(augmenter, source, sample: sample, epoch: 0) == source) }
        }
    }

    /// Every sample, epoch and seed has its own change, whatever came before.
    @Test func drawsAreKeyed() throws {
        let source = Self.picture(28, 28, 1)
        for text in ["shift 3", "rotate 20", "elastic 2 7", "noise 10", "scale 0.8 1.2", "shear 0.2"] {
            let augmentation = try Augmentation(text: text)
            let augmenter = Augmenter(augmentation, height: 28, width: 28, channels: 1, seed: 1)
            let other = Augmenter(augmentation, height: 28, width: 28, channels: 1, seed: 2)
            let first = Self.apply(augmenter, source, sample: 0, epoch: 0)
            #expect(Self.apply(augmenter, source, sample: 1, epoch: 0) != first)
            #expect(Self.apply(augmenter, source, sample: 0, epoch: 1) != first)
            #expect(Self.apply(other, source, sample: 0, epoch: 0) != first)
            #expect(Self.apply(augmenter, source, sample: 0, epoch: 0) == first)
        }
    }

    /// What each change does, told by hand.
    @Test func meaning() throws {
        // Mirrored pictures are about half, and exactly mirrored.
        let source = Self.picture(5, 8, 1)
        let mirrored = (0..<40).map { (index: Int) -> UInt8 in
            let (row, column) = (index / 8, index % 8)
            return source[row * 8 + 7 - column]
        }
        let flips = Augmenter(try Augmentation(text: "flip"), height: 5, width: 8, channels: 1, seed: 1)
        var counts = (plain: 0, mirrored: 0)
        for sample in UInt64(0)..<400 {
            let result = Self.apply(flips, source, sample: sample, epoch: 0)
            if result == source { counts.plain += 1 }
            if result == mirrored { counts.mirrored += 1 }
        }
        #expect(counts.plain + counts.mirrored == 400)
        #expect((150...250).contains(counts.plain))

        // A white picture keeps its inside under any small change, and grows black only from the rim.
        let white = [UInt8](repeating: 255, count: 28 * 28)
        let small = Augmenter(
            try Augmentation(text: "shift 2, rotate 5, shear 0.05, scale 0.95 1.05"), height: 28, width: 28,
            channels: 1,
            seed: 1)
        for sample in UInt64(0)..<50 {
            let result = Self.apply(small, white, sample: sample, epoch: 0)
            for y in 8..<20 { for x in 8..<20 { #expect(result[y * 28 + x] == 255) } }
        }

        // Rectangles: of the right sides, anywhere, in about the wanted share of pictures.
        let erasing = Augmenter(try Augmentation(text: "erase 0.3 4"), height: 28, width: 28, channels: 1, seed: 1)
        var erasedCount = 0
        for sample in UInt64(0)..<500 {
            let result = Self.apply(erasing, white, sample: sample, epoch: 0)
            let black = result.indices.filter { result[$0] == 0 }
            #expect(result.allSatisfy { $0 == 0 || $0 == 255 })
            guard let first = black.first, let last = black.last else { continue }
            erasedCount += 1
            let (rows, columns) = (last / 28 - first / 28 + 1, last % 28 - first % 28 + 1)
            #expect((1...4).contains(rows) && (1...4).contains(columns) && black.count == rows * columns)
        }
        #expect((100...200).contains(erasedCount))

        // Noise: mean 0 and the wanted deviation.
        let grey = [UInt8](repeating: 128, count: 28 * 28)
        let noise = Augmenter(try Augmentation(text: "noise 12"), height: 28, width: 28, channels: 1, seed: 1)
        var (sum, squares, count) = (0, 0, 0)
        for sample in UInt64(0)..<100 {
            for byte in Self.apply(noise, grey, sample: sample, epoch: 0) {
                let difference = Int(byte) - 128
                (sum, squares, count) = (sum + difference, squares + difference * difference, count + 1)
            }
        }
        #expect(abs(Double(sum) / Double(count)) < 0.15)
        #expect(abs((Double(squares) / Double(count)).squareRoot() - 12) < 0.15)
    }

    @Test(arguments: [
        ("", "\"\" is unknown"), ("shfit 2", "did you mean shift?"), ("shift", "shift takes PIXELS"),
        ("shift 2 3", "shift takes PIXELS"), ("shift x", "shift takes PIXELS"),
        ("shift -1", "shift -1.0 is outside 0.0 to 256.0"),
        ("rotate 200", "outside"), ("scale 0.1 1", "outside 0.25 to 4.0"), ("scale 1.2 0.9", "LEAST before GREATEST"),
        ("flip 1", "flip takes no number"), ("flip, flip", "flip is there twice"), ("noise nan", "outside"),
        ("shift 1,", "\"\" is unknown"), ("elastic 2 0", "outside 1.0 to 256.0"),
    ])
    func refusedTexts(_ text: String, _ message: String) throws {
        let failure = #expect(throws: Failure.self) { try Augmentation(text: text) }
        #expect(failure?.kind == .usage)
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
    }
}

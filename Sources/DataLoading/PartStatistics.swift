/// What a part's pixels and labels are like, from exact whole numbers.
package struct PartStatistics: Sendable, Equatable {
    package let count: Int
    /// `[class]`
    package let classCounts: [Int]
    /// How many pixels have each of the 256 levels.
    package let levels: [Int]
    /// Images whose pixels are all the same.
    package let constantCount: Int
    /// Images that repeat an earlier one of the part, pixel by pixel.
    package let repeatedCount: Int

    package init(_ images: LabelledImages) {
        self.init(images, index: ImageIndex(images))
    }

    package init(_ images: LabelledImages, index: ImageIndex) {
        count = images.count
        var classCounts = [Int](repeating: 0, count: images.classCount)
        for label in images.labels { classCounts[Int(label)] += 1 }
        self.classCounts = classCounts
        // Four tables, since equal neighbours would wait for each other.
        var tables = [Int](repeating: 0, count: 4 * 256)
        var constantCount = 0
        let size = images.pixelsPerImage
        images.pixels.withBytes { pixels in
            tables.withUnsafeMutableBufferPointer { tables in
                for (place, pixel) in pixels.enumerated() { tables[(place & 3) << 8 | Int(pixel)] += 1 }
            }
            for sample in 0..<images.count {
                let image = UnsafeBufferPointer(rebasing: pixels[sample * size..<(sample + 1) * size])
                if image.allSatisfy({ $0 == image[0] }) { constantCount += 1 }
            }
        }
        levels = (0..<256).map { level in (0..<4).reduce(0) { $0 + tables[$1 << 8 | level] } }
        self.constantCount = constantCount
        repeatedCount = index.repeatedCount
    }

    private var pixelCount: Int { levels.reduce(0, +) }

    /// Of pixels scaled to 0...1.
    package var mean: Double {
        let sum = levels.enumerated().reduce(0) { $0 + $1.offset * $1.element }
        return pixelCount == 0 ? 0 : Double(sum) / Double(pixelCount) / 255
    }

    /// Of pixels scaled to 0...1; divided by their number.
    package var standardDeviation: Double {
        guard pixelCount > 0 else { return 0 }
        let sum = levels.enumerated().reduce(0) { $0 + $1.offset * $1.element }
        let squares = levels.enumerated().reduce(0) { $0 + $1.offset * $1.offset * $1.element }
        let (count, mean) = (Double(pixelCount), Double(sum) / Double(pixelCount))
        return max(0, Double(squares) / count - mean * mean).squareRoot() / 255
    }

    package var zeroShare: Double { pixelCount == 0 ? 0 : Double(levels[0]) / Double(pixelCount) }
}

/// Finds images by their pixels.
package struct ImageIndex {
    private let images: LabelledImages
    /// The first image of each hash, and others that share the hash with different pixels.
    private var firsts: [UInt64: [Int32]] = [:]
    fileprivate private(set) var repeatedCount = 0

    package init(_ images: LabelledImages) {
        self.images = images
        firsts.reserveCapacity(images.count)
        images.pixels.withBytes { pixels in
            for sample in 0..<images.count {
                let image = Self.image(sample, images, pixels)
                let hash = Self.hash(image)
                if firsts[hash, default: []].contains(where: {
                    image.elementsEqual(Self.image(Int($0), images, pixels))
                }) {
                    repeatedCount += 1
                } else {
                    firsts[hash, default: []].append(Int32(sample))
                }
            }
        }
    }

    /// How many images of `others` are among these.
    package func count(of others: LabelledImages) -> Int {
        guard others.pixelsPerImage == images.pixelsPerImage else { return 0 }
        return images.pixels.withBytes { own in
            others.pixels.withBytes { pixels in
                (0..<others.count).reduce(0) { total, sample in
                    let image = Self.image(sample, others, pixels)
                    let isHere = (firsts[Self.hash(image)] ?? []).contains {
                        image.elementsEqual(Self.image(Int($0), images, own))
                    }
                    return total + (isHere ? 1 : 0)
                }
            }
        }
    }

    private static func image(
        _ sample: Int, _ images: LabelledImages, _ pixels: UnsafeBufferPointer<UInt8>
    ) -> UnsafeBufferPointer<UInt8> {
        let size = images.pixelsPerImage
        return UnsafeBufferPointer(rebasing: pixels[sample * size..<(sample + 1) * size])
    }

    /// FNV-1a over words of eight bytes; equal hashes are compared pixel by pixel.
    private static func hash(_ image: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        let raw = UnsafeRawBufferPointer(image)
        let wordCount = raw.count / 8
        for word in 0..<wordCount {
            hash = (hash ^ raw.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self)) &* 0x100_0000_01b3
            hash ^= hash >> 29
        }
        for byte in raw[(wordCount * 8)...] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}

import Foundation

/// Four MNIST-named files with 600 train and 100 test images of 8×8 pixels in ten classes, easy to learn.
struct SmallDataset {
    static let classCount = 10
    static let model = "dense 24, relu, dense 16, relu, dense 10"

    var train = Part(count: 600, firstIndex: 0)
    var test = Part(count: 100, firstIndex: 600)

    struct Part {
        /// `[count, 8, 8]`
        var images: [UInt8] = []
        var labels: [UInt8] = []

        /// A class lights its own pixels; the rest is noise.
        init(count: Int, firstIndex: Int) {
            for index in firstIndex..<firstIndex + count {
                let label = SmallDataset.mixed(UInt64(index)) % UInt64(SmallDataset.classCount)
                labels.append(UInt8(label))
                for pixel in 0..<64 {
                    let noise = SmallDataset.mixed(UInt64(index * 64 + pixel) | 1 << 32) % 128
                    let isLit = SmallDataset.mixed(label * 64 + UInt64(pixel) | 1 << 33) % 4 == 0
                    images.append(UInt8(noise + (isLit ? 127 : 0)))
                }
            }
        }

        var imageFile: [UInt8] { SmallDataset.header([UInt32(images.count / 64), 8, 8]) + images }
        var labelFile: [UInt8] { SmallDataset.header([UInt32(labels.count)]) + labels }
    }

    func write(to name: String = "data", in folder: TemporaryFolder) throws {
        try folder.write(train.imageFile, to: "\(name)/train-images-idx3-ubyte")
        try folder.write(train.labelFile, to: "\(name)/train-labels-idx1-ubyte")
        try folder.write(test.imageFile, to: "\(name)/t10k-images-idx3-ubyte")
        try folder.write(test.labelFile, to: "\(name)/t10k-labels-idx1-ubyte")
    }

    /// IDX: two zero bytes, type (8: unsigned byte), number of dimensions, big-endian extents.
    static func header(_ extents: [UInt32]) -> [UInt8] {
        [0, 0, 8, UInt8(extents.count)]
            + extents.flatMap { extent in (0..<4).map { UInt8(extent >> (24 - 8 * $0) & 0xFF) } }
    }

    /// A gzip file (RFC 1952) with stored blocks.
    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        func littleEndian(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
        precondition(bytes.count <= 65_535, "gzip: \(bytes.count) bytes are more than one stored block")
        var remainder: UInt32 = ~0
        for byte in bytes {
            remainder ^= UInt32(byte)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
        let block = [1] + littleEndian(bytes.count, 2) + littleEndian(~bytes.count, 2) + bytes
        let trailer = littleEndian(Int(~remainder), 4) + littleEndian(bytes.count, 4)
        return [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255] + block + trailer
    }

    /// SplitMix64's finalizer.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = (value &+ 1) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

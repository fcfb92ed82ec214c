import CZlib
import DataLoading
import Foundation
import Testing

/// A folder that lives as long as its owner.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "lockstep-\(UUID().uuidString)").path()
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes `bytes` and returns the path; folders on the way are made.
    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        let folder = URL(filePath: file).deletingLastPathComponent().path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // Some file systems wait for the disk when a file is overwritten; a new one is quick.
        try? FileManager.default.removeItem(atPath: file)
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }

    /// Writes the four files of a data set into the folder `name`: images of 2 × 3 pixels, `[count, 2, 3]`.
    @discardableResult
    func writeDataset(
        _ name: String, train: [UInt8] = [0, 1, 2, 1], test: [UInt8] = [2, 0], separator: String = "-",
        ending: String = ".gz"
    ) throws -> String {
        for (part, labels) in [("train", train), ("t10k", test)] {
            let images = idx(0x08, [labels.count, 2, 3], fixturePixels(imageCount: labels.count))
            let labels = idx(0x08, [labels.count], labels)
            let pack = ending == ".gz" ? { gzip($0) } : { $0 }
            try write("\(name)/\(part)-images\(separator)idx3-ubyte\(ending)", pack(images))
            try write("\(name)/\(part)-labels\(separator)idx1-ubyte\(ending)", pack(labels))
        }
        return path + "/" + name
    }
}

/// What `writeDataset` puts into a part with `imageCount` images.
func fixturePixels(imageCount: Int) -> [UInt8] {
    (0..<imageCount * 6).map { UInt8(truncatingIfNeeded: $0 * 7 + imageCount) }
}

/// An IDX file: two zero bytes, type, number of dimensions, extents, payload.
func idx(_ type: UInt8, _ dimensions: [Int], _ payload: [UInt8]) -> [UInt8] {
    [0, 0, type, UInt8(dimensions.count)] + dimensions.flatMap { bigEndian(UInt32($0)) } + payload
}

func bigEndian<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] {
    withUnsafeBytes(of: word.bigEndian) { [UInt8]($0) }
}

/// One gzip member that holds `bytes`.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    let size = Int32(MemoryLayout<z_stream>.size)
    precondition(
        deflateInit2_(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size) == Z_OK)
    defer { deflateEnd(&stream) }
    var input = bytes
    var output = [UInt8](repeating: 0, count: Int(deflateBound(&stream, UInt(bytes.count))))
    let written = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
            return Int(stream.total_out)
        }
    }
    return Array(output.prefix(written))
}

extension ByteBuffer {
    var copy: [UInt8] { withBytes { Array($0) } }
}

/// All of an IDX file's elements.
func elements(of path: String) throws -> [Double] {
    var values: [Double] = []
    let reader = try IDXReader(path: path)
    try reader.forEachElement { index, value in
        #expect(index == values.count)
        values.append(value)
    }
    #expect(values.count == reader.header.elementCount)
    return values
}

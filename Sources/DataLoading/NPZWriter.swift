import CZlib
import Errors

/// NumPy's archive of arrays: a zip file whose members are stored.
package final class NPZWriter {
    /// What an array's elements are, as NumPy writes it.
    package enum ElementType: String, Sendable {
        case byte = "|u1"
        case float32 = "<f4"
    }

    private let file: OutputFile
    private var directory: [UInt8] = []
    private var memberCount = 0

    /// The file must not exist.
    package init(path: String) throws { file = try OutputFile(path: path) }

    /// Adds an array, row-major and little-endian.
    package func write(
        _ bytes: UnsafeRawBufferPointer, _ type: ElementType, shape: [Int], as name: String
    ) throws {
        let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        var text = Array("{'descr': '\(type.rawValue)', 'fortran_order': False, 'shape': (\(extents)), }".utf8)
        // Data begin at a multiple of 64 bytes.
        text += [UInt8](repeating: 0x20, count: 63 - (10 + text.count) % 64) + [0x0a]
        let header = [0x93] + Array("NUMPY".utf8) + [1, 0] + Self.word(text.count) + text
        let byteCount = header.count + bytes.count
        guard file.byteCount + byteCount < 0xffff_0000 else {
            throw Failure(.usage, "\(file.path): above 4 GiB, which this archive cannot hold; choose another format")
        }
        var checksum = crc32_z(0, header, header.count)
        checksum = crc32_z(checksum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        let member = Array("\(name).npy".utf8)
        // Version needed, flags, method, time and date (1 January 1980), checksum, sizes, name's length.
        let common =
            Self.word(20) + Self.word(0) + Self.word(0) + Self.word(0) + Self.word(0x21) + Self.long(Int(checksum))
            + Self.long(byteCount) + Self.long(byteCount) + Self.word(member.count) + Self.word(0)
        let offset = file.byteCount
        try file.write([0x50, 0x4b, 3, 4] + common + member + header)
        try file.write(bytes)
        // Comment, disk, attributes, offset.
        directory +=
            [0x50, 0x4b, 1, 2] + Self.word(20) + common + Self.word(0) + Self.word(0) + Self.word(0) + Self.long(0)
            + Self.long(offset) + member
        memberCount += 1
    }

    package func finish() throws {
        let offset = file.byteCount
        try file.write(directory)
        try file.write(
            [0x50, 0x4b, 5, 6] + Self.long(0) + Self.word(memberCount) + Self.word(memberCount)
                + Self.long(directory.count) + Self.long(offset) + Self.word(0))
        try file.finish()
    }

    private static func word(_ value: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
    }

    private static func long(_ value: Int) -> [UInt8] { word(value) + word(value >> 16) }
}

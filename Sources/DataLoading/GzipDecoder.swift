import CZlib
import Errors

/// The decompressed bytes of a gzip file (RFC 1952), whose members may be several, one after the other.
///
/// Every member's CRC-32 and length are checked when its end is read.
final class GzipDecoder: ByteStream {
    /// Deflate's best: a match of 258 bytes in two bits.
    static let maximalRatio = 1_032

    private let file: InputFile
    private let input: UnsafeMutableRawBufferPointer
    // zlib keeps the stream's address.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isBetweenMembers = false

    var name: String { file.path }
    var maximalByteCount: Int { Self.bound(file.byteCount) }

    /// What `byteCount` bytes of deflate can become at most.
    static func bound(_ byteCount: Int) -> Int {
        let (product, hasOverflow) = byteCount.multipliedReportingOverflow(by: maximalRatio)
        return hasOverflow ? .max : product
    }

    init(file: InputFile) throws {
        self.file = file
        input = .allocate(byteCount: 128 * 1_024, alignment: 16)
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // The corresponding zlib function is inflateInit2; 16 asks for gzip's header and trailer.
        let code = inflateInit2_(stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            throw Failure(.internal, "\(file.path): zlib \(String(cString: zlibVersion())) cannot start (code \(code))")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        input.deallocate()
    }

    /// Fills `buffer`, or as much of it as there is before the end of the last member; returns how many bytes it got.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        var filled = 0
        while filled < buffer.count {
            if stream.pointee.avail_in == 0 {
                let count = try file.read(into: input)
                guard count > 0 else {
                    if isBetweenMembers { return filled }
                    throw Failure(.data, "\(file.path): the gzip data end too early; fetch or copy the file again")
                }
                stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_in = UInt32(count)
            }
            if isBetweenMembers { try beginMember() }
            filled += try inflateOnce(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
        }
        return filled
    }

    private func beginMember() throws {
        guard stream.pointee.next_in.pointee == 0x1f else {
            throw Failure(.data, "\(file.path): bytes follow the gzip data; fetch or copy the file again")
        }
        let code = inflateReset(stream)
        guard code == Z_OK else { throw Failure(.internal, "\(file.path): zlib cannot go on (code \(code))") }
        isBetweenMembers = false
    }

    private func inflateOnce(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        // zlib counts in 32 bits.
        let room = min(buffer.count, 1 << 30)
        stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let code = inflate(stream, Z_NO_FLUSH)
        switch code {
        case Z_OK:
            break
        case Z_STREAM_END:
            isBetweenMembers = true
        case Z_BUF_ERROR where stream.pointee.avail_in == 0:
            break
        case Z_MEM_ERROR:
            throw Failure(.inputOutput, "\(file.path): not enough memory to decompress it")
        default:
            let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib code \(code)"
            throw Failure(.data, "\(file.path): the gzip data are corrupt (\(reason)); fetch or copy the file again")
        }
        return room - Int(stream.pointee.avail_out)
    }
}

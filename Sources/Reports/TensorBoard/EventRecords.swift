import Foundation
import SwiftProtobuf

/// The records of an event file: TensorFlow's TFRecord framing. A record is its length in 8 bytes, their masked CRC-32C,
/// the data, and their masked CRC-32C, little-endian.
enum EventRecords {
    private static let headByteCount = 12
    private static let tailByteCount = 4

    static func encoded(_ event: TensorBoardEvent) throws -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        return framed(try event.serializedBytes(options: options))
    }

    static func framed(_ data: [UInt8]) -> [UInt8] {
        let length = littleEndianBytes(UInt64(data.count))
        return length + littleEndianBytes(CRC32C.masked(length)) + data + littleEndianBytes(CRC32C.masked(data))
    }

    /// The whole records at the start of a file, which may have been cut anywhere; with what lies behind the last, nothing is
    /// done.
    static func events(_ file: [UInt8]) -> [(event: TensorBoardEvent, bytes: ArraySlice<UInt8>)] {
        var events: [(event: TensorBoardEvent, bytes: ArraySlice<UInt8>)] = []
        var begin = 0
        while let range = record(file, at: begin) {
            let data = Array(file[range.lowerBound + headByteCount..<range.upperBound - tailByteCount])
            guard let event = try? TensorBoardEvent(serializedBytes: data) else { break }
            events.append((event, file[range]))
            begin = range.upperBound
        }
        return events
    }

    /// Where the record that begins at `begin` lies; nil where it is not whole or not as it was written.
    private static func record(_ file: [UInt8], at begin: Int) -> Range<Int>? {
        guard file.count - begin >= headByteCount else { return nil }
        let length = file[begin..<begin + 8]
        let count = number(length)
        guard UInt64(CRC32C.masked(length)) == number(file[begin + 8..<begin + headByteCount]),
            count <= UInt64(file.count - begin - headByteCount)
        else { return nil }
        let data = begin + headByteCount..<begin + headByteCount + Int(count)
        guard file.count - data.upperBound >= tailByteCount,
            UInt64(CRC32C.masked(file[data])) == number(file[data.upperBound..<data.upperBound + tailByteCount])
        else { return nil }
        return begin..<data.upperBound + tailByteCount
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

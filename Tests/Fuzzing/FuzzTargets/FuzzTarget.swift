import Errors

/// A reader of files that anybody may have written, as a fuzzer calls it.
///
/// A new one is a line of `all`, and a folder Tests/Fuzzing/Corpus/NAME with small files to begin from. Words that are
/// worth pasting into a file stand in Tests/Fuzzing/NAME.dict.
package struct FuzzTarget: Sendable {
    package static let all = [checkpoint, idx, csv, table, npy, npz, pgm, png, gzip, yaml]

    /// Any change of some bytes, to be made to a part of a file.
    package typealias Change = (inout [UInt8]) -> Void
    /// Runs one way of reading and sees what memory it takes.
    package typealias Measure = (_ reading: () -> Void) -> Void

    package let name: String
    /// Bytes that one way of reading a file may take, beyond the file's own size.
    package let memoryAllowance: Int
    /// Reads a file of these bytes in every way there is. Traps where an answer is not as it must be.
    package let read: @Sendable (_ file: [UInt8], _ measure: Measure) -> Void
    /// Changes a file, and mends what readers check first, so that their inner rules are reached.
    package let mutate: @Sendable (_ file: inout [UInt8], _ random: inout SplitMix64, _ change: Change) -> Void
}

/// What a reader answers: a value, or nil with a refusal that is as refusals must be.
func answer<Value>(_ reading: () throws -> Value) -> Value? { answer(kinds: [.data], reading) }

/// The same of a reader that may refuse in other ways.
func answer<Value>(kinds: [Failure.Kind], _ reading: () throws -> Value) -> Value? {
    do { return try reading() } catch let failure as Failure {
        let message = failure.message
        guard kinds.contains(failure.kind), message.utf8.count <= 1_000, message.unicodeScalars.allSatisfy(\.isOneLine)
        else {
            fatalError("a refusal must say in one line what is wrong with the data, but this is \(failure)")
        }
        return nil
    } catch { fatalError("a reader threw \(error)") }
}

extension Unicode.Scalar {
    fileprivate var isOneLine: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}

/// Steele, Lea and Flood's generator: the same mutations in every run.
package struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    package init(state: UInt64) { self.state = state }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

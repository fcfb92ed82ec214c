import Checkpoints
import Errors
import Foundation
import Glibc
import Models
import Tensors
import Training

extension FuzzTarget {
    /// Safetensors files, ours and other programs', up to the network whose weights they hold.
    static let checkpoint = FuzzTarget(
        name: "checkpoint", memoryAllowance: 16 << 20, read: readCheckpoint, mutate: mutateCheckpoint)

    private static func readCheckpoint(_ file: [UInt8], measure: Measure) {
        read(file, measure)
        // The same with the hash that the file must state.
        if let sealed = try? SafetensorsHeader.sealing(file), sealed != file { read(sealed, measure) }
    }

    private static func read(_ file: [UInt8], _ measure: Measure) {
        var found: Checkpoint?
        measure { found = answer { try Checkpoint(decoding: file, path: "a") } }
        // System calls take their time: one file in 16.
        if file.reduce(0, &+) & 15 == 0 {
            unnamedFile(file) { path in
                var other: Checkpoint?
                measure { other = answer { try Checkpoint(contentsOf: path) } }
                guard other == found else { fatalError("a file and its bytes were read as different things") }
            }
        }
        guard var checkpoint = found else { return }
        guard let again = answer({ try Checkpoint(decoding: checkpoint.encoded(path: "a").flatMap { $0 }, path: "a") }),
            again == checkpoint
        else { fatalError("what was read cannot be written and read again") }

        // Else hardly any change of a parameter would come this far.
        checkpoint.metadata[MetadataKey.parametersSHA256] = checkpoint.parametersSHA256
        measure { load(checkpoint) }
    }

    private static func load(_ checkpoint: Checkpoint) {
        guard let network = answer({ try Network(checkpoint, path: "a") }) else { return }
        let parameters = AlignedBuffer<Float>(count: network.layout.floatCount)
        let state = AlignedBuffer<Float>(count: network.stateLayout.floatCount)
        _ = answer {
            try network.loadEvaluated(checkpoint, parameters: parameters.base, state: state.base, path: "a")
        }
    }

    /// Calls `body` with the path of a file that has these bytes and no name.
    static func unnamedFile(_ bytes: [UInt8], _ body: (String) -> Void) {
        let folder = FileManager.default.temporaryDirectory.path
        var name = Array("\(folder)/lockstep-fuzz-XXXXXX".utf8CString)
        let file = mkstemp(&name)
        guard file >= 0, unlink(name) == 0, write(file, bytes, bytes.count) == bytes.count else {
            fatalError("\(folder): errno \(errno)")
        }
        body("/proc/self/fd/\(file)")
        close(file)
    }

    /// Bytes anywhere; or the header, whose length is mended; or that and a payload of the size that it speaks of.
    private static func mutateCheckpoint(_ file: inout [UInt8], random: inout SplitMix64, change: Change) {
        let length = file.count < 8 ? .max : file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= max(file.count - 8, 0), random.next() % 8 != 0 else { return change(&file) }
        var header = Array(file[8..<8 + Int(length)])
        var payload = Array(file[(8 + Int(length))...])
        switch random.next() % 4 {
        case 0: change(&payload)
        case 1:
            change(&header)
            payload = [UInt8](repeating: 1, count: min(greatestOffset(header), 1 << 14))
        default: change(&header)
        }
        file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + payload
    }

    /// The greatest number that stands before a closing bracket.
    private static func greatestOffset(_ header: [UInt8]) -> Int {
        var greatest = 0
        var number = 0
        for byte in header {
            switch byte {
            case 0x30...0x39: number = min(number * 10 + Int(byte - 0x30), 1 << 40)
            case UInt8(ascii: "]"):
                greatest = max(greatest, number)
                number = 0
            default: number = 0
            }
        }
        return greatest
    }
}

extension SafetensorsHeader {
    /// `file` with the hash that it must state, where it has a place for one; nil elsewhere.
    ///
    /// - Throws: `Failure` where the header is not valid.
    package static func sealing(_ file: [UInt8]) throws(Failure) -> [UInt8]? {
        guard file.count >= 8 else { return nil }
        let length = file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= file.count - 8 else { return nil }
        let start = 8 + Int(length)
        let header = try SafetensorsHeader(
            decoding: file, 8..<start, payloadByteCount: file.count - start, path: "memory")
        guard let digits = header.fileHashDigits, digits.count == FileHash.digitCount else { return nil }
        var zeroed = file
        zeroed.replaceSubrange(digits, with: [UInt8](repeating: UInt8(ascii: "0"), count: digits.count))
        var hasher = ParametersHasher()
        hasher.update(bytes: zeroed)
        zeroed.replaceSubrange(digits, with: hasher.finish().utf8)
        return zeroed
    }
}

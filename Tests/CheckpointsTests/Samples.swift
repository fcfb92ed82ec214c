import Checkpoints
import Errors
import FuzzTargets
import Tensors
import Testing

/// A dense layer, a counter, optimizer state and a moving average: every kind of tensor that a checkpoint of a run has.
let sample = Checkpoint(
    tensors: [
        Checkpoint.Tensor("0.weight", [2, 3], [1, 2, 3, 4, 5, 6] as [Float]),
        Checkpoint.Tensor("0.bias", [2], [-0.0, 0.5] as [Float]),
        Checkpoint.Tensor("1.num_batches_tracked", [], [7] as [Int64]),
        Checkpoint.Tensor("empty", [0, 4], [] as [Int32]),
        Checkpoint.Tensor("state/optimizer/0.bias", [2], [1e-300, -2] as [Double]),
        Checkpoint.Tensor("state/flags", [3], [1, 0, 255] as [UInt8]),
        Checkpoint.Tensor("state/average/0.bias", [2], [0.25, 0.75] as [Float]),
    ],
    metadata: ["step": "12", "format": "lockstep", "formatVersion": "2", "model": "dense 128, relu"])

/// The bytes of a file with this header (padded as it is given, not at all) and a payload of zeros.
func file(header: String, payload: Int = 0) -> [UInt8] { file(header: Array(header.utf8), payload: payload) }

func file(header: [UInt8], payload: Int = 0) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
        + [UInt8](repeating: 0, count: payload)
}

/// The bytes that `checkpoint` has as a file.
func encoded(_ checkpoint: Checkpoint) throws -> [UInt8] {
    try checkpoint.encoded(path: "memory").flatMap { $0 }
}

/// Where the payload begins.
func payloadStart(_ file: [UInt8]) -> Int { 8 + file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) } }

/// Where a file has the digits of its own hash.
func hashDigits(_ file: [UInt8]) throws -> Range<Int> {
    let start = payloadStart(file)
    let header = try SafetensorsHeader(decoding: file, 8..<start, payloadByteCount: file.count - start, path: "memory")
    return try #require(header.fileHashDigits)
}

/// `file` with the hash that it must state.
func sealed(_ file: [UInt8]) throws -> [UInt8] { try #require(try SafetensorsHeader.sealing(file)) }

/// The failure that `body` throws, if it throws one.
func failure<Result>(_ body: () throws(Failure) -> Result) -> Failure? {
    do {
        _ = try body()
        return nil
    } catch { return error }
}

/// The failure of reading `path`.
func fileFailure(_ path: String) -> Failure? {
    failure { () throws(Failure) in try Checkpoint(contentsOf: path) }
}

import Checkpoints
import Errors
import Testing

@Suite struct MutationTests {
    static func headerByteCount() throws -> Int { try SafetensorsHeader(sample).encoded(path: "memory").count }

    @Test func everyTruncationIsRefused() throws {
        let whole = try encoded(sample)
        try withTemporaryFolder { folder in
            for count in 0..<whole.count {
                let part = Array(whole[..<count])
                let failure = failure { () throws(Failure) in try Checkpoint(decoding: part, path: "a") }
                #expect(failure?.kind == .data, "\(count) bytes of \(whole.count)")
                try write(part, folder + "/a")
                let ofFile = fileFailure(folder + "/a")
                #expect(ofFile?.kind == .data, "file of \(count) bytes of \(whole.count)")
            }
        }
        #expect(try Checkpoint(decoding: whole, path: "a") == sample)
        let tooLong = failure { () throws(Failure) in try Checkpoint(decoding: whole + [0], path: "a") }
        #expect(tooLong?.kind == .data)
    }

    /// Letters in hexadecimal escapes may change case without changing the content: the sample has none.
    @Test func everyFlippedHeaderBitIsRefusedOrSeen() throws {
        let whole = try encoded(sample)
        var refused = 0
        for bit in try 0..<8 * Self.headerByteCount() {
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            do {
                let read = try Checkpoint(decoding: bytes, path: "a")
                #expect(read != sample, "bit \(bit % 8) of byte \(bit / 8)")
            } catch {
                #expect(error.kind == .data)
                refused += 1
            }
        }
        // Most flips break the syntax; the rest change a name or a value.
        #expect(try refused > 4 * Self.headerByteCount())
    }

    @Test func everyFlippedPayloadBitIsRefusedOrSeen() throws {
        var stated = sample
        stated.metadata[MetadataKey.parametersSHA256] = sample.parametersSHA256
        let whole = try encoded(stated)
        let payload = try SafetensorsHeader(stated).encoded(path: "memory").count
        let hashedByteCount = 32
        for bit in 8 * payload..<8 * whole.count {
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let read = try? Checkpoint(decoding: bytes, path: "a")
            #expect((read == nil) == (bit / 8 < payload + hashedByteCount))
            #expect(read != stated)
        }
    }

    /// Mutations of two kinds: bytes anywhere, and tokens of the format pasted into the header with its length mended.
    @Test func randomMutationsNeverCrash() throws {
        let whole = try encoded(sample)
        let headerEnd = try Self.headerByteCount()
        let tokens = [
            "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u00e9", "\\ud83d", "0", "9223372036854775807", "-1", "null",
            "\"F32\"", "\"BF16\"", "\"shape\"", "\"data_offsets\":[0,24]", "\"__metadata__\":{}", "\"w\":{", " ",
        ].map { Array($0.utf8) }
        var random = SplitMix64(state: 20_240_229)
        var accepted = 0
        for _ in 0..<10_000 {
            var bytes = whole
            if Bool.random(using: &random) {
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                bytes.removeLast(Int.random(in: 0...1, using: &random))
            } else {
                var header = Array(whole[8..<headerEnd])
                let start = Int.random(in: 0..<header.count, using: &random)
                let end = min(header.count, start + Int.random(in: 0...12, using: &random))
                header.replaceSubrange(start..<end, with: tokens.randomElement(using: &random) ?? [])
                bytes = file(header: header) + whole[headerEnd...]
            }
            do {
                let read = try Checkpoint(decoding: bytes, path: "a")
                // What is accepted can be written and read again.
                #expect(try Checkpoint(decoding: encoded(read), path: "a") == read)
                accepted += 1
            } catch let error as Failure {
                #expect(error.kind == .data)
            }
        }
        #expect(accepted > 100, "the mutations must reach the inner rules too")
    }
}

/// Steele, Lea and Flood's generator: the same mutations in every run.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

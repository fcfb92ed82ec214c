import Checkpoints
import Errors
import FuzzTargets
import Surroundings
import Testing

@Suite struct MutationTests {
    /// The sample with the parameters' hash in its metadata, as our runs write it.
    static let stated: Checkpoint = {
        var stated = sample
        stated.metadata[MetadataKey.parametersSHA256] = sample.parametersSHA256
        return stated
    }()

    /// One line of reasonable length that begins with the file's name.
    static func isOneLine(_ failure: Failure?) -> Bool {
        guard let failure else { return false }
        return failure.kind == .data && failure.message.hasPrefix("a: ") && failure.message.count < 250
            && failure.message.utf8.allSatisfy { $0 >= 0x20 }
    }

    @Test func everyTruncationIsRefused() throws {
        let whole = try encoded(Self.stated)
        try withTemporaryFolder { folder in
            for count in 0..<whole.count {
                let part = Array(whole[..<count])
                let failure = failure { () throws(Failure) in try Checkpoint(decoding: part, path: "a") }
                #expect(Self.isOneLine(failure), "\(count) bytes of \(whole.count): \(failure?.message ?? "accepted")")
                try write(part, folder + "/a")
                let ofFile = fileFailure(folder + "/a")
                #expect(ofFile?.kind == .data, "file of \(count) bytes of \(whole.count)")
            }
        }
        #expect(try Checkpoint(decoding: whole, path: "a") == Self.stated)
        let tooLong = failure { () throws(Failure) in try Checkpoint(decoding: whole + [0], path: "a") }
        #expect(Self.isOneLine(tooLong))
    }

    @Test func everyFlippedBitIsRefused() throws {
        let whole = try encoded(Self.stated)
        for bit in 0..<8 * whole.count {
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            let failure = failure { () throws(Failure) in try Checkpoint(decoding: bytes, path: "a") }
            #expect(Self.isOneLine(failure), "bit \(bit % 8) of byte \(bit / 8): \(failure?.message ?? "accepted")")
        }
    }

    /// Without the file's own hash, as other programs write: what is accepted is seen to be another checkpoint.
    @Test func everyFlippedBitOfAnotherProgramsFileIsRefusedOrSeen() throws {
        var foreign = Self.stated
        foreign.metadata["format"] = "pt"
        let whole = try encoded(foreign)
        var refused = 0
        for bit in 0..<8 * whole.count {
            var bytes = whole
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            do {
                let read = try Checkpoint(decoding: bytes, path: "a")
                #expect(read != foreign, "bit \(bit % 8) of byte \(bit / 8)")
            } catch {
                #expect(Self.isOneLine(error))
                refused += 1
            }
        }
        // Most flips break the syntax; the rest change a name or a value.
        #expect(refused > 4 * payloadStart(whole))
    }

    /// Mutations of two kinds: bytes anywhere, and tokens of the format pasted into the header with its length mended.
    @Test func randomMutationsNeverCrash() throws {
        var foreign = sample
        foreign.metadata["format"] = "pt"
        let whole = try encoded(foreign)
        let headerEnd = payloadStart(whole)
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

import Checkpoints
import Errors
import Foundation
import Surroundings
import Tensors
import Testing

@Suite struct FileHashTests {
    /// What a changed file is refused with, read from memory and from a file.
    static func refusal(_ bytes: [UInt8]) throws -> String? {
        let refusal = failure { () throws(Failure) in try Checkpoint(decoding: bytes, path: "a") }
        try withTemporaryFolder { folder in
            try write(bytes, folder + "/a")
            let ofFile = fileFailure(folder + "/a")
            #expect(ofFile?.message == refusal.map { folder + "/" + $0.message })
        }
        #expect(refusal == nil || refusal?.kind == .data)
        return refusal?.message
    }

    /// Replaces `text` in a file by one of the same length.
    static func replacing(_ text: String, by other: String, in file: [UInt8]) throws -> [UInt8] {
        precondition(text.utf8.count == other.utf8.count)
        let range = try #require(file.firstRange(of: Array(text.utf8)))
        return file[..<range.lowerBound] + Array(other.utf8) + file[range.upperBound...]
    }

    @Test func coversEveryByteButItsDigits() throws {
        let file = try encoded(sample)
        #expect(try sealed(file) == file)
        let digits = try hashDigits(file)
        #expect(digits.count == 64)
        #expect(String(decoding: file[digits.lowerBound - 10..<digits.lowerBound], as: UTF8.self) == #""sha256":""#)
    }

    @Test func bothValuesAreNamed() throws {
        var file = try encoded(sample)
        let stated = String(decoding: file[try hashDigits(file)], as: UTF8.self)
        file[file.count - 1] ^= 128
        let actual = String(decoding: try sealed(file)[try hashDigits(file)], as: UTF8.self)
        #expect(try Self.refusal(file) == "a: damaged: the file has SHA-256 \(actual), but says \(stated)")
    }

    /// A value, a name or a key with the same text is not taken for the hash.
    @Test func theDigitsAreFoundByTheirPlace() throws {
        let blank = String(repeating: "0", count: 64)
        var checkpoint = sample
        checkpoint.metadata["a"] = "\"sha256\":\"\(blank)\""
        checkpoint.metadata["sha256\\"] = blank
        checkpoint.metadata["sha25"] = blank
        checkpoint.tensors.append(Checkpoint.Tensor("sha256", [1], [1] as [Float]))
        checkpoint.tensors.append(Checkpoint.Tensor(blank, [1], [1] as [Float]))
        let file = try encoded(checkpoint)
        #expect(try sealed(file) == file)
        #expect(try Checkpoint(decoding: file, path: "a") == checkpoint)
    }

    @Test func whatTheWriterIsGivenIsReplaced() throws {
        var stated = sample
        stated.metadata[MetadataKey.fileSHA256] = "anything"
        #expect(try encoded(stated) == encoded(sample))
    }

    @Test(arguments: [
        (#""sha256":"#, #""sha255":"#, "sha256 is missing, where 64 digits"),
        (#""formatVersion":"2""#, #""formatVersion":"1""#, "format version \"1\"; this program reads version 2"),
        (#""formatVersion":"#, #""formatversion":"#, "format version none; this program reads"),
        (#""format":"#, #""formax":"#, "damaged: the file has SHA-256"),
        (#""lockstep""#, #""lockstop""#, "damaged: the file has SHA-256"),
        (#""step":"12""#, #""step":"13""#, "damaged: the file has SHA-256"),
    ]) func spoiledMetadata(text: String, other: String, reason: String) throws {
        let message = try Self.refusal(Self.replacing(text, by: other, in: encoded(sample)))
        #expect(message?.contains(reason) == true, "\(message ?? "accepted")")
    }

    @Test func valuesThatAreNoHash() throws {
        let file = try encoded(sample)
        let digits = try hashDigits(file)
        let hash = String(decoding: file[digits], as: UTF8.self)
        // Capitals, fewer and more digits, none, and digits written as escapes.
        let escaped = "\\u00" + String(hash.utf8.first ?? 0, radix: 16) + hash.dropFirst()
        for value in [
            hash.uppercased(), String(hash.dropLast()), hash + "0", "", escaped, String(repeating: "x", count: 64),
        ] {
            let header = file[8..<digits.lowerBound] + Array(value.utf8) + file[digits.upperBound..<payloadStart(file)]
            let changed = CheckpointsTests.file(header: Array(header)) + file[payloadStart(file)...]
            let message = try Self.refusal(changed)
            #expect(message?.contains("where 64 digits of the file's hash belong") == true, "\(message ?? "accepted")")
        }
    }

    /// Keys of ours in a file of another program mean nothing.
    @Test func filesOfOtherProgramsNeedNoHash() throws {
        for metadata in [["format": "pt"], ["sha256": "of something"], ["formatVersion": "7"]] as [Metadata] {
            let checkpoint = Checkpoint(tensors: sample.tensors, metadata: metadata)
            #expect(try Checkpoint(decoding: encoded(checkpoint), path: "a") == checkpoint)
        }
    }
}

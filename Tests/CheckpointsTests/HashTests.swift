import Checkpoints
import Errors
import Tensors
import Testing

@Suite struct HashTests {
    /// Python: `sha256(pack('<6f', 1, 2, 3, 4, 5, 6) + pack('<2f', -0.0, 0.5))`; nothing else in the sample is counted.
    static let sampleHash = "8d2c106330f34ca89be50bb646fe942550edd09a4bfc0d70fd3ceb316abe3e1a"

    @Test func coversTheNetworksFloatsInOrder() {
        #expect(sample.parametersSHA256 == Self.sampleHash)
        var changed = sample
        changed.tensors[5] = Checkpoint.Tensor("state/flags", [3], [1, 0, 254] as [UInt8])
        #expect(changed.parametersSHA256 == Self.sampleHash)
        changed.tensors.swapAt(0, 1)
        #expect(changed.parametersSHA256 != Self.sampleHash)
        changed.tensors.swapAt(0, 1)
        // −0 and 0 are equal numbers and different bits.
        changed.tensors[1] = Checkpoint.Tensor("0.bias", [2], [0.0, 0.5] as [Float])
        #expect(changed.parametersSHA256 != Self.sampleHash)
    }

    /// FIPS 180-4: SHA-256 of no bytes.
    @Test func ofNothing() {
        #expect(
            Checkpoint().parametersSHA256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    @Test func theParametersStatedHashIsCompared() throws {
        for isOurs in [true, false] {
            var checkpoint = sample
            if !isOurs { checkpoint.metadata["format"] = "pt" }
            checkpoint.metadata[MetadataKey.parametersSHA256] = sample.parametersSHA256
            var bytes = try encoded(checkpoint)
            #expect(try Checkpoint(decoding: bytes, path: "a") == checkpoint)
            bytes[payloadStart(bytes)] ^= 1
            if isOurs { bytes = try sealed(bytes) }
            let failure = failure { () throws(Failure) in try Checkpoint(decoding: bytes, path: "a") }
            #expect(failure?.kind == .data)
            #expect(failure?.message.hasPrefix("a: damaged: its parameters have SHA-256 ") == true)
        }
    }
}

import Checkpoints
import Errors
import Surroundings
import Tensors
import Testing

@Suite struct RoundTripTests {
    /// Every byte of a small file, written down by hand from the format's description.
    @Test func goldenFile() throws {
        let checkpoint = Checkpoint(
            tensors: [
                Checkpoint.Tensor("w", [2, 1], [1, -2] as [Float]),
                Checkpoint.Tensor("é\"\n", [], [258] as [Int32]),
            ], metadata: ["b": "2", "a": "\\\u{1}"])
        let header =
            #"{"__metadata__":{"a":"\\\u0001","b":"2"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"#
            + #""é\"\n":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}"#
        let length = header.utf8.count
        #expect(length == 154)
        let expected: [UInt8] =
            [160, 0, 0, 0, 0, 0, 0, 0] + Array(header.utf8) + [0x20, 0x20, 0x20, 0x20, 0x20, 0x20]
            + [0x00, 0x00, 0x80, 0x3F, 0x00, 0x00, 0x00, 0xC0] + [2, 1, 0, 0]
        try withTemporaryFolder { folder in
            try checkpoint.write(to: folder + "/golden.safetensors")
            #expect(try bytes(folder + "/golden.safetensors") == expected)
            try checkpoint.write(to: folder + "/again.safetensors")
            #expect(try bytes(folder + "/again.safetensors") == expected)
        }
    }

    @Test(arguments: [
        sample, Checkpoint(), Checkpoint(metadata: ["only": "metadata"]),
        Checkpoint(tensors: [Checkpoint.Tensor("", [1], [3] as [UInt8])], metadata: ["": ""]),
        // Two names that `String ==` takes for one, and text that needs every kind of escape.
        Checkpoint(
            tensors: [
                Checkpoint.Tensor("caf\u{E9}", [1], [1] as [Float]),
                Checkpoint.Tensor("cafe\u{301}", [1], [2] as [Float]),
                Checkpoint.Tensor("\u{0}\u{1F}\u{7F}\"\\/\u{8}\u{C}\r\n\t\u{2028}😀", [1], [3] as [Float]),
            ], metadata: ["\u{E9}": "1", "e\u{301}": "2"]),
    ]) func readsWhatItWrote(_ checkpoint: Checkpoint) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.safetensors"
            try checkpoint.write(to: path)
            #expect(try Checkpoint(contentsOf: path) == checkpoint)
            #expect(try Checkpoint(decoding: bytes(path), path: path) == checkpoint)
            #expect(try contents(folder) == ["a.safetensors"])
        }
    }

    @Test func equalityIsByBytes() {
        let composed = Checkpoint(tensors: [Checkpoint.Tensor("\u{E9}", [1], [1] as [Float])], metadata: ["\u{E9}": ""])
        let decomposed = Checkpoint(
            tensors: [Checkpoint.Tensor("e\u{301}", [1], [1] as [Float])], metadata: ["e\u{301}": ""])
        #expect(composed.tensors != decomposed.tensors)
        #expect(composed.metadata != decomposed.metadata)
        #expect(composed["e\u{301}"] == nil)
        #expect(composed.metadata["e\u{301}"] == nil)
    }

    @Test func readsSingleTensors() throws {
        try withTemporaryFolder { folder in
            try sample.write(to: folder + "/a")
            let reader = try SafetensorsReader(folder + "/a")
            for tensor in sample.tensors.reversed() {
                let entry = reader.entry(named: tensor.name)
                let read = try reader.tensor(try #require(entry))
                #expect(read == tensor)
            }
            let absent = reader.entry(named: "0.weigh")
            #expect(absent?.name == nil)
            var metadata = reader.header.metadata
            #expect(metadata[MetadataKey.fileSHA256]?.utf8.count == 64)
            metadata[MetadataKey.fileSHA256] = nil
            #expect(metadata == sample.metadata)
        }
    }

    @Test func valuesComeBack() {
        #expect(sample["0.weight"]?.values() == [1, 2, 3, 4, 5, 6] as [Float])
        #expect(sample["0.bias"]?.values(as: Float.self).map(\.bitPattern) == [0x8000_0000, 0x3F00_0000])
        #expect(sample["1.num_batches_tracked"]?.values() == [7] as [Int64])
        #expect(sample["state/optimizer/0.bias"]?.values() == [1e-300, -2] as [Double])
    }

    @Test func metadataIsASortedMap() {
        var metadata: Metadata = ["b": "1", "a": "2"]
        metadata["c"] = "3"
        metadata["a"] = "4"
        metadata["aa"] = "5"
        #expect(metadata.entries.map(\.key) == ["a", "aa", "b", "c"])
        #expect(metadata.entries.map(\.value) == ["4", "5", "1", "3"])
        metadata["b"] = nil
        metadata["absent"] = nil
        #expect(metadata.entries.map(\.key) == ["a", "aa", "c"])
        #expect(metadata["aa"] == "5")
        #expect(metadata["b"] == nil)
    }

    @Test func headerAboveTheLimitIsNotWritten() throws {
        let header = SafetensorsHeader(sample)
        let length = try header.encoded(path: "a").bytes.count - 8
        #expect(try header.encoded(path: "a", limit: length).bytes.count == length + 8)
        let refusal = failure { () throws(Failure) in try header.encoded(path: "a", limit: length - 1) }
        let message = "a: a header of \(length) bytes is above the format's \(length - 1)"
        #expect(refusal == Failure(.data, message))
    }

    @Test func aCallersMistakesTrap() async {
        await #expect(processExitsWith: .failure) {
            _ = Checkpoint.Tensor("w", [2, 2], [1, 2, 3] as [Float])
        }
        await #expect(processExitsWith: .failure) {
            let tensor = Checkpoint.Tensor("w", [1], [1] as [Float])
            _ = try Checkpoint(tensors: [tensor, tensor]).write(to: "/nowhere/a")
        }
        await #expect(processExitsWith: .failure) {
            let tensor = Checkpoint.Tensor("__metadata__", [1], [1] as [Float])
            _ = try Checkpoint(tensors: [tensor]).write(to: "/nowhere/a")
        }
        await #expect(processExitsWith: .failure) {
            _ = Checkpoint.Tensor("w", [1], [1] as [Float]).values(as: Double.self)
        }
        await #expect(processExitsWith: .failure) {
            _ = ["a": "1", "a": "2"] as Metadata
        }
        await #expect(processExitsWith: .failure) {
            _ = try Checkpoint(metadata: ["format": "lockstep", "formatVersion": "1"]).encoded(path: "a")
        }
    }
}

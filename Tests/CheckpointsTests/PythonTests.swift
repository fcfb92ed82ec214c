import Checkpoints
import Foundation
import Surroundings
import Testing

extension Python {
    fileprivate static let hasSafetensors = succeeds("import numpy, safetensors")
}

@Suite struct PythonTests {
    @Test(.enabled(if: Python.isPresent, "needs python3"))
    func tenLinesOfPythonGiveTheSameHash() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.safetensors"
            try sample.write(to: path)
            let (status, output) = try Python.run([Python.script("parameters_sha256.py"), path])
            #expect(status == 0)
            #expect(String(decoding: output, as: UTF8.self) == HashTests.sampleHash + "\n")
        }
    }

    @Test(.enabled(if: Python.isPresent, "needs python3"))
    func tenLinesOfPythonCompareTheFilesHash() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/a.safetensors"
            var file = try encoded(sample)
            let hash = String(decoding: file[try hashDigits(file)], as: UTF8.self)
            for expected in [0, 1] as [Int32] {
                try write(file, path)
                let (status, output) = try Python.run([Python.script("file_sha256.py"), path])
                #expect(status == expected)
                #expect((String(decoding: output, as: UTF8.self) == hash + "\n") == (expected == 0))
                file[file.count - 1] ^= 1
            }
        }
    }

    /// The documentation shows the scripts as they are tested.
    @Test(arguments: ["file_sha256.py", "parameters_sha256.py"]) func documentsShowTheScripts(name: String) throws {
        let script = try String(decoding: bytes(Python.script(name)), as: UTF8.self)
        let code = try #require(script.firstRange(of: "\nimport ")).lowerBound
        let document = try String(decoding: bytes(Python.script("../../docs/CHECKPOINTS.md")), as: UTF8.self)
        #expect(document.contains("```python" + script[code...] + "```"))
    }

    private struct Description: Decodable {
        struct Tensor: Decodable {
            let dtype: String
            let shape: [Int]
            let sha256: String
        }

        let metadata: [String: String]
        let tensors: [String: Tensor]
    }

    /// The reference implementation opens our file, and we open what it saves.
    @Test(.enabled(if: Python.hasSafetensors, "needs Python's safetensors and numpy"))
    func theReferenceImplementationAgrees() throws {
        try withTemporaryFolder { folder in
            var checkpoint = sample
            checkpoint.metadata["größe 😀 \"\\\u{1}\n"] = "é"
            try checkpoint.write(to: folder + "/ours")
            let arguments = [Python.script("check_safetensors.py"), folder + "/ours", folder + "/theirs"]
            let (status, output) = try Python.run(arguments)
            #expect(status == 0)
            let described = try JSONDecoder().decode(Description.self, from: output)
            #expect(described.metadata["sha256"]?.utf8.count == 64)
            #expect(described.metadata.count == checkpoint.metadata.entries.count + 1)
            for entry in checkpoint.metadata.entries { #expect(described.metadata[entry.key] == entry.value) }
            #expect(described.tensors.count == checkpoint.tensors.count)
            let types: [ElementType: String] = [
                .float32: "float32", .float64: "float64", .int64: "int64", .int32: "int32", .uint8: "uint8",
            ]
            let theirs = try Checkpoint(contentsOf: folder + "/theirs")
            checkpoint.metadata["format"] = nil
            #expect(theirs.metadata == checkpoint.metadata)
            #expect(theirs.tensors.count == checkpoint.tensors.count)
            for tensor in checkpoint.tensors {
                let description = try #require(described.tensors[tensor.name])
                var hasher = ParametersHasher()
                hasher.update(bytes: tensor.bytes)
                #expect(description.sha256 == hasher.finish())
                #expect(description.shape == tensor.shape.extents)
                #expect(description.dtype == types[tensor.elementType])
                #expect(theirs[tensor.name] == tensor)
            }
        }
    }
}

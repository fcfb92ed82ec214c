import Checkpoints
import DataLoading
import Errors
import Files
import Glibc
import Models
import Tensors

/// A trained network's weights alone, without what a run keeps to go on: a third of a checkpoint of adam.
package struct WeightsExport {
    package let trained: TrainedNetwork

    package init(_ trained: TrainedNetwork) { self.trained = trained }

    /// Parameters and running statistics, then the input's mean and scale where it is standardised.
    private var tensors: [Checkpoint.Tensor] {
        trained.tensors + (trained.standardization?.tensors ?? []) + (trained.targetStandardization?.tensors ?? [])
    }

    /// A checkpoint that `evaluate`, `predict` and `export` read, and `--initial-weights` takes. Of a moving average it has
    /// the averages, and their hash.
    package func safetensors(path: String) throws -> [[UInt8]] {
        var metadata = Metadata()
        for key in [
            MetadataKey.format, MetadataKey.formatVersion, MetadataKey.numericsVersion, MetadataKey.model,
            MetadataKey.inputShape, MetadataKey.classCount, MetadataKey.target, MetadataKey.columns,
            MetadataKey.configuration,
            MetadataKey.dataSHA256, MetadataKey.seed, MetadataKey.epoch, MetadataKey.step,
        ] {
            metadata[key] = trained.metadata[key]
        }
        metadata[MetadataKey.parametersSHA256] = Checkpoint.parametersSHA256(of: tensors)
        return try Checkpoint(tensors: tensors, metadata: metadata).encoded(path: path)
    }

    /// NumPy's archive with an array for each tensor, under its name.
    package func writeNPZ(to path: String) throws {
        try NPZWriter.replace(path) { archive in
            for tensor in tensors {
                try tensor.bytes.withUnsafeBytes {
                    try archive.write($0, .float32, shape: tensor.shape.extents, as: tensor.name)
                }
            }
        }
    }

    /// `tensor,index,value`, a line for each element; the index counts in row-major order. Values read back to the same bits.
    package func csv() -> [[UInt8]] {
        [Array("tensor,index,value\n".utf8)]
            + tensors.map { tensor in
                let values: [Float] = tensor.values()
                var text = ""
                for (index, value) in values.enumerated() { text += "\(tensor.name),\(index),\(value)\n" }
                return Array(text.utf8)
            }
    }
}

extension NPZWriter {
    /// Writes an archive that appears at `path` when it is whole, in place of what was there.
    static func replace(_ path: String, _ body: (NPZWriter) throws -> Void) throws {
        let temporary = "\(path).\(getpid()).partial"
        unlink(temporary)
        do {
            let archive = try NPZWriter(path: temporary)
            try body(archive)
            try archive.finish()
            guard rename(temporary, path) == 0 else {
                throw Failure(.outputRefused, "\(path): cannot be written: \(systemMessage(errno))")
            }
        } catch {
            unlink(temporary)
            throw error
        }
    }
}

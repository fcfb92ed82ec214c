import Checkpoints
import Errors
import Models
import Tensors

extension Network {
    /// Compares names, types and shapes before anybody asks for memory of the size that the model's text speaks of.
    ///
    /// - Throws: `Failure(.data)` for a tensor that is missing or has another shape.
    func checkTensors(of checkpoint: Checkpoint, path: String) throws {
        for entry in layout.entries + stateLayout.entries {
            _ = try checkpoint.tensor(entry.name, entry.storage.shape, path: path)
        }
    }
}

extension Checkpoint {
    /// - Throws: `Failure(.data)` where there is no float32 tensor of that name and shape.
    func tensor(_ name: String, _ shape: Shape, path: String) throws -> Tensor {
        guard let tensor = self[name] else {
            throw Failure(.data, "\(path): the float32 tensor \"\(name)\" is missing")
        }
        guard tensor.elementType == .float32 else {
            throw Failure(
                .data, "\(path): \"\(name)\" holds \(tensor.elementType.rawValue), where float32 (F32) is needed")
        }
        try tensor.check(shape, path: path)
        return tensor
    }
}

extension Checkpoint.Tensor {
    /// - Throws: `Failure(.data)` that names both shapes where the model needs another one.
    func check(_ shape: Shape, path: String) throws {
        guard self.shape == shape else {
            // A file's shape may have any number of extents.
            let found =
                self.shape.extents.count <= 8
                ? "shape \(self.shape)" : "a shape of \(self.shape.extents.count) extents"
            throw Failure(.data, "\(path): \"\(name)\" has \(found), the model needs \(shape)")
        }
    }
}

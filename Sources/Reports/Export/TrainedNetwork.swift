import Checkpoints
import Errors
import KernelContract
import Models
import Tensors
import Training

/// A checkpoint's network with the weights that evaluation uses: the moving average, where the run kept one.
package struct TrainedNetwork: Sendable {
    package let path: String
    package let network: Network
    /// What pixels from 0 to 1 go through first; nil where they enter as they are.
    package let standardization: InputStandardization?
    /// What outputs are brought back to the unit of a table's targets by; nil where they are in it.
    package let targetStandardization: TargetStandardization?
    /// Of the raw weights, as the run's summary has it.
    package let parametersSHA256: String
    package let isAverage: Bool
    /// Parameters and then running statistics in layer order, with PyTorch's names and layout.
    package let tensors: [Checkpoint.Tensor]
    /// What it was trained with, which says what its outputs mean.
    package let lossKind: LossKind
    let metadata: Metadata

    package init(contentsOf path: String) throws {
        let checkpoint = try Checkpoint(contentsOf: path)
        let network = try Network(checkpoint, path: path)
        func tensor(_ entry: ParameterLayout.Entry, _ prefix: String) throws -> Checkpoint.Tensor {
            guard let tensor = checkpoint[prefix + entry.name], tensor.shape == entry.storage.shape,
                tensor.elementType == .float32
            else {
                throw Failure(
                    .data,
                    "\(path): \"\(prefix)\(entry.name)\" is missing, or no float32 tensor of \(entry.storage.shape)")
            }
            return Checkpoint.Tensor(entry.name, tensor.shape, .float32, bytes: tensor.bytes)
        }
        self.path = path
        self.network = network
        isAverage = checkpoint.hasAverages
        metadata = checkpoint.metadata
        lossKind = LossKind(of: checkpoint, target: network.target, path: path)
        parametersSHA256 = checkpoint.parametersSHA256
        standardization = try InputStandardization(checkpoint, features: network.inputFeatures, path: path)
        targetStandardization = try TargetStandardization(checkpoint, outputs: network.outputCount, path: path)
        tensors = try [network.layout, network.stateLayout].flatMap { layout in
            let prefix = checkpoint.averagePrefix(of: layout)
            return try layout.entries.map { try tensor($0, prefix) }
        }
    }

    /// Traps where there is none: names come from the network's own layout.
    func tensor(_ name: String) -> Checkpoint.Tensor {
        guard let tensor = tensors.first(where: { $0.name == name }) else {
            preconditionFailure("TrainedNetwork: no tensor \(name) in \(path)")
        }
        return tensor
    }
}

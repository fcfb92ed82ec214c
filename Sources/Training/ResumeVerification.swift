import Checkpoints
import Errors
import Files
import Foundation
import Randomness

/// Where and with how many workers a run is stopped, to see that it makes no difference.
package struct ResumeTrial: Sendable {
    /// Steps of each part, all together those of the run.
    package let parts: [Part]

    package struct Part: Hashable, Sendable {
        package let steps: Int
        package let workers: Int
    }

    /// - Parameters:
    ///   - stepCount: Of the whole run.
    ///   - stopCount: How often it is stopped; fewer where the run is too short.
    ///   - workerLimit: The greatest number of workers.
    package init(stepCount: Int, stopCount: Int, workerLimit: Int, seed: UInt64) {
        let random = KeyedRandom(seed: seed, purpose: .verification, epoch: 0)
        let stops = permutation(count: max(stepCount - 1, 0), random: random).prefix(stopCount)
            .map { Int($0) + 1 }.sorted()
        // A number of workers each, none twice in a row.
        let workers = permutation(count: workerLimit, random: KeyedRandom(seed: seed, purpose: .verification, epoch: 1))
        let bounds = [0] + stops + [stepCount]
        parts = zip(bounds, bounds.dropFirst()).enumerated().map { index, bounds in
            Part(steps: bounds.1 - bounds.0, workers: Int(workers[index % workerLimit]) + 1)
        }
    }
}

/// What a restore that went wrong would look like: a valid checkpoint in which one number is not what it was.
package enum DamagedRestore {
    /// Changes one number of `source`: of the optimizer's state where there is some, else a weight (a running statistic
    /// would forget it). All checksums are made
    /// new, so that only the training can tell.
    ///
    /// - Returns: The name of the tensor that was changed.
    package static func write(from source: String, to target: String) throws -> String {
        var checkpoint = try Checkpoint(contentsOf: source)
        let isState: (Checkpoint.Tensor) -> Bool = { $0.name.hasPrefix(Checkpoint.optimizerStatePrefix) }
        // A bias of the last layer has a gradient in every step.
        guard
            let index = checkpoint.tensors.lastIndex(where: { isState($0) && $0.name.hasSuffix(".bias") })
                ?? checkpoint.tensors.lastIndex(where: { $0.isHashedAsParameter && $0.name.hasSuffix(".bias") })
        else { throw Failure(.data, "\(source): holds no bias") }
        let tensor = checkpoint.tensors[index]
        var values: [Float] = tensor.values()
        values[0] = values[0] * 1.5 + 1e-3
        checkpoint.tensors[index] = Checkpoint.Tensor(tensor.name, tensor.shape, values)
        checkpoint.metadata[MetadataKey.parametersSHA256] = checkpoint.parametersSHA256
        try checkpoint.write(to: target)
        return tensor.name
    }

    /// Flips the lowest bit of the last byte, and makes nothing new.
    package static func flipBit(from source: String, to target: String) throws {
        guard var bytes = FileManager.default.contents(atPath: source), !bytes.isEmpty else {
            throw Failure(.inputNotFound, "\(source): cannot be read")
        }
        bytes[bytes.count - 1] ^= 1
        try AtomicFile.write([Array(bytes)], to: target)
    }
}

extension CheckpointStore {
    /// Of the checkpoint of a step, which is read whole and checked.
    package func parametersSHA256(step: Int) throws -> String {
        try Checkpoint(contentsOf: path(step: step)).parametersSHA256
    }
}

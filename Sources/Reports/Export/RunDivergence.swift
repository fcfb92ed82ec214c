import Checkpoints
import Training

/// The first step after which two runs are known to have different parameters.
package struct RunDivergence: Encodable, Sendable, Equatable {
    /// What knows of it.
    package enum Source: String, Encodable, Sendable {
        /// Lines of `--hash-every`.
        case hashes
        case checkpoints
    }

    package let step: Int
    package let epoch: Int?
    /// The last step before it at which both are known to be equal; nil where none is.
    package let lastEqualStep: Int?
    package let source: Source
    /// By name, in layer order; empty where the records have no hash of each tensor.
    package let tensors: [String]

    /// Nil where no record of the same step differs. Records of hashes come first, then checkpoints that both runs have.
    package init?(_ first: RunFiles, _ second: RunFiles) {
        guard let found = Self.inHashes(first.points, second.points) ?? Self.inCheckpoints(first, second) else {
            return nil
        }
        self = found
    }

    private init(step: Int, epoch: Int?, lastEqualStep: Int?, source: Source, tensors: [String]) {
        self.step = step
        self.epoch = epoch
        self.lastEqualStep = lastEqualStep
        self.source = source
        self.tensors = tensors
    }

    private static func inHashes(_ first: [MetricsPoint], _ second: [MetricsPoint]) -> RunDivergence? {
        var later: [Int: MetricsPoint] = [:]
        for point in second where point.parametersSHA256 != nil { later[point.step] = point }
        var lastEqualStep: Int?
        for point in first {
            guard let hash = point.parametersSHA256, let other = later[point.step] else { continue }
            guard hash != other.parametersSHA256 else {
                lastEqualStep = point.step
                continue
            }
            return RunDivergence(
                step: point.step, epoch: point.epoch, lastEqualStep: lastEqualStep, source: .hashes,
                tensors: differing(point.tensorSHA256 ?? [], other.tensorSHA256 ?? []))
        }
        return nil
    }

    /// Names of tensors of either whose hashes are not the same.
    static func differing(_ first: [TensorHash], _ second: [TensorHash]) -> [String] {
        guard !first.isEmpty && !second.isEmpty else { return [] }
        let known = Dictionary(second.map { ($0.name, $0.sha256) }, uniquingKeysWith: { $1 })
        let names = Set(first.map(\.name))
        return first.filter { known[$0.name] != $0.sha256 }.map(\.name)
            + second.map(\.name).filter { !names.contains($0) }
    }

    private static func inCheckpoints(_ first: RunFiles, _ second: RunFiles) -> RunDivergence? {
        let common = first.checkpoints.steps().filter(Set(second.checkpoints.steps()).contains)
        var lastEqualStep: Int?
        for step in common {
            guard let left = try? Checkpoint(contentsOf: first.checkpoints.path(step: step)),
                let right = try? Checkpoint(contentsOf: second.checkpoints.path(step: step))
            else { continue }
            guard left.parametersSHA256 != right.parametersSHA256 else {
                lastEqualStep = step
                continue
            }
            let names = (left.tensors + right.tensors).filter(\.isHashedAsParameter).map(\.name)
            var seen: Set<String> = []
            return RunDivergence(
                step: step, epoch: left.metadata[MetadataKey.epoch].flatMap { Int($0) }, lastEqualStep: lastEqualStep,
                source: .checkpoints,
                tensors: names.filter { seen.insert($0).inserted && left[$0] != right[$0] })
        }
        return nil
    }
}

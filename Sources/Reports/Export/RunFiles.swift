import Errors
import Foundation
import Training

/// What a run's folder says about the run.
package struct RunFiles: Sendable {
    package let path: String
    package let options: TrainingOptions
    /// The last.
    package let checkpoint: String
    /// Lines of `metrics.jsonl` that can be read, in order.
    package let points: [MetricsPoint]
    package let checkpoints: CheckpointStore

    /// - Throws: `Failure` where there is no configuration or no checkpoint.
    package init(_ location: CheckpointLocation) throws {
        guard let options = location.runOptions else {
            throw Failure(.usage, "\(location.path) does not lie in a run's folder, which tells of a run")
        }
        let folder = URL(fileURLWithPath: location.path).deletingLastPathComponent()
        let run = folder.deletingLastPathComponent().relativePath
        path = run
        checkpoint = location.path
        self.options = options
        checkpoints = CheckpointStore(folder: "\(run)/checkpoints")
        points = MetricsPoint.all(ofRun: run)
    }
}

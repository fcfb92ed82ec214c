import Foundation
import Sweeps
import Training

extension CheckpointLocation {
    /// Help for an argument that `init(argument:)` reads.
    static let help =
        "A checkpoint; a run's folder, whose last checkpoint is taken; or a sweep's trial, such as SWEEP/best."

    /// What a command names: a checkpoint, a run, or a trial of a sweep.
    init(argument: String) throws {
        let isThere = FileManager.default.fileExists(atPath: argument)
        try self.init(isThere ? argument : (try? TrialReference(argument))?.path ?? argument)
    }

    /// The run's name, or that of a file outside of a run: a stem for names of files made of it.
    var stem: String {
        let file = URL(fileURLWithPath: path)
        guard runOptions != nil else { return file.deletingPathExtension().lastPathComponent }
        return file.deletingLastPathComponent().deletingLastPathComponent().lastPathComponent
    }
}

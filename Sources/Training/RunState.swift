import Errors
import Foundation
import Optimizers

/// Where a run stands between two steps, besides its buffers: what decides how it goes on. It has no time and no place in
/// it, so that two runs have the same at the same step.
///
/// A position after the last step of an epoch is before the epoch's evaluation.
struct RunState: Codable, Sendable {
    /// From 1: that of the last step.
    var epoch: Int
    /// Updates done.
    var step: Int
    /// Of `epoch` so far.
    var sums: EpochSums
    /// Whether a weight had a gradient other than 0 in `epoch` so far.
    var hasSeenGradient: Bool
    var plateau: PlateauState
    /// Nil where no metric decides.
    var best: BestEpoch.State?
    var watch: RunWatch.State

    init(json: String, path: String) throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        do { self = try decoder.decode(RunState.self, from: Data(json.utf8)) } catch {
            throw Failure(.data, "\(path): the state of the run cannot be read")
        }
        guard epoch >= 1, step >= 1, sums.isPlausible else {
            throw Failure(.data, "\(path): the state of the run is not possible: epoch \(epoch), step \(step)")
        }
    }

    init(
        epoch: Int, step: Int, sums: EpochSums, hasSeenGradient: Bool, plateau: PlateauState, best: BestEpoch.State?,
        watch: RunWatch.State
    ) {
        self.epoch = epoch
        self.step = step
        self.sums = sums
        self.hasSeenGradient = hasSeenGradient
        self.plateau = plateau
        self.best = best
        self.watch = watch
    }
}

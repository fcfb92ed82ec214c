import ArgumentParser
import Errors
import Training

/// When checkpoints are written and how a run goes on; `train` and `resume` share them.
struct CheckpointArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "When to write a checkpoint besides the last: 500steps, 2epochs, 30s, 5min or never; default 1epochs.",
            valueName: "INTERVAL"))
    var checkpointEvery: String?

    @Option(parsing: .unconditional, help: "Newest checkpoints that stay, besides the best; default 3.")
    var keepCheckpoints: Int?

    @Option(
        help: ArgumentHelp(
            "Save and stop with exit code 75 when this process has trained 500steps or 2epochs, or is 3h old.",
            valueName: "INTERVAL"))
    var stopAfter: String?

    @Flag(help: "Go on from a checkpoint of another numerics version; the bits are then nobody's promise.")
    var otherNumerics = false

    func apply(to options: inout TrainingOptions) {
        options.checkpointEvery = checkpointEvery
        options.keepCheckpoints = keepCheckpoints
    }

    func stopInterval() throws -> RunInterval? { try stopAfter.map { try RunInterval($0, option: "stop-after") } }
}

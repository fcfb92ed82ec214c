import ArgumentParser
import Communication
import Errors
import Foundation
import Training

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with a run that was stopped or killed.",
        discussion: """
            Begins after the newest checkpoint of the run's folder that can be read, with any number of workers and any
            launcher: the run ends with the bits of one that was never stopped. Where no checkpoint was written yet, it
            begins anew. A run that has ended goes on when it is given more --epochs or --steps.
            """)

    @Argument(help: ArgumentHelp("The run's folder.", valueName: "RUN"))
    var folder: String

    @Option(parsing: .unconditional, help: "Another number of epochs.")
    var epochs: Int?

    @Option(parsing: .unconditional, help: "Another number of steps.")
    var steps: Int?

    @Option(parsing: .unconditional, help: "Another learning rate from here on.")
    var learningRate: Double?

    @Option(parsing: .unconditional, help: "Another patience.")
    var patience: Int?

    @Option(parsing: .unconditional, help: "Another least improvement for --patience.")
    var minDelta: Double?

    @Option(help: ArgumentHelp("The same data in another place.", valueName: "NAME|DIR"))
    var dataset: String?

    @Option(help: ArgumentHelp("Where to look for the data set.", valueName: "DIR"))
    var dataDir: String?

    @OptionGroup var checkpoints: CheckpointArguments

    @Option(parsing: .unconditional, help: "Threads, when not under mpirun; default: the cores.")
    var workers: Int?

    @Flag(inversion: .prefixedNo, help: "Record the run for TensorBoard in the folder's tensorboard/.")
    var tensorboard = true

    @Flag(help: "Print nothing but summary.json's contents, at the end.")
    var json = false

    @Flag(name: [.short, .long], help: "Print errors only.")
    var quiet = false

    func run() throws {
        var options = TrainingOptions()
        options.epochs = epochs
        options.steps = steps
        options.learningRate = learningRate
        options.patience = patience
        options.minDelta = minDelta
        options.dataset = dataset
        options.dataDirectory = dataDir
        checkpoints.apply(to: &options)
        guard let saved = try TrainingOptions(ofRun: folder) else {
            throw Failure(.inputNotFound, "\(folder): holds no run (config.yaml); name the folder that `train` wrote")
        }
        try Training(
            options: options.overriding(saved), path: folder, overwrites: false, resume: .auto,
            checkpoints: checkpoints, recordsForTensorBoard: tensorboard,
            workers: workers, shows: try .chosen(json: json, quiet: quiet)
        ).run()
    }
}

import ArgumentParser
import DataLoading
import Errors
import Foundation
import KernelContract
import Kernels
import Models
import Reports
import Training

struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Say what a trained network sees in pictures, or predicts for rows of a table.",
        discussion: """
            FILE is a PNG, PGM or PPM picture, or an IDX or NumPy (.npy) file of one or many. Pictures must have the size of
            the network's input, or --resize brings them to it. MNIST and its kind are white on black: --invert turns black
            on white round. Of an auto-encoder the reconstruction and its mean squared error are shown. For a network that was
            trained on a table FILE is another one (.csv) with the same columns in any order; the target's may be missing.
            """)

    @Argument(help: ArgumentHelp("\(CheckpointLocation.help)", valueName: "CHECKPOINT"))
    var checkpoint: String

    @Argument(help: ArgumentHelp("Pictures, or a table.", valueName: "FILE"))
    var files: [String]

    @Flag(help: "Bring pictures to the size of the network's input, by averages of areas.")
    var resize = false

    @Flag(help: "Take white for black and black for white.")
    var invert = false

    @Option(parsing: .unconditional, help: ArgumentHelp("Classes that are named; default 3.", valueName: "N"))
    var top = 3

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Of so many pictures, the first, the picture is shown; default 10.", valueName: "N"))
    var pictures = 10

    @Flag(help: "Print one JSON document.")
    var json = false

    @Flag(
        help: ArgumentHelp(
            "Print lines of values with commas between them: file, index, class, name, probability, of all classes; of a table "
                + "file, row and the targets."))
    var csv = false

    func run() throws {
        guard !(json && csv) else { throw Failure(.usage, "--json and --csv: choose one of them") }
        guard top >= 1 else { throw Failure(.usage, "--top \(top): a number from 1 is needed") }
        guard pictures >= 0 else { throw Failure(.usage, "--pictures \(pictures): a number from 0 is needed") }
        guard !files.isEmpty else { throw Failure(.usage, "name at least one FILE behind the checkpoint") }
        let command = self
        let environment = ProcessInfo.processInfo.environment
        let kernels = try KernelSelection.select(environment: environment)
        try onRoot {
            let location = try CheckpointLocation(argument: command.checkpoint)
            if let columns = try location.columns { return try command.predict(columns, location, kernels) }
            let predictor = try Predictor(checkpoint: location.path, kernels: kernels)
            let names = location.classNames(count: predictor.network.outputCount)
            let source = PictureSource(
                shape: try PictureShape(predictor.network), path: location.path, resizes: command.resize,
                inverts: command.invert)
            var guesses: [PictureGuess] = []
            for file in command.files {
                for picture in try source.pictures(file) { guesses.append(try PictureGuess(picture, predictor, names)) }
            }
            try command.show(guesses, predictor, Terminal(environment: environment), environment)
        }
    }

    private func predict(
        _ columns: TableColumns, _ location: CheckpointLocation, _ kernels: any KernelSet
    ) throws {
        if resize || invert {
            throw Failure(
                .usage,
                "--\(resize ? "resize" : "invert") changes pictures, but \(location.path) was trained on a table")
        }
        let predictor = try Predictor(checkpoint: location.path, kernels: kernels, capacity: 256)
        let predictions = try files.map { try TablePrediction($0, predictor, columns) }
        if json { return Output.line(try predictions.flatMap(\.reports).json(pretty: true)) }
        if csv { return Output.line(TablePrediction.csv(predictions)) }
        for prediction in predictions { Output.line(prediction.text) }
    }

    private func show(
        _ guesses: [PictureGuess], _ predictor: Predictor, _ terminal: Terminal, _ environment: [String: String]
    ) throws {
        if json { return Output.line(try guesses.map { $0.report(top: top) }.json(pretty: true)) }
        if csv { return Output.line(PictureGuess.csv(guesses)) }
        let sheet = PictureSheet(
            width: (terminal.width ?? 80) - 1, hasColor: terminal.hasColor,
            hasTrueColor: ["truecolor", "24bit"].contains(environment["COLORTERM"] ?? ""))
        for (number, guess) in guesses.enumerated() {
            if number < pictures { Output.text(sheet.text(guess.captionedPictures)) }
            Output.line(guess.line(top: top, terminal))
        }
    }
}

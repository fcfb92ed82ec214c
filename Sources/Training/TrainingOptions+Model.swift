import DataLoading
import Errors
import Models

extension TrainingOptions {
    package var datasetName: String { dataset ?? "fashion-mnist" }

    /// The data set that the options name, not loaded yet.
    package var sharedDataset: SharedDataset {
        SharedDataset(
            name: datasetName, dataDirectory: dataDirectory, classes: classes,
            table: tableSelection)
    }

    /// The same for options that mean the same data set.
    package var datasetKey: String {
        "\(datasetName)\n\(dataDirectory ?? "")\n\(classes ?? "")"
            + (tableSelection.map { "\n\($0)" } ?? "")
    }

    /// With what a family implies, an auto-encoder that its target is the input; nil where nothing is to be added.
    var completedByFamily: TrainingOptions? {
        guard family.family == ModelFamily.autoencoder.rawValue, target == nil else { return nil }
        var options = self
        options.target = LossTarget.input.rawValue
        return options
    }

    func resolvedModel(_ dataset: SharedDataset?) throws -> [LayerDescription] {
        guard family != ModelFamilyOptions() else {
            return try placed("model") {
                guard model == nil else { return try ModelText.parse(model ?? "") }
                if let table = tableDescription {
                    return try ModelText.parse("dense 64, relu, dense 64, relu, dense \(table.targets.count)")
                }
                // As many outputs as the selection makes classes.
                let outputs = classes.map { $0.split(separator: ",", omittingEmptySubsequences: false).count } ?? 10
                return try ModelText.parse("dense 128, relu, dense 64, relu, dense \(outputs)")
            }
        }
        guard model == nil else { throw failure("family", "and --model exclude each other: a family is a model") }
        return try expandedFamily {
            let data = try (dataset ?? sharedDataset).load()
            return (data.train.pixelsPerImage, data.columns?.targets.count ?? data.classCount)
        }
    }

    /// The model of the family for data of that shape.
    package func expandedFamily(
        _ shape: () throws -> (inputFeatures: Int, classCount: Int)
    ) throws -> [LayerDescription] {
        do {
            _ = try family.checkedFamily()
            let shape = try shape()
            let outputs = target == LossTarget.input.rawValue ? shape.inputFeatures : shape.classCount
            return try ModelText.parse(
                family.modelText(inputFeatures: shape.inputFeatures, outputFeatures: outputs))
        } catch let error as ModelFamilyError {
            throw failure(error.option, error.what)
        }
    }
}

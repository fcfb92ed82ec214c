import Checkpoints
import DataLoading
import Errors
import KernelContract
import Training

/// Which data a checkpoint is applied to: those of its run, or others by name.
struct EvaluationSource {
    let location: CheckpointLocation
    let dataset: SharedDataset
    let split: EvaluatedSplit
    /// Of the run on the same data, which says what it held out.
    private let configuration: TrainingConfiguration?

    /// - Parameter name: Nil for the run's own data; classes are those that the checkpoint was trained on.
    init(
        _ location: CheckpointLocation, dataset name: String?, dataDirectory: String?, split: EvaluatedSplit
    ) throws {
        self.location = location
        self.split = split
        if let name {
            // What is wrong with the file is told where it is read.
            let options = location.runOptions ?? (try? TrainingOptions(ofCheckpoint: location.path))
            dataset = SharedDataset(
                name: name, dataDirectory: dataDirectory, classes: options?.classes,
                table: try location.columns.map { columns in
                    // All rows of another table; of the run's own those that it did not train on.
                    let own = options.flatMap { $0.dataset == name ? $0.tableSelection : nil }
                    return TableSelection(.named(columns), own?.division ?? .whole)
                })
            configuration = nil
            return
        }
        guard var own = location.runOptions, own.dataset != nil else {
            throw Failure(.usage, "\(location.path) does not lie in a run's folder: name the data with --dataset")
        }
        own.dataDirectory = dataDirectory ?? own.dataDirectory
        dataset = own.sharedDataset
        configuration = split == .validation ? try own.resolved(dataset: dataset) : nil
    }

    func evaluation(_ kernels: any KernelSet) throws -> CheckpointEvaluation {
        CheckpointEvaluation(
            path: location.path, dataset: dataset, split: split, loss: try location.runOptions?.resolvedLoss(),
            configuration: configuration, kernels: kernels)
    }
}

extension CheckpointLocation {
    /// Of the table that the checkpoint's network was trained on; nil for images.
    var columns: TableColumns? {
        get throws {
            guard let text = try SafetensorsReader(path).header.metadata[MetadataKey.columns] else { return nil }
            guard let columns = TableColumns(json: text) else {
                throw Failure(.data, "\(path): the names of the table's columns are damaged")
            }
            return columns
        }
    }
}

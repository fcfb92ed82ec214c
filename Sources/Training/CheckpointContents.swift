import Checkpoints
import DataLoading
import Errors
import Models

/// All that one checkpoint of a run holds. Nothing of it depends on workers, hosts, paths or time.
struct CheckpointContents: Sendable {
    let snapshot: TrainerSnapshot
    let state: RunState
    let configuration: TrainingConfiguration
    /// Batches trained on so far.
    let batchCount: Int
    let initialWeightsSHA256: String?
    /// Of a table.
    let columns: TableColumns?

    /// - Parameter dataSHA256: `ImageDataset.identity`.
    func checkpoint(dataSHA256: String) throws -> Checkpoint {
        let network = snapshot.network
        var tensors = network.tensors(snapshot.parameters, state: snapshot.statistics)
        tensors += network.batchCountTensors(batchCount)
        if let averages = snapshot.averages {
            tensors += network.layout.tensors(averages, prefix: Checkpoint.averagePrefix)
        }
        if let averages = snapshot.averagedStatistics {
            tensors += network.stateLayout.tensors(averages, prefix: Checkpoint.averagePrefix)
        }
        for (name, values) in snapshot.optimizerState {
            tensors += network.layout.tensors(values, prefix: Checkpoint.optimizerPrefix(name))
        }
        tensors += (snapshot.standardization?.tensors ?? []) + (snapshot.targetStandardization?.tensors ?? [])
        var metadata = network.metadata
        metadata[MetadataKey.columns] = columns?.json
        metadata[MetadataKey.parametersSHA256] = Checkpoint.parametersSHA256(of: tensors)
        metadata[MetadataKey.configuration] = configuration.resultYAML
        metadata[MetadataKey.dataSHA256] = dataSHA256
        metadata[MetadataKey.initialWeightsSHA256] = initialWeightsSHA256
        metadata[MetadataKey.seed] = "\(configuration.seed)"
        metadata[MetadataKey.epoch] = "\(state.epoch)"
        metadata[MetadataKey.step] = "\(state.step)"
        metadata[MetadataKey.sample] = "\(state.sums.sampleCount)"
        metadata[MetadataKey.state] = try state.json()
        return Checkpoint(tensors: tensors, metadata: metadata)
    }
}

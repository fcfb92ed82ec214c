import Synchronization
import Training

/// The data sets that trials ask for; each is loaded once in a process.
package final class DatasetPool: Sendable {
    private let datasets = Mutex<[String: SharedDataset]>([:])

    package init() {}

    func dataset(of options: TrainingOptions) -> SharedDataset {
        datasets.withLock { datasets in
            let key = options.datasetKey
            if let dataset = datasets[key] { return dataset }
            let dataset = options.sharedDataset
            datasets[key] = dataset
            return dataset
        }
    }
}

import DataLoading
import Foundation
import Synchronization

/// A data set that the threads of a process load once: the first to ask loads, the others wait for it.
package final class SharedDataset: Sendable {
    private let name: String
    private let dataDirectory: String?
    private let state = Mutex<ImageDataset?>(nil)

    package init(name: String, dataDirectory: String?) {
        self.name = name
        self.dataDirectory = dataDirectory
    }

    package func load() throws -> ImageDataset {
        try state.withLock { loaded in
            if let loaded { return loaded }
            let environment = ProcessInfo.processInfo.environment
            let location = try DatasetCatalogue.locate(
                name: name, dataDirectory: dataDirectory, environment: environment)
            let dataset = try DatasetCache(environment: environment)?.load(location) ?? location.load()
            loaded = dataset
            return dataset
        }
    }
}

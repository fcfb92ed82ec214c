import Communication
import DataLoading
import Errors
import Foundation
import Synchronization

/// A data set that the threads of a process load once: the first to ask loads, the others wait for it.
package final class SharedDataset: Sendable {
    private let name: String
    private let dataDirectory: String?
    /// Nil for all; as `ClassSelection` reads them.
    private let classes: String?
    /// Nil for images.
    private let table: TableSelection?
    private let state = Mutex<ImageDataset?>(nil)
    private let identityState = Mutex<String?>(nil)

    package init(
        name: String, dataDirectory: String?, classes: String? = nil, table: TableSelection? = nil
    ) {
        self.table = table
        self.name = name
        self.dataDirectory = dataDirectory
        self.classes = classes
    }

    /// One that is in memory already, with the classes that are meant.
    package init(_ dataset: ImageDataset) {
        name = dataset.name
        (dataDirectory, classes, table) = (nil, nil, nil)
        state.withLock { $0 = dataset }
    }

    package func load() throws -> ImageDataset {
        try state.withLock { loaded in
            if let loaded { return loaded }
            let environment = ProcessInfo.processInfo.environment
            if let table {
                let dataset = try tableSource(environment).load(table)
                loaded = dataset
                return dataset
            }
            let location = try location(environment)
            let isShared = Launcher.detect(environment: environment).size != 1
            var dataset =
                try DatasetCache(environment: environment)?.load(location, isShared: isShared) ?? location.load()
            if let classes { dataset = try dataset.selecting(classes: classes) }
            loaded = dataset
            return dataset
        }
    }

    private func tableSource(_ environment: [String: String]) throws -> TableSource {
        try TableSource.locate(name: name, dataDirectory: dataDirectory, environment: environment)
    }

    private func location(_ environment: [String: String]) throws -> DatasetLocation {
        guard !TableSource.isTable(name) else {
            throw Failure(.usage, "--dataset \(name): is a table; say what is to be predicted: --target COLUMN")
        }
        return try DatasetCatalogue.locate(name: name, dataDirectory: dataDirectory, environment: environment)
    }

    /// Whether the data set says itself what to validate on. Reads no more than the names of files.
    package func hasValidation() throws -> Bool {
        if let loaded = state.withLock({ $0 }) { return loaded.validation != nil }
        let environment = ProcessInfo.processInfo.environment
        guard table == nil else { return try tableSource(environment).validation != nil }
        return try location(environment).validation != nil
    }

    /// `ImageDataset.identity`, worked out once: 30 ms for 70,000 images of 28×28, nothing where they come from the cache.
    package func identity() throws -> String {
        try identityState.withLock { known in
            if let known { return known }
            let identity = try load().identity
            known = identity
            return identity
        }
    }
}

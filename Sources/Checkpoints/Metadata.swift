/// The text-to-text map of a checkpoint, in the order of the keys' UTF-8 bytes, so that equal maps give equal files.
package struct Metadata: Sendable {
    package struct Entry: Sendable {
        package let key: String
        package let value: String
    }

    package private(set) var entries: [Entry] = []

    package init() {}

    /// Keys must differ in their bytes.
    package init(_ entries: [Entry]) {
        self.entries = entries.sorted { $0.key.bytesPrecede($1.key) }
        if let key = self.entries.map(\.key).firstRepeated {
            preconditionFailure("Metadata: key \(key.quotedForMessage) is given twice")
        }
    }

    /// For entries that are known to be sorted and to differ.
    init(sorted entries: [Entry]) { self.entries = entries }

    package subscript(key: String) -> String? {
        get {
            let place = self.place(of: key)
            return place.isOccupied ? entries[place.index].value : nil
        }
        set {
            let place = self.place(of: key)
            if place.isOccupied { entries.remove(at: place.index) }
            if let newValue { entries.insert(Entry(key: key, value: newValue), at: place.index) }
        }
    }

    private func place(of key: String) -> (index: Int, isOccupied: Bool) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].key.bytesPrecede(key) { low = middle + 1 } else { high = middle }
        }
        return (low, low < entries.count && entries[low].key.bytesEqual(key))
    }
}

extension Metadata: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { Entry(key: $0.0, value: $0.1) })
    }
}

extension Metadata: Equatable {
    package static func == (left: Metadata, right: Metadata) -> Bool {
        left.entries.elementsEqual(right.entries) {
            $0.key.bytesEqual($1.key) && $0.value.bytesEqual($1.value)
        }
    }
}

/// Keys that Lockstep writes. Numbers are decimal text.
package enum MetadataKey {
    /// `Checkpoint.formatName`; otherwise another program wrote the file.
    package static let format = "format"
    package static let formatVersion = "formatVersion"
    package static let numericsVersion = "numericsVersion"
    /// The model's text, as `--model` takes it.
    package static let model = "model"
    /// Extents of one sample, such as `28x28`.
    package static let inputShape = "inputShape"
    /// Absent where outputs are not classes.
    package static let classCount = "classCount"
    /// `input` where the outputs are compared with the input, `columns` where they are with columns of a table; otherwise
    /// absent.
    package static let target = "target"
    /// Names of a table's features and targets in the order of inputs and outputs, as JSON; absent without a table.
    package static let columns = "columns"
    package static let seed = "seed"
    package static let epoch = "epoch"
    package static let step = "step"
    /// Samples trained on in the epoch.
    package static let sample = "sample"
    /// What determines the run's result, as YAML.
    package static let configuration = "configuration"
    /// Of the file that the run began with; absent where weights were drawn.
    package static let initialWeightsSHA256 = "initialWeightsSHA256"
    /// Of the data set's decoded contents.
    package static let dataSHA256 = "dataSHA256"
    /// Where the run stands besides its tensors, as JSON.
    package static let state = "state"
    /// `Checkpoint.parametersSHA256`, compared when the file is read.
    package static let parametersSHA256 = "parametersSHA256"
    /// `FileHash`. It belongs to the file: the writer adds it, and a `Checkpoint` that was read is without it.
    package static let fileSHA256 = "sha256"
}

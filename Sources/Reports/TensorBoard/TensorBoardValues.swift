import DataLoading
import Foundation
import SwiftProtobuf
import Training

/// Values of summaries as TensorBoard's plugins take them.
extension TensorBoardSummary.Value {
    private init(_ tag: String, plugin: String, _ dataClass: TensorBoardDataClass, content: Data = Data()) {
        self.init()
        self.tag = tag
        metadata.pluginData.pluginName = plugin
        metadata.pluginData.content = content
        metadata.dataClass = dataClass
    }

    /// One number.
    static func scalar(_ tag: String, _ value: Double) -> TensorBoardSummary.Value {
        var result = TensorBoardSummary.Value(tag, plugin: "scalars", .scalar)
        result.tensor.dtype = .dtFloat
        result.tensor.floatVal = [Float(value)]
        result.tensor.tensorShape = TensorBoardTensorShapeProto()
        return result
    }

    /// `[buckets, 3]`: left edge, right edge, count.
    static func histogram(_ tag: String, _ buckets: [TensorHistogram.Bucket]) -> TensorBoardSummary.Value {
        var result = TensorBoardSummary.Value(tag, plugin: "histograms", .tensor)
        result.tensor.dtype = .dtDouble
        result.tensor.tensorShape = .init([buckets.count, 3])
        result.tensor.doubleVal = buckets.flatMap { [$0.low, $0.high, Double($0.count)] }
        return result
    }

    /// Pictures of one size, as PNG.
    static func pictures(_ tag: String, _ pictures: [DecodedImage]) throws -> TensorBoardSummary.Value {
        var result = TensorBoardSummary.Value(tag, plugin: "images", .blobSequence)
        let size = pictures.first.map { [$0.width, $0.height] } ?? [0, 0]
        result.tensor.dtype = .dtString
        result.tensor.tensorShape = .init([2 + pictures.count])
        result.tensor.stringVal = size.map { Data("\($0)".utf8) } + (try pictures.map { Data(try $0.png()) })
        return result
    }

    /// What the HParams plugin reads.
    static func hyperparameters(_ tag: String, _ data: TensorBoardHParamsPluginData) throws -> TensorBoardSummary.Value
    {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        let content: [UInt8] = try data.serializedBytes(options: options)
        var result = TensorBoardSummary.Value(
            "_hparams_/\(tag)", plugin: "hparams", .tensor, content: Data(content))
        result.tensor.dtype = .dtFloat
        result.tensor.tensorShape = .init([0])
        return result
    }
}

extension TensorBoardTensorShapeProto {
    init(_ extents: [Int]) {
        self.init()
        dim = extents.map { extent in
            var dimension = Dim()
            dimension.size = Int64(extent)
            return dimension
        }
    }
}

extension TensorBoardEvent {
    /// What every file begins with.
    static func version(wallTime: Double) -> TensorBoardEvent {
        var event = TensorBoardEvent()
        event.wallTime = wallTime
        event.fileVersion = "brain.Event:2"
        return event
    }

    init(step: Int, wallTime: Double, _ values: [TensorBoardSummary.Value]) {
        self.init()
        self.step = Int64(step)
        self.wallTime = wallTime
        var summary = TensorBoardSummary()
        summary.value = values
        self.summary = summary
    }

    var isHistogram: Bool {
        !summary.value.isEmpty && summary.value.allSatisfy { $0.metadata.pluginData.pluginName == "histograms" }
    }

    var isVersion: Bool {
        guard case .fileVersion = what else { return false }
        return true
    }
}

import Errors
import Foundation
import Sweeps
import SwiftProtobuf
import Training

/// A sweep for TensorBoard: its trials' curves, and hyperparameters and results for the HParams plugin.
package struct SweepEvents {
    private static let metricGroup = "sweep"
    /// More values of a parameter are a range.
    private static let listedValues = 20

    private let contents: SweepDirectory.Contents
    /// The sweep's folder.
    private let path: String
    private let now: Double

    package init(_ contents: SweepDirectory.Contents, path: String, now: Double = Date().timeIntervalSince1970) {
        self.contents = contents
        self.path = path
        self.now = now
    }

    /// Writes an event file into `folder` and one for each trial that was begun into a folder of its own there, in place of
    /// those of before.
    package func write(to folder: String) throws {
        let log = try TensorBoardLog(folder: folder, now: now)
        try log.write(TensorBoardEvent(step: 0, wallTime: now, [.hyperparameters("experiment", experiment)]))
        for record in contents.records where record.state != .pending { try write(record, to: folder) }
    }

    private var metric: SweepDefinition.Metric { contents.plan.definition.metric }

    private var experiment: TensorBoardHParamsPluginData {
        var experiment = TensorBoardExperiment()
        let definition = contents.plan.definition
        experiment.name = definition.name ?? URL(fileURLWithPath: path).lastPathComponent
        experiment.description_p = definition.description ?? ""
        experiment.timeCreatedSecs = contents.records.compactMap(\.begun).min()?.timeIntervalSince1970 ?? now
        experiment.hparamInfos = contents.plan.varying.map { option in
            let values = contents.records.compactMap { $0.parameters[option] }
            var info = TensorBoardHParamInfo()
            info.name = option
            let isNumeric = values.allSatisfy { $0.number != nil }
            info.type = isNumeric ? .dataTypeFloat64 : .dataTypeString
            let distinct = values.reduce(into: [SweepValue]()) { list, value in
                if !list.contains(value) { list.append(value) }
            }
            if distinct.count <= Self.listedValues {
                info.domainDiscrete = Google_Protobuf_ListValue(values: distinct.map { Self.value($0, isNumeric) })
            }
            return info
        }
        var info = TensorBoardMetricInfo()
        info.name.tag = "\(Self.metricGroup)/\(metric.name)"
        info.displayName = metric.name
        experiment.metricInfos = [info]
        var data = TensorBoardHParamsPluginData()
        data.experiment = experiment
        return data
    }

    private static func value(_ value: SweepValue, _ isNumeric: Bool) -> Google_Protobuf_Value {
        if isNumeric, let number = value.number { return Google_Protobuf_Value(numberValue: number) }
        return Google_Protobuf_Value(stringValue: value.text)
    }

    private func write(_ record: TrialRecord, to folder: String) throws {
        let begun = record.begun?.timeIntervalSince1970 ?? now
        let log = try TensorBoardLog(folder: "\(folder)/\(record.folder)", now: begun)
        var start = TensorBoardSessionStartInfo()
        start.groupName = "\(record.number)"
        start.startTimeSecs = begun
        for (option, value) in record.parameters {
            let isNumeric = contents.records.allSatisfy { $0.parameters[option]?.number != nil }
            start.hparams[option] = Self.value(value, isNumeric)
        }
        var data = TensorBoardHParamsPluginData()
        data.sessionStartInfo = start
        try log.write(TensorBoardEvent(step: 0, wallTime: begun, [.hyperparameters("session_start_info", data)]))
        var lastStep = 0
        for point in MetricsPoint.all(ofRun: "\(path)/\(record.folder)") where !point.scalars.isEmpty {
            try log.write(TensorBoardEvent(step: point.step, wallTime: begun + point.wallSeconds, point.scalars))
            lastStep = max(lastStep, point.step)
        }
        let ended = record.ended?.timeIntervalSince1970 ?? now
        if let value = record.value {
            try log.write(
                TensorBoardEvent(
                    step: lastStep, wallTime: ended, [.scalar("\(Self.metricGroup)/\(metric.name)", value)]))
        }
        var end = TensorBoardSessionEndInfo()
        switch record.state {
        case .finished, .stopped: end.status = .statusSuccess
        case .failed: end.status = .statusFailure
        case .running, .pending: end.status = .statusRunning
        }
        end.endTimeSecs = record.state.hasEnded ? ended : 0
        data.sessionEndInfo = end
        try log.write(TensorBoardEvent(step: lastStep, wallTime: ended, [.hyperparameters("session_end_info", data)]))
    }
}

extension MetricsPoint {
    /// Lines of a run's `metrics.jsonl` that can be read, in order.
    package static func all(ofRun path: String) -> [MetricsPoint] {
        let bytes = FileManager.default.contents(atPath: "\(path)/metrics.jsonl") ?? Data()
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap {
            try? decoder.decode(MetricsPoint.self, from: $0)
        }
    }
}

/// A run that was trained without events, from its metrics.
package enum RunEvents {
    package static func write(_ run: String, to folder: String, now: Double = Date().timeIntervalSince1970) throws {
        let points = MetricsPoint.all(ofRun: run)
        guard !points.isEmpty else {
            throw Failure(.data, "\(run)/metrics.jsonl: no point that can be read; name the folder that `train` wrote")
        }
        let begun = now - (points.last?.wallSeconds ?? 0)
        let log = try TensorBoardLog(folder: folder, now: now)
        for point in points where !point.scalars.isEmpty {
            try log.write(TensorBoardEvent(step: point.step, wallTime: begun + point.wallSeconds, point.scalars))
        }
    }
}

import Errors
import Foundation
import Training

/// What the first worker of a group tells the coordinator.
package enum GroupMessage: Codable, Sendable {
    /// Wants its first trial; the reply is `trial` or `ends`.
    case isFree
    /// Has evaluated an epoch; the reply is `goesOn`, `stops` or `pauses`.
    case asks(number: Int, history: [Double])
    case progressed(TrialProgress)
    case warned(number: Int, warning: String)
    /// Wants the next trial, as after the following two.
    case ended(TrialResult)
    /// The machine is to blame, not the configuration.
    case failed(number: Int, kind: Int32, message: String)
    /// Was asked to stop; its checkpoint is saved.
    case stopped(number: Int)
    /// Cannot go on, and ends its process.
    case isBroken(kind: Int32, message: String)
}

package enum CoordinatorReply: Codable, Sendable {
    case trial(TrialMessage)
    /// There are no more trials for this group.
    case ends
    case goesOn
    case stops
    /// The sweep ends before the decision can be made; it is asked for again when the trial goes on.
    case pauses
}

/// How far a trial is.
package struct TrialProgress: Codable, Sendable {
    package let number: Int
    package let epoch: Int
    package let epochs: Int
    /// Of all steps.
    package let fraction: Double
    /// Mean over the epoch's samples so far.
    package let loss: Double
    package let secondsLeft: Double
}

/// What became of a trial.
package struct TrialResult: Codable, Sendable {
    let number: Int
    var state: TrialRecord.State
    var value: Double?
    var parametersSHA256: String?
    var seconds: Double?
    var reason: String?
    var measures: [String: Double] = [:]
    var history: [Double] = []

    init(number: Int, state: TrialRecord.State) {
        self.number = number
        self.state = state
    }

    /// Takes what a run that came to its end tells.
    mutating func take(_ summary: TrainingSummary, metric: String, parameterCount: Int?) throws {
        let fields = try JSONSerialization.jsonObject(with: Data(summary.json().utf8)) as? [String: Any] ?? [:]
        measures = fields.compactMapValues { ($0 as? NSNumber)?.doubleValue }
        measures["parameterCount"] = parameterCount.map(Double.init)
        parametersSHA256 = summary.parametersSHA256
        value = measures[metric].flatMap { $0.isFinite ? $0 : nil }
        if value == nil {
            state = .failed
            reason =
                "the run's summary has no \(metric)"
                + (metric.hasPrefix("validation") ? "; give --validation-split" : "")
        }
    }

    func record(of trial: SweepPlan.Trial, _ plan: SweepPlan) -> TrialRecord {
        var record = TrialRecord(trial, of: plan, state: state)
        record.value = value
        record.parametersSHA256 = parametersSHA256
        record.seconds = seconds
        record.reason = reason
        record.measures = measures
        record.history = history
        return record
    }
}

/// A trial on its way to a group.
package struct TrialMessage: Codable, Sendable {
    private struct Value: Codable {
        let option: String
        let text: String
        let isNull: Bool
        let isQuoted: Bool
        let place: String
    }

    private let number: Int
    private let values: [Value]

    init(_ trial: SweepPlan.Trial) {
        number = trial.number
        values = trial.parameters.map { option, value in
            Value(
                option: option, text: value.text, isNull: value.isNull, isQuoted: value.number == nil,
                place: value.place)
        }
    }

    package var trial: SweepPlan.Trial {
        SweepPlan.Trial(
            number: number,
            parameters: values.map { value in
                (
                    value.option,
                    value.isNull
                        ? SweepValue.none : SweepValue(value.text, isQuoted: value.isQuoted, place: value.place)
                )
            })
    }
}

extension Encodable {
    /// For another worker. A property list, since JSON has no NaN.
    package var messageBytes: [UInt8] {
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        do {
            return Array(try encoder.encode(self))
        } catch {
            preconditionFailure("messageBytes: \(self): \(error)")
        }
    }
}

extension Decodable {
    package init(messageBytes: [UInt8]) throws {
        self = try PropertyListDecoder().decode(Self.self, from: Data(messageBytes))
    }
}

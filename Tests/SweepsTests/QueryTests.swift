import Errors
import Foundation
import Sweeps
import Testing

@Suite("Filters, order and export of trials")
struct QueryTests {
    static let plan = try! sweep(
        "tpe",
        """
          optimizer: {values: [sgd, nag, adam, rmsprop]}
          lr: {min: 0.0001, max: 0.1}
          momentum: {min: 0.5, max: 0.95}
          dropout: {values: [null, 0.5]}
          dataset: {value: ./data}
          validation_split: {value: 0.1}
        """, "run_cap: 9\nmetric: {name: val_acc}")

    private static func record(
        _ number: Int, _ state: TrialRecord.State, _ optimizer: String, lr: Double, value: Double? = nil,
        seconds: Double? = nil, more: [(String, SweepValue)] = [], measures: [String: Double] = [:],
        reason: String? = nil
    ) -> TrialRecord {
        let parameters = [("optimizer", SweepValue(optimizer)), ("learning-rate", SweepValue(number: lr))] + more
        var record = TrialRecord(
            SweepPlan.Trial(stored: number, parameters), state: state, folder: "trial-000\(number)")
        record.value = value
        record.seconds = seconds
        record.measures = measures
        record.reason = reason
        return record
    }

    private static let none = SweepValue(text: "none", number: nil, isNull: true)

    static let records = [
        record(
            1, .finished, "sgd", lr: 0.1, value: 0.8, seconds: 3, more: [("momentum", SweepValue("0.9"))],
            measures: ["testLoss": 0.5, "validationAccuracy": 0.8, "epochs": 3]),
        record(
            2, .finished, "adam", lr: 0.001, value: 0.9, seconds: 1, more: [("dropout", none)],
            measures: ["testLoss": 0.25, "validationAccuracy": 0.9, "epochs": 3]),
        record(3, .failed, "nesterov", lr: 0.01, seconds: 0.5, reason: "the loss is \"nan\",\r\nsince step 3"),
        record(
            4, .stopped, "adam", lr: 0.01, value: 0.9, seconds: 2, more: [("dropout", SweepValue("0.5"))],
            measures: ["testLoss": 0.75]),
        record(5, .running, "rmsprop", lr: 0.01, more: [("alpha", SweepValue("0.9"))]),
        record(6, .pending, "sgd", lr: 0.0001),
    ]

    /// Conditions, states, and the trials that are left.
    static let cases: [([String], [TrialRecord.State], [Int])] = [
        ([], [], [1, 2, 3, 4, 5, 6]),
        ([], [.finished], [1, 2]),
        ([], [.failed, .stopped, .running], [3, 4, 5]),
        (["optimizer=adam"], [], [2, 4]),
        (["optimizer == adam"], [.finished], [2]),
        (["Optimiser=Adam", "lr<0.01"], [], [2]),
        (["optimizer=nag"], [], [3]),
        (["optimizer!=adam"], [], [1, 3, 5, 6]),
        (["learning_rate<=0.001"], [], [2, 6]),
        (["lr=1e-2"], [], [3, 4, 5]),
        (["lr>=0.01", "lr<0.1"], [], [3, 4, 5]),
        (["lr!=0.01"], [], [1, 2, 6]),
        (["value>0.8"], [], [2, 4]),
        (["value>=0.8", "seconds<3"], [], [2, 4]),
        (["seconds<1"], [], [3]),
        (["number>4"], [], [5, 6]),
        (["number!=3", "number<=4"], [], [1, 2, 4]),
        (["dropout=none"], [], [1, 2, 3, 5, 6]),
        (["dropout!=none"], [], [4]),
        (["dropout=0.50"], [], [4]),
        (["beta=0.9"], [], [1, 5]),
        (["momentum>0.5"], [], [1]),
        (["testLoss<0.6"], [], [1, 2]),
        (["test_loss>=0.5"], [], [1, 4]),
        (["val_acc>0.85"], [], [2]),
        (["accuracy>0.85"], [], [2]),
        (["epochs=3"], [], [1, 2]),
        (["optimizer<3"], [], []),
    ]

    @Test("each condition leaves the trials for which it holds", arguments: cases)
    func conditions(texts: [String], states: [TrialRecord.State], expected: [Int]) throws {
        var query = TrialQuery()
        query.states = Set(states)
        query.conditions = try texts.map { try TrialQuery.Condition($0) }
        #expect(try query.records(of: Self.records, Self.plan).map(\.number) == expected)
    }

    static let orders: [(TrialQuery.Order, Int?, [Int])] = [
        (.number, nil, [1, 2, 3, 4, 5, 6]), (.number, 2, [1, 2]), (.value, nil, [2, 4, 1, 3, 5, 6]), (.value, 1, [2]),
        (.seconds, nil, [3, 2, 4, 1, 5, 6]), (.seconds, 99, [3, 2, 4, 1, 5, 6]),
    ]

    @Test("the best come first, the quickest come first, and what has no number comes last", arguments: orders)
    func order(order: TrialQuery.Order, limit: Int?, expected: [Int]) throws {
        var query = TrialQuery()
        query.order = order
        query.limit = limit
        #expect(try query.records(of: Self.records, Self.plan).map(\.number) == expected)
    }

    static let mistakes: [(String, String)] = [
        ("optimizer", "is no comparison"), ("=adam", "is no comparison"), ("", "is no comparison"),
        ("lr<fast", "< compares numbers, and \"fast\" is none"), ("lr>=", ">= compares numbers"),
        ("optimzer=adam", "did you mean optimizer?"), ("testLos<1", "did you mean testLoss?"),
        ("secnds<1", "did you mean seconds?"), ("batch_size=32", "no trial of this sweep has batch-size"),
        ("zzz=1", "trials have number, value, seconds, alpha, dataset, dropout, family, learning-rate"),
    ]

    @Test("a condition with a mistake is refused with what to write", arguments: mistakes)
    func refuses(text: String, words: String) throws {
        #expect {
            var query = TrialQuery()
            query.conditions = [try TrialQuery.Condition(text)]
            _ = try query.records(of: Self.records, Self.plan)
        } throws: { error in
            let failure = error as? Failure
            #expect(failure?.message.contains(words) == true, "\(error)")
            return failure?.kind == .usage
        }
    }

    @Test("CSV reads back: a header, the same number of fields everywhere, quotes and line ends inside of fields")
    func csv() throws {
        let rows = Self.parsed(TrialCSV(Self.plan, Self.records).text)
        #expect(
            rows[0] == [
                "number", "state", "value", "metric", "optimizer", "learning-rate", "momentum", "dropout", "alpha",
                "epochs", "testLoss", "validationAccuracy", "sha256", "seconds", "folder", "reason",
            ])
        #expect(rows.count == 7 && rows.allSatisfy { $0.count == rows[0].count })
        #expect(
            rows[1] == [
                "1", "finished", "0.8", "validationAccuracy", "sgd", "0.1", "0.9", "", "", "3", "0.5", "0.8", "", "3",
                "trial-0001", "",
            ])
        #expect(rows[3][15] == Self.records[2].reason && rows[3][2] == "")
        #expect(rows[6][5] == "0.0001" && Double(rows[6][5]) == 0.0001)
    }

    @Test("names that CSV has taken are told apart")
    func csvNames() throws {
        var record = TrialRecord(
            SweepPlan.Trial(stored: 1, [("metric", SweepValue("a,b")), ("epochs", SweepValue("3"))]), folder: "f")
        record.measures = ["epochs": 2]
        let rows = Self.parsed(TrialCSV(Self.plan, [record]).text)
        #expect(rows[0].dropFirst(4).prefix(3) == ["parameter.metric", "epochs", "measure.epochs"])
        #expect(rows[1].dropFirst(4).prefix(3) == ["a,b", "3", "2"])
    }

    /// RFC 4180, written down by itself.
    static func parsed(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var row: [String] = []
        var field = ""
        var isQuoted = false
        var rest = Array(text.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            switch (scalar, isQuoted) {
            case ("\"", true) where rest.first == "\"":
                field.unicodeScalars.append("\"")
                rest.removeFirst()
            case ("\"", _): isQuoted.toggle()
            case (",", false):
                row.append(field)
                field = ""
            case ("\r", false) where rest.first == "\n":
                rest.removeFirst()
                rows.append(row + [field])
                (row, field) = ([], "")
            default: field.unicodeScalars.append(scalar)
            }
        }
        #expect(row.isEmpty && field == "" && !isQuoted, "the last line has no end")
        return rows
    }
}

import Foundation
import Reports
import Surroundings
import Testing

struct MetricsHistoryTests {
    private static func line(_ epoch: Int, loss: Double) -> String {
        "{\"epoch\":\(epoch),\"loss\":\(loss),\"split\":\"train\",\"step\":\(epoch * 10)}\n"
    }

    /// Epochs, a hash that is not shown, a line that is none.
    private static let text =
        line(1, loss: 0.5) + line(2, loss: 0.25)
        + "{\"epoch\":2,\"parametersSHA256\":\"ab\",\"split\":\"train\",\"step\":20}\n"
        + "not a line\n" + (3...8).map { line($0, loss: 1 / Double($0)) }.joined()

    private func expectEqual(_ read: MetricsHistory, _ path: String, _ note: String) {
        let whole = MetricsHistory(path)
        #expect(read.points == whole.points, "\(note)")
        #expect(
            read.damagedCount == whole.damagedCount && read.isEmpty == whole.isEmpty
                && read.isMissing == whole.isMissing,
            "\(note)")
    }

    @Test func inPiecesAsAtOnce() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/metrics.jsonl"
            let bytes = Array(Self.text.utf8)
            for step in [1, 7, 61, 400] {
                var history = MetricsHistory()
                for count in stride(from: 0, through: bytes.count, by: step) {
                    try Data(bytes[..<count]).write(to: URL(filePath: path))
                    history.read(path)
                    expectEqual(history, path, "\(count) bytes in steps of \(step)")
                }
                try Data(bytes).write(to: URL(filePath: path))
                history.read(path)
                #expect(history.points.count == 8 && history.damagedCount == 1 && !history.isEmpty)
            }
        }
    }

    /// What was read is not read again: a byte that changes far before the end is not seen.
    @Test func readsWhatIsNew() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/metrics.jsonl"
            var bytes = Array(Self.text.utf8)
            try Data(bytes).write(to: URL(filePath: path))
            var history = MetricsHistory(path)
            let points = history.points
            bytes[0] = UInt8(ascii: "x")
            try Data(bytes + Array(Self.line(9, loss: 2).utf8)).write(to: URL(filePath: path))
            history.read(path)
            #expect(history.points.count == 9 && Array(history.points.prefix(8)) == points)
        }
    }

    /// A run that is resumed cuts its file back and writes other lines, more or fewer than were there; one that is begun
    /// again has a new file.
    @Test(arguments: [0, 2, 5, 30, 300]) func filesThatAreCutBack(newLines: Int) throws {
        try withTemporaryFolder { folder in
            let path = folder + "/metrics.jsonl"
            for keptBytes in [0, 40, 200, Self.text.utf8.count - 1] {
                try Data(Self.text.utf8).write(to: URL(filePath: path))
                var history = MetricsHistory(path)
                let kept = Array(Self.text.utf8.prefix(keptBytes))
                let new = (0..<newLines).map { Self.line($0 + 3, loss: 7) }.joined()
                try Data(kept + Array(new.utf8)).write(to: URL(filePath: path))
                history.read(path)
                expectEqual(history, path, "\(keptBytes) bytes and \(newLines) lines")
            }
            try FileManager.default.removeItem(atPath: path)
            var history = MetricsHistory(path)
            #expect(history.isMissing && history.isEmpty)
            try Data(Self.text.utf8).write(to: URL(filePath: path))
            history.read(path)
            #expect(!history.isMissing && history.points.count == 8)
            try FileManager.default.removeItem(atPath: path)
            history.read(path)
            #expect(history.isMissing && history.points.isEmpty)
        }
    }
}

import Foundation

/// What a run's `metrics.jsonl` tells. The file grows while its run goes on: what was read of it is not read again.
package struct MetricsHistory: Sendable {
    /// Of the whole lines, those that a page shows.
    private var known: [RunFolder.Point] = []
    private var knownCount = 0
    private var knownDamagedCount = 0
    /// Of the last line, where its end is not written yet.
    private var rest: Line?
    /// Of all whole lines.
    private var byteCount = 0
    /// The last of these bytes: a file that was begun again, or cut back where its run goes on, has others there.
    private var tail = Data()
    package private(set) var isMissing = true

    private static let tailByteCount = 256

    private enum Line {
        case point(RunFolder.Point)
        case damaged
    }

    package init() {}

    package init(_ path: String) { read(path) }

    package var points: [RunFolder.Point] {
        guard case .point(let point) = rest, point.isShown else { return known }
        return known + [point]
    }

    /// Whether a line tells of an epoch at all.
    package var isEmpty: Bool {
        if case .point = rest { return false }
        return knownCount == 0
    }

    package var damagedCount: Int {
        if case .damaged = rest { return knownDamagedCount + 1 }
        return knownDamagedCount
    }

    /// Reads what is new.
    package mutating func read(_ path: String) {
        guard let file = FileHandle(forReadingAtPath: path) else {
            self = MetricsHistory()
            return
        }
        defer { try? file.close() }
        guard var bytes = Self.bytes(of: file, from: byteCount - tail.count) else {
            self = MetricsHistory()
            return
        }
        if !bytes.starts(with: tail) {
            self = MetricsHistory()
            bytes = Self.bytes(of: file, from: 0) ?? Data()
        }
        isMissing = false
        let begin = bytes.startIndex + tail.count
        let newline = UInt8(ascii: "\n")
        // A tail ends in one.
        let end = bytes.lastIndex(of: newline).map { $0 + 1 } ?? begin
        let decoder = RunFolder.decoder
        for line in bytes[begin..<end].split(separator: newline) {
            guard case .point(let point) = Self.line(line, decoder) else {
                knownDamagedCount += 1
                continue
            }
            knownCount += 1
            if point.isShown { known.append(point) }
        }
        if end > begin {
            byteCount += end - begin
            tail = Data(bytes[..<end].suffix(Self.tailByteCount))
        }
        let left = bytes[end...]
        rest = left.isEmpty ? nil : Self.line(left, decoder)
    }

    private static func line(_ bytes: Data, _ decoder: JSONDecoder) -> Line {
        guard let point = try? decoder.decode(RunFolder.Point.self, from: bytes), 0...1 << 31 ~= point.epoch else {
            return .damaged
        }
        return .point(point)
    }

    private static func bytes(of file: FileHandle, from offset: Int) -> Data? {
        guard (try? file.seek(toOffset: UInt64(offset))) != nil else { return nil }
        do { return try file.readToEnd() ?? Data() } catch { return nil }
    }
}

extension RunFolder.Point {
    /// Lines that only have a hash have nothing to show.
    fileprivate var isShown: Bool { loss != nil || accuracy != nil || learningRate != nil }
}
